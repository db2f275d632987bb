"""Deleting at the provider what the policy says and what is proven to be held here.

Deleting is a state that is wished for: it is asked for again and again until a listing lacks the
message. So whatever isn't known (a QUIT without an answer, a kill) is known after the next one.
"""

import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bridge.errors import UpstreamError
from bridge.model.account import Account
from bridge.model.ids import AccountId
from bridge.model.upstream import EventKind, Known, LedgerState, Listed
from bridge.store.port import Database
from bridge.store.tx import ReadTx, WriteTx
from bridge.sync.port import Loop, PopSession, Retrieved
from bridge.sync.proof import proven
from bridge.sync.retention import (
    DAY,
    MIRROR_MANY,
    PATIENT_DELES,
    clock_jumped,
    due_nameless,
    may_delete,
)
from bridge.sync.wanted import Wanted, policy_of, wanted

MAX_DELES = 2000
"""In one POP session: if it is cut, its deletes are asked for again, and its octets read again."""

NOTE_EVERY = timedelta(hours=1)
"""A poll's time is stored no more often: after a restart a jump of the clock is seen by it."""

DAMAGED = "the octets here are not those that arrived"

Connect = Callable[[], Awaitable[PopSession]]

_log = logging.getLogger("popbridge.sync")


@dataclass(frozen=True, slots=True)
class _Polled:
    """The last poll that succeeded, by the wall clock and by one that nobody sets."""

    at: datetime
    monotonic_s: float


class PolicyDeleter:
    """A `bridge.sync.port.Deleter`; one serves all accounts.

    Args:
        database: what is held.
        loop: tells the time.
        monotonic: seconds by a clock that nobody sets.
        max_deles: most messages deleted in one POP session.
        unproven: told how many messages' octets turn out not to be those that arrived.
    """

    def __init__(
        self,
        *,
        database: Database,
        loop: Loop,
        monotonic: Callable[[], float],
        max_deles: int = MAX_DELES,
        unproven: Callable[[int], None] = lambda messages: None,
    ) -> None:
        self._database = database
        self._loop = loop
        self._monotonic = monotonic
        self._max_deles = max_deles
        self._unproven = unproven
        self._polled: dict[AccountId, _Polled] = {}
        self._noted: dict[AccountId, datetime] = {}

    async def delete(self, account: Account, connect: Connect, went: Callable[[int], None]) -> None:
        """As `Deleter.delete`."""
        found = await self._begin(account)
        if found is None:
            return
        waiting = found.due
        if found.profile.login_delay_s:
            # Another log-in so soon would be refused: `delete_idle` does it in a poll's session.
            waiting = ()
        left = len(found.due)
        for start in range(0, len(waiting), self._max_deles):
            rows = [one.row for one in waiting[start : start + self._max_deles]]
            good = await self._proven(account, rows)
            if not good:
                continue
            session = await connect()
            gone = await self._delete_in(session, account, good)
            left -= gone
            went(gone)
        await self._save_due(account, left)

    async def delete_idle(self, account: Account, session: PopSession) -> int:
        """As `Deleter.delete_idle`."""
        if not session.login_delay_s:
            return 0
        found = await self._begin(account)
        if found is None:
            return 0
        rows = [one.row for one in found.due[: self._max_deles]]
        good = await self._proven(account, rows)
        return await self._delete_in(session, account, good) if good else 0

    async def delete_nameless(
        self, account: Account, session: PopSession, retrieved: Sequence[Retrieved]
    ) -> int:
        """As `Deleter.delete_nameless`."""
        if session.bare_lf or not await self._is_steady(account):
            return 0
        now = self._loop.now()
        pairs = await self._database.read(lambda tx: list(_nameless(tx, account, retrieved, now)))
        good, bad = await proven(self._database, [row for row, _ in pairs])
        await self._note_damaged(account, bad)
        chosen = [(row, listed) for row, listed in pairs if row.id in good]
        return await self._carry_out(session, account, chosen) if chosen else 0

    async def _begin(self, account: Account) -> Wanted | None:
        """What is due after a poll that succeeded; None if nothing may be deleted now."""
        steady = await self._note_poll(account)
        found = await self._wanted(account)
        if found is None:
            return None
        if found.at_once and found.profile.frozen_since is None:
            await self._freeze(account, found)
            return None
        if found.due and not steady:
            _log.warning(
                "The clock has jumped since the last poll, so nothing is deleted at the"
                " provider this time",
            )
            return None
        if not found.due:
            await self._save_due(account, 0)
            return None
        return found

    async def _wanted(self, account: Account) -> Wanted | None:
        now = self._loop.now()

        def read(tx: ReadTx) -> Wanted | None:
            policy = policy_of(tx, account)
            if policy is None or not policy.deletes:
                return None
            if not tx.may_be_due(account.id, policy, now, PATIENT_DELES):
                return Wanted(policy, tx.profile(account.id))
            return wanted(tx, account, policy, listing=None, now=now)

        return await self._database.read(read)

    async def _note_poll(self, account: Account) -> bool:
        """Notes that a poll succeeded; whether the clock can be trusted since the last one."""
        now, monotonic_s = self._loop.now(), self._monotonic()
        last = self._polled.get(account.id)
        elapsed_s = None if last is None else monotonic_s - last.monotonic_s
        self._polled[account.id] = _Polled(now, monotonic_s)

        def note(tx: WriteTx) -> bool:
            kept = tx.retention(account.id)
            steady = not clock_jumped(kept.polled_at if last is None else last.at, now, elapsed_s)
            if steady:
                tx.add_poll_day(account.id, now.date())
            tx.save_retention(account.id, replace(kept, polled_at=now))
            return steady

        if elapsed_s is not None and self._is_noted(account, now, elapsed_s):
            return True
        steady = await self._database.write(note, ingest=True)
        self._noted[account.id] = now
        return steady

    async def _is_steady(self, account: Account) -> bool:
        """Whether the clock can be trusted since the last poll; this one isn't noted."""
        now, last = self._loop.now(), self._polled.get(account.id)
        if last is not None:
            return not clock_jumped(last.at, now, self._monotonic() - last.monotonic_s)
        kept = await self._database.read(lambda tx: tx.retention(account.id))
        return not clock_jumped(kept.polled_at, now, None)

    def _is_noted(self, account: Account, now: datetime, elapsed_s: float) -> bool:
        """Whether a poll at `now` adds nothing to what the store knows of polls."""
        noted = self._noted.get(account.id)
        if noted is None or noted.date() != now.date():
            return False
        return timedelta(0) <= now - noted < NOTE_EVERY and elapsed_s < DAY.total_seconds()

    async def _freeze(self, account: Account, found: Wanted) -> None:
        now = self._loop.now()

        def freeze(tx: WriteTx) -> None:
            profile = tx.profile(account.id)
            if profile.frozen_since is None:
                tx.save_profile(replace(profile, frozen_since=now, frozen_reason=MIRROR_MANY))

        await self._database.write(freeze, ingest=True)
        _log.warning(
            "%d messages, more than half of all, were deleted in mail programs within an hour:"
            " nothing is deleted at the provider until you say that this was meant",
            found.at_once,
        )

    async def _proven(self, account: Account, rows: Sequence[Known]) -> dict[int, bytes]:
        """The hashes, by row, of those whose octets here have them; the others are noted."""
        good, bad = await proven(self._database, rows)
        await self._note_damaged(account, bad)
        return {row.id: row.full_hash for row in rows if row.id in good}

    async def _note_damaged(self, account: Account, rows: Sequence[Known]) -> None:
        if not rows:
            return
        now = self._loop.now()

        def note(tx: WriteTx) -> int:
            # One that was purged or removed meanwhile has no octets to be wrong.
            damaged = [row for row in rows if tx.ledger_message(row.id) == row.message_id]
            for row in damaged:
                tx.ledger_state(row.id, LedgerState.ODD, attempts=row.attempts, reason=DAMAGED)
                tx.ledger_note(row.id, EventKind.ODD, f"Not deleted upstream: {DAMAGED}", now)
            return len(damaged)

        count = await self._database.write(note, ingest=True)
        self._unproven(count)
        if count:
            _log.error(
                "%d messages stay at the provider, for their copies here are damaged:"
                " `popbridge verify` names them",
                count,
            )

    async def _delete_in(
        self, session: PopSession, account: Account, good: Mapping[int, bytes]
    ) -> int:
        """Deletes those of `good` that are due by a listing of this session; how many went."""
        try:
            chosen = await self._chosen(session, account, good)
        except BaseException:
            session.abort()
            raise
        if not chosen:
            await _quit(session)
            return 0
        return await self._carry_out(session, account, chosen)

    async def _chosen(
        self, session: PopSession, account: Account, good: Mapping[int, bytes]
    ) -> list[tuple[Known, Listed]]:
        if session.bare_lf:
            return []
        listing = await session.listing()
        now = self._loop.now()

        def read(tx: ReadTx) -> Wanted | None:
            policy = policy_of(tx, account)
            if policy is None or not policy.deletes:
                return None
            return wanted(tx, account, policy, listing=listing, now=now)

        found = await self._database.read(read)
        if found is None or found.at_once:
            return []
        if found.reset:
            _log.warning(
                "The provider no longer lists most of what it did: nothing is deleted",
            )
            return []
        return [
            (one.row, one.listed) for one in found.due if good.get(one.row.id) == one.row.full_hash
        ]

    async def _carry_out(
        self, session: PopSession, account: Account, chosen: Sequence[tuple[Known, Listed]]
    ) -> int:
        """DELE for each, then QUIT; only what both were answered for with +OK is noted."""
        # The last first: some servers count anew behind a message that was marked.
        from_the_end = sorted((listed for _, listed in chosen), key=lambda one: -one.number)
        try:
            marked = await session.delete(from_the_end)
        except BaseException:
            session.abort()
            raise
        if not await _quit(session):
            _log.warning(
                "Whether %d messages were deleted isn't known: the next listing tells",
                len(marked),
            )
            return 0
        rows, now = [row.id for row, listed in chosen if listed.number in marked], self._loop.now()
        if len(rows) < len(chosen):
            _log.warning(
                "The provider refused to delete %d messages",
                len(chosen) - len(rows),
            )
        await self._database.write(lambda tx: tx.ledger_deleted(rows, now), ingest=True)
        return len(rows)

    async def _save_due(self, account: Account, count: int) -> None:
        def save(tx: WriteTx) -> None:
            found = tx.account(account.login)
            status = tx.sync_status(account.id)
            if found is not None and found.id == account.id and status.delete_due != count:
                tx.save_sync_status(replace(status, delete_due=count))

        await self._database.write(save, ingest=True)


def _nameless(
    tx: ReadTx, account: Account, retrieved: Sequence[Retrieved], now: datetime
) -> Iterator[tuple[Known, Listed]]:
    """Each message without UIDL that is due, with a row of the same octets for it alone."""
    policy = policy_of(tx, account)
    if policy is None or not policy.deletes or not may_delete(tx.profile(account.id)):
        return
    days = tx.poll_days(account.id)
    rows: defaultdict[bytes, list[Known]] = defaultdict(list)
    for row in tx.known(account.id):
        if not row.uidl and due_nameless(policy, row, now=now, poll_days=days):
            rows[row.full_hash].append(row)
    for one in retrieved:
        if rows[one.full_hash]:
            yield rows[one.full_hash].pop(), one.listed


async def _quit(session: PopSession) -> bool:
    """Whether QUIT was answered with +OK."""
    try:
        await session.quit()
    except UpstreamError as error:
        _log.info("The provider didn't end the session as it should: %s", error)
        session.abort()
        return False
    return True
