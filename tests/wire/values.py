"""What a server said, as values: one class for each kind of response, and for each part of one.

Names compare without regard to case in IMAP, so flags, capabilities and item names stand here as
they came; `lowered` of a flag is for comparing.
"""

from dataclasses import dataclass
from datetime import datetime

UidRange = tuple[int, int]
"""Both ends included, the lower one first."""


@dataclass(frozen=True, slots=True)
class UidSet:
    """A sequence-set or uid-set without "*", in the order in which it came."""

    ranges: tuple[UidRange, ...]

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.ranges)


@dataclass(frozen=True, slots=True)
class Code:
    """A resp-text-code: its name in upper case and its argument, None where it takes none."""

    name: str
    argument: object = None


@dataclass(frozen=True, slots=True)
class CopyUid:
    """COPYUID: the two sets name as many messages."""

    uidvalidity: int
    source: UidSet
    target: UidSet


@dataclass(frozen=True, slots=True)
class AppendUid:
    """APPENDUID: one UID for each message appended."""

    uidvalidity: int
    uids: UidSet


@dataclass(frozen=True, slots=True)
class Progress:
    """INPROGRESS (RFC 9585): None is what the server doesn't know."""

    tag: bytes | None
    done: int | None
    goal: int | None


@dataclass(frozen=True, slots=True)
class Status:
    """OK, NO, BAD, PREAUTH or BYE; untagged where `tag` is None."""

    tag: bytes | None
    condition: str
    code: Code | None
    text: bytes


@dataclass(frozen=True, slots=True)
class Continuation:
    """A continuation: the text or base64 after "+ "."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Capabilities:
    """CAPABILITY, without duplicates."""

    names: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Enabled:
    """ENABLED: what was switched on, in upper case."""

    names: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Flags:
    """FLAGS of the selected mailbox."""

    flags: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Exists:
    """EXISTS."""

    count: int


@dataclass(frozen=True, slots=True)
class Recent:
    """RECENT."""

    count: int


@dataclass(frozen=True, slots=True)
class Expunge:
    """EXPUNGE of a sequence number."""

    seq: int


@dataclass(frozen=True, slots=True)
class Vanished:
    """VANISHED, with or without (EARLIER)."""

    uids: UidSet
    earlier: bool


@dataclass(frozen=True, slots=True)
class MailboxItem:
    """LIST or LSUB. `name` is as on the wire, INBOX in upper case; `extended` by upper-case tag."""

    command: str
    flags: tuple[bytes, ...]
    delimiter: bytes | None
    name: bytes
    extended: tuple[tuple[str, tuple[bytes, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class MailboxStatus:
    """STATUS; a value is a number, an objectid or None."""

    name: bytes
    items: tuple[tuple[str, int | bytes | None], ...]


@dataclass(frozen=True, slots=True)
class Namespace:
    """One namespace."""

    prefix: bytes
    delimiter: bytes | None
    extensions: tuple[tuple[bytes, tuple[bytes, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Namespaces:
    """NAMESPACE; None for NIL."""

    personal: tuple[Namespace, ...] | None
    others: tuple[Namespace, ...] | None
    shared: tuple[Namespace, ...] | None


@dataclass(frozen=True, slots=True)
class Identification:
    """ID: fields and values, or None for NIL."""

    fields: tuple[tuple[bytes, bytes | None], ...] | None


@dataclass(frozen=True, slots=True)
class Quota:
    """QUOTA: name, usage and limit of each resource."""

    root: bytes
    resources: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class QuotaRoot:
    """QUOTAROOT."""

    name: bytes
    roots: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Metadata:
    """METADATA: entries with their values, or only the names of those that changed."""

    name: bytes
    entries: tuple[tuple[bytes, bytes | None], ...]
    changed: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """SEARCH or SORT."""

    command: str
    numbers: tuple[int, ...]
    modseq: int | None = None


@dataclass(frozen=True, slots=True)
class Thread:
    """A chain of messages, then the branches below its last one."""

    members: tuple[int, ...]
    branches: "tuple[Thread, ...]" = ()


@dataclass(frozen=True, slots=True)
class Threads:
    """THREAD."""

    threads: tuple[Thread, ...]


@dataclass(frozen=True, slots=True)
class ExtendedSearch:
    """ESEARCH. `items` by upper-case name: a number, a UidSet or a tuple."""

    tag: bytes | None
    uid: bool
    items: tuple[tuple[str, object], ...]
    mailbox: tuple[bytes, int] | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """One address; without a host the start or the end of a group."""

    name: bytes | None
    route: bytes | None
    mailbox: bytes | None
    host: bytes | None


Addresses = tuple[Address, ...] | None


@dataclass(frozen=True, slots=True)
class Envelope:
    """ENVELOPE's ten fields."""

    date: bytes | None
    subject: bytes | None
    sender_from: Addresses
    sender: Addresses
    reply_to: Addresses
    to: Addresses
    cc: Addresses
    bcc: Addresses
    in_reply_to: bytes | None
    message_id: bytes | None


Params = tuple[tuple[bytes, bytes], ...] | None


@dataclass(frozen=True, slots=True)
class Extension:
    """What BODYSTRUCTURE adds to BODY; `first` is the MD5, or the parameters of a multipart."""

    first: bytes | Params
    disposition: tuple[bytes, Params] | None = None
    language: bytes | tuple[bytes, ...] | None = None
    location: bytes | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A body part that isn't a multipart; the last three where its type has them."""

    type: bytes
    subtype: bytes
    params: Params
    id: bytes | None
    description: bytes | None
    encoding: bytes
    size: int
    lines: int | None = None
    envelope: Envelope | None = None
    body: "Part | Multipart | None" = None
    extension: Extension | None = None


@dataclass(frozen=True, slots=True)
class Multipart:
    """A multipart with at least one part."""

    parts: "tuple[Part | Multipart, ...]"
    subtype: bytes
    extension: Extension | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a FETCH.

    `name` is in upper case and holds what makes the item another one: "BODY[1.MIME]",
    "BODY[HEADER.FIELDS (DATE)]<0>". `value` is what the item's grammar gives.
    """

    name: str
    value: object


@dataclass(frozen=True, slots=True)
class Fetch:
    """FETCH of one message; each item once. UIDFETCH where `by_uid`: `seq` is its UID then."""

    seq: int
    items: tuple[Item, ...]
    by_uid: bool = False


@dataclass(frozen=True, slots=True)
class Saved:
    """SAVEDATE: None where the mailbox doesn't keep it."""

    when: datetime | None


Response = (
    Status
    | Continuation
    | Capabilities
    | Enabled
    | Flags
    | Exists
    | Recent
    | Expunge
    | Vanished
    | MailboxItem
    | MailboxStatus
    | Namespaces
    | Identification
    | Quota
    | QuotaRoot
    | Metadata
    | Found
    | Threads
    | ExtendedSearch
    | Fetch
)
