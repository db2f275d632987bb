"""DEFLATE in both directions of a connection (RFC 4978), with limits on what comes out of it."""

import zlib

LEVEL = 1
"""The least work: twice as much makes answers a tenth smaller."""

WINDOW_BITS = 13
MEMORY_LEVEL = 6
"""64 KiB to compress with, where zlib's own choice takes 256: a FETCH of envelopes goes out as 25
octets in 100 instead of 22. Reading takes up to 40 KiB more: what the client wrote with is its
choice."""

_CLIENTS_WINDOW_BITS = 15

PIECE_OCTETS = 32 << 10
"""Compressed or taken out of the client's octets at a time: about a millisecond's work."""

FREE_OCTETS = 64 << 20
RATIO = 200
"""What comes out of a client's octets may be so many times their number, beyond the free ones: mail
makes 2 to 5, a message of zeros over 1,000, and commands that do so a bomb."""


class BrokenStream(Exception):
    """The client's octets can't be taken further; the text says why."""


class TooMuch(BrokenStream):
    """And that is because they become so many."""


class Deflate:
    """Made once the client has asked for it: until then a connection costs nothing for it."""

    def __init__(self) -> None:
        self._writer = zlib.compressobj(LEVEL, zlib.DEFLATED, -WINDOW_BITS, MEMORY_LEVEL)
        self._reader = zlib.decompressobj(-_CLIENTS_WINDOW_BITS)
        self._waiting = b""
        self._came = self._made = 0
        self._more = False

    def compress(self, octets: bytes) -> bytes:
        """What there is to send of them; the last ones come out with `flush`."""
        return self._writer.compress(octets)

    def flush(self) -> bytes:
        """The rest, so that the client can read all that was given to `compress`."""
        return self._writer.flush(zlib.Z_SYNC_FLUSH)

    def feed(self, octets: bytes) -> None:
        """Keeps what has come from the client."""
        self._came += len(octets)
        self._waiting += octets
        self._more = True

    @property
    def waits(self) -> bool:
        """Whether there may be more to `read`."""
        return self._more

    def read(self) -> bytes:
        """What the client has said next, at most `PIECE_OCTETS`.

        Raises:
            BrokenStream: it isn't DEFLATE, has ended, or grows beyond measure.
        """
        try:
            octets = self._reader.decompress(self._waiting, PIECE_OCTETS)
        except zlib.error as error:
            raise BrokenStream("What you send is not compressed with DEFLATE") from error
        if self._reader.eof:
            raise BrokenStream("Your compressed data has come to its end")
        self._waiting = self._reader.unconsumed_tail
        # Where a piece is full zlib may hold more, even of octets that it has taken.
        self._more = bool(self._waiting) or len(octets) == PIECE_OCTETS
        self._made += len(octets)
        if self._made > FREE_OCTETS + RATIO * self._came:
            raise TooMuch("Your compressed data grows beyond measure")
        return octets
