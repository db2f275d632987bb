"""The end of what clients expunged: brought back while it is kept, removed when that time is over.

What is removed goes in slices while the writer has nothing else to do. The ledger keeps hashes and
times, so that nothing is fetched again.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, exists, func, select, update

from bridge.model.flags import DELETED
from bridge.model.ids import AccountId, MailboxId, MessageId
from bridge.model.mailbox import INBOX, Mailbox
from bridge.store import schema
from bridge.store.arriving import MessageWrites
from bridge.store.base import Reads, utc_text
from bridge.store.placements import HOUR_TEXT, flags_of

SLICE_TOMBSTONES = 200
"""Removed in one turn of the writer, and so with messages: clients must not wait for it."""

SLICE_MESSAGES = 20

_G, _P, _X, _L = (
    schema.message.c,
    schema.placement.c,
    schema.expunge_hour.c,
    schema.ledger.c,
)
_OLD_MESSAGES = (
    select(_G.id, _G.blob_id, _G.expunged_at)
    .where(_G.expunged_at.is_not(None), _G.expunged_at < bindparam("before"))
    .order_by(_G.expunged_at)
    .limit(SLICE_MESSAGES)
)
_OF_MESSAGE = (
    select(_P.mailbox_id, func.max(_P.expunged_modseq))
    .where(_P.message_id == bindparam("message"), _P.expunged_modseq.is_not(None))
    .group_by(_P.mailbox_id)
)
_DELETE_OF_MESSAGE = delete(schema.placement).where(
    _P.message_id == bindparam("message"), _P.expunged_modseq.is_not(None)
)
_LET_GO = (
    update(schema.ledger)
    .where(_L.message_id == bindparam("message"))
    .values(message_id=None, expunged_at=bindparam("at"))
)
_DELETE_MESSAGE = delete(schema.message).where(_G.id == bindparam("message"))
_SHARED = select(_G.id).where(_G.blob_id == bindparam("blob")).limit(1)
_DROP_BLOB = (
    update(schema.blob)
    .where(schema.blob.c.id == bindparam("blob"))
    .values(sealed=False, dropped=True)
)
_OLD_HOUR = (
    select(_X.mailbox_id, _X.hour, _X.modseq)
    .where(_X.hour < bindparam("before"))
    .order_by(_X.hour)
    .limit(1)
)
_TOMBSTONES = (
    select(_P.uid, _P.expunged_modseq)
    .where(
        _P.mailbox_id == bindparam("mailbox"),
        _P.expunged_modseq.is_not(None),
        _P.expunged_modseq <= bindparam("modseq"),
        # The last one of a message that can still be brought back tells its flags.
        ~exists().where(_G.id == _P.message_id, _G.expunged_at.is_not(None)),
    )
    .limit(SLICE_TOMBSTONES)
)
_DELETE_TOMBSTONE = delete(schema.placement).where(
    _P.mailbox_id == bindparam("mailbox"), _P.uid == bindparam("gone")
)
_FORGET_HOUR = delete(schema.expunge_hour).where(
    _X.mailbox_id == bindparam("mailbox"), _X.hour == bindparam("in_hour")
)
_RAISE_FLOOR = (
    update(schema.mailbox)
    .where(
        schema.mailbox.c.id == bindparam("mailbox"),
        schema.mailbox.c.tombstone_floor < bindparam("floor"),
    )
    .values(tombstone_floor=bindparam("floor"))
)
_EXPUNGED = (
    select(_G.id, _G.size, _G.expunged_from)
    .where(
        _G.expunged_at.is_not(None),
        _G.expunged_at >= bindparam("since"),
        _G.account_id == bindparam("account"),
    )
    .order_by(_G.id)
)
_LAST_FLAGS = (
    select(schema.flagset.c.flags)
    .select_from(schema.placement.join(schema.flagset))
    .where(_P.message_id == bindparam("message"), _P.mailbox_id == bindparam("mailbox"))
    .order_by(_P.uid.desc())
    .limit(1)
)
_REMNANT = (
    select(schema.remnant.c.mailbox, schema.flagset.c.flags)
    .select_from(schema.remnant.join(schema.flagset))
    .where(schema.remnant.c.message_id == bindparam("message"))
)
_FORGET_REMNANT = delete(schema.remnant).where(schema.remnant.c.message_id == bindparam("message"))
_REVIVE = (
    update(schema.message)
    .where(_G.id == bindparam("message"))
    .values(expunged_at=None, expunged_from=None)
)


@dataclass(frozen=True, slots=True)
class Expunged:
    """A message that clients expunged and that can be brought back; `size` in octets."""

    message_id: MessageId
    size: int
    mailbox_id: MailboxId | None


class ExpungedReads(Reads):
    """Queries about what was expunged."""

    def expunged(self, account_id: AccountId, since: datetime) -> Sequence[Expunged]:
        """What left its last mailbox at `since` or later and is still held, oldest first."""
        return [
            Expunged(MessageId(key), size, None if box is None else MailboxId(box))
            for key, size, box in self.all(_EXPUNGED, account=account_id, since=utc_text(since))
        ]


class ExpungedWrites(MessageWrites, ExpungedReads):
    """What becomes of it."""

    def undelete(
        self, account_id: AccountId, since: datetime, now: datetime, most: int
    ) -> Counter[str]:
        """Brings back what was expunged at `since` or later, each message once, under new UIDs.

        It comes back to where it was last, or to a mailbox of that name, else to INBOX, with the
        flags that it had but for \\Deleted.

        Returns:
            how many, by mailbox: `most` in all, as long as there are as many.
        """
        boxes = {box.id: box for box in self.mailboxes(account_id)}
        found: Counter[str] = Counter()
        for one in self.expunged(account_id, since)[:most]:
            box, flags = self._where(one, account_id, boxes)
            placed = [(one.message_id, one.size, utc_text(now))]
            self._place(box.id, placed, flags - {DELETED})
            self.do(_FORGET_REMNANT, message=one.message_id)
            self.do(_REVIVE, message=one.message_id)
            found[box.name] += 1
        return found

    def _where(
        self, one: Expunged, account_id: AccountId, boxes: dict[MailboxId, Mailbox]
    ) -> tuple[Mailbox, frozenset[str]]:
        last = None if one.mailbox_id is None else boxes.get(one.mailbox_id)
        if last is not None:
            row = self.one(_LAST_FLAGS, message=one.message_id, mailbox=last.id)
            return last, frozenset() if row is None else flags_of(row[0])
        row = self.one(_REMNANT, message=one.message_id)
        name, flags = (INBOX, frozenset[str]()) if row is None else (row[0], flags_of(row[1]))
        box = self.mailbox(account_id, name) or self.mailbox(account_id, INBOX)
        assert box is not None
        return box, flags

    def purge(self, before: datetime) -> bool:
        """Removes a slice of what was expunged before then; whether there was any."""
        return self._purge_messages(before) or self._purge_tombstones(before)

    def _purge_messages(self, before: datetime) -> bool:
        rows = self.all(_OLD_MESSAGES, before=utc_text(before))
        for message, blob, expunged_at in rows:
            self._remove(message, blob, expunged_at)
        return bool(rows)

    def _remove(self, message: int, blob: int, expunged_at: str) -> None:
        for mailbox, modseq in self.all(_OF_MESSAGE, message=message):
            self.do(_RAISE_FLOOR, mailbox=mailbox, floor=modseq)
        self.do(_DELETE_OF_MESSAGE, message=message)
        self.do(_LET_GO, message=message, at=expunged_at)
        self.do(_DELETE_MESSAGE, message=message)
        if self.one(_SHARED, blob=blob) is None:
            self.do(_DROP_BLOB, blob=blob)

    def _purge_tombstones(self, before: datetime) -> bool:
        """Those of messages that are in other mailboxes: the others go with their messages."""
        hour = self.one(_OLD_HOUR, before=utc_text(before)[:HOUR_TEXT])
        if hour is None:
            return False
        mailbox, in_hour, modseq = hour
        rows: list[tuple[Any, ...]] = self.all(_TOMBSTONES, mailbox=mailbox, modseq=modseq)
        if rows:
            self.do(_RAISE_FLOOR, mailbox=mailbox, floor=max(expunged for _, expunged in rows))
            self.do_all(_DELETE_TOMBSTONE, [{"mailbox": mailbox, "gone": uid} for uid, _ in rows])
        if len(rows) < SLICE_TOMBSTONES:
            self.do(_FORGET_HOUR, mailbox=mailbox, in_hour=in_hour)
        return True
