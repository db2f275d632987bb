"""STORE (RFC 9051 §6.4.6; RFC 7162 §3.1.3)."""

from dataclasses import dataclass

from bridge.imap.grammar import Cursor, SyntaxFault, distinct_flags, parse_flag, parse_flags
from bridge.model.flags import FlagOp
from bridge.model.numset import NumSet

_OPS = {op.value: op for op in FlagOp}


@dataclass(frozen=True, slots=True)
class Store:
    """STORE, or UID STORE.

    Messages with a modseq above `unchanged_since` are to be left as they are.
    """

    numbers: NumSet
    uid: bool
    unchanged_since: int | None
    op: FlagOp
    silent: bool
    flags: frozenset[str]


def parse_store(cursor: Cursor, *, uid: bool) -> Store:
    """The arguments of STORE."""
    cursor.space()
    numbers = cursor.numset()
    since = cursor.modseq_modifier("UNCHANGEDSINCE")
    cursor.space()
    word = cursor.word()
    silent = word.endswith(".SILENT")
    op = _OPS.get(word.removesuffix(".SILENT"))
    if op is None:
        raise SyntaxFault("Expected FLAGS, +FLAGS or -FLAGS")
    cursor.space()
    if cursor.peek(b"("):
        return Store(numbers, uid, since, op, silent, parse_flags(cursor))
    # Flags may stand without parentheses (RFC 9051 §9 "store-att-flags").
    flags = [parse_flag(cursor)]
    while cursor.skip(b" "):
        flags.append(parse_flag(cursor))
    return Store(numbers, uid, since, op, silent, distinct_flags(flags))
