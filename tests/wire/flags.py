"""Flags of messages and of mailboxes: which ones exist, and where each may stand."""

from tests.wire.tokens import Cursor

SYSTEM = frozenset({rb"\answered", rb"\flagged", rb"\deleted", rb"\seen", rb"\draft"})
SELECTABILITY = frozenset({rb"\noselect", rb"\marked", rb"\unmarked", rb"\nonexistent"})
"""mbx-list-sflag: one of them at most (RFC 3501 §9, RFC 5258 §6)."""

CHILDREN = frozenset({rb"\haschildren", rb"\hasnochildren"})
"""child-mbox-flag: one of them at most (RFC 5258 §6)."""

OTHER = frozenset({rb"\noinferiors", rb"\subscribed", rb"\remote"})
SPECIAL_USE = frozenset(
    {rb"\all", rb"\archive", rb"\drafts", rb"\flagged", rb"\junk", rb"\sent", rb"\trash"}
    | {rb"\important"}
)
"""RFC 6154 §6, RFC 8457 §3.1."""


def flag(cursor: Cursor, also: frozenset[bytes] = frozenset()) -> bytes:
    r"""flag, or one of `also`. A flag-extension that no RFC defines MUST NOT be generated."""
    start = cursor.at
    if cursor.peek() != b"\\":
        return cursor.atom()
    cursor.take(b"\\")
    found = rb"\*" if cursor.taken(b"*") else b"\\" + cursor.atom()
    if found.lower() not in SYSTEM | also:
        cursor.fail("a flag that may stand here", start)
    return found


def flag_list(cursor: Cursor, also: frozenset[bytes] = frozenset()) -> tuple[bytes, ...]:
    """ "(" [flag *(SP flag)] ")", each flag once."""
    start = cursor.at
    found = cursor.maybe_many(lambda: flag(cursor, also))
    if len({one.lower() for one in found}) < len(found):
        cursor.fail("each flag once", start)
    return found


def fetched_flags(cursor: Cursor) -> tuple[bytes, ...]:
    r"""FLAGS of a message: \Recent is of IMAP4rev1 alone."""
    return flag_list(cursor, frozenset() if cursor.dialect.rev2 else frozenset({rb"\recent"}))


def permanent_flags(cursor: Cursor) -> tuple[bytes, ...]:
    r"""PERMANENTFLAGS: \* may stand among them."""
    return flag_list(cursor, frozenset({rb"\*"}))


def mailbox_flags(cursor: Cursor) -> tuple[bytes, ...]:
    """ "(" [mbx-list-flags] ")"."""
    start = cursor.at
    found = cursor.maybe_many(lambda: _mailbox_flag(cursor))
    lowered = [one.lower() for one in found]
    for group, most in ((SELECTABILITY, 1), (CHILDREN, 1)):
        if sum(one in group for one in lowered) > most:
            cursor.fail(f"at most one of {sorted(group)}", start)
    if len(set(lowered)) < len(lowered):
        cursor.fail("each mailbox flag once", start)
    # RFC 5258 §3.4: \NoInferiors implies \HasNoChildren.
    if rb"\noinferiors" in lowered and rb"\haschildren" in lowered:
        cursor.fail(r"not both \Noinferiors and \HasChildren", start)
    return found


def _mailbox_flag(cursor: Cursor) -> bytes:
    start = cursor.at
    cursor.take(b"\\")
    found = b"\\" + cursor.atom()
    if found.lower() not in SELECTABILITY | CHILDREN | OTHER | SPECIAL_USE:
        cursor.fail("a mailbox flag that an RFC defines", start)
    return found
