"""Where a FETCH section lies in a message (RFC 9051 §6.4.5)."""

from dataclasses import dataclass

from bridge.model.message import Part
from bridge.model.section import Section


@dataclass(frozen=True, slots=True)
class Slice:
    """Octets [start, end) of the message."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Filtered:
    """The header fields in [start, end) with one of `names`, or without any of them."""

    start: int
    end: int
    names: tuple[bytes, ...]
    negate: bool


def record_of(section: Section) -> str:
    """The number of the one part that `locate` looks at."""
    if section.text in ("", "MIME"):
        return section.part
    return f"{section.part}." if section.part else ""


def locate(section: Section, parts: tuple[Part, ...]) -> Slice | Filtered | None:
    """Where the section's octets are; None if the message has no such part.

    `parts` is what ingest made: the first record is the message itself. Those with the number
    `record_of` are enough.
    """
    if not section.part and not section.text:
        return Slice(0, parts[0].body_end)
    number = record_of(section)
    part = next((part for part in parts if part.number == number), None)
    if part is None:
        return None
    if section.text in ("", "TEXT"):
        return Slice(part.body_start, part.body_end)
    if section.text in ("MIME", "HEADER"):
        return Slice(part.mime_start, part.header_end)
    negate = section.text == "HEADER.FIELDS.NOT"
    return Filtered(part.mime_start, part.header_end, section.fields, negate)
