"""What goes to a worker and comes back: a length, then a pickle. Both ends are this program."""

import pickle
import struct
from datetime import datetime
from typing import Any, NamedTuple

from bridge.ingest.pipeline import Ingest
from bridge.model.message import StoredMessage

LENGTH = struct.Struct("!I")


class Raw(NamedTuple):
    """A whole message, and what `Ingest` is told with it."""

    octets: bytes
    arrival: datetime
    listed_size: int | None
    internal_date: datetime | None


class Fault(NamedTuple):
    """What a worker answers for a message that our own parser failed on."""

    traceback: str


def ingest(raw: Raw) -> StoredMessage:
    """All that is known of a whole message."""
    work = Ingest(arrival=raw.arrival, listed_size=raw.listed_size, internal_date=raw.internal_date)
    work.feed(raw.octets)
    return work.finish()


def frame(value: object) -> bytes:
    """The value as it is sent."""
    pickled = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    return LENGTH.pack(len(pickled)) + pickled


class Frames:
    """Values out of any chunking of their frames."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, octets: bytes) -> list[Any]:
        """The values that these octets complete."""
        self._held += octets
        found, start = [], 0
        while len(self._held) - start >= LENGTH.size:
            begin = start + LENGTH.size
            end = begin + LENGTH.unpack_from(self._held, start)[0]
            if end > len(self._held):
                break
            found.append(pickle.loads(self._held[begin:end]))
            start = end
        del self._held[:start]
        return found
