"""FETCH (RFC 9051 §6.4.5; RFC 3501 §6.4.5; RFC 7162 §3.1.4, §3.2.6; RFC 8474, 8514, 8970)."""

import re
from dataclasses import dataclass
from functools import lru_cache

from bridge.imap.commands.search import parse_partial
from bridge.imap.grammar import Cursor, OverLimit, SyntaxFault
from bridge.imap.mode import Mode
from bridge.imap.serialize import astring
from bridge.model.fetch import FetchItem
from bridge.model.numset import NumSet
from bridge.model.section import Section
from bridge.model.sort import Partial

_MACROS = {
    "ALL": ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"),
    "FAST": ("FLAGS", "INTERNALDATE", "RFC822.SIZE"),
    "FULL": ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"),
}
_PLAIN = frozenset(
    {
        "UID",
        "FLAGS",
        "INTERNALDATE",
        "RFC822.SIZE",
        "ENVELOPE",
        "BODY",
        "BODYSTRUCTURE",
        "MODSEQ",
        "EMAILID",
        "THREADID",
        "SAVEDATE",
        "PREVIEW",
    }
)
_OLD = {
    "RFC822": (Section(), False),
    "RFC822.HEADER": (Section(text="HEADER"), True),
    "RFC822.TEXT": (Section(text="TEXT"), False),
}
_NAME = re.compile(rb"[A-Za-z0-9.]+")
_PART = re.compile(rb"[1-9]\d{0,8}(?:\.[1-9]\d{0,8})*")
_TEXTS = ("HEADER.FIELDS.NOT", "HEADER.FIELDS", "HEADER", "TEXT", "MIME")
MAX_ITEMS = 200
"""Of one command; each may be a section that is looked up in every message."""

KEPT = 64
KEPT_OCTETS = 1000
"""So many lists of items are kept as they were read, none longer than this."""


@dataclass(frozen=True, slots=True)
class Modifiers:
    """What FETCH says behind its items (RFC 4466 §2.4)."""

    changed_since: int | None = None
    vanished: bool = False
    partial: Partial | None = None


Arguments = tuple[tuple[FetchItem, ...], Modifiers]


@dataclass(frozen=True, slots=True)
class Fetch:
    """FETCH, or UID FETCH, which always shows the UID.

    `changed_since` leaves out messages with that modseq or a lower one; it may be 0, as iOS sends.
    """

    numbers: NumSet
    uid: bool
    items: tuple[FetchItem, ...]
    changed_since: int | None = None
    partial: Partial | None = None
    """Which of the messages that `numbers` names, before `changed_since` is looked at."""
    vanished: bool = False
    """Whether it asks which messages are gone that had been there at `changed_since`."""

    @property
    def modseq(self) -> bool:
        """Whether it asks for modseqs, which makes the client CONDSTORE-aware."""
        return any(item.name == "MODSEQ" for item in self.items)


def parse_fetch(cursor: Cursor, *, uid: bool) -> Fetch:
    """The arguments of FETCH, macros expanded."""
    cursor.space()
    numbers = cursor.numset()
    cursor.space()
    text = cursor.last_text(KEPT_OCTETS)
    items, more = _arguments(cursor, uid) if text is None else _read(text, uid, cursor.mode)
    return Fetch(numbers, uid, items, more.changed_since, more.partial, more.vanished)


@lru_cache(maxsize=KEPT)
def _read(text: bytes, uid: bool, mode: Mode) -> Arguments:
    """What stands behind the set: clients ask for the same items of one message after another."""
    cursor = Cursor((text,), mode)
    read = _arguments(cursor, uid)
    cursor.end()
    return read


def _arguments(cursor: Cursor, uid: bool) -> Arguments:
    items = list(parse_items(cursor)) if cursor.skip(b"(") else _macro(cursor)
    # After UIDONLY each response has it outside its items (RFC 9586 §3.3).
    named = cursor.mode.uid_only or any(item.name == "UID" for item in items)
    if uid and not named:
        items.insert(0, FetchItem("UID", echo=b"UID"))
    modifiers = _modifiers(cursor, uid)
    if modifiers.changed_since is not None:
        items.append(FetchItem("MODSEQ", echo=b"MODSEQ"))
    return tuple(dict.fromkeys(items)), modifiers


def parse_items(cursor: Cursor) -> tuple[FetchItem, ...]:
    """fetch-att *(SP fetch-att) ")", each once, in their order."""
    items = [_item(cursor)]
    while not cursor.skip(b")"):
        cursor.space()
        items.append(_item(cursor))
        if len(items) > MAX_ITEMS:
            raise OverLimit(f"FETCH takes at most {MAX_ITEMS} items")
    return tuple(dict.fromkeys(items))


def _modifiers(cursor: Cursor, uid: bool) -> Modifiers:
    """SP fetch-modifiers: CHANGEDSINCE, and VANISHED and PARTIAL (RFC 9394) of UID FETCH."""
    since: int | None = None
    partial: Partial | None = None
    vanished = False
    if not cursor.skip(b" ("):
        return Modifiers()
    while True:
        name = cursor.word()
        if name == "CHANGEDSINCE" and since is None:
            cursor.space()
            since = cursor.number()
        elif name == "PARTIAL" and uid and partial is None:
            partial = parse_partial(cursor)
        elif name == "VANISHED" and uid and not vanished:
            vanished = True
        else:
            raise SyntaxFault(f"Unknown modifier {name[:40]}")
        if cursor.skip(b")"):
            break
        cursor.space()
    if vanished and since is None:
        raise SyntaxFault("VANISHED goes with CHANGEDSINCE")
    return Modifiers(since, vanished, partial)


def _macro(cursor: Cursor) -> list[FetchItem]:
    for name, expanded in _MACROS.items():
        if cursor.peek(name.encode()):
            cursor.skip(name.encode())
            return [FetchItem(part, echo=part.encode()) for part in expanded]
    return [_item(cursor)]


def _item(cursor: Cursor) -> FetchItem:
    name = cursor.match(_NAME, "a FETCH item")[0].decode("ascii").upper()
    if name in ("BODY", "BODY.PEEK") and cursor.peek(b"["):
        return _section_item(cursor, peek=name == "BODY.PEEK")
    if name in ("BINARY", "BINARY.PEEK", "BINARY.SIZE"):
        return _binary_item(cursor, name)
    if name in _OLD:
        if cursor.mode.rev2:
            raise SyntaxFault(f"IMAP4rev2 has no {name}: use BODY[]")
        section, peek = _OLD[name]
        return FetchItem("BODY[]", section, peek, None, name.encode())
    if name == "PREVIEW" and cursor.skip(b" (LAZY"):
        # RFC 8970 §4.1: nothing is delayed that is there already.
        while cursor.skip(b" LAZY"):
            pass
        cursor.expect(b")")
    if name in _PLAIN:
        return FetchItem(name, echo=name.encode())
    raise SyntaxFault(f"Unknown FETCH item {name[:40]}")


def _section_item(cursor: Cursor, *, peek: bool) -> FetchItem:
    cursor.expect(b"[")
    section = _section(cursor)
    cursor.expect(b"]")
    echo = b"BODY[%b]" % _written(section)
    partial = _partial(cursor)
    if partial is not None:
        echo += b"<%d>" % partial[0]
    return FetchItem("BODY[]", section, peek, partial, echo)


def _binary_item(cursor: Cursor, name: str) -> FetchItem:
    """section-binary and partial (RFC 3516 §7): a part's number, or nothing for the message."""
    cursor.expect(b"[")
    found = cursor.try_match(_PART)
    cursor.expect(b"]")
    section = Section(found[0].decode("ascii") if found is not None else "")
    if name == "BINARY.SIZE":
        return FetchItem(
            "BINARY.SIZE[]", section, True, echo=b"BINARY.SIZE[%b]" % _written(section)
        )
    echo = b"BINARY[%b]" % _written(section)
    partial = _partial(cursor)
    if partial is not None:
        echo += b"<%d>" % partial[0]
    return FetchItem("BINARY[]", section, name == "BINARY.PEEK", partial, echo)


def _partial(cursor: Cursor) -> tuple[int, int] | None:
    if not cursor.skip(b"<"):
        return None
    first = cursor.number()
    cursor.expect(b".")
    count = cursor.number()
    cursor.expect(b">")
    if not count:
        raise SyntaxFault("A partial FETCH wants at least one octet")
    return first, count


def _section(cursor: Cursor) -> Section:
    part = ""
    if not cursor.peek(b"]") and (found := cursor.try_match(_PART)) is not None:
        part = found[0].decode("ascii")
        if not cursor.skip(b"."):
            return Section(part)
    elif cursor.peek(b"]"):
        return Section()
    for text in _TEXTS:
        if cursor.skip(text.encode()):
            break
    else:
        raise SyntaxFault("Expected HEADER, HEADER.FIELDS, TEXT or MIME")
    if text == "MIME" and not part:
        raise SyntaxFault("MIME needs a part number before it")
    if not text.startswith("HEADER.FIELDS"):
        return Section(part, text)
    cursor.space()
    cursor.expect(b"(")
    fields = [cursor.astring()]
    while not cursor.skip(b")"):
        cursor.space()
        fields.append(cursor.astring())
    return Section(part, text, tuple(fields))


def _written(section: Section) -> bytes:
    text = ".".join(word for word in (section.part, section.text) if word).encode()
    if section.fields:
        text += b" (%b)" % b" ".join(map(astring, section.fields))
    return text
