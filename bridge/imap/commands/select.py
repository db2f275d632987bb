"""SELECT and EXAMINE (RFC 9051 §6.3.2, §6.3.3; RFC 7162 §3.1.8, §3.2.5)."""

from dataclasses import dataclass

from bridge.imap.grammar import Cursor, SyntaxFault
from bridge.model.numset import STAR, NumSet


@dataclass(frozen=True, slots=True)
class Resync:
    """QRESYNC: what a client knew of the mailbox when it left it.

    `known` are UIDs, None for all below UIDNEXT. `sample` has sequence numbers and as many UIDs
    that went with them then, both ascending, as inclusive ranges.
    """

    uidvalidity: int
    modseq: int
    known: NumSet | None = None
    sample: tuple[NumSet, NumSet] | None = None


@dataclass(frozen=True, slots=True)
class Select:
    """SELECT, or EXAMINE, which is read-only."""

    mailbox: str
    read_only: bool
    condstore: bool
    resync: Resync | None = None


def parse_select(cursor: Cursor) -> Select:
    """The arguments of SELECT."""
    return _parse(cursor, read_only=False)


def parse_examine(cursor: Cursor) -> Select:
    """The arguments of EXAMINE."""
    return _parse(cursor, read_only=True)


def _parse(cursor: Cursor, *, read_only: bool) -> Select:
    mailbox = cursor.mailbox_argument()
    condstore, resync = False, None
    if cursor.skip(b" ("):
        while True:
            name = cursor.word()
            if name == "CONDSTORE" and not condstore:
                condstore = True
            elif name == "QRESYNC" and resync is None:
                resync = _resync(cursor)
            else:
                raise SyntaxFault(f"Unknown modifier {name[:40]}")
            if cursor.skip(b")"):
                break
            cursor.space()
    return Select(mailbox, read_only, condstore, resync)


def _resync(cursor: Cursor) -> Resync:
    cursor.space()
    cursor.expect(b"(")
    uidvalidity = cursor.number()
    if not 0 < uidvalidity < STAR:
        raise SyntaxFault("UIDVALIDITY is 1 to 4294967295")
    cursor.space()
    modseq = cursor.number()
    known = sample = None
    if cursor.skip(b" ") and not cursor.peek(b"("):
        known = _without_star(cursor)
        if cursor.skip(b" "):
            sample = _sample(cursor)
    elif cursor.peek(b"("):
        sample = _sample(cursor)
    cursor.expect(b")")
    return Resync(uidvalidity, modseq, known, sample)


def _sample(cursor: Cursor) -> tuple[NumSet, NumSet]:
    cursor.expect(b"(")
    numbers = _ascending(cursor)
    cursor.space()
    uids = _ascending(cursor)
    cursor.expect(b")")
    if _count(numbers) != _count(uids):
        raise SyntaxFault("There are as many UIDs as message numbers that they go with")
    return numbers, uids


def _without_star(cursor: Cursor) -> NumSet:
    found = cursor.numset()
    if found.saved or any(STAR in ends for ends in found.ranges):
        raise SyntaxFault('"*" and "$" may not stand here')
    return found


def _ascending(cursor: Cursor) -> NumSet:
    ranges = tuple((min(ends), max(ends)) for ends in _without_star(cursor).ranges)
    last = 0
    for low, high in ranges:
        if low <= last:
            raise SyntaxFault("The sets of known messages ascend")
        last = high
    return NumSet(ranges)


def _count(numbers: NumSet) -> int:
    return sum(high - low + 1 for low, high in numbers.ranges)
