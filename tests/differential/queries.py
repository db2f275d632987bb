"""SEARCH keys whose answers must agree: chosen by hand, and sets of them by seed."""

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

SEED = 3501
COMBINED = 80

Found = frozenset[int]
Meaning = Callable[[Found, Found, Found, Found], Found]
"""From what three keys find and from all messages to what the combination finds."""

_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_FLAGS = [
    "ALL",
    "ANSWERED",
    "DELETED",
    "DRAFT",
    "FLAGGED",
    "SEEN",
    "UNANSWERED",
    "UNDELETED",
    "UNDRAFT",
    "UNFLAGGED",
    "UNSEEN",
]
_NUMBERS = ("1:10", "*", "5:*", "10:5", "1,3,5:7,*", "UID 1:100", "UID 7,9,500:*", "NOT 1:400")
_SIZES = (
    "LARGER 1000",
    "SMALLER 200",
    "LARGER 100000",
    "SMALLER 1",
    "LARGER 0",
    "SMALLER 4294967295",
)
_DAYS = ("1-Mar-2026", "15-Mar-2026", '"14-Mar-2026"', "1-Jan-1990", "1-Jan-2030")
_SENT_DAYS = ("23-Nov-2026", "22-Nov-2026", "24-Nov-2026", "1-Jan-2000", "1-Jan-1970", "1-Jan-2040")
_ADDRESSES = {
    "FROM": ("ann", "Ann Smith", "example.org", "SMITH", "relay", "odd", '"(who)"', "änn"),
    "TO": ("bob", "undisclosed", "friends", "user299", "x.org", "c@z", "root", "Fréunde"),
    "CC": ("c@z.org", "group", "a@x.org", "nobody"),
    "BCC": ("nobody", '""'),
}
_SUBJECTS = (
    "plain", "PLAIN", "lai", '"plain subject"', "café", "CAFÉ", "cafe", "Привет", "日本", "one",
        '"one two"',
    '"one two three"', "tabbed", '"far away"', '"far     away"', "=?utf-8", "inner", "€",
        "lang", '"quoted"',
    "second", "first", '"\\"quoted\\""', "NIL", '""', "split", "lower", "long", "raw", "begins",
)  # fmt: skip
_HEADERS = (
    'Message-ID "1@example.org"', 'Message-ID ""', 'X-Odd ""', 'Content-Type "multipart"',
        'Content-Type boundary',
    'MIME-Version 1.0', 'Subject ""', 'Date 2026', 'Date ""', 'Reply-To ""', 'Received ""',
        'In-Reply-To "2@x"',
    'References "0@x"', 'X-Nobody-Has-This ""', 'X-7 7', 'Content-Disposition attachment',
        'Content-ID "c@x"',
    'Sender ""', 'Return-Path "<>"', 'Content-Transfer-Encoding base64', 'From "Ann Smith"',
        'Resent-From ""',
)  # fmt: skip
_BODIES = (
    "hello", "HELLO", "ell", '"hello bob"', "part", '"first part"', "second", "preamble",
        "epilogue", "straße",
    "STRASSE", "köln", "KÖLN", "€", "Привет", "привет", "日本語", "한국", "你好", "utf7", "softly",
        '"soft wrapped"',
    "wonderful", "world", "secret", "hidden", "commented", "picture", "anchor", "alpha",
        "inner", '"inner text"',
    "innermost", "xyzzy", "longer", "two", "part 199", '"user299"', "caf\u00e9", "istanbul",
        "ΟΔΥΣΣΕΥΣ", "ῼ",
    "fin", "trailing", "footer", "JVBERi0", "signed", "Hash", "VCALENDAR", "b.txt", "quoted",
        "uro", "html", "1 < 2",
)  # fmt: skip
_TEXTS = (
    "ann@example.org",
    "plain subject",
    "inner subject",
    "boundary",
    "hello",
    "Content-Type",
    "straße",
    "café",
    "z.zip",
    "smime.p7m",
    "signature.asc",
)


@dataclass(frozen=True, slots=True)
class Combination:
    """A key made of three others, as text and as what it means."""

    key: str
    parts: tuple[str, str, str]
    meaning: Meaning


def queries() -> tuple[str, ...]:
    """The simple keys."""
    return tuple(_simple())


def combinations() -> Iterator[Combination]:
    """Keys joined by AND, OR, NOT and parentheses, the same each time."""
    random_ = random.Random(SEED)
    simple = tuple(_simple())
    for _ in range(COMBINED):
        one, two, three = random_.sample(simple, 3)
        template, meaning = random_.choice(_TEMPLATES)
        yield Combination(template.format(one, two, three), (one, two, three), meaning)


_TEMPLATES: tuple[tuple[str, Meaning], ...] = (
    ("{0} {1} {2}", lambda a, b, c, all_: a & b & c),
    ("OR {0} {1} {2}", lambda a, b, c, all_: (a | b) & c),
    ("NOT ({0} {1}) {2}", lambda a, b, c, all_: (all_ - (a & b)) & c),
    ("OR NOT {0} ({1} {2})", lambda a, b, c, all_: (all_ - a) | (b & c)),
    ("({0} (NOT {1})) {2}", lambda a, b, c, all_: (a - b) & c),
    ("NOT OR {0} NOT {1} NOT {2}", lambda a, b, c, all_: (b - a) - c),
    ("NOT NOT {0} OR ({1}) OR {2} {0}", lambda a, b, c, all_: a & (a | b | c)),
    ("OR OR {0} {1} {2}", lambda a, b, c, all_: a | b | c),
)


def _simple() -> Iterator[str]:
    yield from _FLAGS
    yield from ("NEW", "OLD", "RECENT", "KEYWORD $Odd", "UNKEYWORD $Odd", "KEYWORD $Never")
    yield from _NUMBERS
    yield from _SIZES
    for relation in ("BEFORE", "ON", "SINCE"):
        yield from (f"{relation} {day}" for day in _DAYS)
        yield from (f"SENT{relation} {day}" for day in _SENT_DAYS)
    for field, values in _ADDRESSES.items():
        yield from (f"{field} {_quoted(value)}" for value in values)
    yield from (f"SUBJECT {_quoted(value)}" for value in _SUBJECTS)
    yield from (f"HEADER {value}" for value in _HEADERS)
    yield from (f"BODY {_quoted(value)}" for value in _BODIES)
    yield from (f"TEXT {_quoted(value)}" for value in _TEXTS)


def _quoted(value: str) -> str:
    return value if value.startswith('"') else f'"{value}"'


def command(query: str) -> bytes:
    """The command: strings beyond ASCII as literals, with their charset."""
    if query.isascii():
        return b"SEARCH " + query.encode()
    return b"SEARCH CHARSET UTF-8 " + _STRING.sub(_literal, query).encode()


def _literal(found: re.Match[str]) -> str:
    text = found[1]
    return found[0] if text.isascii() else f"{{{len(text.encode())}+}}\r\n{text}"
