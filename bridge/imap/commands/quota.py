"""GETQUOTA, GETQUOTAROOT and SETQUOTA (RFC 9208)."""

from dataclasses import dataclass

from bridge.imap.grammar import Cursor


@dataclass(frozen=True, slots=True)
class GetQuota:
    """GETQUOTA."""

    root: bytes


@dataclass(frozen=True, slots=True)
class GetQuotaRoot:
    """GETQUOTAROOT; the mailbox need not exist."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class SetQuota:
    """SETQUOTA, which is refused whatever it asks for."""

    root: bytes


def parse_getquota(cursor: Cursor) -> GetQuota:
    """The argument of GETQUOTA."""
    cursor.space()
    return GetQuota(cursor.astring())


def parse_getquotaroot(cursor: Cursor) -> GetQuotaRoot:
    """The argument of GETQUOTAROOT."""
    return GetQuotaRoot(cursor.mailbox_argument())


def parse_setquota(cursor: Cursor) -> SetQuota:
    """The arguments of SETQUOTA."""
    cursor.space()
    root = cursor.astring()
    cursor.space()
    cursor.expect(b"(")
    first = True
    while not cursor.skip(b")"):
        if not first:
            cursor.space()
        first = False
        cursor.atom()
        cursor.space()
        cursor.number()
    return SetQuota(root)
