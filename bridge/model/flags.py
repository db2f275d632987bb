"""Flags and keywords (RFC 9051 §2.3.2): spelling, comparison and the three STORE operations."""

from enum import Enum

SEEN = "\\Seen"
ANSWERED = "\\Answered"
FLAGGED = "\\Flagged"
DELETED = "\\Deleted"
DRAFT = "\\Draft"
SYSTEM_FLAGS = (ANSWERED, FLAGGED, DELETED, SEEN, DRAFT)
RECENT = "\\Recent"
"""Session state in the guise of a flag: shown, never stored."""

_CANONICAL = {flag.lower(): flag for flag in (*SYSTEM_FLAGS, RECENT)}


class FlagOp(Enum):
    """What STORE does with the flags it names (RFC 9051 §6.4.6)."""

    SET = "FLAGS"
    ADD = "+FLAGS"
    REMOVE = "-FLAGS"


def canonical(flag: str) -> str:
    """The one spelling of a system flag; a keyword comes back as it was written."""
    return _CANONICAL.get(flag.lower(), flag)


def apply(op: FlagOp, old: frozenset[str], named: frozenset[str]) -> frozenset[str]:
    """The flags after `op`; keywords compare without case and keep their first spelling."""
    known = {flag.lower(): flag for flag in old}
    wanted = {flag.lower(): known.get(flag.lower(), canonical(flag)) for flag in named}
    if op is FlagOp.SET:
        return frozenset(wanted.values())
    if op is FlagOp.ADD:
        return old | frozenset(wanted.values())
    return frozenset(flag for flag in old if flag.lower() not in wanted)
