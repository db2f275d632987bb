"""The parts of the table; a new one needs a line here and a function that gives lines."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.bench import growth, imap, large, memory, mixed, notify, pop, start, storm, syncing
from tests.bench.figure import Line

ROUND_TRIPS_MS = (0, 40)
"""Of first syncs; `python -m tests.bench.pop` has others."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line."""

    sizes: list[int]
    growth: tuple[int, int]
    rounds: int
    only: str


@dataclass(frozen=True, slots=True)
class Part:
    """Lines that belong together.

    Args:
        name: by which `--parts` selects it.
        title: its heading.
        about: what is compared with what, a sentence or two.
        columns: what the two figures of a line are.
        run: measures, line by line.
    """

    name: str
    title: str
    about: str
    run: Callable[[Options], Iterable[Line]]
    columns: tuple[str, str] = ("popbridge", "Dovecot")


PARTS = (
    Part(
        "pop",
        "First sync",
        "2,000 messages of Dovecot's POP3 server, fetched into nothing; the round trip is made by"
        " a proxy. popbridge has parsed and committed all of it at the end, the peer that the line"
        " names has written files.",
        lambda options: pop.timings(
            rounds=max(1, options.rounds - 2), round_trips_ms=ROUND_TRIPS_MS
        ),
        ("popbridge", "peer"),
    ),
    Part(
        "imap",
        "IMAP commands",
        "One client, the same mail on both servers, in turns; medians, a round before them doesn't"
        " count.",
        lambda options: imap.run(options.sizes, options.rounds, options.only),
    ),
    Part(
        "mixed",
        "Ten clients at once",
        "SELECT, FETCH of headers, flags and bodies, STORE, SEARCH, APPEND and NOOP in a seeded"
        " order, the same for both; each client connects and logs in anew every 60 commands.",
        lambda options: mixed.run(),
    ),
    Part(
        "notify",
        "News for an idling session",
        "From sending the command, its commit included, until the other session's line is read.",
        lambda options: notify.run(),
    ),
    Part(
        "storm",
        "Log-ins",
        "As after a restart, when every device comes back; meanwhile another client asks NOOP"
        " every 2 ms. The least of three rounds.",
        lambda options: storm.run(),
    ),
    Part(
        "memory",
        "Memory of idle connections",
        "By how much the processes of a server grow with each connection that is logged in, has"
        f" INBOX selected and idles: PSS, {memory.CONNECTIONS:,} connections,"
        f" {memory.DOVECOT_CONNECTIONS} with Dovecot, which has a process for each.",
        lambda options: memory.connections(),
    ),
    Part(
        "selected",
        "Memory of selected mailboxes",
        "By how much the daemon grows (PSS) with each further mailbox of 20,000 messages that three"
        " sessions select: ten of them, in messages.",
        lambda options: memory.selected(),
    ),
    Part(
        "large",
        "Memory while a large message passes",
        "How far VmHWM rises at each step above what the daemon used just before.",
        lambda options: large.run(),
    ),
    Part(
        "start",
        "Start",
        "`popbridge run` on a store that is there, from the start of its process to the greeting of"
        " its first client; medians of five.",
        lambda options: start.run(),
    ),
    Part(
        "syncing",
        "Clients while a first sync runs",
        "One client's commands, one after another, while 2,000 messages of another account are"
        " fetched, and while nothing happens.",
        lambda options: syncing.run(),
        ("syncing", "calm"),
    ),
    Part(
        "growth",
        "Growth",
        "popbridge alone, messages of about 1 kB: each row in a mailbox ten times as large beside"
        " the same in the smaller one; the least of four rounds.",
        lambda options: growth.run(*options.growth),
        ("larger", "smaller"),
    ),
)
