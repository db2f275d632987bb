"""SEARCH keys as a tree (RFC 9051 §6.4.4), made by the wire and read by `query`."""

from dataclasses import dataclass
from datetime import date

from bridge.model.numset import NumSet

TEXT_FIELDS = (b"subject", b"from", b"to", b"cc", b"bcc", b"message-id")
"""What is searched for often: what these fields read is kept with each message."""


@dataclass(frozen=True, slots=True)
class All:
    """Every message."""


@dataclass(frozen=True, slots=True)
class HasFlag:
    """KEYWORD, SEEN, ...; `present` False for the UN- forms."""

    flag: str
    present: bool = True


@dataclass(frozen=True, slots=True)
class Numbers:
    """A sequence set, or UID and a set."""

    numbers: NumSet
    uid: bool


@dataclass(frozen=True, slots=True)
class Header:
    """HEADER name value, and BCC, CC, FROM, SUBJECT, TO; b"" asks for the field's presence."""

    name: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Text:
    """BODY, or TEXT with the header too; UTF-8."""

    value: bytes
    header: bool


@dataclass(frozen=True, slots=True)
class Size:
    """LARGER or SMALLER: strict, in octets."""

    octets: int
    larger: bool


@dataclass(frozen=True, slots=True)
class Date:
    """BEFORE, ON, SINCE; `sent` for the SENT- forms. Time and zone are disregarded."""

    relation: str
    day: date
    sent: bool


@dataclass(frozen=True, slots=True)
class Saved:
    """SAVEDBEFORE, SAVEDON, SAVEDSINCE (RFC 8514 §4.3). Time and zone are disregarded."""

    relation: str
    day: date


@dataclass(frozen=True, slots=True)
class HasSaveDate:
    """SAVEDATESUPPORTED: every message, for every mailbox keeps save dates."""


@dataclass(frozen=True, slots=True)
class ObjectId:
    """EMAILID or THREADID, as `item` says, and what it is (RFC 8474 §6); its letters have case."""

    item: str
    value: str


@dataclass(frozen=True, slots=True)
class Within:
    """OLDER or YOUNGER: the internal date against now less `seconds`, to the second (RFC 5032)."""

    seconds: int
    older: bool


@dataclass(frozen=True, slots=True)
class ModSeqAtLeast:
    """MODSEQ n (RFC 7162 §3.1.5)."""

    modseq: int


@dataclass(frozen=True, slots=True)
class Not:
    """The key's complement."""

    key: "SearchKey"


@dataclass(frozen=True, slots=True)
class Or:
    """Either."""

    left: "SearchKey"
    right: "SearchKey"


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    keys: tuple["SearchKey", ...]


SearchKey = (
    All
    | HasFlag
    | HasSaveDate
    | Numbers
    | ObjectId
    | Header
    | Text
    | Size
    | Date
    | Saved
    | Within
    | ModSeqAtLeast
    | Not
    | Or
    | And
)


def has_numbers(key: SearchKey) -> bool:
    """Whether message numbers stand in it: they mean other messages once one is expunged."""
    if isinstance(key, Numbers):
        return not (key.uid or key.numbers.saved)
    if isinstance(key, Not):
        return has_numbers(key.key)
    if isinstance(key, Or):
        return has_numbers(key.left) or has_numbers(key.right)
    return isinstance(key, And) and any(map(has_numbers, key.keys))
