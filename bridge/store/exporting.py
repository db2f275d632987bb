"""What an export and an import ask of the store: hashes, by message and by mailbox."""

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import bindparam, func, select

from bridge.model.ids import AccountId, MailboxId, MessageId
from bridge.store import schema
from bridge.store.tx import ReadTx

_M, _P = schema.message.c, schema.placement.c
_HASH = select(_M.full_hash).where(_M.id == bindparam("message"))
_COUNTS = (
    select(_M.full_hash, func.count())
    .select_from(schema.placement.join(schema.message, _M.id == _P.message_id))
    .where(_P.mailbox_id == bindparam("mailbox"), _P.expunged_modseq.is_(None))
    .group_by(_M.full_hash)
)
_UIDLS = select(schema.ledger.c.uidl).where(schema.ledger.c.account_id == bindparam("account"))


def full_hash(tx: ReadTx, message_id: MessageId) -> bytes | None:
    """SHA-256 of a message's octets as it arrived; None if it is gone."""
    row = tx.one(_HASH, message=message_id)
    return None if row is None else bytes(row[0])


def hash_counts(tx: ReadTx, mailbox_id: MailboxId) -> Counter[bytes]:
    """How often the octets with each SHA-256 are live in a mailbox."""
    return Counter(dict(tx.all(_COUNTS, mailbox=mailbox_id)))


def known_uidls(tx: ReadTx, account_id: AccountId) -> frozenset[bytes]:
    """Every UIDL that the account's ledger has."""
    return frozenset(uidl for (uidl,) in tx.all(_UIDLS, account=account_id))


def whole(tx: ReadTx, messages: Sequence[tuple[MessageId, int]]) -> list[bytes]:
    """The octets of small messages of those sizes."""
    return [tx.octets(key, 0, size) for key, size in messages]
