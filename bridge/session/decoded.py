"""What BINARY shows of messages: parts without their transfer encoding (RFC 3516 §4.2)."""

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.mime.sections import Slice, locate, record_of
from bridge.mime.transfer import Decoder, decoder
from bridge.model.fetch import FetchItem
from bridge.model.ids import MessageId
from bridge.model.message import Part
from bridge.store.columns import Rows, read_parts
from bridge.store.tx import ReadTx

BINARY = "BINARY[]"
SIZE = "BINARY.SIZE[]"

DECODED_OCTETS = 256 << 10
"""A part above this is decoded slice by slice, so that memory doesn't grow with it."""


@dataclass(frozen=True, slots=True)
class Coded:
    """Octets [start, end) of a message, too many to be decoded in one piece."""

    start: int
    end: int
    encoding: bytes


@dataclass(frozen=True, slots=True)
class UnknownEncoding:
    """Stands for a part that can't be decoded."""


Decoded = bytes | int | Coded | UnknownEncoding | None
"""Of BINARY octets, of BINARY.SIZE their number; None for no such part."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How far a large part is decoded: octets up to `at` have become `made` octets."""

    message_id: MessageId
    coded: Coded
    at: int
    made: int
    decoder: Decoder

    def leads_to(self, message_id: MessageId, coded: Coded, first: int) -> bool:
        """Whether one can go on from here to the decoded octet `first` of that part."""
        return (self.message_id, self.coded) == (message_id, coded) and self.made <= first


def begin(message_id: MessageId, coded: Coded) -> Reading:
    """Nothing of it is decoded yet."""
    made = decoder(coded.encoding)
    assert made is not None
    return Reading(message_id, coded, coded.start, 0, made)


def sections(tx: ReadTx | None, item: FetchItem, rows: Rows) -> Sequence[Decoded]:
    """What the item shows of each message.

    `tx` may be None where the rows have all octets.
    """
    assert item.section is not None
    sizes, wholes = rows.columns["size"], rows.columns["octets"]
    places: list[Coded | None]
    if not item.section.part:
        # A message as such has no encoding (RFC 2045 §6.4), only its parts do.
        places = [Coded(0, size, b"") for size in sizes]
    else:
        number = record_of(item.section)
        found = (read_parts(written, number) for written in rows.columns["parts"])
        places = [_place(item, parts) for parts in found]
    return [
        _of_message(tx, item, key, whole, place)
        for key, whole, place in zip(rows.message_ids, wholes, places, strict=True)
    ]


def _place(item: FetchItem, parts: tuple[Part, ...]) -> Coded | None:
    assert item.section is not None
    place = locate(item.section, parts)
    if not isinstance(place, Slice):
        return None
    (part,) = parts[:1]
    # An encoding of a multipart would be none (RFC 2045 §6.4): it was read as it stands.
    encoding = b"" if part.multipart else part.encoding.encode("latin-1")
    return Coded(place.start, place.end, encoding)


def _of_message(
    tx: ReadTx | None, item: FetchItem, key: int, whole: bytes | None, place: Coded | None
) -> Decoded:
    if place is None:
        return 0 if item.name == SIZE else None
    decoding = decoder(place.encoding)
    if decoding is None:
        return UnknownEncoding()
    if place.end - place.start > DECODED_OCTETS:
        return place
    if whole is not None:
        octets = whole[place.start : place.end]
    else:
        assert tx is not None
        octets = tx.octets(MessageId(key), place.start, place.end)
    made = decoding.feed(octets) + decoding.finish()
    if item.name == SIZE:
        return len(made)
    first, count = item.partial or (0, len(made))
    return made[first : first + count]


def head(item: FetchItem, size: int, *, nul: bool) -> bytes:
    """The item's name and the beginning of a literal.

    It is a literal8 only where NUL is in it, so that a client knows (RFC 3516 §4.3).
    """
    return b"%b %b{%d}\r\n" % (item.echo, b"~" if nul else b"", size)


def shown(item: FetchItem, octets: bytes | None) -> bytes:
    """The item with its octets."""
    if octets is None:
        return item.echo + b" NIL"
    return head(item, len(octets), nul=b"\0" in octets) + octets
