"""A message as ingest makes it and as the store hands it out."""

from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from bridge.model.ids import MessageId, ModSeq, Uid


class Part(NamedTuple):
    """One MIME part by octet offset into the whole message; ends are exclusive.

    `number` is the IMAP section, "2.1"; a message's own record has the prefix of its parts'
    numbers: "" for the whole, "2." for the one embedded in part 2. The header with its blank line
    is [mime_start, header_end). `rfc822` marks a part whose body is such a message; `lines`
    counts LF in the body.
    """

    number: str
    mime_start: int
    header_end: int
    body_start: int
    body_end: int
    type: str
    subtype: str
    encoding: str
    charset: str
    lines: int
    rfc822: bool = False
    multipart: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """All that is worked out once, on the way in. Octets themselves travel beside it.

    Hashes are SHA-256 digests: `full_hash` of the octets; `canonical_hash` without Status,
    X-Status, X-UID, X-UIDL, X-Keywords, Content-Length, Lines and one last blank line;
    `body_hash` of the octets after the header.
    """

    size: int
    full_hash: bytes
    canonical_hash: bytes
    body_hash: bytes
    internal_date: datetime
    header: bytes
    envelope: bytes
    body: bytes
    bodystructure: bytes
    parts: tuple[Part, ...]
    message_id: bytes = b""
    ancestry: bytes = b""
    """Message IDs as threads compare them, a line each: its own, then its references."""
    subject: bytes = b""
    """The folded base subject (RFC 5256 §2.1)."""
    reply: bool = False
    """Whether the subject is a reply's or a forward's (RFC 5256 §3)."""
    from_key: bytes = b""
    to_key: bytes = b""
    cc_key: bytes = b""
    from_display: bytes = b""
    to_display: bytes = b""
    sent_s: int = 0
    """The sent date of RFC 5256 §2.2, in seconds since 1970."""
    arrived_s: int = 0
    """The internal date, in seconds since 1970."""
    sent_date: datetime | None = None
    preview: str = ""
    search_text: bytes = b""
    field_texts: tuple[bytes | None, ...] = ()
    """What each of `bridge.model.search.TEXT_FIELDS` reads, folded; none at all where that isn't
    kept."""
    suspect: str | None = None
    """Why the octets are doubted: "empty", "headerless" or "short"; None if they aren't."""

    def __reduce__(self) -> tuple[Any, ...]:
        """As it goes between processes: what dataclasses do by themselves takes 80 us to read."""
        return _stored_message, _values(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRow:
    """One message of a mailbox with what FETCH shows from columns; absent columns are b""."""

    uid: Uid
    message_id: MessageId
    modseq: ModSeq
    flags: frozenset[str]
    size: int
    internal_date: datetime
    savedate: datetime
    emailid: str
    sent_date: datetime | None = None
    header: bytes = b""
    envelope: bytes = b""
    body: bytes = b""
    bodystructure: bytes = b""
    parts: tuple[Part, ...] = field(default=())


_NAMES = StoredMessage.__slots__
_values = attrgetter(*_NAMES)


def _stored_message(*values: Any) -> StoredMessage:
    return StoredMessage(**dict(zip(_NAMES, values, strict=True)))
