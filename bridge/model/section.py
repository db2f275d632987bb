"""A FETCH section (RFC 9051 §6.4.5 "section-spec")."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """`part` is "" or "2.1".

    `text` is "", HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, TEXT or MIME.
    """

    part: str = ""
    text: str = ""
    fields: tuple[bytes, ...] = ()
