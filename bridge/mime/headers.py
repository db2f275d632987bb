"""Header fields out of a header block (RFC 5322 §2.2). Broken lines are kept, never refused."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_LINE_END = re.compile(rb"\r?\n")


@dataclass(frozen=True, slots=True)
class Field:
    """One field: octets [start, end) of the block, its name in lower case and its raw value."""

    start: int
    end: int
    name: bytes
    raw: bytes

    @property
    def value(self) -> bytes:
        """The value on one line, without the spaces around it."""
        return _LINE_END.sub(b"", _FOLD.sub(b"", self.raw)).strip(b" \t")


def fields(block: bytes) -> Iterator[Field]:
    """The fields of a header block, in order, up to its blank line.

    A line that is neither a field nor the continuation of one has the empty name, so that a
    filter by names leaves it out and octets still add up.
    """
    start, size = 0, len(block)
    while start < size:
        end = _field_end(block, start)
        text = block[start:end]
        if not text.strip(b"\r\n"):
            return
        name, colon, raw = text.partition(b":")
        name = name.rstrip(b" \t").lower()
        if not colon or not name or not name.isascii() or any(octet <= 32 for octet in name):
            name, raw = b"", text
        yield Field(start, end, name, raw)
        start = end


def first(block: bytes, name: bytes) -> bytes | None:
    """The value of the first field of that lower-case name, or None."""
    return next((field.value for field in fields(block) if field.name == name), None)


def select(block: bytes, names: Iterable[bytes], negate: bool = False) -> bytes:
    """The fields with one of `names`, or without any of them, and a blank line (RFC 9051 §6.4.5).

    Octets are as they stand in the block, folding included.
    """
    wanted = {name.lower() for name in names}
    kept = [block[f.start : f.end] for f in fields(block) if (f.name in wanted) is not negate]
    if kept and not kept[-1].endswith(b"\n"):
        kept[-1] += b"\r\n"
    return b"".join(kept) + b"\r\n"


def _field_end(block: bytes, start: int) -> int:
    """Behind the line end that no fold follows; a blank line is a field of its own."""
    position = start
    while True:
        newline = block.find(b"\n", position)
        if newline < 0:
            return len(block)
        position = newline + 1
        blank = not block[start:position].strip(b"\r\n") if position - start <= 2 else False
        if blank or block[position : position + 1] not in (b" ", b"\t"):
            return position
