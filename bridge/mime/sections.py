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


def locate(section: Section, parts: tuple[Part, ...]) -> Slice | Filtered | None:
    """Where the section's octets are; None if the message has no such part.

    `parts` is what ingest made: the first record is the message itself.
    """
    if not section.part and not section.text:
        return Slice(0, parts[0].body_end)
    if section.text in ("", "MIME"):
        part = _find(parts, section.part)
        if part is None:
            return None
        if section.text:
            return Slice(part.mime_start, part.header_end)
        return Slice(part.body_start, part.body_end)
    message = _find(parts, f"{section.part}." if section.part else "")
    if message is None:
        return None
    if section.text == "TEXT":
        return Slice(message.body_start, message.body_end)
    if section.text == "HEADER":
        return Slice(message.mime_start, message.header_end)
    negate = section.text == "HEADER.FIELDS.NOT"
    return Filtered(message.mime_start, message.header_end, section.fields, negate)


def _find(parts: tuple[Part, ...], number: str) -> Part | None:
    return next((part for part in parts if part.number == number), None)
