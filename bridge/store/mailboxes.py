"""Mailboxes, their counters and subscriptions."""

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, exists, func, insert, select, update

from bridge.model.change import NO_MAILBOX, Change
from bridge.model.flags import canonical
from bridge.model.ids import AccountId, MailboxId, ModSeq, Uid
from bridge.model.mailbox import DELIMITER, Mailbox, MailboxStatus, canonical_name
from bridge.model.notify import AccountState, MailboxState
from bridge.store import schema
from bridge.store.base import Reads, Writes, utc_text

MAX_KEYWORDS = 500
"""Of one mailbox: each is in its FLAGS response, and Thunderbird and the like use a dozen."""

_M = schema.mailbox.c
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
_COUNT = select(func.count()).where(_M.account_id == bindparam("account"))
_BELOW = (
    select(_M.id)
    .where(
        _M.account_id == bindparam("account"),
        _M.name > bindparam("low"),
        _M.name < bindparam("high"),
    )
    .limit(1)
)
_BY_ID = select(*_COLUMNS).where(_M.id == bindparam("mailbox"))
_SUBSCRIPTIONS = (
    select(schema.subscription.c.name)
    .where(schema.subscription.c.account_id == bindparam("account"))
    .order_by(schema.subscription.c.name)
)
_SUBSCRIBED = select(schema.subscription.c.name).where(
    schema.subscription.c.account_id == bindparam("account"),
    schema.subscription.c.name == bindparam("name"),
)
_COUNTERS = select(_M.messages, _M.unseen, _M.deleted, _M.recent, _M.size).where(
    _M.id == bindparam("mailbox")
)
_NAMED = (
    select(_M.id, _M.name, _M.special_use)
    .where(_M.account_id == bindparam("account"))
    .order_by(_M.name)
)
_STATUSES = (
    select(*_COLUMNS, _M.messages, _M.unseen, _M.deleted, _M.recent, _M.size)
    .where(_M.account_id == bindparam("account"))
    .order_by(_M.name)
)
_STATES = (
    select(
        _M.id,
        _M.name,
        _M.uidvalidity,
        _M.uidnext,
        _M.highest_modseq,
        _M.messages,
        _M.unseen,
        _M.special_use,
    )
    .where(_M.account_id == bindparam("account"))
    .order_by(_M.name)
)
_ADVANCE = (
    update(schema.mailbox)
    .where(_M.id == bindparam("mailbox"))
    .values(
        uidnext=_M.uidnext + bindparam("placed"),
        highest_modseq=_M.highest_modseq + 1,
        messages=_M.messages + bindparam("more_messages"),
        unseen=_M.unseen + bindparam("more_unseen"),
        deleted=_M.deleted + bindparam("more_deleted"),
        recent=_M.recent + bindparam("more_recent"),
        size=_M.size + bindparam("more_size"),
    )
    .returning(_M.uidnext, _M.highest_modseq, _M.account_id)
)
_KEYWORDS = select(schema.keyword.c.folded, schema.keyword.c.spelling).where(
    schema.keyword.c.mailbox_id == bindparam("mailbox")
)
_ADD_KEYWORD = insert(schema.keyword)
_NEXT_COUNT = (
    update(schema.counter)
    .where(schema.counter.c.name == bindparam("which"))
    .values(value=schema.counter.c.value + 1)
    .returning(schema.counter.c.value)
)


_P, _G = schema.placement.c, schema.message.c
_OTHER = schema.placement.alias("other")
_MARK_LOST = (
    update(schema.message)
    .where(
        _G.id.in_(
            select(_P.message_id).where(
                _P.mailbox_id == bindparam("mailbox"), _P.expunged_modseq.is_(None)
            )
        ),
        ~exists().where(
            _OTHER.c.message_id == _G.id,
            _OTHER.c.expunged_modseq.is_(None),
            _OTHER.c.mailbox_id != bindparam("mailbox"),
        ),
    )
    .values(expunged_at=bindparam("at"), expunged_from=bindparam("mailbox"))
)
_LAST = schema.placement.alias("last")
_REMNANTS = (
    select(_P.message_id, bindparam("name").label("mailbox"), _P.flagset_id)
    .select_from(schema.placement.join(schema.message, _G.id == _P.message_id))
    .where(
        _P.mailbox_id == bindparam("mailbox"),
        _G.expunged_from == bindparam("mailbox"),
        # Of two copies that were in the mailbox one is enough.
        ~exists().where(
            _LAST.c.message_id == _P.message_id,
            _LAST.c.mailbox_id == _P.mailbox_id,
            _LAST.c.uid > _P.uid,
        ),
    )
)
_KEEP_REMNANTS = insert(schema.remnant).from_select(
    ["message_id", "mailbox", "flagset_id"], _REMNANTS
)


class MailboxReads(Reads):
    """Queries about mailboxes."""

    def mailboxes(self, account_id: AccountId) -> tuple[Mailbox, ...]:
        """The account's mailboxes, by name."""
        return tuple(_mailbox(row) for row in self.all(_OF_ACCOUNT, account=account_id))

    def names(self, account_id: AccountId) -> list[tuple[Any, ...]]:
        """(id, name, special use or None) of the account's mailboxes, by name: what LIST needs."""
        return self.all(_NAMED, account=account_id)

    def mailbox(self, account_id: AccountId, name: str) -> Mailbox | None:
        """The mailbox of that name, or None."""
        row = self.one(_BY_NAME, account=account_id, name=canonical_name(name))
        return None if row is None else _mailbox(row)

    def mailbox_count(self, account_id: AccountId) -> int:
        """How many mailboxes the account has."""
        row = self.one(_COUNT, account=account_id)
        return 0 if row is None else int(row[0])

    def has_inferiors(self, account_id: AccountId, name: str) -> bool:
        """Whether there are mailboxes below that name, which is as stored."""
        low, high = name + DELIMITER, name + chr(ord(DELIMITER) + 1)
        return self.one(_BELOW, account=account_id, low=low, high=high) is not None

    def mailbox_by_id(self, mailbox_id: MailboxId) -> Mailbox | None:
        """The mailbox, or None when it is gone."""
        row = self.one(_BY_ID, mailbox=mailbox_id)
        return None if row is None else _mailbox(row)

    def subscriptions(self, account_id: AccountId) -> tuple[str, ...]:
        """Subscribed names, sorted; they outlive their mailboxes (RFC 9051 §6.3.7)."""
        return tuple(name for (name,) in self.all(_SUBSCRIPTIONS, account=account_id))

    def subscribed(self, account_id: AccountId, name: str) -> bool:
        """Whether that name is subscribed, as it is stored."""
        return self.one(_SUBSCRIBED, account=account_id, name=name) is not None

    def status(self, mailbox: Mailbox) -> MailboxStatus:
        """The counters of `mailbox`."""
        return _status(mailbox, self.one(_COUNTERS, mailbox=mailbox.id) or (0, 0, 0, 0, 0))

    def statuses(self, account_id: AccountId) -> tuple[MailboxStatus, ...]:
        """The account's mailboxes with their counters, by name; one query."""
        width = len(_COLUMNS)
        return tuple(
            _status(_mailbox(row[:width]), row[width:])
            for row in self.all(_STATUSES, account=account_id)
        )

    def account_state(self, account_id: AccountId) -> AccountState:
        """How all of the account's mailboxes stand, and its subscriptions; two queries."""
        mailboxes = tuple(map(MailboxState._make, self.all(_STATES, account=account_id)))
        return AccountState(mailboxes, frozenset(self.subscriptions(account_id)))


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
            # A letter first, as RFC 8474 §8.1 advises: neither a number nor NIL.
            mailboxid="F" + secrets.token_hex(12),
            messages=0,
            unseen=0,
            deleted=0,
            recent=0,
            size=0,
        )
        made = self.mailbox_by_id(MailboxId(key))
        assert made is not None
        self._note(account_id, made.id)
        return made

    def delete_mailbox(self, mailbox: Mailbox, now: datetime) -> None:
        """Removes a mailbox with its placements; octets stay until a purge.

        Messages that are in no other are marked as expunged at `now`, and where they were and with
        which flags is kept, so that they can be brought back.
        """
        self.do(_MARK_LOST, mailbox=mailbox.id, at=utc_text(now))
        self.do(_KEEP_REMNANTS, mailbox=mailbox.id, name=mailbox.name)
        self.do(delete(schema.mailbox).where(_M.id == mailbox.id))
        # Higher than any session knows the mailbox: there is something to hear.
        gone = ModSeq(mailbox.highest_modseq + 1)
        self.changes.append(Change(mailbox.account_id, mailbox.id, gone))

    def rename_mailbox(self, mailbox: Mailbox, name: str) -> None:
        """Gives a mailbox another name; its UIDs and UIDVALIDITY stay."""
        self.do(update(schema.mailbox).where(_M.id == mailbox.id), name=canonical_name(name))
        self._note(mailbox.account_id, mailbox.id)

    def subscribe(self, account_id: AccountId, name: str) -> None:
        """Subscribes a name, once."""
        if canonical_name(name) not in self.subscriptions(account_id):
            self.do(insert(schema.subscription), account_id=account_id, name=canonical_name(name))
            self._note(account_id)

    def unsubscribe(self, account_id: AccountId, name: str) -> None:
        """Drops a subscription, if there is one."""
        gone = delete(schema.subscription).where(
            schema.subscription.c.account_id == account_id,
            schema.subscription.c.name == canonical_name(name),
        )
        if self.do(gone):
            self._note(account_id)

    def claim_recent(self, mailbox: Mailbox) -> Uid:
        """The first UID that is \\Recent to the caller; no other session will get it."""
        if mailbox.first_recent_uid != mailbox.uidnext:
            self.do(
                update(schema.mailbox).where(_M.id == mailbox.id),
                first_recent_uid=mailbox.uidnext,
                recent=0,
            )
        return mailbox.first_recent_uid

    def spelled(
        self, mailbox_id: MailboxId, flags: frozenset[str], *, new: bool = True
    ) -> frozenset[str]:
        """The flags as the mailbox spells them.

        Args:
            mailbox_id: whose keywords count.
            flags: as a client wrote them, or another mailbox has them.
            new: whether keywords that the mailbox doesn't know become known. Beyond
                `MAX_KEYWORDS` they are left out, as a server may (RFC 9051 §7.1
                "PERMANENTFLAGS").
        """
        found = {canonical(flag) for flag in flags}
        keywords = {flag for flag in found if not flag.startswith("\\")}
        if not keywords:
            return frozenset(found)
        known = dict(self.all(_KEYWORDS, mailbox=mailbox_id))
        for flag in sorted(keywords):
            found.remove(flag)
            folded = flag.lower()
            if new and folded not in known and len(known) < MAX_KEYWORDS:
                known[folded] = flag
                self.do(_ADD_KEYWORD, mailbox_id=mailbox_id, folded=folded, spelling=flag)
            if folded in known:
                found.add(known[folded])
        return frozenset(found)

    def _advance(
        self,
        mailbox_id: MailboxId,
        *,
        placed: int = 0,
        messages: int = 0,
        unseen: int = 0,
        deleted: int = 0,
        recent: int = 0,
        size: int = 0,
    ) -> tuple[int, ModSeq]:
        """Takes the next modseq and `placed` UIDs, and notes the change for the commit to publish.

        The others are what is added to the mailbox's counters.

        Returns:
            the first UID taken, and the modseq.
        """
        row = self.one(
            _ADVANCE,
            mailbox=mailbox_id,
            placed=placed,
            more_messages=messages,
            more_unseen=unseen,
            more_deleted=deleted,
            more_recent=recent,
            more_size=size,
        )
        assert row is not None
        uidnext, modseq, account = row
        self.changes.append(Change(AccountId(account), mailbox_id, ModSeq(modseq)))
        return uidnext - placed, ModSeq(modseq)

    def _note(self, account_id: AccountId, mailbox_id: MailboxId | None = None) -> None:
        """Notes that something of the account is otherwise, and no message."""
        self.changes.append(Change(account_id, mailbox_id or NO_MAILBOX, ModSeq(0)))

    def next_count(self, which: str) -> int:
        """The next value of a counter of the store."""
        row = self.one(_NEXT_COUNT, which=which)
        assert row is not None
        return int(row[0])


def _mailbox(row: tuple[Any, ...]) -> Mailbox:
    """Of `_COLUMNS`; each by hand, since every command makes some, and LIST thousands."""
    key, account_id, name, uidvalidity, uidnext, modseq, first_recent, use, mailboxid = row
    return Mailbox(
        id=key,
        account_id=account_id,
        name=name,
        uidvalidity=uidvalidity,
        uidnext=uidnext,
        highest_modseq=modseq,
        first_recent_uid=first_recent,
        special_use=use,
        mailboxid=mailboxid,
    )


def _status(mailbox: Mailbox, counters: tuple[int, ...]) -> MailboxStatus:
    messages, unseen, deleted, recent, size = counters
    return MailboxStatus(
        mailbox=mailbox,
        messages=messages,
        unseen=unseen,
        deleted=deleted,
        recent=recent,
        size=size,
    )
