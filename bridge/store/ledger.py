"""The ledger: what is known of each message that a provider ever listed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, literal_column, or_, select, update

from bridge.model.ids import AccountId, MailboxId, MessageId, Uid
from bridge.model.upstream import EventKind, Known, LedgerEvent, LedgerState, Listed
from bridge.store import schema
from bridge.store.base import Reads, Writes, moment, utc_text

_L = schema.ledger.c
_COLUMNS = (
    _L.id,
    _L.uidl,
    _L.generation,
    _L.state,
    _L.size,
    _L.message_id,
    _L.full_hash,
    _L.canonical_hash,
    _L.body_hash,
    _L.attempts,
    _L.rechecks,
    _L.retry_at,
    _L.stored_at,
    _L.missing_since,
    _L.dele_at,
    _L.deles,
    func.coalesce(_L.expunged_at, schema.message.c.expunged_at),
    _L.header_hash,
    _L.proven,
    schema.message.c.size,
    _L.reason,
)
_FROM = schema.ledger.outerjoin(schema.message, schema.message.c.id == _L.message_id)
_KNOWN = (
    select(*_COLUMNS)
    .select_from(_FROM)
    .where(_L.account_id == bindparam("account"))
    .order_by(_L.id)
)
_COUNTS = (
    select(_L.state, func.count()).where(_L.account_id == bindparam("account")).group_by(_L.state)
)
_E = schema.ledger_event.c
_EVENTS = select(_E.at, _E.kind, _E.detail).where(_E.ledger_id == bindparam("row")).order_by(_E.id)
_NOTE = insert(schema.ledger_event)
_GENERATION = select(func.max(_L.generation)).where(
    _L.account_id == bindparam("account"), _L.uidl == bindparam("uidl")
)
_DUE = (
    select(_L.id)
    .where(
        _L.account_id == bindparam("account"),
        schema.UNSETTLED,
        _L.missing_since.is_(None),
        or_(
            _L.retry_at.is_(None),
            _L.retry_at <= bindparam("now"),
            _L.retry_at > bindparam("latest"),
        ),
    )
    .limit(1)
)
_LINES = select(
    _L.id,
    _L.uidl,
    _L.size,
    (_L.state == LedgerState.STORED.value)
    & (_L.missing_since.is_(None))
    & (_L.full_hash != b"")
    & (_L.uidl != b"")
    & (_L.proven | bindparam("unproven")),
    _L.missing_since.is_(None),
    _L.dele_at.is_(None),
).where(_L.account_id == bindparam("account"))
_CHOSEN = (
    select(*_COLUMNS)
    .select_from(_FROM)
    .where(_L.id.in_(bindparam("rows", expanding=True)))
    .order_by(_L.id)
)
_MESSAGE_IDS = (
    select(_L.id, schema.message.c.message_id)
    .select_from(schema.ledger.join(schema.message, schema.message.c.id == _L.message_id))
    .where(_L.account_id == bindparam("account"), schema.message.c.message_id != b"")
)
_P = schema.placement.c
_COPIES = select(_P.mailbox_id, _P.uid, _P.modseq, _P.created_modseq, _P.expunged_modseq).where(
    _P.message_id == bindparam("message")
)
_SET_MISSING = (
    update(schema.ledger)
    .where(_L.id == bindparam("row"), _L.missing_since.is_(None))
    .values(missing_since=bindparam("now"))
)
_SET_PRESENT = update(schema.ledger).where(_L.id == bindparam("row")).values(missing_since=None)

MAX_VARIABLES = 10_000
"""SQLite takes 32,766 in a statement."""

_GENERATIONS = _L.account_id == bindparam("of_account"), _L.uidl == bindparam("of_uidl")
_ADD = (
    insert(schema.ledger)
    .inline()
    .values(
        generation=select(
            func.coalesce(func.max(_L.generation) + literal_column("1"), literal_column("0"))
        )
        .where(*_GENERATIONS)
        .scalar_subquery()
    )
)
_ADDED = (
    *("account_id", "uidl", "of_account", "of_uidl", "state", "size", "message_id"),
    *("full_hash", "canonical_hash", "body_hash", "header_hash"),
    *("proven", "attempts", "reason", "first_seen", "stored_at"),
)

KnownLine = tuple[int, bytes, int, int, int, int]
"""Number, UIDL, size, and whether the row is stored, listed the last time and to be compared with
its size alone; whether it was listed the last time; whether it was never deleted upstream."""


_DETACHED = "the provider's answers were out of step, so the UIDL is not known"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRow:
    """A row to add; the fields are what `LedgerWrites.ledger_add` takes."""

    listed: Listed
    state: LedgerState
    now: datetime
    message_id: MessageId | None = None
    hashes: tuple[bytes, bytes, bytes] = (b"", b"", b"")
    attempts: int = 0
    reason: str | None = None
    header_hash: bytes = b""


class LedgerReads(Reads):
    """Queries about upstream messages."""

    def known(self, account_id: AccountId) -> tuple[Known, ...]:
        """Every row of the account, oldest first."""
        return tuple(_known(row) for row in self.all(_KNOWN, account=account_id))

    def known_lines(self, account_id: AccountId, *, unproven: bool) -> list[KnownLine]:
        """Every row of the account, in short; of a hundred thousand most say nothing more.

        `unproven` says whether rows may be settled that aren't proven.
        """
        return self.all(_LINES, account=account_id, unproven=unproven)

    def known_of(self, rows: Sequence[int]) -> tuple[Known, ...]:
        """The rows with those ascending numbers."""
        return tuple(
            _known(row)
            for start in range(0, len(rows), MAX_VARIABLES)
            for row in self.all(_CHOSEN, rows=list(rows[start : start + MAX_VARIABLES]))
        )

    def ledger_events(self, row_id: int) -> tuple[LedgerEvent, ...]:
        """What happened to the message of a row out of the ordinary, oldest first."""
        return tuple(
            LedgerEvent(datetime.fromisoformat(at), EventKind(kind), detail)
            for at, kind, detail in self.all(_EVENTS, row=row_id)
        )

    def ledger_due(self, account_id: AccountId, now: datetime, latest: datetime) -> bool:
        """Whether a listed message waits to be retrieved, as far as the ledger knows.

        A suspect whose next time is after `latest` is due too: the clock was set back.
        """
        times = {"now": utc_text(now), "latest": utc_text(latest)}
        return self.one(_DUE, account=account_id, **times) is not None

    def ledger_message_ids(self, account_id: AccountId) -> dict[int, bytes]:
        """The Message-IDs of what is held, by row."""
        return {row: found for row, found in self.all(_MESSAGE_IDS, account=account_id)}

    def ledger_message(self, row_id: int) -> MessageId | None:
        """The message that a row's octets are held as."""
        row = self.one(select(_L.message_id).where(_L.id == row_id))
        return None if row is None or row[0] is None else MessageId(row[0])

    def untouched_copy(self, message_id: MessageId) -> tuple[MailboxId, Uid] | None:
        """Where a message is if no client did anything to it; else None.

        To copy, move, expunge or flag it is to touch it, and so is to read it with \\Seen set.
        """
        rows = self.all(_COPIES, message=message_id)
        if len(rows) != 1:
            return None
        mailbox, uid, modseq, created, expunged = rows[0]
        untouched = expunged is None and modseq == created
        return (MailboxId(mailbox), Uid(uid)) if untouched else None

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
        header_hash: bytes = b"",
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
            header_hash: as `sync.headers` makes it.
        """
        row = NewRow(
            listed=listed,
            state=state,
            now=now,
            message_id=message_id,
            hashes=hashes,
            attempts=attempts,
            reason=reason,
            header_hash=header_hash,
        )
        return self.ledger_add_all(account_id, [row])[0]

    def ledger_add_all(self, account_id: AccountId, rows: Sequence["NewRow"]) -> range:
        """As `ledger_add` for each, in order, by one statement; the rows' ids."""
        return self.insert_keyed(_ADD, _ADDED, [_added(account_id, row) for row in rows])

    def ledger_store(
        self,
        row_id: int,
        state: LedgerState,
        message_id: MessageId,
        hashes: tuple[bytes, bytes, bytes],
        now: datetime,
        header_hash: bytes = b"",
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
            header_hash=header_hash,
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

    def ledger_recheck(
        self, row_id: int, state: LedgerState, *, rechecks: int, retry_at: datetime | None
    ) -> None:
        """Notes that a suspect was looked at again, and when it is to be the next time."""
        self.do(
            update(schema.ledger).where(_L.id == row_id),
            state=state.value,
            attempts=0,
            rechecks=rechecks,
            retry_at=None if retry_at is None else utc_text(retry_at),
        )

    def ledger_believe(self, account_id: AccountId, reason: str) -> int:
        """Takes suspects for sound that are only suspected for `reason`; how many there were."""
        return self.do(
            update(schema.ledger).where(
                _L.account_id == account_id,
                _L.state == LedgerState.SUSPECT.value,
                _L.reason == reason,
            ),
            state=LedgerState.STORED.value,
            attempts=0,
            reason=None,
            retry_at=None,
        )

    def ledger_missing(self, rows: Iterable[int], now: datetime) -> None:
        """Notes that a complete listing lacks them; what is missing already stays as it was."""
        self.do_all(_SET_MISSING, [{"row": row, "now": utc_text(now)} for row in rows])

    def ledger_present(self, rows: Iterable[int]) -> None:
        """Notes that they are listed again."""
        self.do_all(_SET_PRESENT, [{"row": row} for row in rows])

    def ledger_match(
        self, account_id: AccountId, row: Known, listed: Listed, *, proven: bool
    ) -> None:
        """Notes that a listed message is the row's, under whatever UIDL and size it has now."""
        uidl = listed.uidl or b""
        if uidl != row.uidl:
            self.ledger_rename(account_id, row.id, uidl)
        self.do(
            update(schema.ledger).where(_L.id == row.id),
            size=listed.size,
            missing_since=None,
            proven=proven,
            attempts=0,
        )

    def ledger_resize(self, row_id: int, size: int) -> None:
        """Notes the size that a row's message is listed with."""
        self.do(update(schema.ledger).where(_L.id == row_id), size=size)

    def ledger_forget(self, row_id: int) -> None:
        """Removes a row of tries whose message turned out to be another row's."""
        self.do(delete(schema.ledger).where(_L.id == row_id, _L.message_id.is_(None)))

    def ledger_note(self, row_id: int, kind: EventKind, detail: str, now: datetime) -> None:
        """Adds an entry to a message's story."""
        self.do(_NOTE, ledger_id=row_id, at=utc_text(now), kind=kind.value, detail=detail)

    def ledger_detach(self, account_id: AccountId, row_ids: Iterable[int], now: datetime) -> None:
        """Takes rows for messages whose UIDL isn't known: content alone tells which they are."""
        for row_id in row_ids:
            self.ledger_rename(account_id, row_id, b"")
            self.ledger_note(row_id, EventKind.RENAMED, _DETACHED, now)

    def ledger_rename(self, account_id: AccountId, row_id: int, uidl: bytes) -> None:
        """The provider lists the row's message under another UIDL now."""
        row = self.one(_GENERATION, account=account_id, uidl=uidl)
        generation = 0 if row is None or row[0] is None else int(row[0]) + 1
        self.do(update(schema.ledger).where(_L.id == row_id), uidl=uidl, generation=generation)


def _added(account_id: AccountId, row: NewRow) -> tuple[Any, ...]:
    """The values of `_ADDED`."""
    uidl, now = row.listed.uidl or b"", utc_text(row.now)
    return (
        *(account_id, uidl, account_id, uidl, row.state.value, row.listed.size, row.message_id),
        *row.hashes,
        row.header_hash,
        *(True, row.attempts, row.reason, now, None if row.message_id is None else now),
    )


def _known(row: tuple[Any, ...]) -> Known:
    key, uidl, generation, state, size, message_id, full_hash, canonical, body, *rest = row
    attempts, rechecks, retry_at, stored_at, missing_since, dele_at, deles, expunged_at = rest[:8]
    header_hash, proven, octets, reason = rest[8:]
    return Known(
        id=key,
        uidl=uidl,
        generation=generation,
        state=LedgerState(state),
        size=size,
        message_id=None if message_id is None else MessageId(message_id),
        full_hash=full_hash,
        canonical_hash=canonical,
        body_hash=body,
        attempts=attempts,
        rechecks=rechecks,
        retry_at=moment(retry_at),
        stored_at=moment(stored_at),
        missing_since=moment(missing_since),
        dele_at=moment(dele_at),
        deles=deles,
        expunged_at=moment(expunged_at),
        header_hash=header_hash or b"",
        proven=bool(proven),
        octets=octets,
        reason=reason,
    )
