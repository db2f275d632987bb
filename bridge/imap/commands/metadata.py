"""GETMETADATA and SETMETADATA (RFC 5464)."""

import re
from dataclasses import dataclass

from bridge.imap.grammar import Cursor, OverLimit, SyntaxFault

MAX_ENTRIES = 200
"""Of one command."""

MAX_ENTRY_OCTETS = 1000
"""Of an entry's name; those that are registered have thirty."""

_BELOW_SCOPE = re.compile(r"/(?:private|shared)(?:/[^/]+)+", re.IGNORECASE)
_SCOPE = re.compile(r"/(?:private|shared)", re.IGNORECASE)
_VENDOR = re.compile(r"/(?:private|shared)/vendor(?:/[^/]+)?", re.IGNORECASE)
_FORBIDDEN = re.compile(rb"[*%\x00-\x1f\x7f-\xff]")
_DEPTHS: dict[str, int | None] = {"0": 0, "1": 1, "INFINITY": None}


@dataclass(frozen=True, slots=True)
class GetMetadata:
    """GETMETADATA; `mailbox` is "" for the server, and may have wildcards.

    `depth` is how many levels below the entries are asked for, None for all; `max_size` is in
    octets, None for no limit.
    """

    mailbox: str
    entries: tuple[str, ...]
    depth: int | None = 0
    max_size: int | None = None


@dataclass(frozen=True, slots=True)
class SetMetadata:
    """SETMETADATA: entries in the client's spelling with their values, None to remove one."""

    mailbox: str
    values: tuple[tuple[str, bytes | None], ...]


def parse_getmetadata(cursor: Cursor) -> GetMetadata:
    """The arguments of GETMETADATA; its options before the mailbox, or behind it.

    RFC 5464 has them before in §5 and behind in the examples of §4.2.
    """
    cursor.space()
    options: dict[str, int | None] = {}
    if cursor.peek(b"("):
        options = _options(cursor)
        cursor.space()
    mailbox = cursor.mailbox()
    cursor.space()
    if not options and (cursor.peek(b"(MAXSIZE ") or cursor.peek(b"(DEPTH ")):
        options = _options(cursor)
        cursor.space()
    depth = options.get("DEPTH", 0)
    entries = parse_entries(cursor, deep=depth != 0)
    return GetMetadata(mailbox, entries, depth, options.get("MAXSIZE"))


def parse_setmetadata(cursor: Cursor) -> SetMetadata:
    """The arguments of SETMETADATA; of an entry that comes twice the last value stands."""
    mailbox = cursor.mailbox_argument()
    cursor.space()
    cursor.expect(b"(")
    values: dict[str, tuple[str, bytes | None]] = {}
    while not values or not cursor.skip(b")"):
        if values:
            cursor.space()
        entry = _entry(cursor, deep=False)
        cursor.space()
        values[entry.lower()] = entry, cursor.nstring()
        if len(values) > MAX_ENTRIES:
            raise OverLimit(f"A command has at most {MAX_ENTRIES} entries")
    return SetMetadata(mailbox, tuple(values.values()))


def parse_entries(cursor: Cursor, *, deep: bool = False) -> tuple[str, ...]:
    """entries: one, or some in parentheses, each once; `deep` says that what is below counts."""
    if not cursor.skip(b"("):
        return (_entry(cursor, deep=deep),)
    entries = [_entry(cursor, deep=deep)]
    while not cursor.skip(b")"):
        cursor.space()
        entries.append(_entry(cursor, deep=deep))
        if len(entries) > MAX_ENTRIES:
            raise OverLimit(f"A command has at most {MAX_ENTRIES} entries")
    return tuple({entry.lower(): entry for entry in entries}.values())


def _entry(cursor: Cursor, *, deep: bool) -> str:
    """The name of an entry (RFC 5464 §3.2).

    What stands above entries and can be none itself is taken only where those below it are asked
    for too: /private, /shared and the first levels of the vendors' names.
    """
    octets = cursor.astring()
    if len(octets) > MAX_ENTRY_OCTETS:
        raise OverLimit(f"An entry's name has at most {MAX_ENTRY_OCTETS} octets")
    text = octets.decode("latin-1")
    is_entry = _BELOW_SCOPE.fullmatch(text) is not None and _VENDOR.fullmatch(text) is None
    is_above = _SCOPE.fullmatch(text) is not None or _VENDOR.fullmatch(text) is not None
    if _FORBIDDEN.search(octets) or not (is_entry or (deep and is_above)):
        raise SyntaxFault("Expected an entry such as /private/comment")
    return text


def _options(cursor: Cursor) -> dict[str, int | None]:
    cursor.expect(b"(")
    options: dict[str, int | None] = {}
    while not options or not cursor.skip(b")"):
        if options:
            cursor.space()
        name = cursor.word()
        cursor.space()
        match name:
            case "MAXSIZE":
                options[name] = cursor.number()
            case "DEPTH":
                depth = cursor.word()
                if depth not in _DEPTHS:
                    raise SyntaxFault("DEPTH is 0, 1 or infinity")
                options[name] = _DEPTHS[depth]
            case _:
                raise SyntaxFault(f"Unknown option {name[:40]}")
    return options
