"""Both servers asked everything: what differs, and where one contradicts itself."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.corpus.build import Odd
from tests.differential import compare
from tests.differential.compare import Difference, Seen
from tests.differential.peers import Bridge, Debian, Peer, append_all
from tests.differential.queries import Found, combinations, command, queries
from tests.differential.structure import Items

PARTIAL_SECTIONS = 5
"""Of how many sections of a message the partials are asked for."""

_COUNT = re.compile(r"\.\d+>\Z")

UNDATED = "SENTBEFORE 2-Jan-1970 SENTSINCE 1-Jan-1970"
"""Where Dovecot puts what has no date that it can read."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that was found.

    `faults` are popbridge's contradictions to itself, with the message's name and an item, so
    that a known one can be listed as a difference can. `algebra` are combined keys whose answer
    isn't what the answers to their parts say.
    """

    messages: int
    queries: int
    differences: tuple[Difference, ...]
    faults: tuple[Difference, ...]
    algebra: tuple[str, ...]


def run(folder: Path, messages: Sequence[Odd]) -> Outcome:
    """Starts both servers, puts the messages in, asks and stops them."""
    bridge = Bridge(folder)
    try:
        dovecot = Debian()
        try:
            return _ask(bridge, dovecot, messages)
        finally:
            dovecot.close()
    finally:
        bridge.close()


def _ask(bridge: Peer, dovecot: Peer, messages: Sequence[Odd]) -> Outcome:
    for peer in (bridge, dovecot):
        append_all(peer, messages)
    differences: list[Difference] = []
    faults: list[Difference] = []
    ours, theirs = compare.basics(bridge), compare.basics(dovecot)
    for number, odd in enumerate(messages, 1):
        mine, yours = compare.seen(ours[number]), compare.seen(theirs[number])
        for peer, seen in ((bridge, mine), (dovecot, yours)):
            seen.sections.update(compare.fetch(peer, number, compare.sections(seen.places)))
        differences += compare.differences(odd, mine, yours)
        faults += compare.contradictions(odd, mine)
        faults += _unlike_what_was_asked(bridge, number, odd, mine)
    found = {query: _search(bridge, query) for query in queries()}
    differences += _search_differences(dovecot, messages, found)
    return Outcome(
        messages=len(messages),
        queries=len(found),
        differences=tuple(differences),
        faults=tuple(faults),
        algebra=tuple(_algebra(bridge, len(messages), found)),
    )


def _unlike_what_was_asked(bridge: Peer, number: int, odd: Odd, seen: Seen) -> Iterator[Difference]:
    """Partials that aren't slices of their sections, and sections that can't be."""
    expected: Items = dict.fromkeys(compare.missing(seen.places))
    expected |= compare.partials(dict(list(seen.sections.items())[:PARTIAL_SECTIONS]))
    answered = compare.fetch(bridge, number, expected)
    for name, wanted in expected.items():
        # The answer names the offset alone.
        value = answered.get(_COUNT.sub(">", name), compare.ABSENT)
        if value != wanted:
            yield Difference(odd.name, f"{name} asked for", value, wanted)


def _search(peer: Peer, query: str) -> Found:
    answer = peer.ask(command(query))
    assert answer.ok, (query, answer.tagged)
    assert answer.found is not None
    return answer.found


def _search_differences(
    dovecot: Peer, messages: Sequence[Odd], ours: dict[str, Found]
) -> Iterator[Difference]:
    undated = _search(dovecot, UNDATED)
    for query, mine in ours.items():
        yours = _search(dovecot, query)
        if query.startswith("SENT"):
            yours -= undated
        for number in sorted(mine ^ yours):
            yield Difference(
                messages[number - 1].name,
                f"SEARCH {query}",
                "found" if number in mine else "not found",
                "found" if number in yours else "not found",
            )


def _algebra(bridge: Peer, count: int, found: dict[str, Found]) -> Iterator[str]:
    everything = frozenset(range(1, count + 1))
    for combination in combinations():
        one, two, three = (found[part] for part in combination.parts)
        if _search(bridge, combination.key) != combination.meaning(one, two, three, everything):
            yield combination.key
