"""LIST and LSUB (RFC 9051 §6.3.9; RFC 3501 §6.3.8, §6.3.9)."""

from dataclasses import dataclass

from bridge.imap.grammar import Cursor, NotAName, decode_name


@dataclass(frozen=True, slots=True)
class List:
    """LIST, or LSUB; `pattern` None where it is not modified UTF-7 and so matches no name."""

    pattern: str | None
    subscribed: bool = False


def parse_list(cursor: Cursor) -> List:
    """The arguments of LIST; the reference goes before the pattern."""
    cursor.space()
    reference = cursor.astring()
    cursor.space()
    pattern = cursor.list_mailbox()
    if not pattern:
        return List("")
    try:
        return List(decode_name(reference + pattern))
    except NotAName:
        return List(None)


def parse_lsub(cursor: Cursor) -> List:
    """The arguments of LSUB."""
    return List(parse_list(cursor).pattern, subscribed=True)
