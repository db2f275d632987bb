"""DELETE (RFC 9051 §6.3.5)."""

from dataclasses import dataclass

from bridge.imap.grammar import Cursor


@dataclass(frozen=True, slots=True)
class Delete:
    """DELETE."""

    mailbox: str


def parse_delete(cursor: Cursor) -> Delete:
    """The argument of DELETE."""
    return Delete(cursor.mailbox_argument())
