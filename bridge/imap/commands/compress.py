"""COMPRESS (RFC 4978)."""

from dataclasses import dataclass

from bridge.imap.grammar import Cursor, SyntaxFault


@dataclass(frozen=True, slots=True)
class Compress:
    """COMPRESS DEFLATE: there is no other algorithm."""


def parse_compress(cursor: Cursor) -> Compress:
    """The argument of COMPRESS."""
    cursor.space()
    if cursor.word() != "DEFLATE":
        raise SyntaxFault("DEFLATE is the only way to compress")
    return Compress()
