"""A cursor over one command's pieces, with a method for each terminal of RFC 9051 §9.

It runs on octets and an integer offset; literals are pieces of their own between texts.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone

from bridge.imap import mutf7
from bridge.imap.framing import Literal, Piece, Streamed
from bridge.imap.mode import REV1, Mode
from bridge.model.flags import RECENT, SYSTEM_FLAGS, canonical
from bridge.model.numset import STAR, NumSet

MAX_NESTING = 100
"""Parentheses, NOT and OR: deeper commands come from attackers only."""

_ATOM = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\\]]+")
_ASTRING = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\]+")
_LIST_MAILBOX = re.compile(rb"[^\x00-\x20\x7f-\xff(){\"\\]+")
_TAG = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\+]+")
_QUOTED = re.compile(rb'"((?:[^"\\\r\n\0]|\\["\\])*)"')
_NUMBER = re.compile(rb"\d{1,20}")
_SET = re.compile(rb"\$|(?:\d+|\*)(?::(?:\d+|\*))?(?:,(?:\d+|\*)(?::(?:\d+|\*))?)*")
_DATE = re.compile(rb'"?(\d{1,2})-([A-Za-z]{3})-(\d{4})"?')
_DATE_TIME = re.compile(
    rb'"([ \d]\d)-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)"'
)
_MONTHS = {
    m: n for n, m in enumerate(b"jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)
}
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)


class SyntaxFault(Exception):
    """The command can't be read: answered with BAD. `text` says what was expected."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class OverLimit(SyntaxFault):
    """The command has more of something than is read: BAD [LIMIT]; `limit` names it to metrics."""

    def __init__(self, text: str, limit: str = "other") -> None:
        super().__init__(text)
        self.limit = limit


class NotAName(SyntaxFault):
    """A mailbox name that can't be one: NO [CANNOT], since the command itself can be read."""


class Cursor:
    """Reads forward; every method either takes what it names or raises `SyntaxFault`.

    `mode` is what the client has enabled.
    """

    def __init__(self, pieces: Sequence[Piece], mode: Mode = REV1) -> None:
        self.mode = mode
        self._pieces = pieces
        self._go_to(0)

    def _go_to(self, number: int) -> None:
        piece = self._pieces[number] if number < len(self._pieces) else b""
        self._piece = number
        self._text = piece if isinstance(piece, bytes) else b""
        self._offset = 0

    def match(self, pattern: re.Pattern[bytes], what: str) -> re.Match[bytes]:
        """What `pattern` finds here."""
        found = pattern.match(self._text, self._offset)
        if found is None:
            raise SyntaxFault(f"Expected {what}")
        self._offset = found.end()
        return found

    def try_match(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """What `pattern` finds here, or None, taking nothing."""
        found = pattern.match(self._text, self._offset)
        if found is not None:
            self._offset = found.end()
        return found

    def rest(self) -> bytes:
        """All that is left of this piece of text."""
        octets = self._text[self._offset :]
        self._offset = len(self._text)
        return octets

    def last_text(self, most: int) -> bytes | None:
        """All that is left of the command; None, taking nothing, if it has literals or is longer.

        Args:
            most: octets.
        """
        plain = self._piece + 1 >= len(self._pieces) and len(self._text) - self._offset <= most
        return self.rest() if plain else None

    def at_number_set(self) -> bool:
        """Whether a set of message numbers comes next."""
        return _SET.match(self._text, self._offset) is not None

    def _literal(self) -> Literal | Streamed | None:
        following = self._piece + 1
        if self._offset < len(self._text) or following >= len(self._pieces):
            return None
        piece = self._pieces[following]
        if isinstance(piece, bytes):
            return None
        self._go_to(following + 1)
        return piece

    def at_end(self) -> bool:
        """Whether the command is read to its end."""
        return self._offset >= len(self._text) and self._piece + 1 >= len(self._pieces)

    def end(self) -> None:
        """Nothing may follow; trailing spaces, which some clients send, are let pass."""
        while self.peek(b" "):
            self._offset += 1
        if not self.at_end():
            raise SyntaxFault("Unexpected text at the end of the command")

    def ends_with(self, octets: bytes) -> bool:
        """Whether `octets` are all that is left of this piece of text, in these letters."""
        text = self._text
        return len(text) - self._offset == len(octets) and text.endswith(octets)

    def peek(self, octets: bytes) -> bool:
        """Whether `octets` come next; letters without case."""
        if self._text.startswith(octets, self._offset):
            return True
        return self._text[self._offset : self._offset + len(octets)].upper() == octets.upper()

    def skip(self, octets: bytes) -> bool:
        """Takes `octets` if they come next."""
        found = self.peek(octets)
        if found:
            self._offset += len(octets)
        return found

    def expect(self, octets: bytes) -> None:
        """Takes `octets`."""
        if not self.skip(octets):
            raise SyntaxFault(f"Expected {octets.decode('ascii')!r}")

    def space(self) -> None:
        """SP."""
        if not self._text.startswith(b" ", self._offset):
            raise SyntaxFault("Expected ' '")
        self._offset += 1

    def tag(self) -> bytes:
        """tag."""
        return self.match(_TAG, "a tag")[0]

    def atom(self) -> bytes:
        """atom."""
        return self.match(_ATOM, "an atom")[0]

    def word(self) -> str:
        """A command or key word, in upper case."""
        return self.atom().decode("ascii").upper()

    def string(self) -> bytes:
        """string: quoted or a literal in memory."""
        if self.peek(b'"'):
            quoted = _ESCAPE.sub(rb"\1", self.match(_QUOTED, "a quoted string that ends")[1])
            if not quoted.isascii() and self.mode.utf8 and not _is_utf8(quoted):
                # RFC 6855 §3. Before ENABLE nobody may rely on what 8-bit octets mean.
                raise SyntaxFault("A quoted string is UTF-8")
            return quoted
        literal = self._literal()
        if not isinstance(literal, Literal):
            raise SyntaxFault("Expected a string")
        return literal.octets

    def astring(self) -> bytes:
        """astring; NIL is an ordinary one."""
        found = _ASTRING.match(self._text, self._offset)
        if found is None:
            return self.string()
        self._offset = found.end()
        return found[0]

    def nstring(self) -> bytes | None:
        """nstring."""
        return None if self.skip(b"NIL") else self.string()

    def list_mailbox(self) -> bytes:
        """list-mailbox: an astring in which the wildcards are ordinary."""
        found = _LIST_MAILBOX.match(self._text, self._offset)
        if found is None:
            return self.string()
        self._offset = found.end()
        return found[0]

    def mailbox(self) -> str:
        """A mailbox's name."""
        return self.name_of(self.astring())

    def name_of(self, octets: bytes) -> str:
        """The mailbox name that octets spell: in UTF-8 where it is enabled, else modified UTF-7.

        Raises:
            NotAName: they spell none.
        """
        try:
            return octets.decode() if self.mode.utf8 else mutf7.decode(octets)
        except ValueError as error:
            spelling = "UTF-8" if self.mode.utf8 else "modified UTF-7"
            raise NotAName(f"A mailbox name is written in {spelling}") from error

    def mailbox_argument(self) -> str:
        """A space, and a mailbox's name."""
        self.space()
        return self.mailbox()

    def message_literal(self) -> bytes | Streamed:
        """The literal of APPEND, in memory or streamed."""
        match self._literal():
            case Literal(octets):
                return octets
            case Streamed() as streamed:
                return streamed
            case None:
                raise SyntaxFault("Expected the message as a literal")

    def number(self) -> int:
        """number64."""
        value = int(self.match(_NUMBER, "a number")[0])
        if value >= 1 << 63:
            raise SyntaxFault("The number is too large")
        return value

    def modifier(self, *names: str) -> str | None:
        """SP "(" and the name of the modifier that stands in it (RFC 4466 §2), or None.

        What is known here comes alone: there is no second one to come with it.
        """
        if not self.skip(b" ("):
            return None
        name = self.word()
        if name not in names:
            raise SyntaxFault(f"Unknown modifier {name[:40]}")
        return name

    def modseq_modifier(self, name: str) -> int | None:
        """SP "(" name SP mod-sequence-valzer ")", or None where there are no modifiers."""
        if self.modifier(name) is None:
            return None
        self.space()
        modseq = self.number()
        self.expect(b")")
        return modseq

    def numset(self) -> NumSet:
        """sequence-set; its numbers are 1 to 2^32-1. "$" stands alone (RFC 9051 §9)."""
        text = self.match(_SET, "a set of message numbers")[0]
        if text == b"$":
            return NumSet((), saved=True)
        if text.isdigit():
            number = _set_number(text)
            return NumSet(((number, number),))
        ranges = []
        for part in text.split(b","):
            low, _, high = part.partition(b":")
            ranges.append((_set_number(low), _set_number(high or low)))
        return NumSet(tuple(ranges))

    def date(self) -> datetime:
        """date, at midnight UTC: only its day counts."""
        day, month, year = self.match(_DATE, "a date such as 1-Jan-2026").groups()
        return _moment(year, month, day)

    def date_time(self) -> datetime:
        """date-time, aware."""
        found = self.match(_DATE_TIME, 'a date such as " 1-Jan-2026 08:00:00 +0000"').groups()
        day, month, year, hour, minute, second, sign, hours, minutes = found
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        if offset >= timedelta(days=1) or int(minutes) > 59:
            raise SyntaxFault("That time zone does not exist")
        midnight = _moment(year, month, day)
        try:
            return midnight.replace(
                hour=int(hour),
                minute=int(minute),
                second=min(int(second), 59) if second == b"60" else int(second),
                tzinfo=timezone(-offset if sign == b"-" else offset),
            )
        except ValueError as error:
            raise SyntaxFault("That time does not exist") from error


_FLAG = re.compile(rb"\\?[^\x00-\x20\x7f-\xff(){%*\"\\\]]+")
_KNOWN = frozenset({*SYSTEM_FLAGS, RECENT})
MAX_FLAGS = 500
"""Keywords in one command."""


def parse_flag(cursor: Cursor) -> str:
    """One flag or keyword, system flags in their one spelling."""
    flag = canonical(cursor.match(_FLAG, "a flag")[0].decode("ascii"))
    if flag.startswith("\\") and flag not in _KNOWN:
        raise SyntaxFault(f"There is no system flag {flag[:40]}")
    return flag


def parse_flags(cursor: Cursor) -> frozenset[str]:
    """flag-list; it may be empty."""
    cursor.expect(b"(")
    flags: list[str] = []
    while not cursor.skip(b")"):
        if flags:
            cursor.space()
        flags.append(parse_flag(cursor))
        if len(flags) > MAX_FLAGS:
            raise OverLimit(f"A command takes at most {MAX_FLAGS} flags")
    return distinct_flags(flags)


def distinct_flags(flags: Iterable[str]) -> frozenset[str]:
    """The flags, of those that differ in case alone the first."""
    found: dict[str, str] = {}
    for flag in flags:
        found.setdefault(flag.lower(), flag)
    return frozenset(found.values())


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True


def _set_number(text: bytes) -> int:
    if text == b"*":
        return STAR
    value = int(text) if len(text) <= 10 else 0
    if not 0 < value < STAR:
        raise SyntaxFault("Message numbers are 1 to 4294967295")
    return value


def _moment(year: bytes, month: bytes, day: bytes) -> datetime:
    try:
        return datetime(int(year), _MONTHS[month.lower()], int(day), tzinfo=UTC)
    except (KeyError, ValueError) as error:
        raise SyntaxFault("That date does not exist") from error
