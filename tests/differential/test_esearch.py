"""ESEARCH and ESORT beside Dovecot: of each key the same answer as of the numbers it finds.

What a key finds is compared in `test_differential`, and orders in `test_orders`. Here both servers
must make the same of it: the results that RFC 4731 §3.1 and RFC 5267 §3 ask for, by number and by
UID, and what "$" stands for afterwards (RFC 5182 §2.1).
"""

import re
from collections.abc import Iterator, Sequence
from itertools import combinations

import pytest

from tests.corpus.all import messages
from tests.differential.orders import KEYS, sorted_numbers
from tests.differential.peers import Bridge, Debian, Peer, append_all
from tests.differential.queries import command, queries
from tests.e2e.dovecot import need_dovecot

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(300)]

OPTIONS = ("MIN", "MAX", "ALL", "COUNT")
SUBSETS = tuple(some for size in range(5) for some in combinations(OPTIONS, size))
CHOSEN = ("ALL", "FLAGGED", "KEYWORD $Never", "5:*", "UID 7,9,500:*", 'SUBJECT "plain"', "2")

_ESEARCH = re.compile(rb'\* ESEARCH \(TAG "x"\)( UID)?((?: [A-Z]+ (?:\([^)]*\)|[^ \r(]+))*)\r\n')
_ITEM = re.compile(rb" ([A-Z]+) (\([^)]*\)|[^ ]+)")

Results = dict[str, Sequence[int]]
"""By the names of RFC 4731; those that are one number as a list of one."""


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Peer, Peer]]:
    need_dovecot()
    bridge = Bridge(tmp_path_factory.mktemp("esearch"))
    try:
        dovecot = Debian()
        try:
            for peer in (bridge, dovecot):
                append_all(peer, messages())
            yield bridge, dovecot
        finally:
            dovecot.close()
    finally:
        bridge.close()


def told(peer: Peer, asked: bytes) -> Results:
    """The one ESEARCH response; that it says UID where UIDs were asked for is checked."""
    answer = peer.ask(asked)
    assert answer.ok, (asked, answer.tagged)
    assert b"* SEARCH" not in answer.octets and b"* SORT" not in answer.octets, asked
    (found,) = _ESEARCH.finditer(answer.octets)
    assert bool(found[1]) is asked.startswith(b"UID "), asked
    return {name.decode(): _numbers(value) for name, value in _ITEM.findall(found[2])}


def _numbers(value: bytes) -> Sequence[int]:
    """A number, a set, or what PARTIAL shows."""
    if value.startswith(b"("):
        _, _, value = value[1:-1].partition(b" ")
    numbers: list[int] = []
    for part in value.split(b",") if value != b"NIL" else []:
        low, _, high = part.partition(b":")
        first, last = int(low), int(high or low)
        numbers += range(first, last + 1) if first <= last else range(first, last - 1, -1)
    return numbers


def wanted(found: Sequence[int], options: Sequence[str]) -> Results:
    """What the options say of what was found; none asks for ALL."""
    options = options or ("ALL",)
    results: Results = {"COUNT": [len(found)]} if "COUNT" in options else {}
    if found:
        every = {"MIN": found[:1], "MAX": found[-1:], "ALL": found}
        results |= {name: numbers for name, numbers in every.items() if name in options}
    return results


def saved(found: Sequence[int], options: Sequence[str]) -> set[int]:
    """RFC 5182 §2.4."""
    if not options or {"ALL", "COUNT"} & {*options}:
        return {*found}
    ends = wanted(found, options)
    return {number for numbers in ends.values() for number in numbers}


def returning(asked: bytes, options: Sequence[str]) -> bytes:
    verb, rest = asked.split(b" ", 1)
    return b"%b RETURN (%b) %b" % (verb, " ".join(options).encode(), rest)


def found_by(peer: Peer, key: str) -> list[int]:
    answer = peer.ask(command(key))
    assert answer.found is not None, key
    return sorted(answer.found)


def test_each_key_by_number_and_by_uid(peers: tuple[Peer, Peer]) -> None:
    asked = queries()
    assert len(asked) > 200
    for peer in peers:
        for key in asked:
            # The messages were put into an empty mailbox: numbers and UIDs are the same.
            results = wanted(found_by(peer, key), OPTIONS)
            esearch = returning(command(key), OPTIONS)
            assert told(peer, esearch) == told(peer, b"UID " + esearch) == results, key


def test_each_set_of_options(peers: tuple[Peer, Peer]) -> None:
    for key in CHOSEN:
        for options in SUBSETS:
            ours, theirs = (told(peer, returning(command(key), options)) for peer in peers)
            assert ours == theirs == wanted(found_by(peers[0], key), options), (key, options)


def test_what_is_saved(peers: tuple[Peer, Peer]) -> None:
    for key in CHOSEN:
        for options in SUBSETS:
            marks = []
            for peer in peers:
                assert peer.ask(returning(command(key), (*options, "SAVE"))).ok
                marks.append(peer.ask(b"SEARCH $").found)
            ours, theirs = marks
            assert ours == theirs == saved(found_by(peers[0], key), options), (key, options)


@pytest.mark.parametrize("key", KEYS)
def test_sorted(peers: tuple[Peer, Peer], key: str) -> None:
    for peer in peers:
        for reverse in (b"", b"REVERSE "):
            sort = b"SORT (%b%b) UTF-8 UNSEEN" % (reverse, key.encode())
            order = sorted_numbers(peer.ask(sort).octets)
            assert told(peer, returning(sort, OPTIONS)) == wanted(order, OPTIONS)
            assert told(peer, b"UID " + returning(sort, ("ALL",))) == {"ALL": order}
            assert told(peer, returning(sort, ("PARTIAL 3:7",))) == {"PARTIAL": order[2:7]}


@pytest.mark.parametrize("places", [(1, 1), (1, 10), (5, 100), (90, 4000), (3000, 4000)])
def test_parts_of_what_is_found(peers: tuple[Peer, Peer], places: tuple[int, int]) -> None:
    first, last = places
    for key in CHOSEN:
        asked = returning(command(key), (f"PARTIAL {first}:{last}", "COUNT"))
        ours, theirs = (told(peer, asked) for peer in peers)
        found = found_by(peers[0], key)
        expected = {"COUNT": [len(found)], "PARTIAL": found[first - 1 : last]}
        assert ours == theirs == expected, (key, places)
