"""ID (RFC 2971)."""

import re
from dataclasses import dataclass

from bridge.imap.grammar import Cursor, OverLimit

MAX_ID_FIELDS = 30
"""RFC 2971 §3.3."""


_BETWEEN = re.compile(rb"[ ,]+")


@dataclass(frozen=True, slots=True)
class Id:
    """ID with what the client says of itself."""

    fields: tuple[tuple[bytes, bytes | None], ...]


def parse_id(cursor: Cursor) -> Id:
    """The arguments of ID. What some clients send is read too: no quotes, commas, more spaces."""
    cursor.space()
    if cursor.skip(b"NIL"):
        return Id(())
    cursor.expect(b"(")
    fields: list[tuple[bytes, bytes | None]] = []
    cursor.try_match(_BETWEEN)
    while not cursor.skip(b")"):
        name = cursor.astring()
        cursor.match(_BETWEEN, "a space")
        value = cursor.astring()
        fields.append((name, None if value.upper() == b"NIL" else value))
        if len(fields) > MAX_ID_FIELDS:
            raise OverLimit(f"ID takes at most {MAX_ID_FIELDS} fields")
        if cursor.try_match(_BETWEEN) is None:
            cursor.expect(b")")
            break
    return Id(tuple(fields))
