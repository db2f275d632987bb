"""SEARCH (RFC 9051 §6.4.4; RFC 5032; RFC 7162 §3.1.5; RFC 8474 §6; RFC 8514): keys as a tree.

RETURN is as SORT has it too (RFC 4731 §3.1, RFC 5182 §2.4, RFC 9394 §3.1).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from bridge.imap.grammar import MAX_NESTING, Cursor, OverLimit, SyntaxFault
from bridge.model import flags as names
from bridge.model.flags import canonical
from bridge.model.search import (
    All,
    And,
    Date,
    HasFlag,
    HasSaveDate,
    Header,
    ModSeqAtLeast,
    Not,
    Numbers,
    ObjectId,
    Or,
    Saved,
    SearchKey,
    Size,
    Text,
    Within,
)
from bridge.model.sort import Partial, Returns

MAX_KEYS = 5000
"""Of one command; a client that lists message numbers does so in one set."""


class UnknownCharset(Exception):
    """The CHARSET can't be read: NO [BADCHARSET] (RFC 5530).

    `saves` says that the result was to be saved, of which nothing is left then (RFC 5182 §2.1).
    """

    def __init__(self, *, saves: bool) -> None:
        super().__init__()
        self.saves = saves


@dataclass(frozen=True, slots=True)
class Search:
    """SEARCH, or UID SEARCH; `modseq` says that a key asks for it, and so the answer has one.

    Without RETURN, `returns` is None.
    """

    key: SearchKey
    uid: bool
    modseq: bool
    returns: Returns | None = None


def parse_search(cursor: Cursor, *, uid: bool) -> Search:
    """The arguments of SEARCH."""
    returns = parse_returns(cursor)
    cursor.space()
    if cursor.skip(b"CHARSET "):
        if cursor.mode.accepts_utf8:
            # RFC 6855 §3: its strings are UTF-8, and a label could only contradict that.
            raise SyntaxFault("With UTF8=ACCEPT a search has no CHARSET")
        key, modseq = parse_criteria(cursor, returns)
    else:
        key, modseq = _keys(cursor)
    return Search(key, uid, modseq, returns)


def parse_criteria(cursor: Cursor, returns: Returns | None = None) -> tuple[SearchKey, bool]:
    """search-criteria of RFC 5256 §5: (the key, whether MODSEQ is in it).

    Raises:
        UnknownCharset: with what `returns`, which came before, asks for.
    """
    charset = cursor.astring().lower()
    cursor.space()
    found = _keys(cursor)
    # Told last, so that SORT without a charset is BAD and not of the charset ALL.
    if charset not in (b"us-ascii", b"utf-8"):
        raise UnknownCharset(saves=returns is not None and returns.saves)
    return found


def parse_returns(cursor: Cursor) -> Returns | None:
    """SP "RETURN" SP "(" options ")" (RFC 4466 §3), or None; none in it asks for ALL."""
    if not cursor.skip(b" RETURN "):
        return None
    cursor.expect(b"(")
    options: set[str] = set()
    partial = None
    while not cursor.skip(b")"):
        if options:
            cursor.space()
        option = cursor.word()
        if option not in _OPTIONS:
            raise SyntaxFault(f"There is no RETURN option {option[:40]}")
        if option == "PARTIAL":
            if partial is not None:
                raise SyntaxFault("PARTIAL can be asked for once")
            partial = parse_partial(cursor)
        options.add(option)
    if {"ALL", "PARTIAL"} <= options:
        raise SyntaxFault("PARTIAL and ALL can't both be asked for")
    return Returns(frozenset(options - {"PARTIAL"}) if options else frozenset({"ALL"}), partial)


def parse_partial(cursor: Cursor) -> Partial:
    """SP partial-range (RFC 9394 §4)."""
    found = cursor.match(_PARTIAL, "a range such as 1:100 or -1:-100")
    first, last = int(found[1] or found[3]), int(found[2] or found[4])
    if not (0 < abs(first) < 1 << 32 and 0 < abs(last) < 1 << 32):
        raise SyntaxFault("The places of a range are 1 to 4294967295")
    return Partial(first, last)


def _keys(cursor: Cursor) -> tuple[SearchKey, bool]:
    reader = _Reader(cursor)
    keys = [reader.key(0)]
    while cursor.skip(b" ") and not cursor.at_end():
        keys.append(reader.key(0))
    return _all_of(keys), reader.modseq


def _all_of(keys: list[SearchKey]) -> SearchKey:
    return keys[0] if len(keys) == 1 else And(tuple(keys))


_FLAGS: dict[str, HasFlag] = {
    word: HasFlag(flag, present)
    for flag in (*names.SYSTEM_FLAGS, names.RECENT)
    for word, present in ((flag[1:].upper(), True), ("UN" + flag[1:].upper(), False))
    if word != "UNRECENT"
}
_OPTIONS = frozenset({"MIN", "MAX", "ALL", "COUNT", "SAVE", "PARTIAL"})
_PARTIAL = re.compile(rb" (?:(\d{1,10}):(\d{1,10})|(-\d{1,10}):(-\d{1,10}))")
_RECENT = frozenset({"NEW", "OLD", "RECENT"})
_FIELDS = frozenset({"BCC", "CC", "FROM", "SUBJECT", "TO"})
_DATES = {
    prefix + relation: (relation, bool(prefix))
    for prefix in ("", "SENT")
    for relation in ("BEFORE", "ON", "SINCE")
}

_SAVED = {f"SAVED{relation}": relation for relation in ("BEFORE", "ON", "SINCE")}
_OBJECT_ID = re.compile(rb"[A-Za-z0-9_-]{1,255}(?![A-Za-z0-9_-])")


class _Reader:
    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._keys = 0
        self.modseq = False

    def key(self, depth: int) -> SearchKey:
        self._keys += 1
        if depth > MAX_NESTING:
            raise OverLimit(f"A search is nested at most {MAX_NESTING} deep", "nesting")
        if self._keys > MAX_KEYS:
            raise OverLimit(f"A search has at most {MAX_KEYS} keys")
        cursor = self._cursor
        if cursor.skip(b"("):
            keys = [self.key(depth + 1)]
            while not cursor.skip(b")"):
                cursor.space()
                keys.append(self.key(depth + 1))
            return _all_of(keys)
        if cursor.at_number_set():
            return Numbers(cursor.numset(), uid=False)
        return self._word(cursor.word(), depth)

    def _word(self, word: str, depth: int) -> SearchKey:
        if word in _RECENT and self._cursor.mode.rev2:
            raise SyntaxFault(f"IMAP4rev2 has no {word}")
        if word in _FLAGS:
            return _FLAGS[word]
        if word in _FIELDS:
            return Header(word.lower().encode(), self._string())
        if word in _DATES:
            relation, sent = _DATES[word]
            return Date(relation, self._day(), sent)
        if word in _SAVED:
            return Saved(_SAVED[word], self._day())
        read = _WORDS.get(word)
        if read is None:
            raise SyntaxFault(f"Unknown search key {word[:40]}")
        return read(self, depth)

    def _string(self) -> bytes:
        self._cursor.space()
        return self._cursor.astring()

    def _day(self) -> date:
        self._cursor.space()
        return self._cursor.date().date()

    def _object_id(self, item: str) -> SearchKey:
        self._cursor.space()
        return ObjectId(item, self._cursor.match(_OBJECT_ID, "an id")[0].decode("ascii"))

    def _number(self) -> int:
        self._cursor.space()
        return self._cursor.number()

    def _interval(self) -> int:
        seconds = self._number()
        if not 0 < seconds < 1 << 32:
            raise SyntaxFault("An interval is 1 to 4294967295 seconds")
        return seconds

    def _below(self, depth: int) -> SearchKey:
        self._cursor.space()
        return self.key(depth + 1)

    def _keyword(self) -> str:
        self._cursor.space()
        return canonical(self._cursor.atom().decode("ascii"))

    def _header(self) -> SearchKey:
        name = self._string().lower()
        return Header(name, self._string())

    def _uid(self) -> SearchKey:
        self._cursor.space()
        return Numbers(self._cursor.numset(), uid=True)

    def _modseq(self) -> SearchKey:
        self.modseq = True
        self._cursor.space()
        if self._cursor.peek(b'"'):
            # A message has one modseq for all its flags: which are meant makes no difference.
            if not self._cursor.string().lower().startswith(b"/flags/"):
                raise SyntaxFault('Expected an entry such as "/flags/\\\\seen"')
            self._cursor.space()
            if self._cursor.word() not in ("PRIV", "SHARED", "ALL"):
                raise SyntaxFault("Expected priv, shared or all")
            self._cursor.space()
        return ModSeqAtLeast(self._cursor.number())

    def _or(self, depth: int) -> SearchKey:
        left = self._below(depth)
        return Or(left, self._below(depth))


_NEW = And((HasFlag(names.RECENT), HasFlag(names.SEEN, False)))
_WORDS: dict[str, Callable[[_Reader, int], SearchKey]] = {
    "ALL": lambda reader, depth: All(),
    "NEW": lambda reader, depth: _NEW,
    "OLD": lambda reader, depth: HasFlag(names.RECENT, False),
    "KEYWORD": lambda reader, depth: HasFlag(reader._keyword()),
    "UNKEYWORD": lambda reader, depth: HasFlag(reader._keyword(), False),
    "BODY": lambda reader, depth: Text(reader._string(), header=False),
    "TEXT": lambda reader, depth: Text(reader._string(), header=True),
    "HEADER": lambda reader, depth: reader._header(),
    "LARGER": lambda reader, depth: Size(reader._number(), larger=True),
    "SMALLER": lambda reader, depth: Size(reader._number(), larger=False),
    "OLDER": lambda reader, depth: Within(reader._interval(), older=True),
    "YOUNGER": lambda reader, depth: Within(reader._interval(), older=False),
    "SAVEDATESUPPORTED": lambda reader, depth: HasSaveDate(),
    "EMAILID": lambda reader, depth: reader._object_id("EMAILID"),
    "THREADID": lambda reader, depth: reader._object_id("THREADID"),
    "UID": lambda reader, depth: reader._uid(),
    "MODSEQ": lambda reader, depth: reader._modseq(),
    "NOT": lambda reader, depth: Not(reader._below(depth)),
    "OR": lambda reader, depth: reader._or(depth),
}
KEYS = frozenset({*_FLAGS, *_FIELDS, *_DATES, *_SAVED, *_WORDS})
"""All words that are search keys."""

STRINGS = {**dict.fromkeys((*_FIELDS, "BODY", "TEXT", "KEYWORD", "UNKEYWORD"), 1), "HEADER": 2}
"""Keys that something to look for follows, and how many words it is."""
