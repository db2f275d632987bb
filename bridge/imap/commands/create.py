"""CREATE (RFC 9051 §6.3.4)."""

from dataclasses import dataclass

from bridge.imap.grammar import Cursor


@dataclass(frozen=True, slots=True)
class Create:
    """CREATE."""

    mailbox: str


def parse_create(cursor: Cursor) -> Create:
    """The argument of CREATE."""
    return Create(cursor.mailbox_argument())
