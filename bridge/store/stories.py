"""What `trace` asks of the store about one message."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, literal, select

from bridge.model.ids import AccountId, MessageId, Uid
from bridge.model.upstream import EventKind
from bridge.store import schema
from bridge.store.base import Reads, moment

_G, _P, _L = schema.message.c, schema.placement.c, schema.ledger.c
_E, _X, _M = schema.ledger_event.c, schema.expunge_hour.c, schema.mailbox.c


@dataclass(frozen=True, slots=True)
class Subject:
    """What a message is known by: its ledger row and its message, or one of them."""

    row_id: int | None
    message_id: MessageId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A stored message, and what of it is told to people."""

    size: int
    full_hash: bytes
    message_id: bytes
    internal_date: datetime
    expunged_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a message is, or was until it was expunged; `flags` are as stored.

    `gone_by`: it was expunged within the hour that begins then; None where that isn't known.
    """

    mailbox: str
    uid: Uid
    uidvalidity: int
    since: datetime
    flags: str
    live: bool
    gone_by: datetime | None


_BY_UID = (
    select(_P.message_id)
    .select_from(schema.placement.join(schema.mailbox))
    .where(
        _M.account_id == bindparam("account"),
        _M.name == bindparam("mailbox"),
        _P.uid == bindparam("uid"),
    )
)
_BY_MESSAGE_ID = (
    select(_G.id)
    .where(_G.account_id == bindparam("account"), _G.message_id == bindparam("field"))
    .order_by(_G.id)
)
_BY_UIDL = (
    select(_L.id, _L.message_id)
    .where(_L.account_id == bindparam("account"), _L.uidl == bindparam("uidl"))
    .order_by(_L.id)
)
_BY_OLD_UIDL = (
    select(_L.id, _L.message_id)
    .select_from(schema.ledger.join(schema.ledger_event, _E.ledger_id == _L.id))
    .where(
        _L.account_id == bindparam("account"),
        _E.kind == EventKind.RENAMED.value,
        func.instr(literal(" ") + _E.detail + literal(" "), bindparam("text")) > 0,
    )
    .order_by(_L.id)
)
_ROWS = select(_L.id).where(_L.message_id == bindparam("message")).order_by(_L.id)
_BODY = select(_G.size, _G.full_hash, _G.message_id, _G.internal_date, _G.expunged_at).where(
    _G.id == bindparam("message")
)
_GONE_BY = (
    select(func.min(_X.hour))
    .where(_X.mailbox_id == _P.mailbox_id, _X.modseq >= _P.expunged_modseq)
    .scalar_subquery()
)
_PLACES = (
    select(
        _M.name,
        _P.uid,
        _M.uidvalidity,
        _P.savedate,
        schema.flagset.c.flags,
        _P.expunged_modseq.is_(None),
        _GONE_BY,
    )
    .select_from(schema.placement.join(schema.mailbox).join(schema.flagset))
    .where(_P.message_id == bindparam("message"))
    .order_by(_P.savedate, _M.name, _P.uid)
)
_LOST_MAILBOXES = (
    select(schema.remnant.c.mailbox)
    .where(schema.remnant.c.message_id == bindparam("message"))
    .order_by(schema.remnant.c.mailbox)
)
_FIRST_SEEN = select(_L.first_seen).where(_L.id == bindparam("row"))


def by_uid(tx: Reads, account_id: AccountId, mailbox: str, uid: int) -> list[Subject]:
    """The message with that UID, also if it was expunged and isn't purged."""
    rows = tx.all(_BY_UID, account=account_id, mailbox=mailbox, uid=uid)
    return [one for (message,) in rows for one in _of_message(tx, message)]


def by_message_id(tx: Reads, account_id: AccountId, field: bytes) -> list[Subject]:
    """The messages whose Message-ID field is this, angle brackets included."""
    rows = tx.all(_BY_MESSAGE_ID, account=account_id, field=field)
    return [one for (message,) in rows for one in _of_message(tx, message)]


def by_uidl(tx: Reads, account_id: AccountId, uidl: str) -> list[Subject]:
    """The ledger's messages that are listed under that UIDL, or were before they were renamed."""
    rows = tx.all(_BY_UIDL, account=account_id, uidl=uidl.encode("utf-8", "surrogateescape"))
    named = f" {uidl} ".encode("utf-8", "replace").decode()
    rows += tx.all(_BY_OLD_UIDL, account=account_id, text=named)
    return [Subject(row, None if message is None else MessageId(message)) for row, message in rows]


def body(tx: Reads, message_id: MessageId) -> Body | None:
    """The message; None once it is purged."""
    row = tx.one(_BODY, message=message_id)
    if row is None:
        return None
    size, full_hash, field, date, expunged_at = row
    return Body(
        size=size,
        full_hash=full_hash,
        message_id=field,
        internal_date=datetime.fromisoformat(date),
        expunged_at=moment(expunged_at),
    )


def places(tx: Reads, message_id: MessageId) -> list[Place]:
    """Where a message is and was, in the order in which it came there."""
    return [_place(row) for row in tx.all(_PLACES, message=message_id)]


def lost_mailboxes(tx: Reads, message_id: MessageId) -> list[str]:
    """The mailboxes that it was in when they were deleted."""
    return [name for (name,) in tx.all(_LOST_MAILBOXES, message=message_id)]


def first_seen(tx: Reads, row_id: int) -> datetime | None:
    """When the provider listed the message of a ledger row first."""
    row = tx.one(_FIRST_SEEN, row=row_id)
    return None if row is None else moment(row[0])


def _of_message(tx: Reads, message: int) -> list[Subject]:
    rows = [row for (row,) in tx.all(_ROWS, message=message)]
    return [Subject(row, MessageId(message)) for row in rows or [None]]


def _place(row: tuple[Any, ...]) -> Place:
    mailbox, uid, uidvalidity, since, flags, live, hour = row
    return Place(
        mailbox=mailbox,
        uid=Uid(uid),
        uidvalidity=uidvalidity,
        since=datetime.fromisoformat(since),
        flags=flags,
        live=bool(live),
        gone_by=_hour(hour),
    )


def _hour(text: str | None) -> datetime | None:
    """The beginning of an hour, which is stored as the first letters of its time in UTC."""
    return None if text is None else datetime.fromisoformat(f"{text}:00+00:00")
