"""A client that believes nothing but our untagged responses always sees what it was told."""

import re
from itertools import combinations
from pathlib import Path
from random import Random

import pytest

from bridge.model.change import Change
from tests.imap_harness import Client, Server, append

_EXISTS = re.compile(rb"\* (\d+) EXISTS")
_EXPUNGE = re.compile(rb"\* (\d+) EXPUNGE")
_FETCH = re.compile(rb"\* (\d+) FETCH \((.*)\)", re.DOTALL)
_FLAGS = re.compile(rb"FLAGS \(([^)]*)\)")
_UID = re.compile(rb"UID (\d+)")
_MODSEQ = re.compile(rb"MODSEQ \((\d+)\)")
_KNOWN = re.compile(rb"\* FLAGS \(([^)]*)\)")
NO_EXPUNGE = ("FETCH", "STORE", "SEARCH")


class ModelClient:
    """Keeps (uid, flags) by sequence number as RFC 9051 lets a client do, checking each step.

    An aware one has modseqs too (RFC 7162): none falls, and a flag never changes without a larger
    one.
    """

    def __init__(self, server: Server, *, aware: bool = False) -> None:
        self.client: Client = server.client(mailbox=None)
        self.messages: list[tuple[int | None, frozenset[bytes] | None]] = []
        self.keywords: set[bytes] = set()
        self.modseqs: dict[int, int] = {}
        self.recent: set[int] = set()
        self.idling = False
        self.do("SELECT INBOX (CONDSTORE)" if aware else "SELECT INBOX")

    def do(self, command: str) -> list[bytes]:
        assert not self.idling
        lines = whole(self.client.do(command))
        assert not self.client.failures
        assert lines[-1].startswith((b"t OK", b"t NO")), (command, lines)
        self.hear(lines[:-1], command)
        return lines

    def idle(self) -> None:
        self.client.send(b"i IDLE\r\n")
        self.idling = True
        lines = whole(self.client.take().split(b"\r\n")[:-1])
        assert lines.pop(0) == b"+ idling"
        self.hear(lines, "IDLE")

    def listen(self) -> None:
        """What comes unasked: only while idling may anything."""
        lines = whole(self.client.take().split(b"\r\n")[:-1])
        assert self.idling or not lines, "something came with no command in progress"
        self.hear(lines, "IDLE")

    def done(self) -> None:
        if self.idling:
            self.client.send(b"DONE\r\n")
            self.idling = False
            lines = whole(self.client.take().split(b"\r\n")[:-1])
            assert lines.pop() == b"i OK Done"
            self.hear(lines, "IDLE")

    def hear(self, lines: list[bytes], command: str) -> None:
        for line in lines:
            if found := _KNOWN.fullmatch(line):
                self.keywords = set(found[1].split())
            elif found := _EXISTS.fullmatch(line):
                count = int(found[1])
                assert count >= len(self.messages), "EXISTS shrank"
                self.messages += [(None, None)] * (count - len(self.messages))
            elif found := _EXPUNGE.fullmatch(line):
                verb = command.split()[0]
                assert verb not in NO_EXPUNGE, f"EXPUNGE during {command}"
                assert 1 <= int(found[1]) <= len(self.messages)
                del self.messages[int(found[1]) - 1]
            elif found := _FETCH.fullmatch(line):
                self.fetched(int(found[1]), found[2])

    def fetched(self, seq: int, items: bytes) -> None:
        assert 1 <= seq <= len(self.messages)
        uid, flags = self.messages[seq - 1]
        if said := _UID.search(items):
            assert uid in (None, int(said[1])), "a sequence number changed its message"
            uid = int(said[1])
        if said := _FLAGS.search(items):
            flags = frozenset(said[1].split()) - {b"\\Recent"}
            assert flags <= self.keywords, "a keyword came unannounced"
            if uid is not None and b"\\Recent" in said[1]:
                self.recent.add(uid)
        if (said := _MODSEQ.search(items)) and uid is not None:
            last, modseq = self.modseqs.get(uid, 0), int(said[1])
            assert modseq >= last, "MODSEQ fell"
            believed = self.messages[seq - 1][1]
            assert modseq > last or believed in (None, flags), "flags changed, MODSEQ didn't"
            self.modseqs[uid] = modseq
        self.messages[seq - 1] = (uid, flags)

    def stored(self, op: str, flags: frozenset[bytes], seqs: list[int]) -> None:
        """What a silent STORE of its own makes it believe."""
        for seq in seqs:
            uid, old = self.messages[seq - 1]
            if old is not None:
                new = {"+": old | flags, "-": old - flags, "": flags}[op]
                self.messages[seq - 1] = (uid, new)


KINDS = (
    *("append", "append", "noop", "check", "fetch", "fetch", "store", "silent"),
    *("delete", "delete", "expunge", "expunge", "search", "body", "idle", "idle"),
    *("uidfetch", "uidstore", "uidsearch", "uidexpunge", "uidcopy", "uidmove"),
    *("move", "copy", "back"),
)


def whole(lines: list[bytes]) -> list[bytes]:
    """The responses, each with its literals."""
    found: list[bytes] = []
    missing = 0
    for line in lines:
        if missing > 0:
            found[-1] += b"\r\n" + line
            missing -= len(line) + 2
        else:
            found.append(line)
        if missing <= 0 and (literal := re.search(rb"\{(\d+)\}\Z", line)):
            missing = int(literal[1]) + 1
    return found


def step(model: ModelClient, kind: str, number: int, flag: str, op: str) -> None:
    count = len(model.messages)
    seq = 1 + number % count if count else 0
    uids = [uid for uid, _ in model.messages if uid is not None]
    uid = uids[number % len(uids)] if uids else 1 + number
    match kind:
        case "append":
            model.hear(
                append(model.client, b"Subject: x\r\n\r\nbody\r\n", flags=f"({flag})"), "APPEND"
            )
        case "idle":
            model.idle()
        case "noop" | "check" | "expunge":
            model.do(kind.upper())
        case "search":
            model.do("SEARCH ALL")
        case "uidfetch":
            model.do("UID FETCH 1:* (FLAGS)")
        case "uidsearch":
            model.do(f"UID SEARCH NOT KEYWORD {flag.strip(chr(92))}")
        case "uidstore":
            model.do(f"UID STORE {uid} {op}FLAGS ({flag})")
        case "uidexpunge":
            model.do(f"UID EXPUNGE {uid}:*")
        case "uidcopy" | "uidmove":
            assert model.do(f"UID {kind[3:].upper()} {uid} Archive")[-1].startswith(b"t OK")
        case _ if not count:
            return
        case "fetch":
            model.do(f"FETCH {seq}:* (UID FLAGS)")
        case "body":
            model.do(f"FETCH {seq} BODY[TEXT]")
        case "store":
            model.do(f"STORE {seq} {op}FLAGS ({flag})")
        case "silent":
            model.stored(op, frozenset({flag.encode()}), [seq])
            model.do(f"STORE {seq} {op}FLAGS.SILENT ({flag})")
        case "delete":
            model.do(f"STORE {seq} +FLAGS (\\Deleted)")
        case "move" | "copy":
            model.do(f"{kind.upper()} {seq} Archive")
        case "back":
            model.do(f"COPY {seq} INBOX")


def check_changed_since(models: list[ModelClient], seeded: Random) -> None:
    """What is shown is what has a larger modseq; and those that were told had been told right."""
    for model in models:
        if not model.messages:
            continue
        told = dict(model.modseqs)
        model.do("UID FETCH 1:* (FLAGS MODSEQ)")
        true = dict(model.modseqs)
        assert {uid: true[uid] for uid in told if uid in true} == {
            uid: modseq for uid, modseq in told.items() if uid in true
        }
        since = seeded.randrange(max(true.values()) + 1)
        lines = model.do(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {since})")
        shown = {int(found[1]) for line in lines if (found := _UID.search(line))}
        here = {uid for uid, _ in model.messages if uid is not None}
        assert shown == {uid for uid in here if true[uid] > since}


@pytest.mark.parametrize("lost", [0.0, 0.4, 1.0], ids=lambda share: f"{share:.0%}lost")
@pytest.mark.parametrize(
    "seed", [*range(5), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(5, 40))]
)
def test_a_client_sees_what_it_was_told(tmp_path: Path, seed: int, lost: float) -> None:
    seeded = Random(seed)
    server = Server(tmp_path)
    publish = server.bus.publish

    def sometimes(changes: tuple[Change, ...]) -> None:
        if seeded.random() >= lost:
            publish(changes)

    server.store._on_commit = sometimes
    models = [ModelClient(server, aware=aware) for aware in (False, True, True)]
    for _ in range(90):
        model, kind, number = seeded.choice(models), seeded.choice(KINDS), seeded.randrange(50)
        flag = seeded.choice(["\\Seen", "\\Flagged", "Work", "Play"])
        model.done()
        step(model, kind, number, flag, seeded.choice(["+", "-", ""]))
        for one in models:
            one.listen()
    for model in models:
        model.done()
        model.do("NOOP")
        model.do("FETCH 1:* UID") if model.messages else None
    fresh = ModelClient(server)
    if fresh.messages:
        fresh.do("FETCH 1:* (UID FLAGS)")
    assert fresh.recent == set()
    for model in models:
        assert [uid for uid, _ in model.messages] == [uid for uid, _ in fresh.messages]
        for (_, believed), (_, true) in zip(model.messages, fresh.messages, strict=True):
            assert believed in (None, true)
        model.do("FETCH 1:* (UID FLAGS)") if model.messages else None
    check_changed_since(models, seeded)
    for one, other in combinations(models, 2):
        assert not one.recent & other.recent, "two sessions claimed one message"
    claimed = set().union(*(model.recent for model in models))
    assert claimed >= {uid for uid, _ in fresh.messages}, "nobody claimed a message"
    server.close()
