"""When accounts are polled: on time, when a client looks, and when someone asks."""

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from bridge.errors import BridgeError, StoreError, StoreFullError, UnknownLoginError, UpstreamError
from bridge.model.account import Account, SyncStatus
from bridge.model.ids import AccountId
from bridge.store.port import Database
from bridge.store.tx import ReadTx, WriteTx
from bridge.sync.port import Cancel, Loop, Promise
from bridge.sync.providers import hints
from bridge.sync.queue import PollQueue
from bridge.sync.runner import Progress, Runner, SyncResult, fault
from bridge.sync.schedule import next_attempt
from bridge.sync.status import count_failures

T = TypeVar("T")
HOUR = timedelta(hours=1)

FEW_ACCOUNTS = 20
"""More than these are read together: at a start there may be thousands."""

_log = logging.getLogger("popbridge.sync")


@dataclass(slots=True, eq=False)
class _Entry:
    """An account as the service sees it; failures are counted here too, for a full disk."""

    account: Account
    due: datetime
    last_attempt: datetime | None
    failures: int
    auth_failures: int
    login_delay_s: int = 0
    timer: Cancel | None = None
    running: bool = False
    runner: Runner | None = None
    done: "Promise[SyncResult] | None" = None
    listeners: list[Callable[[Progress], None]] = field(default_factory=list)
    demands: deque[datetime] = field(default_factory=deque)

    @property
    def host(self) -> str:
        return self.account.upstream.host.lower()

    @property
    def least_s(self) -> int:
        """Least seconds between two polls, whatever anyone wants."""
        return max(self.login_delay_s, hints(self.host).min_interval_s)

    def tell(self, progress: Progress) -> None:
        for listener in tuple(self.listeners):
            listener(progress)

    def interrupt(self, error: BridgeError) -> None:
        """Ends the poll that runs, if one does."""
        if self.runner is not None:
            self.runner.stop(error)

    def unset_timer(self) -> None:
        timer, self.timer = self.timer, None
        if timer is not None:
            timer.cancel()


class SyncService:
    """Polls every account in its turn; none waits for another but for a free connection.

    Args:
        database: accounts and their statuses.
        loop: time and tasks.
        runner_for: makes what polls an account.
        interval_s, demand_after_s, demand_per_hour, connections, per_host: as for `reconfigure`.
        jitter: a number in [0, 1), another one each time.
        results: told how each poll went.
        watch: told how far each poll is.
    """

    def __init__(
        self,
        *,
        database: Database,
        loop: Loop,
        runner_for: Callable[[Account], Runner],
        interval_s: int,
        demand_after_s: float = 60,
        demand_per_hour: int = 20,
        connections: int = 32,
        per_host: int = 2,
        jitter: Callable[[], float],
        results: Callable[[SyncResult], None] = lambda result: None,
        watch: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        self._database = database
        self._loop = loop
        self._runner_for = runner_for
        self._interval_s = interval_s
        self._demand_after_s = demand_after_s
        self._demand_per_hour = demand_per_hour
        self._jitter = jitter
        self._results = results
        self._watch = watch
        self._entries: dict[AccountId, _Entry] = {}
        self._queue = PollQueue(connections, per_host)
        self._running: dict[AccountId, _Entry] = {}
        self._started = self._stopped = False
        self._loads_begun = self._loads_applied = 0

    async def start(self) -> None:
        """Schedules every account: at once, or when its last poll said."""
        self._started = True
        await self._load()

    def reconfigure(
        self,
        *,
        interval_s: int,
        demand_after_s: float,
        demand_per_hour: int,
        connections: int,
        per_host: int,
    ) -> None:
        """Takes over settings while it runs; polls that run go on, however many they are.

        Args:
            interval_s: seconds between polls of an account that has no interval of its own.
            demand_after_s: a client that looks causes a poll if the last one is older than this.
            demand_per_hour: most polls of an account in an hour that clients cause by looking.
            connections: most polls at a time.
            per_host: most of them at one provider.
        """
        self._interval_s = interval_s
        self._demand_after_s = demand_after_s
        self._demand_per_hour = demand_per_hour
        self._queue.connections, self._queue.per_host = connections, per_host
        for entry in self._entries.values():
            self._arm(entry)
        self._pump()

    def stop(self) -> None:
        """Begins no poll from here on and ends those that run, without QUIT (see `drained`)."""
        self._stopped = True
        for entry in self._entries.values():
            entry.unset_timer()
        for account_id in self._queue.clear():
            entry = self._entries[account_id]
            _release(entry, _unpolled(entry.account, _stopping()))
        for entry in tuple(self._running.values()):
            entry.interrupt(_stopping())

    async def drained(self) -> None:
        """Returns once no poll runs."""
        while self._running:
            await self._promise(next(iter(self._running.values())))

    async def accounts_changed(self) -> None:
        """Accounts were added, changed or removed: new and changed ones are due at once."""
        await self._load()

    def demand(self, account_id: AccountId) -> None:
        """A client looks at the account: polls it unless that was done lately or fails anyway."""
        entry, now = self._entries.get(account_id), self._loop.now()
        if entry is None or not self._may_poll(entry) or entry.failures:
            return
        if entry.running or account_id in self._queue:
            return
        # An attempt in the future means that the clock was set back.
        last, least_s = entry.last_attempt, max(self._demand_after_s, entry.least_s)
        if last is not None and 0 <= (now - last).total_seconds() < least_s:
            return
        while entry.demands and now - entry.demands[0] >= HOUR:
            entry.demands.popleft()
        if len(entry.demands) < self._demand_per_hour:
            entry.demands.append(now)
            self._enqueue(entry)

    async def sync_now(
        self, account_id: AccountId, progress: Callable[[Progress], None] | None = None
    ) -> SyncResult:
        """Polls one account, paused or not, or joins the poll that runs.

        Raises:
            UnknownLoginError: there is no such account.
            StoreError: the accounts can't be read.
        """
        if account_id not in self._entries:
            await self._load()
        entry = self._entries.get(account_id)
        if entry is None:
            raise UnknownLoginError("There is no such account.", "`account list` shows them all.")
        if self._stopped and not entry.running:
            return _unpolled(entry.account, _stopping())
        if progress is not None:
            entry.listeners.append(progress)
        done = self._promise(entry)
        if not entry.running:
            # Someone waits for this one.
            self._queue.add(account_id, entry.host, first=True)
            self._pump()
        return await done

    async def undisturbed(
        self, account_id: AccountId, work: Callable[[], Awaitable[T]]
    ) -> tuple[T] | None:
        """What `work` returns, which may log in upstream: no poll of the account begins meanwhile.

        Providers let one program at a time into a mailbox. None where a poll runs or is about to;
        then `work` isn't called.
        """
        entry = self._entries.get(account_id)
        if entry is None:  # Of a service that wasn't started, which polls nothing by itself.
            return (await work(),)
        if entry.running or account_id in self._queue:
            return None
        entry.unset_timer()
        entry.running = True
        try:
            return (await work(),)
        finally:
            entry.running, entry.last_attempt = False, self._loop.now()
            entry.due = max(entry.due, entry.last_attempt + timedelta(seconds=entry.least_s))
            self._resume(entry)

    def _resume(self, entry: _Entry) -> None:
        """Polls an account again, at once if somebody waits for it."""
        if entry.done is None:
            self._arm(entry)
        elif self._entries.get(entry.account.id) is not entry:
            _release(entry, _unpolled(entry.account, _gone()))
        elif self._stopped:
            _release(entry, _unpolled(entry.account, _stopping()))
        else:
            self._queue.add(entry.account.id, entry.host, first=True)
            self._pump()

    async def _load(self) -> None:
        self._loads_begun += 1
        load, known = self._loads_begun, frozenset(self._entries)
        accounts, found = await self._database.read(lambda tx: _accounts(tx, known))
        if load < self._loads_applied:
            return  # A read that began later has told more.
        self._loads_applied = load
        for gone in self._entries.keys() - {account.id for account in accounts}:
            self._remove(self._entries.pop(gone))
        for account in accounts:
            status, delay_s = found.get(account.id, (SyncStatus(account_id=account.id), 0))
            self._take(account, status, delay_s)

    def _take(self, account: Account, status: SyncStatus, login_delay_s: int) -> None:
        now, entry = self._loop.now(), self._entries.get(account.id)
        if entry is None:
            entry = self._entries[account.id] = _Entry(
                account=account,
                due=status.next_attempt or now,
                last_attempt=status.last_attempt,
                failures=status.failures,
                auth_failures=status.auth_failures,
                login_delay_s=login_delay_s,
            )
        elif _as_polled(entry.account) != _as_polled(account):
            # A new password may end what kept this account from being polled.
            entry.account, entry.due = account, now
            entry.failures = entry.auth_failures = 0
        elif entry.timer is not None:
            return
        if account.paused and entry.done is None:
            self._queue.discard(account.id)
        self._arm(entry)

    def _remove(self, entry: _Entry) -> None:
        entry.unset_timer()
        gone = _gone()
        if self._queue.discard(entry.account.id):
            _release(entry, _unpolled(entry.account, gone))
        entry.interrupt(gone)

    def _may_poll(self, entry: _Entry) -> bool:
        account = entry.account
        known = self._entries.get(account.id) is entry
        return self._started and not self._stopped and known and not account.paused

    def _arm(self, entry: _Entry) -> None:
        entry.unset_timer()
        if self._may_poll(entry) and not entry.running and entry.account.id not in self._queue:
            # Never later than a poll that ended now would allow: the clock may have been set
            # back, and the interval lowered.
            due = min(entry.due, self._next(entry, jitter=1.0))
            wait_s = (due - self._loop.now()).total_seconds()
            entry.timer = self._loop.later(max(0.0, wait_s), lambda: self._enqueue(entry))

    def _enqueue(self, entry: _Entry) -> None:
        entry.unset_timer()
        if not entry.running:
            self._queue.add(entry.account.id, entry.host)
            self._pump()

    def _pump(self) -> None:
        """Begins what waits, as far as connections go."""
        while not self._stopped and (account_id := self._queue.take()) is not None:
            self._begin(self._entries[account_id])

    def _begin(self, entry: _Entry) -> None:
        entry.unset_timer()
        entry.running, entry.last_attempt = True, self._loop.now()
        self._promise(entry)
        self._running[entry.account.id] = entry
        self._loop.spawn(self._run(entry))

    async def _run(self, entry: _Entry) -> None:
        account = entry.account
        result = await self._poll(account, entry)
        try:
            if not result.interrupted:
                await self._settle(entry, account, result)
        finally:
            entry.running, entry.runner = False, None
            del self._running[account.id]
            self._queue.ended(account.id)
            self._arm(entry)
            # Not from here: what waits may end at once too, each deeper in the stack.
            self._loop.later(0, self._pump)
            _release(entry, result)
        if not result.interrupted:
            self._results(result)

    async def _settle(self, entry: _Entry, account: Account, result: SyncResult) -> None:
        """Notes how a poll went and when the next one is due."""
        entry.failures, entry.auth_failures = count_failures(
            entry.failures, entry.auth_failures, result.error
        )
        if result.login_delay_s is not None:
            entry.login_delay_s = result.login_delay_s
        # An account that was changed meanwhile is due at once.
        if entry.account == account:
            entry.due = self._next(entry, jitter=self._jitter())
            if result.again:
                # There is more, and the provider gives so much a session.
                entry.due = self._loop.now() + timedelta(seconds=entry.least_s)
            await self._save_next(account, entry.due)

    async def _poll(self, account: Account, entry: _Entry) -> SyncResult:
        try:
            entry.runner = self._runner_for(account)

            def tell(progress: Progress) -> None:
                self._watch(progress)
                entry.tell(progress)

            return await entry.runner.run_once(tell)
        except Exception:
            # One account's fault must not end the polling of it, or of others.
            _log.exception("The sync failed; this is a fault of popbridge")
            return _unpolled(account, fault())

    def _next(self, entry: _Entry, *, jitter: float) -> datetime:
        own_s = entry.account.interval_s
        return next_attempt(
            self._loop.now(),
            max(self._interval_s if own_s is None else own_s, entry.least_s),
            failures=entry.failures,
            auth_failures=entry.auth_failures,
            jitter=jitter,
        )

    async def _save_next(self, account: Account, due: datetime) -> None:
        def work(tx: WriteTx) -> None:
            found = tx.account(account.login)
            if found is not None and found.id == account.id:
                tx.save_sync_status(replace(tx.sync_status(account.id), next_attempt=due))

        try:
            await self._database.write(work, ingest=True)
        except (StoreFullError, StoreError) as error:
            _log.warning("The next sync's time can't be saved: %s", error)

    def _promise(self, entry: _Entry) -> "Promise[SyncResult]":
        if entry.done is None:
            entry.done = self._loop.promise()
        return entry.done


def _accounts(
    tx: ReadTx, known: frozenset[AccountId]
) -> tuple[tuple[Account, ...], dict[AccountId, tuple[SyncStatus, int]]]:
    """Every account; of those that aren't known, the status and the least seconds between log-ins
    that the provider asked for: a query each where they are few, else two for all."""
    accounts = tuple(tx.accounts())
    new = [account.id for account in accounts if account.id not in known]
    if len(new) <= FEW_ACCOUNTS:
        return accounts, {key: (tx.sync_status(key), tx.profile(key).login_delay_s) for key in new}
    statuses, delays = tx.sync_statuses(), tx.login_delays()
    return accounts, {
        key: (statuses.get(key) or SyncStatus(account_id=key), delays.get(key, 0)) for key in new
    }


def _as_polled(account: Account) -> Account:
    """The account without what concerns its IMAP sessions alone."""
    return replace(account, quota_octets=None, withheld=frozenset(), trace_until=None)


def _release(entry: _Entry, result: SyncResult) -> None:
    """Gives the result to all who wait for it."""
    done, entry.done = entry.done, None
    entry.listeners.clear()
    if done is not None:
        done.succeed(result)


def _unpolled(account: Account, error: BridgeError) -> SyncResult:
    return SyncResult(account.login, None, 0, 0, 0, 0.0, error)


def _gone() -> UnknownLoginError:
    return UnknownLoginError("The account is gone.")


def _stopping() -> UpstreamError:
    return UpstreamError("popbridge is stopping, so nothing was fetched.", "Sync again later.")
