"""Looks at the octets of one stored message again, piece by piece."""

from datetime import UTC, datetime
from typing import Any

from bridge.admin.findings import Kind
from bridge.ingest.hashes import Hashes
from bridge.ingest.pipeline import Ingest
from bridge.model.message import StoredMessage
from bridge.store import checks
from bridge.store.base import Reads, time_text
from bridge.store.checks import MessageCheck
from bridge.store.schema import CHUNK_OCTETS

PIECE_CHUNKS = 16
"""Read in one look (4 MiB, some 20 ms): memory doesn't grow with the message."""

_WORKED_OUT = (
    "header",
    "envelope",
    "body",
    "bodystructure",
    "parts",
    "message_id",
    "ancestry",
    "subject",
    "reply",
    "from_key",
    "to_key",
    "cc_key",
    "from_display",
    "to_display",
    "preview",
    "search_text",
    "field_texts",
)
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
"""Of arrival; what depends on it isn't compared."""


class Rehash:
    """One message. Call `step` until `ended`, then look at `faults`.

    Args:
        message: its row.
        deep: whether what FETCH and SEARCH answer from is worked out again as well.
    """

    def __init__(self, message: MessageCheck, *, deep: bool) -> None:
        self.message = message
        self.size = 0
        self.ended = not message.sealed
        self._seq = 0
        self._short: int | None = None
        self._gap: str | None = None
        self._octets = Hashes()
        self._ingest = Ingest(arrival=_ANY_TIME) if deep else None
        self._made: StoredMessage | None = None
        self._noted: dict[str, Any] = {}

    def step(self, tx: Reads) -> int:
        """Reads some more; how many octets.

        Raises:
            DamagedStoreError: they can't be read.
        """
        found = checks.chunks(tx, self.message.blob_id, self._seq, PIECE_CHUNKS)
        before = self.size
        for seq, data in found:
            self._take(seq, data)
        if len(found) < PIECE_CHUNKS:
            self.ended = True
            if self._ingest is not None:
                self._made = self._ingest.finish()
                self._noted = checks.worked_out(tx, self.message.id)
        return self.size - before

    def _take(self, seq: int, data: bytes) -> None:
        if seq != self._seq or self._short is not None:
            missing = seq - 1 if self._short is None else self._short
            self._gap = self._gap or f"part {missing + 1} of its octets is missing or too short"
        if len(data) != CHUNK_OCTETS and self._short is None:
            self._short = seq
        self._seq = seq + 1
        self.size += len(data)
        if self._ingest is not None:
            self._ingest.feed(data)
            return
        end = self.message.header_end
        self._octets.feed(data, end if end is not None and end <= self.size else None)

    def faults(self) -> list[tuple[Kind, str]]:
        """What is wrong, worst first."""
        message = self.message
        if not message.sealed:
            return [(Kind.OCTETS, "its octets are gone, or were never sealed")]
        if self._gap is not None:
            return [(Kind.OCTETS, self._gap)]
        full, canonical, body = self._hashes()
        if full != message.full_hash:
            size = "" if self.size == message.size else f" ({self.size} octets of {message.size})"
            return [(Kind.OCTETS, f"its octets are not those that came: SHA-256 differs{size}")]
        if self.size != message.size:
            return [(Kind.HASHES, f"it has {self.size} octets, and {message.size} are noted")]
        found = []
        if message.header_end is None or not message.searchable:
            found.append((Kind.SHAPE, "what was worked out of it is missing"))
        elif (canonical, body) != (message.canonical_hash, message.body_hash):
            found.append((Kind.HASHES, "the hashes of its header and body are not those noted"))
        return found + self._differences()

    def _hashes(self) -> tuple[bytes, bytes, bytes]:
        """Full, canonical and body hash of what was read."""
        if self._made is not None:
            return self._made.full_hash, self._made.canonical_hash, self._made.body_hash
        return self._octets.finish(self.message.header_end)

    def _differences(self) -> list[tuple[Kind, str]]:
        if self._made is None or not self._noted:
            return []
        wrong = [name for name in _WORKED_OUT if self._noted[name] != getattr(self._made, name)]
        if self._noted["sent_date"] != time_text(self._made.sent_date):
            wrong.append("sent_date")
        if not wrong:
            return []
        return [(Kind.ANSWERS, f"this version works out otherwise: {', '.join(wrong)}")]
