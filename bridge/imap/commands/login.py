"""LOGIN (RFC 9051 §6.2.3)."""

from dataclasses import dataclass, field

from bridge.imap.grammar import Cursor


@dataclass(frozen=True, slots=True)
class Login:
    """LOGIN."""

    user: bytes
    password: bytes = field(repr=False)


def parse_login(cursor: Cursor) -> Login:
    """The arguments of LOGIN."""
    cursor.space()
    user = cursor.astring()
    cursor.space()
    return Login(user, cursor.astring())
