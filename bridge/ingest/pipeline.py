"""Octets in, `StoredMessage` out: the one path for sync, APPEND and import."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from bridge.ingest import envelope as envelopes
from bridge.ingest import keys
from bridge.ingest.bodystructure import structures
from bridge.ingest.hashes import Hashes
from bridge.ingest.parts import flatten
from bridge.ingest.texts import preview_and_search_text
from bridge.mime import dates, headers
from bridge.mime.headers import Field
from bridge.mime.scanner import Scanner
from bridge.mime.tree import Node
from bridge.model.message import StoredMessage
from bridge.query.fields import kept_texts

MAX_SKEW = timedelta(days=1)
"""A message can't have arrived later than this after we saw it: senders' clocks go wrong."""

EARLIEST = datetime(1982, 8, 13, tzinfo=UTC)
"""No internal date is before RFC 822: Apple's Mail crashes on one. The Date field isn't touched."""

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
        self._hashes = Hashes()

    @property
    def size(self) -> int:
        """Octets fed so far."""
        return self._size

    def feed(self, chunk: bytes) -> None:
        """Takes the next octets."""
        self._size += len(chunk)
        self._scanner.feed(chunk)
        self._hashes.feed(chunk, self._scanner.header_end)

    def finish(self) -> StoredMessage:
        """All that is known of the message; to be called once."""
        root = self._scanner.finish()
        full, canonical, body_hash = self._hashes.finish(root.header_end)
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


def _first_id(value: bytes) -> bytes:
    found = _MESSAGE_ID.search(value)
    return found[0] if found else b""
