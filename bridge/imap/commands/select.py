"""SELECT and EXAMINE (RFC 9051 §6.3.2, §6.3.3; RFC 7162 §3.1.8)."""

from dataclasses import dataclass

from bridge.imap.grammar import Cursor


@dataclass(frozen=True, slots=True)
class Select:
    """SELECT, or EXAMINE, which is read-only."""

    mailbox: str
    read_only: bool
    condstore: bool


def parse_select(cursor: Cursor) -> Select:
    """The arguments of SELECT."""
    return _parse(cursor, read_only=False)


def parse_examine(cursor: Cursor) -> Select:
    """The arguments of EXAMINE."""
    return _parse(cursor, read_only=True)


def _parse(cursor: Cursor, *, read_only: bool) -> Select:
    mailbox = cursor.mailbox_argument()
    condstore = cursor.modifier("CONDSTORE") is not None
    if condstore:
        cursor.expect(b")")
    return Select(mailbox, read_only, condstore)
