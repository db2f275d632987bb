"""Mailbox names in modified UTF-7, patterns of LIST, and sets of message numbers."""

from itertools import pairwise
from random import Random

from bridge.imap import mutf7
from bridge.imap.grammar import Cursor, SyntaxFault
from bridge.imap.mode import Mode
from bridge.imap.serialize import mailbox_name
from bridge.model.numset import STAR, NumSet
from bridge.query.names import matcher
from tests.fuzz.common import split
from tests.fuzz.grammar import Grammar
from tests.wire.mutf7 import fault_of_mutf7
from tests.wire.tokens import Cursor as Strict
from tests.wire.tokens import Dialect

_GRAMMAR = Grammar(
    {
        "shift": (b"&-", b"&AOk-", b"&2D3eAA-", b"&2AA-", b"&AGE-", b"&AOk", b"&AOkA4Q-", b"&4w-",
                  b"&,-"),
        "name": (b"INBOX", b"a", b"a/b", b"inbox/$name", b"$shift$name", b"$shift", b"$name/$name",
                 b"", b"a//b"),
        "wild": (b"*", b"%", b"a*b", b"%/%", b"*%*", b"in%", b"INBOX*", b"$name", b"$wild$wild"),
        "point": (b"1", b"2", b"5", b"*", b"4294967295", b"0", b"9"),
        "range": (b"$point", b"$point:$point"),
        "set": (b"$range", b"$range,$set", b"$range,$range,$set"),
        "all": (b"$name\n$wild\n$set",),
    }
)  # fmt: skip
TOKENS = (
    b"&", b"-", b"&-", b"&AOk-", b"&AGE-", b"&2D3eAA-", b"*", b"%", b"/", b"INBOX", b"\xc3\xa9",
    b",", b":", b"1", b"*:1",
    b"4294967295", b"\n", b"a", b"b", b"\\", b"[", b".", b"\xf0\x9f\x98\x80", b"|", b"(?",
)  # fmt: skip


def piece(rng: Random) -> bytes:
    """A name, a pattern and a set, a line each."""
    return _GRAMMAR.sentence("all", rng)


def target(octets: bytes) -> None:
    """One spelling of each name, patterns and sets as plain readings of the RFC have them."""
    rng, wire = split(octets)
    name, pattern, numbers = (*wire.split(b"\n", 2), b"", b"")[:3]
    _check_name(name)
    _check_text(wire.decode("utf-8", "replace"))
    _check_pattern(pattern.decode("latin-1")[:40], name.decode("latin-1")[:40])
    _check_set(numbers[:400], rng)


def _check_name(octets: bytes) -> None:
    try:
        name = mutf7.decode(octets)
    except ValueError:
        assert fault_of_mutf7(octets) is not None, "it was right"
        return
    assert fault_of_mutf7(octets) is None
    assert mutf7.encode(name) == octets


def _check_text(name: str) -> None:
    octets = mutf7.encode(name)
    assert mutf7.decode(octets) == name
    written = mailbox_name(name)
    assert Strict(written + b" ").astring() == octets
    # A literal stands for itself in `Cursor`, NUL for 0x80 in both: neither is in a name.
    if not {"\0", "\r", "\n"} & {*name}:
        written = mailbox_name(name, utf8=True)
        assert Strict(written + b" ", dialect=Dialect(utf8=True)).astring() == name.encode()
        if not written.startswith(b"{"):
            assert Cursor((written,), Mode(accepts_utf8=True)).mailbox() == name


def _check_pattern(pattern: str, name: str) -> None:
    found = matcher(pattern, 1000)(name)
    assert found == _plainly(_inbox(pattern), name), (pattern, name)


def _inbox(pattern: str) -> str:
    """INBOX, where it is the first level, has no case (RFC 9051 §5.1)."""
    if pattern[:5].upper() == "INBOX" and pattern[5:6] in ("", "*", "%", "/"):
        return "INBOX" + pattern[5:]
    return pattern


def _plainly(pattern: str, name: str) -> bool:
    """By the set of places in the name that the pattern so far can have come to."""
    places = {0}
    for letter in pattern:
        if letter not in "*%":
            places = {at + 1 for at in places if name[at : at + 1] == letter}
            continue
        reached = set()
        for at in places:
            end = len(name) if letter == "*" else (name + "/").index("/", at)
            reached.update(range(at, end + 1))
        places = reached
    return len(name) in places


def _check_set(octets: bytes, rng: Random) -> None:
    cursor = Cursor((octets,))
    try:
        numbers = cursor.numset()
    except SyntaxFault:
        return
    assert Cursor((bytes(numbers),)).numset() == numbers
    largest = rng.choice((0, 1, 3, 9, 2**32 - 1))
    ranges = numbers.resolve(largest)
    for (_, end), (start, _) in pairwise(ranges):
        assert end + 1 < start
    inside = {n for n in range(12) if any(low <= n <= high for low, high in ranges)}
    assert inside == {n for n in range(12) if _holds(numbers, n, largest)}


def _holds(numbers: NumSet, number: int, largest: int) -> bool:
    pairs = (tuple(largest if end == STAR else end for end in pair) for pair in numbers.ranges)
    return any(min(pair) <= number <= max(pair) for pair in pairs)
