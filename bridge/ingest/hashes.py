"""The hashes by which a message is known again, worked out while its octets pass."""

import hashlib

from bridge.mime import headers
from bridge.mime.scanner import MAX_HEADER_OCTETS

TRANSPORT_FIELDS = frozenset(
    {b"status", b"x-status", b"x-uid", b"x-uidl", b"x-keywords", b"content-length", b"lines"}
)
"""What servers change in a message between two retrievals of it."""

_BLANK_END = b"\r\n\r\n"
"""One last blank line comes and goes with the server's mailbox format."""


class Hashes:
    """Feed the octets, then `finish`: the full, the canonical and the body hash.

    Most messages have no transport field: then full and canonical hash are one up to the last
    octets, which are held back.
    """

    def __init__(self) -> None:
        self._head: bytearray | None = bytearray()
        self._full = self._canonical = hashlib.sha256()
        self._body = hashlib.sha256()
        self._running = [self._full]
        self._tail = b""

    def feed(self, chunk: bytes, header_end: int | None) -> None:
        """Takes the next octets.

        Args:
            header_end: where the header ends, as soon as that is known and that much was fed.
        """
        if self._head is None:
            self._pass(chunk)
        elif header_end is not None and header_end <= MAX_HEADER_OCTETS:
            self._begin(bytes(self._head) + chunk, header_end)
        else:
            self._head += chunk
            if len(self._head) > MAX_HEADER_OCTETS:
                self._begin_large(self._head)

    def finish(self, header_end: int | None) -> tuple[bytes, bytes, bytes]:
        """The digests; all the full one where the header is too large to be looked at.

        Args:
            header_end: where the header ends; None where that isn't known.
        """
        large = header_end is None or header_end > MAX_HEADER_OCTETS
        if self._head is not None:
            if header_end is None or large:
                self._begin_large(self._head)
            else:
                self._begin(bytes(self._head), header_end)
        canonical = self._canonical.copy()
        canonical.update(self._tail[:2] if self._tail == _BLANK_END else self._tail)
        for running in (self._full, self._body):
            running.update(self._tail)
        full = self._full.digest()
        return (full, full, full) if large else (full, canonical.digest(), self._body.digest())

    def _begin(self, octets: bytes, header_end: int) -> None:
        """Goes on behind the header."""
        self._head = None
        head = octets[:header_end]
        self._full.update(head)
        self._running.append(self._body)
        kept = headers.select(head, TRANSPORT_FIELDS, negate=True)
        if kept != head:
            self._canonical = hashlib.sha256(kept)
            self._running.append(self._canonical)
        self._pass(octets[header_end:])

    def _begin_large(self, octets: bytearray) -> None:
        """Goes on without a look at the header."""
        self._head = None
        self._pass(bytes(octets))

    def _pass(self, chunk: bytes) -> None:
        octets = self._tail + chunk if self._tail else chunk
        self._tail = octets[-4:]
        passed = memoryview(octets)[:-4]
        for running in self._running:
            running.update(passed)
