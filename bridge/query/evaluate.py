"""Whether a message matches a search (RFC 9051 §6.4.4): predicates made once, run on each."""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from bridge.mime import addresses, headers, words
from bridge.mime.text import coded_fields, header_lines
from bridge.model.numset import NumSet
from bridge.model.search import (
    All,
    And,
    Date,
    HasFlag,
    Header,
    ModSeqAtLeast,
    Not,
    Numbers,
    Or,
    SearchKey,
    Size,
    Text,
    Within,
)
from bridge.query.fold import SECTION_END, fold, fold_field

_ADDRESSED = frozenset({b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc"})
_BETWEEN_LETTERS = b' \t"\\<>,;:'
_COSTS = {"header": 2, "text": 4}
_DAY = len("2026-11-24")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A message as the search sees it; `flags` in lower case, dates as ISO 8601 text.

    What `needs` says that the key can do without may be left out.
    """

    seq: int
    uid: int
    modseq: int
    flags: frozenset[str]
    size: int = 0
    internal_date: str = ""
    sent_date: str | None = None
    header: bytes = b""
    text: bytes = b""


Predicate = Callable[[Candidate], bool]


@dataclass(frozen=True, slots=True)
class Needs:
    """What a key looks at beyond flags and numbers: fields of `Candidate`."""

    fields: frozenset[str] = frozenset()

    def __or__(self, other: "Needs") -> "Needs":
        return Needs(self.fields | other.fields)

    @property
    def cost(self) -> int:
        """What it takes to look at them, in no unit: texts are long, headers less so."""
        return sum(_COSTS.get(name, 1) for name in self.fields)


def needs(key: SearchKey) -> Needs:
    """What must be loaded to evaluate `key`."""
    match key:
        case All() | HasFlag() | Numbers() | ModSeqAtLeast():
            return Needs()
        case Size():
            return Needs(frozenset({"size"}))
        case Date():
            return Needs(frozenset({"sent_date" if key.sent else "internal_date"}))
        case Within():
            return Needs(frozenset({"internal_date"}))
        case Header():
            return Needs(frozenset({"header"}))
        case Text():
            return Needs(frozenset({"header", "text"} if key.header else {"text"}))
        case Not():
            return needs(key.key)
        case Or():
            return needs(key.left) | needs(key.right)
        case And():
            found = Needs()
            for inner in key.keys:
                found |= needs(inner)
            return found
        case _:
            assert_never(key)


def predicate(key: SearchKey, *, last_seq: int, last_uid: int, now: datetime) -> Predicate:
    """The test for one message.

    Args:
        key: what is searched for.
        last_seq: the number of messages; what "*" means in a sequence set.
        last_uid: the highest UID, or 0; what "*" means in a UID set.
        now: the time, aware.
    """

    def build(key: SearchKey) -> Predicate:
        match key:
            case All():
                return lambda message: True
            case HasFlag():
                return _flag(key)
            case Numbers():
                return _numbers(key.numbers, key.uid, last_uid if key.uid else last_seq)
            case ModSeqAtLeast():
                return lambda message: message.modseq >= key.modseq
            case Size():
                return _size(key)
            case Date():
                return _date(key)
            case Within():
                return _within(key, now)
            case Header():
                return _header(key)
            case Text():
                return _text(key)
            case Not():
                inner = build(key.key)
                return lambda message: not inner(message)
            case Or():
                left, right = build(key.left), build(key.right)
                return lambda message: left(message) or right(message)
            case And():
                tests = [build(inner) for inner in sorted(key.keys, key=_cost)]
                return lambda message: all(test(message) for test in tests)
            case _:
                assert_never(key)

    return build(key)


def split(key: SearchKey) -> tuple[SearchKey, SearchKey | None]:
    """(what flags and numbers decide, what needs more or None): both must hold."""
    keys = key.keys if isinstance(key, And) else (key,)
    cheap = tuple(inner for inner in keys if needs(inner) == Needs())
    rest = tuple(inner for inner in keys if needs(inner) != Needs())
    return And(cheap), And(rest) if rest else None


def _cost(key: SearchKey) -> int:
    return needs(key).cost


def _flag(key: HasFlag) -> Predicate:
    name, present = key.flag.lower(), key.present
    return lambda message: (name in message.flags) is present


def _numbers(numbers: NumSet, uid: bool, last: int) -> Predicate:
    ranges = numbers.resolve(last)
    lows, highs = [low for low, _ in ranges], [high for _, high in ranges]

    def test(message: Candidate) -> bool:
        number = message.uid if uid else message.seq
        at = bisect_right(lows, number)
        return at > 0 and number <= highs[at - 1]

    return test


def _size(key: Size) -> Predicate:
    if key.larger:
        return lambda message: message.size > key.octets
    return lambda message: message.size < key.octets


def _date(key: Date) -> Predicate:
    """Days are compared as they are written: times and zones don't count (RFC 9051 §6.4.4)."""
    wanted = key.day.isoformat()
    compare: dict[str, Callable[[str], bool]] = {
        "BEFORE": lambda moment: moment[:_DAY] < wanted,
        "ON": lambda moment: moment[:_DAY] == wanted,
        "SINCE": lambda moment: moment[:_DAY] >= wanted,
    }
    holds = compare[key.relation]
    if not key.sent:
        return lambda message: holds(message.internal_date)
    return lambda message: message.sent_date is not None and holds(message.sent_date)


def _within(key: Within, now: datetime) -> Predicate:
    target = now.replace(microsecond=0) - timedelta(seconds=key.seconds)

    def test(message: Candidate) -> bool:
        moment = datetime.fromisoformat(message.internal_date).replace(microsecond=0)
        return moment <= target if key.older else moment >= target

    return test


def _header(key: Header) -> Predicate:
    wanted = fold_field(words.raw_text(key.value))
    letters = wanted.translate(None, _BETWEEN_LETTERS)

    word = _longest_word(wanted)

    def test(message: Candidate) -> bool:
        if word and _lacks(message.header, word, between=key.name in _ADDRESSED):
            return False
        values = headers.values(message.header, key.name)
        if not wanted:
            return bool(values)
        read = [fold_field(words.decode(value)) for value in values]
        if any(wanted in text for text in read):
            return True
        if key.name not in _ADDRESSED:
            return False
        # But for comments the envelope has all letters that the field has, in the same order.
        possible = letters in b"".join(read).translate(None, _BETWEEN_LETTERS)
        commented = any(b"(" in value for value in values)
        return (possible or commented) and wanted in _envelope_form(values)

    return test


def _longest_word(wanted: bytes) -> bytes:
    """What must stand in one piece wherever `wanted` does; b"" if that can't be told."""
    return max(wanted.split(), key=len, default=b"") if wanted.isascii() else b""


def _lacks(header: bytes, word: bytes, *, between: bool = False) -> bool:
    """Whether a folded ASCII word surely stands in no field: a quick look that spares the long one.

    Where a field may have encoded words or another charset it can't tell. `between` says that
    what may stand between the letters of an address doesn't count; comments may as well.
    """
    if b"=?" in header or not header.isascii():
        return False
    upper = header.upper()
    if word in upper:
        return False
    if not between:
        return True
    letters = word.translate(None, _BETWEEN_LETTERS)
    return b"(" not in upper and letters not in upper.translate(None, _BETWEEN_LETTERS + b"\r\n")


def _envelope_form(values: list[bytes]) -> bytes:
    """Addresses as ENVELOPE has them (RFC 3501 §6.4.4 FROM)."""
    return fold_field(
        ", ".join(
            f"{words.decode(one.name or b'')} "
            f"<{words.raw_text(one.mailbox or b'')}@{words.raw_text(one.host or b'')}>"
            for one in addresses.parse(b", ".join(values))
        )
    )


def _text(key: Text) -> Predicate:
    value = words.raw_text(key.value)
    wanted, in_field = fold(value), fold_field(value)
    # Folding, white space and encoding leave a word of plain ASCII as it is.
    word = _longest_word(in_field)

    def in_body(message: Candidate) -> bool:
        at = message.text.find(wanted)
        return at >= 0 and message.text.find(SECTION_END, 0, at) < 0

    def anywhere(message: Candidate) -> bool:
        if wanted in message.text or (in_field != wanted and in_field in message.text):
            return True
        header = message.header
        if word and _lacks(header, word):
            return False
        if word not in header.upper() and header.isascii():
            header = coded_fields(header)
        return in_field in fold_field(header_lines(header))

    return anywhere if key.header else in_body
