"""What is written for a message that arrived, or failed to. All of it may run twice."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from bridge.errors import UnknownLoginError
from bridge.model.ids import AccountId, MessageId
from bridge.model.mailbox import INBOX
from bridge.model.upstream import EventKind, Known, LedgerState, Listed, Retrieve
from bridge.store.arriving import Arriving
from bridge.store.ledger import NewRow
from bridge.store.tx import WriteTx
from bridge.sync.headers import header_hash
from bridge.sync.step import Arrived, Step
from bridge.sync.suspects import LOOKS, next_look

POISON_AFTER = 4
"""Failed retrievals after which a message is given up: the first, and three alone."""

INTERNAL = "the server's own record of the mailbox, which is no mail"
"""Why a listed message isn't shown."""

MAX_REASON = 500
"""Characters of a server's answer that the ledger keeps."""


def keep(tx: WriteTx, account_id: AccountId, steps: Sequence[Step]) -> list[int]:
    """Makes messages exist, or notes that they do already, in their order; their rows' numbers.

    Messages that are new, under UIDLs that are, go in together: most of a first sync.
    """
    rows: list[int] = []
    for new, group in groupby(steps, key=lambda step: step.is_new and step.own is None):
        if new:
            rows += _store_new(tx, account_id, list(group))
        else:
            rows += [_keep_one(tx, account_id, step) for step in group]
    return rows


def _keep_one(tx: WriteTx, account_id: AccountId, step: Step) -> int:
    arrived, row, own = step.arrived, step.row, step.own
    if step.is_new and own is not None:
        return _store(tx, account_id, step, own)
    if isinstance(arrived.body, int):
        tx.stage_drop(arrived.body)
    if row is None:
        return _leave(tx, account_id, arrived, own)
    if own is None or own.id != row.id:
        _recognise(tx, account_id, arrived, row, own)
    elif own.state is LedgerState.SUSPECT:
        _same_again(tx, account_id, step, own)
    else:
        tx.ledger_match(account_id, own, arrived.item.listed, proven=True)
        if own.missing_since is not None:
            detail = f"listed again after it was missing since {own.missing_since:%Y-%m-%d %H:%M}"
            tx.ledger_note(own.id, EventKind.RETURNED, detail, arrived.now)
    return row.id


def attempt(
    tx: WriteTx,
    account_id: AccountId,
    item: Retrieve,
    row: Known | None,
    reason: str,
    now: datetime,
    *,
    temporary: bool,
) -> None:
    """Counts a retrieval that failed; one that is `temporary` is never the last one."""
    reason = reason[:MAX_REASON]
    if row is None:
        tx.ledger_add(
            account_id, item.listed, LedgerState.LISTED, now=now, attempts=1, reason=reason
        )
        return
    attempts = row.attempts + 1
    if temporary:
        attempts = min(attempts, POISON_AFTER - 1)
    last = attempts >= POISON_AFTER and row.uidl != b""
    if row.state is LedgerState.SUSPECT:
        tx.ledger_state(row.id, row.state, attempts=attempts, reason=row.reason)
        if last:
            _look(tx, row, now, "it can't be retrieved again")
    elif item.doubted:
        tx.ledger_state(row.id, row.state, attempts=0 if last else attempts, reason=row.reason)
        if last:
            supersede(tx, account_id, row, now)
            tx.ledger_add(
                account_id,
                item.listed,
                LedgerState.POISONED,
                now=now,
                attempts=attempts,
                reason=reason,
            )
    else:
        state = LedgerState.POISONED if last else row.state
        tx.ledger_state(row.id, state, attempts=attempts, reason=reason)
        if last:
            tx.ledger_note(row.id, EventKind.POISONED, reason, now)


def too_large(
    tx: WriteTx, account_id: AccountId, listed: Listed, row: Known | None, now: datetime
) -> None:
    """Notes a message that stays upstream because of its size; a suspect is held all the same."""
    if row is None:
        tx.ledger_add(account_id, listed, LedgerState.TOO_LARGE, now=now)
    elif row.state is LedgerState.SUSPECT:
        tx.ledger_state(row.id, LedgerState.ODD, attempts=row.attempts, reason=row.reason)
        tx.ledger_note(row.id, EventKind.ODD, "it has become too large to look at again", now)
    else:
        tx.ledger_state(row.id, LedgerState.TOO_LARGE, attempts=row.attempts, reason=None)
        tx.ledger_resize(row.id, listed.size)


def supersede(tx: WriteTx, account_id: AccountId, row: Known, now: datetime) -> None:
    """Notes that a row's UIDL is another message's now."""
    tx.ledger_missing([row.id], now)


def _recognise(
    tx: WriteTx, account_id: AccountId, arrived: Arrived, row: Known, own: Known | None
) -> None:
    """The message is held already, as a row that the listing lacks."""
    if own is not None and arrived.item.doubted:
        supersede(tx, account_id, own, arrived.now)
    elif own is not None and arrived.uidl:
        # The row of earlier tries makes room, or the plan would find it before this one.
        tx.ledger_rename(account_id, own.id, row.uidl)
    elif own is not None:
        tx.ledger_forget(own.id)
    tx.ledger_match(account_id, row, arrived.item.listed, proven=True)
    if row.uidl and row.uidl != arrived.uidl:
        detail = f"listed as {_shown(row.uidl)} before"
        tx.ledger_note(row.id, EventKind.RENAMED, detail, arrived.now)
    if row.state is LedgerState.SUSPECT:
        _confirm(tx, row, arrived.now)


def _leave(tx: WriteTx, account_id: AccountId, arrived: Arrived, own: Known | None) -> int:
    """The server's own record of the mailbox stays there: to delete it would make UIDLs anew."""
    if own is not None and not arrived.item.doubted:
        state = own.state if own.state is LedgerState.SUSPECT else LedgerState.POISONED
        tx.ledger_state(own.id, state, attempts=0, reason=INTERNAL)
        return own.id
    if own is not None:
        supersede(tx, account_id, own, arrived.now)
    return tx.ledger_add(
        account_id,
        arrived.item.listed,
        LedgerState.POISONED,
        now=arrived.now,
        hashes=arrived.hashes,
        reason=INTERNAL,
        header_hash=header_hash(arrived.message.header),
    )


def _same_again(tx: WriteTx, account_id: AccountId, step: Step, own: Known) -> None:
    """A suspect came with the same octets; in the session that stored it that is no proof."""
    now = step.arrived.now
    if step.at_once:
        _look(tx, own, now, "it is the same at once")
        return
    tx.ledger_match(account_id, own, step.arrived.item.listed, proven=True)
    _confirm(tx, own, now)


def _confirm(tx: WriteTx, row: Known, now: datetime) -> None:
    tx.ledger_state(row.id, LedgerState.STORED, attempts=0, reason=None)
    tx.ledger_note(row.id, EventKind.CONFIRMED, "retrieved again with the same octets", now)


def _look(tx: WriteTx, row: Known, now: datetime, detail: str) -> None:
    """A look at a suspect that confirmed nothing."""
    rechecks = row.rechecks + 1
    state = LedgerState.ODD if rechecks >= LOOKS else LedgerState.SUSPECT
    tx.ledger_recheck(row.id, state, rechecks=rechecks, retry_at=next_look(rechecks, now))
    if state is LedgerState.ODD:
        tx.ledger_note(row.id, EventKind.ODD, f"looked at {rechecks} times: {detail}", now)


def _store_new(tx: WriteTx, account_id: AccountId, steps: Sequence[Step]) -> range:
    """Messages that were never listed before."""
    each = [step.arrived for step in steps]
    added = _add(tx, account_id, each)
    new = map(_new_row, each, added)
    rows = tx.ledger_add_all(account_id, list(new))
    for row_id, arrived in zip(rows, each, strict=True):
        if arrived.message.suspect is not None:
            tx.ledger_note(row_id, EventKind.SUSPECTED, arrived.message.suspect, arrived.now)
    return rows


def _store(tx: WriteTx, account_id: AccountId, step: Step, own: Known) -> int:
    """A message that was listed before, or has the UIDL of one that was."""
    arrived = step.arrived
    message, now = arrived.message, arrived.now
    (key,) = _add(tx, account_id, [arrived])
    if own.state is LedgerState.SUSPECT:
        _replace(tx, step, own, key)
        return own.id
    row = _new_row(arrived, key)
    if arrived.item.doubted:
        supersede(tx, account_id, own, now)
        (row_id,) = tx.ledger_add_all(account_id, [row])
        tx.ledger_note(row_id, EventKind.REUSED, "the UIDL stood for another message before", now)
    else:
        row_id = own.id
        tx.ledger_store(row_id, row.state, key, row.hashes, now, row.header_hash)
        tx.ledger_state(row_id, row.state, attempts=0, reason=row.reason)
    if message.suspect is not None:
        tx.ledger_note(row_id, EventKind.SUSPECTED, message.suspect, now)
    return row_id


def _add(tx: WriteTx, account_id: AccountId, each: Sequence[Arrived]) -> list[MessageId]:
    inbox = tx.mailbox(account_id, INBOX)
    if inbox is None:
        raise UnknownLoginError("The account was removed while it was synced.")
    arriving = [Arriving(one.message, one.body, one.now) for one in each]
    return [added.message_id for added in tx.add_messages(inbox, arriving)]


def _new_row(arrived: Arrived, key: MessageId) -> NewRow:
    reason = arrived.message.suspect
    return NewRow(
        listed=arrived.item.listed,
        state=LedgerState.STORED if reason is None else LedgerState.SUSPECT,
        now=arrived.now,
        message_id=key,
        hashes=arrived.hashes,
        reason=reason,
        header_hash=header_hash(arrived.message.header),
    )


def _replace(tx: WriteTx, step: Step, own: Known, key: MessageId) -> None:
    """A suspect came with other octets: they are a new message, and the row's from now on."""
    arrived = step.arrived
    message, now = arrived.message, arrived.now
    old = tx.ledger_message(own.id)
    detail = "it came with other octets"
    if old is not None and (not own.octets or arrived.extends):
        where = tx.untouched_copy(old)
        if where is not None:
            tx.expunge(where[0], [where[1]], now)
            detail += ", which took the place of the first ones"
    tx.ledger_store(
        own.id, LedgerState.STORED, key, arrived.hashes, now, header_hash(message.header)
    )
    tx.ledger_state(own.id, LedgerState.STORED, attempts=0, reason=message.suspect)
    tx.ledger_note(own.id, EventKind.REPLACED, detail, now)
    tx.ledger_resize(own.id, arrived.item.listed.size)
    if message.suspect is not None:
        _look(tx, own, now, "it is different each time")


def _shown(uidl: bytes) -> str:
    return uidl.decode("ascii", "backslashreplace")
