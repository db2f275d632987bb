"""Header fields out of a header block (RFC 5322 §2.2). Broken lines are kept, never refused."""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

MAX_FIELDS = 10_000
"""Of one header; what follows is kept as one line without a name. Mail has a hundred at most."""

_NAME = re.compile(rb"[\x21-\x39\x3b-\x7f]+\Z")
BLANK = (b"\n\r\n", b"\n\n")
"""A blank line, and the line end before it."""

_FIELD = re.compile(
    rb"(?:([\x21-\x39\x3b-\x7f]++)[ \t]*+:)?+([^\n]*+(?:\n[ \t][^\n]*+)*+\n?)", re.DOTALL
)


class Field(NamedTuple):
    """One field: octets [start, end) of the block, its name in lower case and its raw value.

    A named tuple, as every message has dozens and they are made at twice the speed.
    """

    start: int
    end: int
    name: bytes
    raw: bytes

    @property
    def value(self) -> bytes:
        """The value on one line, without the spaces around it."""
        return unfolded(self.raw)


def unfolded(raw: bytes) -> bytes:
    """A field's raw value on one line (RFC 5322 §2.2.3), without the spaces around it."""
    return raw.replace(b"\r\n", b"").replace(b"\n", b"").strip(b" \t")


def fields(block: bytes) -> Iterator[Field]:
    """The fields of a header block, in order, up to its blank line.

    A line that is neither a field nor the continuation of one has the empty name, so that a
    filter by names leaves it out and octets still add up.
    """
    size, _ = _ends(block)
    start = 0
    for _ in range(MAX_FIELDS):
        if start == size:
            return
        found = _FIELD.match(block, start, size)
        assert found is not None
        end = found.end()
        name = found[1]
        yield Field(start, end, name.lower() if name else b"", found[2])
        start = end
    if start < size:
        yield Field(start, size, b"", block[start:size])


def _ends(block: bytes) -> tuple[int, int]:
    """Where the fields end, and behind it the blank line, if there is one."""
    if block.startswith((b"\r\n", b"\n")):
        return 0, block.index(b"\n") + 1
    crlf = block.find(b"\n\r\n")
    bare = block.find(b"\n\n", 0, crlf + 1 if crlf >= 0 else len(block))
    if bare >= 0:
        return bare + 1, bare + 2
    return (crlf + 1, crlf + 3) if crlf >= 0 else (len(block), len(block))


def fields_end(block: bytes) -> int:
    """Where the fields end and the blank line, if there is one, begins."""
    return _ends(block)[0]


def first(found: Iterable[Field], name: bytes) -> bytes | None:
    """The value of the first field of that lower-case name, or None."""
    return next((field.value for field in found if field.name == name), None)


def values(block: bytes, name: bytes) -> list[bytes]:
    """The values of the fields of that name, each on one line."""
    end, _ = _ends(block)
    lines = b"\n" + block[:end]
    found = [field + b"\n" for field in _named(frozenset({name.lower()})).findall(lines)]
    if found and not lines.endswith(b"\n") and lines.endswith(found[-1][:-1]):
        # Cut within its last line, which has no line end then.
        found[-1] = found[-1][:-1]
    return [unfolded(field.partition(b":")[2]) for field in found]


def select(block: bytes, names: Iterable[bytes], negate: bool = False) -> bytes:
    """The fields with one of `names`, or without any of them, and the blank line, if there is one
    (RFC 3501 §6.4.5, §7.4.2).

    Octets are as they stand in the block, folding included.
    """
    return selector(names, negate)(block)


def selector(names: Iterable[bytes], negate: bool = False) -> Callable[[bytes], bytes]:
    """`select` for many blocks: what depends on the names alone is done once."""
    wanted = frozenset(name.lower() for name in names)
    pattern, to_blank = _named(wanted), _named(wanted, to_blank=True)

    def selected(block: bytes) -> bytes:
        if not negate:
            found = to_blank.findall(b"\n" + block)
            if found and found[-1] in BLANK:
                # Nothing is behind the blank line, as in most blocks: this is all of it.
                return b"".join(found)[1:]
        end, behind = _ends(block)
        if end and not block.endswith(b"\n", 0, end):
            # Cut within its last line, which has no line end then.
            kept = (f for f in fields(block) if (f.name != b"" and f.name in wanted) is not negate)
            return b"".join(block[f.start : f.end] for f in kept)
        lines = b"\n" + block[:end]
        lines = pattern.sub(b"", lines) if negate else b"".join(pattern.findall(lines)) + b"\n"
        return lines[1:] + block[end:behind]

    return selected


@lru_cache(maxsize=256)
def _named(names: frozenset[bytes], *, to_blank: bool = False) -> re.Pattern[bytes]:
    """Fields with one of `names`, each from the line end before it to before its own.

    One search for all of them is several times faster than reading every field. With `to_blank`
    it also finds the blank line, and with it all that is behind.
    """
    possible = sorted(filter(_NAME.match, names))
    if not possible:
        return re.compile(rb"(?!)")
    field = rb"(?:%b)[ \t]*+:[^\n]*+(?:\n[ \t][^\n]*+)*+" % b"|".join(map(re.escape, possible))
    rest = rb"|\r?+\n(?s:.)*+" if to_blank else b""
    return re.compile(rb"\n(?:%b%b)" % (field, rest), re.IGNORECASE)
