"""ENABLE (RFC 5161)."""

from dataclasses import dataclass

from bridge.imap.grammar import Cursor


@dataclass(frozen=True, slots=True)
class Enable:
    """ENABLE; the names in upper case, each once."""

    names: tuple[str, ...]


def parse_enable(cursor: Cursor) -> Enable:
    """The arguments of ENABLE: at least one."""
    cursor.space()
    names = [cursor.word()]
    while cursor.skip(b" ") and not cursor.at_end():
        names.append(cursor.word())
    return Enable(tuple(dict.fromkeys(names)))
