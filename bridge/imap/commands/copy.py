"""COPY and MOVE (RFC 9051 §6.4.7, §6.4.8)."""

from dataclasses import dataclass

from bridge.imap.grammar import Cursor
from bridge.model.numset import NumSet


@dataclass(frozen=True, slots=True)
class Copy:
    """COPY or UID COPY; `move` for MOVE."""

    numbers: NumSet
    uid: bool
    mailbox: str
    move: bool = False


def parse_copy(cursor: Cursor, *, uid: bool) -> Copy:
    """The arguments of COPY."""
    cursor.space()
    numbers = cursor.numset()
    cursor.space()
    return Copy(numbers, uid, cursor.mailbox())


def parse_move(cursor: Cursor, *, uid: bool) -> Copy:
    """The arguments of MOVE."""
    found = parse_copy(cursor, uid=uid)
    return Copy(found.numbers, found.uid, found.mailbox, move=True)
