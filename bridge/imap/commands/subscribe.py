"""SUBSCRIBE and UNSUBSCRIBE (RFC 9051 §6.3.7, §6.3.8)."""

from dataclasses import dataclass

from bridge.imap.grammar import Cursor


@dataclass(frozen=True, slots=True)
class Subscribe:
    """SUBSCRIBE, or UNSUBSCRIBE."""

    mailbox: str
    wanted: bool


def parse_subscribe(cursor: Cursor) -> Subscribe:
    """The argument of SUBSCRIBE."""
    return Subscribe(cursor.mailbox_argument(), wanted=True)


def parse_unsubscribe(cursor: Cursor) -> Subscribe:
    """The argument of UNSUBSCRIBE."""
    return Subscribe(cursor.mailbox_argument(), wanted=False)
