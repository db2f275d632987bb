"""EXPUNGE, CLOSE, UNSELECT (RFC 9051 §6.4.1-3; RFC 4315 §2.1)."""

from dataclasses import dataclass

from bridge.imap.grammar import Cursor
from bridge.model.numset import NumSet


@dataclass(frozen=True, slots=True)
class Expunge:
    """EXPUNGE; `uids` for UID EXPUNGE."""

    uids: NumSet | None = None


@dataclass(frozen=True, slots=True)
class Close:
    """CLOSE, which expunges; or UNSELECT, which doesn't."""

    expunge: bool


def parse_uid_expunge(cursor: Cursor) -> Expunge:
    """The argument of UID EXPUNGE."""
    cursor.space()
    return Expunge(cursor.numset())
