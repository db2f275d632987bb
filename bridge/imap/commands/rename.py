"""RENAME (RFC 9051 §6.3.6)."""

from dataclasses import dataclass

from bridge.imap.grammar import Cursor


@dataclass(frozen=True, slots=True)
class Rename:
    """RENAME."""

    source: str
    target: str


def parse_rename(cursor: Cursor) -> Rename:
    """The arguments of RENAME."""
    source = cursor.mailbox_argument()
    return Rename(source, cursor.mailbox_argument())
