"""Whether a store is the one that ran here last, or an old copy of it that was put back.

The store counts epochs: at each start, at each stop and now and then while it changes. A file
beside it has the number that was reached. A store behind its file was put back: UIDs that it will
hand out have been handed out before, and mail that it doesn't know has been fetched.
"""

import json
import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from sqlalchemy import bindparam, delete, insert, select, update

from bridge.model.profile import RESTORED
from bridge.store import schema
from bridge.store.tx import ReadTx, WriteTx

MAX_UIDVALIDITY = (1 << 32) - 1
"""nz-number (RFC 9051 §9)."""

_COUNT = select(schema.counter.c.value).where(schema.counter.c.name == bindparam("which"))
_FORGET = delete(schema.counter).where(schema.counter.c.name == bindparam("which"))
_NOTE = insert(schema.counter)
_MAILBOXES = select(schema.mailbox.c.id).order_by(schema.mailbox.c.id)
_RENEW = (
    update(schema.mailbox)
    .where(schema.mailbox.c.id == bindparam("mailbox"))
    .values(uidvalidity=bindparam("new"))
)


class Origin(Enum):
    """What a store is, compared with its file."""

    NEW = "new"
    """It has never run."""
    SAME = "same"
    COPY = "copy"


@dataclass(frozen=True, slots=True)
class Epoch:
    """How far a store is.

    `store` is a random number that the store keeps for ever, `number` counts up, and `uidvalidity`
    is the highest that it has given a mailbox.
    """

    store: int
    number: int
    uidvalidity: int


def origin(stored: Epoch | None, filed: Epoch | None) -> Origin:
    """What the store is.

    Args:
        stored: what it says of itself; None before its first start.
        filed: what the file beside it says; None where there is none that can be read.
    """
    if stored is None:
        return Origin.NEW
    if filed is None or filed.store != stored.store or filed.number > stored.number:
        return Origin.COPY
    return Origin.SAME


def read_epoch(octets: bytes) -> Epoch | None:
    """What `write_epoch` wrote, or None."""
    try:
        found = json.loads(octets)
        return Epoch(int(found["store"]), int(found["epoch"]), int(found["uidvalidity"]))
    except (ValueError, LookupError, TypeError):
        return None


def write_epoch(epoch: Epoch) -> bytes:
    """The content of the file."""
    form = {"store": epoch.store, "epoch": epoch.number, "uidvalidity": epoch.uidvalidity}
    return json.dumps(form).encode() + b"\n"


def new_epoch(filed: Epoch | None) -> Epoch:
    """The first epoch of a store; no UIDVALIDITY of one that was here before comes again."""
    return Epoch(secrets.randbits(62) + 1, 1, 0 if filed is None else filed.uidvalidity)


def epoch(tx: ReadTx) -> Epoch | None:
    """How far the store is; None before its first start."""
    store, number = _value(tx, "store"), _value(tx, "epoch")
    if store is None or number is None:
        return None
    return Epoch(store, number, _value(tx, "uidvalidity") or 0)


def save_epoch(tx: WriteTx, reached: Epoch) -> Epoch:
    """Notes how far the store is, its UIDVALIDITY counter never set back; what it then says."""
    highest = max(reached.uidvalidity, _value(tx, "uidvalidity") or 0)
    saved = replace(reached, uidvalidity=highest)
    _put(tx, "store", saved.store)
    _put(tx, "epoch", saved.number)
    _put(tx, "uidvalidity", highest)
    return saved


def next_epoch(tx: WriteTx) -> Epoch | None:
    """Begins the next epoch; None where the store has none yet."""
    now = epoch(tx)
    if now is None:
        return None
    return save_epoch(tx, replace(now, number=now.number + 1))


def renew(tx: WriteTx, filed: Epoch | None, now: datetime) -> Epoch:
    """Makes a store that was put back safe to serve, and begins an epoch that none had before.

    Every mailbox gets a UIDVALIDITY that neither this store nor the one it takes the place of has
    given one: clients read their mail anew. Nothing is deleted upstream until each account's
    provider has listed all, and what it lists is held.

    Args:
        tx: where.
        filed: what the file beside the store says.
        now: aware; seeds UIDVALIDITY, and since when deleting is frozen.
    """
    stored, filed = epoch(tx) or new_epoch(filed), filed or Epoch(0, 0, 0)
    mailboxes = [key for (key,) in tx.all(_MAILBOXES)]
    base = max(stored.uidvalidity, filed.uidvalidity, int(now.timestamp()))
    # A clock that is wrong by a century must not keep a store from being served.
    if base + len(mailboxes) > MAX_UIDVALIDITY:
        base = max(stored.uidvalidity, filed.uidvalidity)
    tx.do_all(_RENEW, [{"mailbox": key, "new": base + n} for n, key in enumerate(mailboxes, 1)])
    for account in tx.accounts():
        profile = tx.profile(account.id)
        tx.save_profile(replace(profile, frozen_since=now, frozen_reason=RESTORED))
    number = max(stored.number, filed.number) + 1
    return save_epoch(tx, Epoch(stored.store, number, base + len(mailboxes)))


def last_backup_s(tx: ReadTx) -> int | None:
    """When the last good backup was made, in seconds since 1970; None if there was none."""
    return _value(tx, "last_backup")


def note_backup(tx: WriteTx, seconds: int) -> None:
    """Notes when a good backup was made."""
    _put(tx, "last_backup", seconds)


def _value(tx: ReadTx, which: str) -> int | None:
    row = tx.one(_COUNT, which=which)
    return None if row is None else int(row[0])


def _put(tx: WriteTx, which: str, value: int) -> None:
    tx.do(_FORGET, which=which)
    tx.do(_NOTE, name=which, value=value)
