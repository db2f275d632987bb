"""What a FETCH asks for (RFC 9051 §6.4.5)."""

from dataclasses import dataclass

from bridge.model.section import Section


@dataclass(frozen=True, slots=True)
class FetchItem:
    """One item. `name` is upper case, with "BODY[]" for any section; `partial` is (first, count).

    `echo` is the name as the response repeats it, without the origin octet.
    """

    name: str
    section: Section | None = None
    peek: bool = False
    partial: tuple[int, int] | None = None
    echo: bytes = b""
