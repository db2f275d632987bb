"""Mailboxes, their counters and subscriptions."""

import secrets

from sqlalchemy import and_, bindparam, case, delete, func, insert, select, update

from bridge.model.change import Change
from bridge.model.flags import DELETED, SEEN
from bridge.model.ids import AccountId, MailboxId, ModSeq, Uid
from bridge.model.mailbox import Mailbox, MailboxStatus, canonical_name
from bridge.store import schema
from bridge.store.base import Reads, Writes

_M, _P = schema.mailbox.c, schema.placement.c
_COLUMNS = (
    _M.id,
    _M.account_id,
    _M.name,
    _M.uidvalidity,
    _M.uidnext,
    _M.highest_modseq,
    _M.first_recent_uid,
    _M.special_use,
    _M.mailboxid,
)
_OF_ACCOUNT = select(*_COLUMNS).where(_M.account_id == bindparam("account")).order_by(_M.name)
_BY_NAME = select(*_COLUMNS).where(
    _M.account_id == bindparam("account"), _M.name == bindparam("name")
)
_BY_ID = select(*_COLUMNS).where(_M.id == bindparam("mailbox"))
_SUBSCRIPTIONS = (
    select(schema.subscription.c.name)
    .where(schema.subscription.c.account_id == bindparam("account"))
    .order_by(schema.subscription.c.name)
)
_HAS = " " + schema.flagset.c.flags + " "
_COUNTERS = (
    select(
        func.count(),
        func.sum(case((_HAS.contains(f" {SEEN} ", autoescape=True), 0), else_=1)),
        func.sum(case((_HAS.contains(f" {DELETED} ", autoescape=True), 1), else_=0)),
        func.sum(case((_P.uid >= _M.first_recent_uid, 1), else_=0)),
        func.sum(schema.message.c.size),
    )
    .select_from(
        schema.placement.join(schema.message, schema.message.c.id == _P.message_id)
        .join(schema.flagset, schema.flagset.c.id == _P.flagset_id)
        .join(schema.mailbox, _M.id == _P.mailbox_id)
    )
    .where(and_(_P.mailbox_id == bindparam("mailbox"), _P.expunged_modseq.is_(None)))
)
_NEXT_MODSEQ = (
    update(schema.mailbox)
    .where(_M.id == bindparam("mailbox"))
    .values(highest_modseq=_M.highest_modseq + 1)
    .returning(_M.highest_modseq, _M.account_id)
)
_NEXT_UID = (
    update(schema.mailbox)
    .where(_M.id == bindparam("mailbox"))
    .values(uidnext=_M.uidnext + 1)
    .returning(_M.uidnext)
)
_NEXT_COUNT = (
    update(schema.counter)
    .where(schema.counter.c.name == bindparam("which"))
    .values(value=schema.counter.c.value + 1)
    .returning(schema.counter.c.value)
)


class MailboxReads(Reads):
    """Queries about mailboxes."""

    def mailboxes(self, account_id: AccountId) -> tuple[Mailbox, ...]:
        """The account's mailboxes, by name."""
        return tuple(_mailbox(row) for row in self.all(_OF_ACCOUNT, account=account_id))

    def mailbox(self, account_id: AccountId, name: str) -> Mailbox | None:
        """The mailbox of that name, or None."""
        row = self.one(_BY_NAME, account=account_id, name=canonical_name(name))
        return None if row is None else _mailbox(row)

    def mailbox_by_id(self, mailbox_id: MailboxId) -> Mailbox | None:
        """The mailbox, or None when it is gone."""
        row = self.one(_BY_ID, mailbox=mailbox_id)
        return None if row is None else _mailbox(row)

    def subscriptions(self, account_id: AccountId) -> tuple[str, ...]:
        """Subscribed names, sorted; they outlive their mailboxes (RFC 9051 §6.3.7)."""
        return tuple(name for (name,) in self.all(_SUBSCRIPTIONS, account=account_id))

    def status(self, mailbox: Mailbox) -> MailboxStatus:
        """The counters of `mailbox`."""
        row = self.one(_COUNTERS, mailbox=mailbox.id)
        assert row is not None
        messages, unseen, deleted, recent, size = (int(value or 0) for value in row)
        return MailboxStatus(
            mailbox=mailbox,
            messages=messages,
            unseen=unseen,
            deleted=deleted,
            recent=recent,
            size=size,
        )


class MailboxWrites(Writes, MailboxReads):
    """Changes to mailboxes."""

    def create_mailbox(
        self, account_id: AccountId, name: str, special_use: str | None = None
    ) -> Mailbox:
        """Makes a mailbox; its UIDVALIDITY is one that no mailbox of the store has had."""
        key = self.insert(
            insert(schema.mailbox),
            account_id=account_id,
            name=canonical_name(name),
            uidvalidity=self.next_count("uidvalidity"),
            uidnext=1,
            highest_modseq=1,
            first_recent_uid=1,
            tombstone_floor=0,
            special_use=special_use,
            mailboxid=secrets.token_hex(12),
        )
        made = self.mailbox_by_id(MailboxId(key))
        assert made is not None
        return made

    def subscribe(self, account_id: AccountId, name: str) -> None:
        """Subscribes a name, once."""
        if canonical_name(name) not in self.subscriptions(account_id):
            self.do(insert(schema.subscription), account_id=account_id, name=canonical_name(name))

    def unsubscribe(self, account_id: AccountId, name: str) -> None:
        """Drops a subscription, if there is one."""
        self.do(
            delete(schema.subscription).where(
                schema.subscription.c.account_id == account_id,
                schema.subscription.c.name == canonical_name(name),
            )
        )

    def claim_recent(self, mailbox: Mailbox) -> Uid:
        """The first UID that is \\Recent to the caller; no other session will get it."""
        if mailbox.first_recent_uid != mailbox.uidnext:
            self.do(
                update(schema.mailbox).where(_M.id == mailbox.id),
                first_recent_uid=mailbox.uidnext,
            )
        return mailbox.first_recent_uid

    def next_modseq(self, mailbox_id: MailboxId) -> ModSeq:
        """Takes the next modseq and notes the change for the commit to publish."""
        row = self.one(_NEXT_MODSEQ, mailbox=mailbox_id)
        assert row is not None
        modseq = ModSeq(row[0])
        self.changes.append(Change(AccountId(row[1]), mailbox_id, modseq))
        return modseq

    def next_uid(self, mailbox_id: MailboxId) -> Uid:
        """Takes the next UID."""
        row = self.one(_NEXT_UID, mailbox=mailbox_id)
        assert row is not None
        return Uid(row[0] - 1)

    def next_count(self, which: str) -> int:
        """The next value of a counter of the store."""
        row = self.one(_NEXT_COUNT, which=which)
        assert row is not None
        return int(row[0])


def _mailbox(row: tuple[object, ...]) -> Mailbox:
    names = [column.name for column in _COLUMNS]
    return Mailbox(**dict(zip(names, row, strict=True)))  # type: ignore[arg-type]
