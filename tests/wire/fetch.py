"""msg-att: the items of a FETCH (RFC 3501 §9, RFC 9051 §9, RFC 3516, 7162, 8474, 8514, 8970)."""

import re
from collections.abc import Callable

from tests.wire.flags import fetched_flags
from tests.wire.structure import body, envelope
from tests.wire.tokens import Cursor
from tests.wire.values import Fetch, Item, Saved

_ITEM = re.compile(rb"[A-Za-z0-9.]++")
_SPEC = re.compile(rb"[0-9A-Za-z.]++")
_PART = re.compile(r"[1-9][0-9]*(?:\.[1-9][0-9]*)*")


def fetch(cursor: Cursor, seq: int, *, by_uid: bool = False) -> Fetch:
    """SP msg-att, after "FETCH" or "UIDFETCH" (RFC 9586 §4).

    Only octets may come twice, for a client that asks twice.
    """
    cursor.sp()
    start = cursor.at
    items = cursor.many(lambda: _item(cursor))
    names = [item.name for item in items if item.name not in _REV1_ONLY and "[" not in item.name]
    if len(set(names)) < len(names):
        cursor.fail("each item once", start)
    return Fetch(seq, items, by_uid)


def _item(cursor: Cursor) -> Item:
    start = cursor.at
    name = cursor.match(_ITEM, "a message data item").decode("ascii").upper()
    if cursor.peek() == b"[":
        return _section_item(cursor, name, start)
    known = ITEMS.get(name)
    if known is None or (name in _REV1_ONLY and cursor.dialect.rev2):
        cursor.fail("a message data item", start)
    cursor.sp()
    return Item(name, known(cursor))


def _section_item(cursor: Cursor, name: str, start: int) -> Item:
    if name not in ("BODY", "BINARY", "BINARY.SIZE"):
        cursor.fail("BODY, BINARY or BINARY.SIZE before a section", start)
    name += section(cursor, binary=name != "BODY")
    if cursor.peek() == b"<":
        if name.startswith("BINARY.SIZE"):
            cursor.fail("no origin in BINARY.SIZE")
        cursor.take(b"<")
        name += f"<{cursor.size()}>"
        cursor.take(b">")
    cursor.sp()
    if name.startswith("BINARY.SIZE"):
        return Item(name, cursor.number())
    if name.startswith("BINARY") and cursor.peek() == b"~":
        return Item(name, cursor.literal8())
    return Item(name, cursor.nstring())


def section(cursor: Cursor, *, binary: bool) -> str:
    """section or section-binary, in upper case."""
    cursor.take(b"[")
    if cursor.taken(b"]"):
        return "[]"
    start = cursor.at
    spec = cursor.match(_SPEC, "a section").decode("ascii").upper()
    part = _PART.match(spec)
    rest = spec[part.end() :] if part else spec
    if part and rest:
        if not rest.startswith("."):
            cursor.fail("a section-part", start)
        rest = rest[1:]
        if not rest:
            cursor.fail("a section-text after the last '.'", cursor.at)
    texts = ("HEADER", "TEXT", "HEADER.FIELDS", "HEADER.FIELDS.NOT", *(("MIME",) if part else ()))
    if rest and (binary or rest not in texts):
        cursor.fail("a section", start)
    if rest.startswith("HEADER.FIELDS"):
        cursor.sp()
        names = cursor.many(cursor.astring)
        spec += " (" + " ".join(name.decode("latin-1").upper() for name in names) + ")"
    cursor.take(b"]")
    return f"[{spec}]"


def _in_parentheses(one: Callable[[Cursor], object]) -> Callable[[Cursor], object]:
    def parse(cursor: Cursor) -> object:
        cursor.take(b"(")
        found = one(cursor)
        cursor.take(b")")
        return found

    return parse


def _thread_id(cursor: Cursor) -> object:
    return None if cursor.nil() else _in_parentheses(Cursor.objectid)(cursor)


def _save_date(cursor: Cursor) -> Saved:
    return Saved(None if cursor.nil() else cursor.date_time())


def _preview(cursor: Cursor) -> object:
    start = cursor.at
    found = cursor.nstring()
    # RFC 8970 §3.1: UTF-8, at most 256 characters.
    try:
        if found is not None and len(found.decode("utf-8")) > 256:
            cursor.fail("a preview of at most 256 characters", start)
    except UnicodeDecodeError:
        cursor.fail("a preview in UTF-8", start)
    return found


_REV1_ONLY = frozenset({"RFC822", "RFC822.HEADER", "RFC822.TEXT"})

ITEMS: dict[str, Callable[[Cursor], object]] = {
    "FLAGS": fetched_flags,
    "UID": Cursor.nz_number,
    "ENVELOPE": envelope,
    "INTERNALDATE": Cursor.date_time,
    "RFC822": Cursor.nstring,
    "RFC822.HEADER": Cursor.nstring,
    "RFC822.TEXT": Cursor.nstring,
    "RFC822.SIZE": Cursor.size,
    "BODY": lambda cursor: body(cursor, extensible=False),
    "BODYSTRUCTURE": lambda cursor: body(cursor, extensible=True),
    "MODSEQ": _in_parentheses(Cursor.modseq),
    "EMAILID": _in_parentheses(Cursor.objectid),
    "THREADID": _thread_id,
    "SAVEDATE": _save_date,
    "PREVIEW": _preview,
}
"""Every item without a section, with the parser of its value."""
