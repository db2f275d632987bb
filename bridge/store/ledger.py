"""The ledger: what is known of each message that a provider ever listed."""

from datetime import datetime

from sqlalchemy import bindparam, func, insert, select, update

from bridge.model.ids import AccountId, MessageId
from bridge.model.upstream import Known, LedgerState, Listed
from bridge.store import schema
from bridge.store.base import Reads, Writes, utc_text

_L = schema.ledger.c
_COLUMNS = (
    _L.id,
    _L.uidl,
    _L.generation,
    _L.state,
    _L.size,
    _L.message_id,
    _L.full_hash,
    _L.attempts,
)
_KNOWN = select(*_COLUMNS).where(_L.account_id == bindparam("account")).order_by(_L.id)
_BY_HASH = (
    select(*_COLUMNS)
    .where(_L.account_id == bindparam("account"), _L.full_hash == bindparam("hash"))
    .order_by(_L.id)
)
_COUNTS = (
    select(_L.state, func.count()).where(_L.account_id == bindparam("account")).group_by(_L.state)
)
_GENERATION = select(func.max(_L.generation)).where(
    _L.account_id == bindparam("account"), _L.uidl == bindparam("uidl")
)


class LedgerReads(Reads):
    """Queries about upstream messages."""

    def known(self, account_id: AccountId) -> tuple[Known, ...]:
        """Every row of the account, oldest first."""
        return tuple(_known(row) for row in self.all(_KNOWN, account=account_id))

    def ledger_find_hash(self, account_id: AccountId, full_hash: bytes) -> tuple[Known, ...]:
        """The rows whose octets have that SHA-256, those of expunged messages included."""
        return tuple(_known(row) for row in self.all(_BY_HASH, account=account_id, hash=full_hash))

    def counts(self, account_id: AccountId) -> dict[LedgerState, int]:
        """Rows by state; a state without rows is absent."""
        return {LedgerState(state): n for state, n in self.all(_COUNTS, account=account_id)}


class LedgerWrites(Writes, LedgerReads):
    """Changes to the ledger."""

    def ledger_add(
        self,
        account_id: AccountId,
        listed: Listed,
        state: LedgerState,
        *,
        now: datetime,
        message_id: MessageId | None = None,
        hashes: tuple[bytes, bytes, bytes] = (b"", b"", b""),
        attempts: int = 0,
        reason: str | None = None,
    ) -> int:
        """Notes a listed message under the next generation of its UIDL; the row's id.

        Args:
            account_id: whose mailbox listed it.
            listed: the line of the listing; a message without UIDL gets the blank one.
            state: what became of it.
            now: aware; the time of sighting and, with `message_id`, of storing.
            message_id: the message it was stored as.
            hashes: full, canonical and body hash.
            attempts: failed retrievals so far.
            reason: why it is in doubt or failed.
        """
        uidl = listed.uidl or b""
        row = self.one(_GENERATION, account=account_id, uidl=uidl)
        generation = 0 if row is None or row[0] is None else int(row[0]) + 1
        full, canonical, body = hashes
        return self.insert(
            insert(schema.ledger),
            account_id=account_id,
            uidl=uidl,
            generation=generation,
            state=state.value,
            size=listed.size,
            message_id=message_id,
            full_hash=full,
            canonical_hash=canonical,
            body_hash=body,
            attempts=attempts,
            reason=reason,
            first_seen=utc_text(now),
            stored_at=None if message_id is None else utc_text(now),
        )

    def ledger_store(
        self,
        row_id: int,
        state: LedgerState,
        message_id: MessageId,
        hashes: tuple[bytes, bytes, bytes],
        now: datetime,
    ) -> None:
        """Notes that the message of a row that was only listed is now held."""
        full, canonical, body = hashes
        self.do(
            update(schema.ledger).where(_L.id == row_id),
            state=state.value,
            message_id=message_id,
            full_hash=full,
            canonical_hash=canonical,
            body_hash=body,
            stored_at=utc_text(now),
        )

    def ledger_state(
        self, row_id: int, state: LedgerState, *, attempts: int, reason: str | None
    ) -> None:
        """Moves a row to another state."""
        self.do(
            update(schema.ledger).where(_L.id == row_id),
            state=state.value,
            attempts=attempts,
            reason=reason,
        )

    def ledger_rename(self, account_id: AccountId, row_id: int, uidl: bytes) -> None:
        """The provider lists the row's message under another UIDL now."""
        row = self.one(_GENERATION, account=account_id, uidl=uidl)
        generation = 0 if row is None or row[0] is None else int(row[0]) + 1
        self.do(update(schema.ledger).where(_L.id == row_id), uidl=uidl, generation=generation)


def _known(row: tuple[object, ...]) -> Known:
    key, uidl, generation, state, size, message_id, full_hash, attempts = row
    assert isinstance(uidl, bytes) and isinstance(full_hash, bytes)
    return Known(
        id=int(str(key)),
        uidl=uidl,
        generation=int(str(generation)),
        state=LedgerState(state),
        size=int(str(size)),
        message_id=None if message_id is None else MessageId(int(str(message_id))),
        full_hash=full_hash,
        attempts=int(str(attempts)),
    )
