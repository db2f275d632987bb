"""Octets in, `StoredMessage` out: the one path for sync, APPEND and import."""

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from bridge.ingest import envelope as envelopes
from bridge.ingest import keys
from bridge.ingest.bodystructure import structures
from bridge.ingest.parts import flatten
from bridge.ingest.texts import preview_and_search_text
from bridge.mime import dates, headers
from bridge.mime.headers import Field
from bridge.mime.scanner import MAX_HEADER_OCTETS, Scanner
from bridge.mime.tree import Node
from bridge.model.message import StoredMessage
from bridge.query.fields import kept_texts

MAX_SKEW = timedelta(days=1)
"""A message can't have arrived later than this after we saw it: senders' clocks go wrong."""

EARLIEST = datetime(1982, 8, 13, tzinfo=UTC)
"""No internal date is before RFC 822: Apple's Mail crashes on one. The Date field isn't touched."""

TRANSPORT_FIELDS = frozenset(
    {b"status", b"x-status", b"x-uid", b"x-uidl", b"x-keywords", b"content-length", b"lines"}
)
"""What servers change in a message between two retrievals of it."""

_MESSAGE_ID = re.compile(rb"<[^<>\s]{1,900}>")


class Ingest:
    """Feed the octets as they arrive, then `finish`. Memory doesn't grow with the message.

    Args:
        arrival: aware; when the message came here.
        listed_size: what LIST said, in octets; None where nothing was listed (APPEND).
        internal_date: given by the client (APPEND); else it is worked out from the header.
    """

    def __init__(
        self,
        *,
        arrival: datetime,
        listed_size: int | None = None,
        internal_date: datetime | None = None,
    ) -> None:
        self._arrival = arrival
        self._listed_size = listed_size
        self._internal_date = internal_date
        self._scanner = Scanner()
        self._size = 0
        self._full = hashlib.sha256()
        self._content = ContentHashes()

    @property
    def size(self) -> int:
        """Octets fed so far."""
        return self._size

    def feed(self, chunk: bytes) -> None:
        """Takes the next octets."""
        self._size += len(chunk)
        self._full.update(chunk)
        self._scanner.feed(chunk)
        self._content.feed(chunk, self._scanner.header_end)

    def finish(self) -> StoredMessage:
        """All that is known of the message; to be called once."""
        root = self._scanner.finish()
        full = self._full.digest()
        canonical, body_hash = self._content.finish(root.header_end) or (full, full)
        body, bodystructure = structures(root)
        values = envelopes.collect(root.fields)
        lists = envelopes.parse_lists(values)
        preview, search_text = preview_and_search_text(root)
        subject, reply = keys.subject(values.get(b"subject", b""))
        internal_date = max(
            self._internal_date or arrival_date(root.fields, self._arrival), EARLIEST
        )
        references = headers.first(root.fields, b"references") or b""
        return StoredMessage(
            size=self._size,
            full_hash=full,
            canonical_hash=canonical,
            body_hash=body_hash,
            internal_date=internal_date,
            header=root.header,
            envelope=envelopes.write(values, lists),
            body=body,
            bodystructure=bodystructure,
            parts=flatten(root),
            message_id=_first_id(values.get(b"message-id", b"")),
            ancestry=keys.ancestry(
                values.get(b"message-id", b""), references, values.get(b"in-reply-to", b"")
            ),
            subject=subject,
            reply=reply,
            from_key=keys.address(lists.get(b"from", ())),
            to_key=keys.address(lists.get(b"to", ())),
            cc_key=keys.address(lists.get(b"cc", ())),
            from_display=keys.display(lists.get(b"from", ())),
            to_display=keys.display(lists.get(b"to", ())),
            sent_s=keys.seconds(dates.sent(values.get(b"date", b"")) or internal_date),
            arrived_s=keys.seconds(internal_date),
            sent_date=dates.parse(values.get(b"date", b"")),
            preview=preview,
            search_text=search_text,
            field_texts=kept_texts(root.fields),
            suspect=self._suspect(root),
        )

    def _suspect(self, root: Node) -> str | None:
        if not self._size:
            return "empty"
        if not any(entry.name for entry in root.fields):
            return "headerless"
        if self._listed_size is not None and self._size * 2 < self._listed_size:
            return "short"
        return None


def arrival_date(fields: Sequence[Field], arrival: datetime) -> datetime:
    """The internal date: topmost Received that can be read, else Date, else `arrival`.

    Its own zone is kept; what lies in the future is brought back to `arrival` plus a day.
    """
    found = None
    for entry in fields:
        if entry.name == b"received" and (found := dates.received(entry.value)) is not None:
            break
    if found is None:
        found = dates.parse(headers.first(fields, b"date") or b"") or arrival
    latest = arrival + MAX_SKEW
    # Compared in UTC by hand: years 1 and 9999 overflow when their zone is taken off.
    try:
        late = found.astimezone(UTC) > latest
    except OverflowError:
        return arrival
    return latest.astimezone(found.tzinfo) if late else found


class ContentHashes:
    """The canonical hash and the body hash, worked out while octets pass.

    `header_end`, where the header ends, is to be told no sooner than that much was fed.
    """

    def __init__(self) -> None:
        self._head: bytearray | None = bytearray()
        self._canonical = hashlib.sha256()
        self._body = hashlib.sha256()
        self._tail = b""

    def feed(self, chunk: bytes, header_end: int | None) -> None:
        """Takes the next octets."""
        if self._head is None:
            self._pass(chunk)
        elif len(self._head) <= MAX_HEADER_OCTETS:
            self._head += chunk
            if header_end is not None and header_end <= MAX_HEADER_OCTETS:
                self._begin(header_end)

    def finish(self, header_end: int) -> tuple[bytes, bytes] | None:
        """(canonical, body), or None where the header is too large to be looked at."""
        if header_end > MAX_HEADER_OCTETS:
            return None
        if self._head is not None:
            self._begin(header_end)
        # One last blank line comes and goes with the server's mailbox format.
        blank = self._tail == b"\r\n\r\n"
        self._canonical.update(self._tail[:2] if blank else self._tail)
        return self._canonical.digest(), self._body.digest()

    def _begin(self, header_end: int) -> None:
        assert self._head is not None
        head, rest = bytes(self._head[:header_end]), bytes(self._head[header_end:])
        self._head = None
        self._canonical.update(headers.select(head, TRANSPORT_FIELDS, negate=True))
        self._pass(rest)

    def _pass(self, chunk: bytes) -> None:
        self._body.update(chunk)
        octets = self._tail + chunk
        self._canonical.update(octets[:-4])
        self._tail = octets[-4:]


def _first_id(value: bytes) -> bytes:
    found = _MESSAGE_ID.search(value)
    return found[0] if found else b""
