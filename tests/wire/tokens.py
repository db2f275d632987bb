"""The lexical productions of RFC 3501 §9 and RFC 9051 §9, byte-exact, for octets that may be cut.

A `Cursor` never decides by the end of what it has: it raises `Incomplete` there, so that the same
octets give the same values in any chunking. Where the ABNF leaves a server freedom that it has no
use for, this is stricter: numbers have no leading zeros, and human text neither begins nor ends
with a space.
"""

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import NoReturn, TypeVar

from tests.wire.mutf7 import fault_of_mutf7
from tests.wire.values import UidSet

MAX_32 = 2**32 - 1
MAX_63 = 2**63 - 1
MAX_DEPTH = 200
"""Of nested bodies and threads; a server's own limit on nesting is 100."""

CONTEXT_OCTETS = 60

_DIGITS = re.compile(rb"[0-9]++")
_ATOM = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\\]]++')
_ASTRING = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\]++')
_TAG = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\+]++')
_NAME = re.compile(rb"[A-Za-z0-9.\-]++")
_QUOTED = re.compile(rb'(?:[\x01-\x09\x0b\x0c\x0e-!#-\[\]-\x7f]++|\\["\\])*+')
_QUOTED_UTF8 = re.compile(rb'(?:[\x01-\x09\x0b\x0c\x0e-!#-\[\]-\xff]++|\\["\\])*+')
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_TEXT = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x7f]++")
_TEXT_UTF8 = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\xff]++")
_OBJECTID = re.compile(rb"[A-Za-z0-9_\-]++")
_DATE_TIME = re.compile(
    rb"([ 0-3][0-9])-([A-Za-z]{3})-([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-])([0-9]{4})"
)
_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name}
_FORBIDDEN_IN_NAMES = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Dialect:
    """What the client has enabled, so what the server may say to it.

    `utf8`: UTF8=ACCEPT or IMAP4rev2, so UTF-8 in quoted strings and plain UTF-8 mailbox names.
    """

    utf8: bool = False
    rev2: bool = False


REV1 = Dialect()


class GrammarError(Exception):
    """An octet that the grammar has no place for.

    Args:
        offset: of that octet in what was parsed.
        expected: the production or octets that the grammar has there.
        context: up to 60 octets around it.
    """

    def __init__(self, offset: int, expected: str, context: bytes) -> None:
        super().__init__(f"octet {offset}: {expected} expected, got {context!r}")
        self.offset = offset
        self.expected = expected
        self.context = context


class Incomplete(Exception):
    """The octets end before the response does; it has at least `at_least` octets."""

    def __init__(self, at_least: int) -> None:
        super().__init__(at_least)
        self.at_least = at_least


class Cursor:
    """A place in octets, moved on by each production that matches there."""

    def __init__(self, data: bytes, at: int = 0, dialect: Dialect = REV1) -> None:
        self.data = data
        self.at = at
        self.dialect = dialect
        self.depth = 0

    def fail(self, expected: str, at: int | None = None) -> NoReturn:
        """Raises GrammarError, or Incomplete where there are no more octets."""
        where = self.at if at is None else at
        if where >= len(self.data):
            raise Incomplete(len(self.data) + 1)
        before = max(0, where - CONTEXT_OCTETS // 2)
        raise GrammarError(where, expected, self.data[before : before + CONTEXT_OCTETS])

    def peek(self) -> bytes:
        """The next octet."""
        if self.at >= len(self.data):
            raise Incomplete(self.at + 1)
        return self.data[self.at : self.at + 1]

    def ahead(self, octets: bytes) -> bool:
        """Whether exactly these octets come next."""
        got = self.data[self.at : self.at + len(octets)]
        if got != octets and octets.startswith(got):
            raise Incomplete(self.at + len(octets))
        return got == octets

    def take(self, octets: bytes) -> None:
        """Exactly these octets."""
        if not self.ahead(octets):
            same = next(
                index
                for index, octet in enumerate(octets)
                if self.data[self.at + index : self.at + index + 1] != bytes((octet,))
            )
            self.fail(repr(octets[same:].decode("latin-1")), self.at + same)
        self.at += len(octets)

    def taken(self, octets: bytes) -> bool:
        """Takes these octets if they come next."""
        if self.ahead(octets):
            self.at += len(octets)
            return True
        return False

    def sp(self) -> None:
        """Exactly one space."""
        if self.peek() != b" ":
            self.fail("one SP")
        self.at += 1
        if self.peek() == b" ":
            self.fail("no second SP")

    def crlf(self) -> None:
        """The end of a line."""
        if self.peek() == b" ":
            self.fail("CRLF, no trailing SP")
        self.take(b"\r\n")

    def match(self, pattern: re.Pattern[bytes], expected: str) -> bytes:
        """What the pattern matches here; it must not be able to match nothing."""
        found = pattern.match(self.data, self.at)
        if found is None:
            self.fail(expected)
        if found.end() == len(self.data):
            raise Incomplete(len(self.data) + 1)
        self.at = found.end()
        return found.group()

    def deeper(self) -> None:
        """One more level of nesting."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail(f"nesting of at most {MAX_DEPTH}")

    def many(self, one: Callable[[], T], *, separator: bytes = b" ") -> tuple[T, ...]:
        """ "(" one *(separator one) ")"."""
        self.take(b"(")
        found = [one()]
        while self.peek() != b")":
            if separator:
                self.take(separator)
            found.append(one())
        self.take(b")")
        return tuple(found)

    def maybe_many(self, one: Callable[[], T]) -> tuple[T, ...]:
        """ "(" [one *(SP one)] ")"."""
        if self.taken(b"()"):
            return ()
        return self.many(one)

    def name(self) -> str:
        """A word of the protocol, in upper case."""
        return self.match(_NAME, "a name").decode("ascii").upper()

    def number(self, most: int = MAX_32, least: int = 0) -> int:
        """Digits, without leading zeros, within the bounds."""
        start = self.at
        digits = self.match(_DIGITS, "a number")
        if len(digits) > 1 and digits.startswith(b"0"):
            self.fail("a number without leading zeros", start)
        if len(digits) > 20 or not least <= int(digits) <= most:
            self.fail(f"a number of {least} to {most}", start)
        return int(digits)

    def nz_number(self) -> int:
        """nz-number, also uniqueid."""
        return self.number(least=1)

    def number64(self) -> int:
        """number64: 63 bits (RFC 9051 §9)."""
        return self.number(MAX_63)

    def size(self) -> int:
        """number in IMAP4rev1, number64 in IMAP4rev2."""
        return self.number(MAX_63 if self.dialect.rev2 else MAX_32)

    def modseq(self) -> int:
        """mod-sequence-value (RFC 7162 §7)."""
        return self.number(MAX_63, least=1)

    def nil(self) -> bool:
        """Whether NIL was here; it is passed over."""
        start = self.data[self.at : self.at + 3].upper()
        if len(start) < 3 and b"NIL".startswith(start):
            raise Incomplete(self.at + 3)
        if start != b"NIL":
            return False
        self.at += 3
        return True

    def quoted(self) -> bytes:
        """quoted: no CR, LF or NUL; 8-bit only as UTF-8 where that is enabled."""
        self.take(b'"')
        start = self.at
        body = (_QUOTED_UTF8 if self.dialect.utf8 else _QUOTED).match(self.data, start)
        assert body is not None
        rest = self.data[body.end() : body.end() + 2]
        if not rest or rest == b"\\":
            raise Incomplete(len(self.data) + 1)
        if not rest.startswith(b'"'):
            self.fail("QUOTED-CHAR or '\"'", body.end())
        self._valid_utf8(body.group(), start)
        self.at = body.end() + 1
        return _ESCAPE.sub(rb"\1", body.group())

    def _valid_utf8(self, octets: bytes, start: int) -> None:
        try:
            octets.decode("utf-8")
        except UnicodeDecodeError as error:
            self.fail("valid UTF-8", start + error.start)

    def literal(self) -> bytes:
        """literal from a server: no "+", no NUL."""
        octets, start = self._literal(b"{")
        nul = octets.find(b"\0")
        if nul >= 0:
            self.fail("CHAR8, no NUL in a literal", start + nul)
        return octets

    def literal8(self) -> bytes:
        """literal8: any octets."""
        return self._literal(b"~{")[0]

    def _literal(self, opening: bytes) -> tuple[bytes, int]:
        self.take(opening)
        size = self.size()
        self.take(b"}\r\n")
        start = self.at
        if start + size > len(self.data):
            raise Incomplete(start + size)
        self.at += size
        return self.data[start : self.at], start

    def string(self) -> bytes:
        """string = quoted / literal."""
        match self.peek():
            case b'"':
                return self.quoted()
            case b"{":
                return self.literal()
            case _:
                self.fail("a string")

    def nstring(self) -> bytes | None:
        """nstring = string / nil."""
        return None if self.nil() else self.string()

    def astring(self) -> bytes:
        """astring = 1*ASTRING-CHAR / string."""
        if self.peek() in (b'"', b"{"):
            return self.string()
        return self.match(_ASTRING, "an astring")

    def atom(self) -> bytes:
        """atom = 1*ATOM-CHAR."""
        return self.match(_ATOM, "an atom")

    def tag(self) -> bytes:
        """tag = 1*<any ASTRING-CHAR except "+">."""
        return self.match(_TAG, "a tag")

    def text(self) -> bytes:
        """text = 1*TEXT-CHAR, to the end of the line; UTF-8 in IMAP4rev2."""
        start = self.at
        if self.peek() == b" ":
            self.fail("text without a leading SP")
        text = self.match(_TEXT_UTF8 if self.dialect.rev2 else _TEXT, "text")
        self._valid_utf8(text, start)
        if text.endswith(b" "):
            self.fail("text without a trailing SP", self.at - 1)
        return text

    def objectid(self) -> bytes:
        """objectid (RFC 8474 §7)."""
        start = self.at
        found = self.match(_OBJECTID, "an objectid")
        if len(found) > 255:
            self.fail("an objectid of at most 255 octets", start)
        return found

    def numset(self) -> UidSet:
        """A sequence-set from a server: no "*", no "$"."""
        ranges = [self._range()]
        while self.taken(b","):
            ranges.append(self._range())
        return UidSet(tuple(ranges))

    def _range(self) -> tuple[int, int]:
        first = self.nz_number()
        last = self.nz_number() if self.taken(b":") else first
        return (first, last) if first <= last else (last, first)

    def mailbox(self) -> bytes:
        """mailbox: INBOX in upper case; another name must be as RFC 3501 §5.1.3 or 6855 §3 say."""
        start = self.at
        return self.check_mailbox(self.astring(), start)

    def check_mailbox(self, name: bytes, start: int) -> bytes:
        """The name, if it is one; `start` is where it began."""
        if name.upper() == b"INBOX":
            return b"INBOX"
        if self.dialect.utf8:
            self._valid_utf8(name, start)
            if _FORBIDDEN_IN_NAMES.search(name.decode()):
                self.fail("a mailbox name without control characters", start)
        elif (fault := fault_of_mutf7(name)) is not None:
            self.fail(f"modified UTF-7 ({fault})", start)
        return name

    def delimiter(self) -> bytes | None:
        """DQUOTE QUOTED-CHAR DQUOTE / nil."""
        if self.nil():
            return None
        start = self.at
        found = self.quoted()
        if len(found if not self.dialect.utf8 else found.decode()) != 1:
            self.fail("one QUOTED-CHAR as hierarchy delimiter", start)
        return found

    def date_time(self) -> datetime:
        """date-time, of a day and time that exist."""
        start = self.at
        found = _DATE_TIME.fullmatch(self.quoted())
        if found is None:
            self.fail('date-time, as " 1-Jan-2026 00:00:00 +0000"', start)
        day, month, year, hour, minute, second, sign, zone = found.groups()
        east = timedelta(hours=int(zone[:2]), minutes=int(zone[2:]))
        try:
            if int(zone[2:]) > 59:
                raise ValueError("a zone's minutes")
            return datetime(
                int(year),
                _MONTHS[month.decode().lower()],
                int(day),
                int(hour),
                int(minute),
                min(int(second), 59) if second == b"60" else int(second),
                tzinfo=timezone(-east if sign == b"-" else east),
            )
        except (ValueError, KeyError):
            self.fail("a date and time that exist", start)
