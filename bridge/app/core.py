"""What every command that works on a store has, with or without listeners."""

import logging
import os
import shutil
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from bridge import __version__
from bridge.admin.connecting import HelpfulConnector
from bridge.admin.context import Admin
from bridge.admin.problems import Problem
from bridge.admin.restore import finish_restore
from bridge.admin.secrets import SecretFetcher
from bridge.admin.status import problems_of, state_of
from bridge.app.devices import Devices
from bridge.bus import Bus
from bridge.config import Config, SyncConfig
from bridge.crypto import Sealer, load_key
from bridge.errors import StoreError, StoreFullError, TimedOutError
from bridge.metrics import Metrics
from bridge.model.account import Account, AccountState, SyncStatus
from bridge.model.change import Change
from bridge.model.ids import AccountId
from bridge.model.upstream import LedgerState
from bridge.net.commands import Commands
from bridge.net.epoch import KEEP_S, EpochKeeper
from bridge.net.lock import DataLock
from bridge.net.loop import ReactorLoop
from bridge.net.names import NameResolver, unawaited_pool
from bridge.net.pop3 import PopConnector
from bridge.net.threads import ThreadedDatabase
from bridge.net.trace import remove_trace
from bridge.net.workers import Workers
from bridge.store import sqlite
from bridge.store.engine import open_store
from bridge.store.tx import ReadTx
from bridge.sync.activity import Activity
from bridge.sync.deleting import PolicyDeleter
from bridge.sync.runner import Progress, Runner, SyncResult
from bridge.sync.service import SyncService

T = TypeVar("T")

SLOW_THREADS = 2
"""For password checks: each is 20 ms of pure CPU."""

ROOM_S = 0.1
"""How long it holds what the disk said of its free space: a few megabytes may come meanwhile."""

LONG_THREADS = 4
"""For what takes seconds (a backup); none of it may keep a password waiting, or a stop."""

_log = logging.getLogger("popbridge")


class Core:
    """What every command that works on a store has, with or without listeners."""

    def __init__(self, reactor: Any, data: Path, settings: Config, holder: str) -> None:
        self.reactor = reactor
        self.data = data
        self.traces = data / "trace"
        self.settings = settings
        self._counted: set[AccountId] = set()
        self.unwritable: Problem | None = None
        """Why the last write failed, if it did."""
        self._room, self._room_again_s = True, 0.0
        self.lock = DataLock.acquire(data / "lock", holder)
        try:
            finish_restore(data)
            key = load_key(data / "key")
            self.bus = Bus()
            self.loop = ReactorLoop(reactor)
            self.metrics = Metrics(__version__, sqlite.library().sqlite_version)
            self.store_path = data / settings.store.url.removeprefix("sqlite:///")
            self.store = open_store(
                self.store_path,
                on_commit=self._committed,
                clock_s=lambda: datetime.now(UTC).timestamp(),
                purge_before=self._purge_before,
            )
            self._epoch = EpochKeeper(self.store, data / "epoch", self.loop.now)
            self._epoch.begin()
        except BaseException:
            self.lock.release()
            raise
        self.database = ThreadedDatabase(self.store, reactor, self._observe)
        self._deleter = PolicyDeleter(
            database=self.database,
            loop=self.loop,
            monotonic=time.monotonic,
            unproven=self.metrics.unproven,
        )
        self._slow = ThreadPool(0, SLOW_THREADS, "slow")
        self._slow.start()
        self._commands = Commands(reactor, os.environ)
        self._long = unawaited_pool(LONG_THREADS, "long")
        roots = os.environ.get("SSL_CERT_FILE")
        reactor.installNameResolver(NameResolver(reactor))
        self.connector = PopConnector(
            reactor,
            trust_roots=Path(roots) if roots else None,
            window=settings.sync.window,
        )
        self._workers = Workers(reactor, settings.sync.workers)
        self.activity = Activity(self.loop.now)
        self.syncs = self._make_syncs()
        self.devices = Devices(self.database, self.loop)
        self.admin = self._make_admin(key)
        self._epoch_timer = self.loop.later(KEEP_S, self._keep_epoch)

    def _make_syncs(self) -> SyncService:
        sync = self.settings.sync
        return SyncService(
            database=self.database,
            loop=self.loop,
            runner_for=self._runner,
            interval_s=sync.interval_s,
            demand_after_s=sync.demand_after_s,
            demand_per_hour=sync.demand_per_hour,
            connections=sync.connections,
            per_host=sync.per_host,
            jitter=lambda: int.from_bytes(os.urandom(4)) / 2**32,
            results=self._synced,
            watch=self.activity.progressed,
        )

    def _make_admin(self, key: bytes) -> Admin:
        return Admin(
            database=self.database,
            sealer=Sealer(key),
            key=key,
            connector=HelpfulConnector(self.connector),
            secrets=SecretFetcher(
                run=self._commands.run, in_thread=self._commands.in_thread, environ=os.environ
            ),
            syncs=_Counted(self.syncs, self.count_accounts),
            clock=self.loop.now,
            in_thread=self.in_thread,
            together=self.together,
            max_message_octets=self.settings.limits.pop_message_octets,
            forget=lambda account: remove_trace(self.traces, account),
            data=self.data,
            store_path=self.store_path,
            in_background=self.in_background,
            limited=self.limited,
            devices=self.devices,
            as_told=self.activity.as_told,
        )

    def use(self, sync: SyncConfig) -> None:
        """Takes other settings of [sync] over; polls that run end as they began."""
        self.settings = replace(self.settings, sync=sync)
        self.connector.reconfigure(window=sync.window)
        self._workers.most = sync.workers
        self.syncs.reconfigure(
            interval_s=sync.interval_s,
            demand_after_s=sync.demand_after_s,
            demand_per_hour=sync.demand_per_hour,
            connections=sync.connections,
            per_host=sync.per_host,
        )

    async def in_thread(self, work: Callable[[], T]) -> T:
        """What `work` returns, worked out beside the reactor."""
        result: T = await deferToThreadPool(self.reactor, self._slow, work)
        return result

    async def in_background(self, work: Callable[[], T]) -> T:
        """What `work` returns, however long it takes; it is left behind at the end."""
        result: T = await deferToThreadPool(self.reactor, self._long, work)
        return result

    async def together(self, works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """What each returns, in order, once all have ended; they run side by side."""
        results: list[T] = await gatherResults(map(Deferred.fromCoroutine, works))
        return results

    async def limited(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        """What `work` returns; after `seconds` it is cancelled.

        Raises:
            TimedOutError: it was.
        """

        def late(*_: object) -> NoReturn:
            raise TimedOutError(
                f"It wasn't done within {seconds:g} seconds.", "Try again; look at the network."
            )

        running = Deferred.fromCoroutine(work)
        running.addTimeout(seconds, self.reactor, late)
        return await running

    async def sleep(self, seconds: float) -> None:
        """Returns after `seconds`."""
        promise = self.loop.promise()
        self.loop.later(seconds, lambda: promise.succeed(None))
        await promise

    async def count_accounts(self) -> list[Account]:
        """Lets the metrics know which accounts there are and how their syncs went; the accounts."""

        def read(tx: ReadTx) -> list[tuple[Account, SyncStatus, AccountState, list[Problem]]]:
            statuses, frozen = tx.sync_statuses(), tx.frozen_accounts()
            found = []
            for one in tx.accounts():
                status = statuses.get(one.id) or SyncStatus(account_id=one.id)
                state = state_of(one, status, frozen=one.id in frozen)
                wrong = status.error_code is not None or one.id in frozen
                # What can't be fetched is known with the first sync: to count all ledgers at a
                # start would take longer than the start.
                problems = problems_of(tx, one, status, {}) if wrong else []
                found.append((one, status, state, problems))
            return found

        known, now = self._counted, self.loop.now()
        self._counted = set()
        found = await self.database.read(read)
        for account, status, state, problems in found:
            self._counted.add(account.id)
            if account.id not in known:
                self.metrics.account_added(account.id, now)
                self.metrics.account_problems(account.id, problems)
            self.metrics.account_status(status, state)
        for gone in known - self._counted:
            self.metrics.account_removed(gone)
        return [account for account, *_ in found]

    def close(self) -> None:
        """Ends commands, finishes what waits to be written, and lets go of the store."""
        self._epoch_timer.cancel()
        self._commands.stop()
        self._workers.close()
        self.database.close()
        self._epoch.end()
        self._slow.stop()
        self.store.close()
        self.lock.release()

    def _committed(self, changes: tuple[Change, ...]) -> None:
        self.database.announce(lambda: self.bus.publish(changes))

    def _keep_epoch(self) -> None:
        self._epoch_timer = self.loop.later(KEEP_S, self._keep_epoch)
        self.loop.spawn(self._epoch.keep(self.database, self.in_thread))

    def _observe(self, results: list[Any], seconds: float) -> None:
        self._epoch.observe(results)
        failed = [r for r in results if isinstance(r, (StoreFullError, StoreError))]
        for error in failed:
            self.metrics.store_failed(error.code)
            self._failed_to_write(error)
        if len(failed) < len(results):
            self.unwritable = None
            self.metrics.committed(len(results) - len(failed), seconds)

    def _failed_to_write(self, error: StoreFullError | StoreError) -> None:
        before = self.unwritable
        self.unwritable = Problem(
            title="The store can't be written",
            code=error.code,
            text=f"{error.text} What is here can be read.",
            since=self.loop.now() if before is None else before.since,
            remedy=error.remedy or error.advice,
        )

    def _runner(self, account: Account) -> Runner:
        return Runner(
            account=account,
            database=self.database,
            connector=self.admin.connector,
            open_secret=self.admin.secret,
            loop=self.loop,
            can_fetch=self._has_room,
            max_message_octets=self.settings.limits.pop_message_octets,
            deleter=self._deleter,
            elsewhere=self._workers,
            durable=self.metrics.durable,
        )

    def _purge_before(self) -> datetime:
        # An hour at least, for sessions that haven't been told yet.
        return self.loop.now() - timedelta(seconds=max(3600, self.settings.store.undelete_s))

    def _has_room(self) -> bool:
        """Asked before each message; the disk is asked now and then, which takes longer."""
        now = self.reactor.seconds()
        if now >= self._room_again_s:
            self._room_again_s = now + ROOM_S
            free = shutil.disk_usage(self.store_path.parent).free
            self._room = free >= self.settings.store.reserve_octets
        return self._room

    def _synced(self, result: SyncResult) -> None:
        self.activity.synced(result)
        if result.error is not None:
            _log.warning("The sync failed: %s %s", result.error.code, result.error)
        elif result.fetched:
            _log.info("%d messages were fetched", result.fetched)
        if result.deleted:
            _log.info("%d messages were deleted upstream", result.deleted)
        self.metrics.deleted_upstream(result.deleted)
        self.metrics.retrieved_again(result.duplicates)
        self.loop.spawn(self._count(result))

    async def _count(self, result: SyncResult) -> None:
        account = await self.database.read(lambda tx: tx.account(result.login))
        if account is None:
            return

        def read(tx: ReadTx) -> tuple[SyncStatus, dict[LedgerState, int], bool, list[Problem]]:
            status = self.activity.as_told(account.login, tx.sync_status(account.id))
            counts, frozen = tx.counts(account.id), tx.profile(account.id).frozen_since is not None
            return status, counts, frozen, problems_of(tx, account, status, counts)

        status, counts, frozen, problems = await self.database.read(read)
        self.metrics.synced(
            account.id,
            None if result.error is None else result.error.code,
            result.fetched,
            result.octets,
            self.loop.now(),
            result.seconds,
        )
        self.metrics.account_status(status, state_of(account, status, frozen=frozen))
        self.metrics.account_messages(account.id, counts)
        self.metrics.account_problems(account.id, problems)


class _Counted:
    """The syncs as operations see them; what they change about accounts reaches the metrics."""

    def __init__(self, syncs: SyncService, changed: Callable[[], Awaitable[object]]) -> None:
        self._syncs = syncs
        self._changed = changed

    async def accounts_changed(self) -> None:
        """As `Syncs.accounts_changed`."""
        await self._changed()
        await self._syncs.accounts_changed()

    async def sync_now(
        self, account_id: AccountId, progress: Callable[[Progress], None] | None = None
    ) -> SyncResult:
        """As `Syncs.sync_now`."""
        return await self._syncs.sync_now(account_id, progress)

    async def undisturbed(
        self, account_id: AccountId, work: Callable[[], Awaitable[T]]
    ) -> tuple[T] | None:
        """As `Syncs.undisturbed`."""
        return await self._syncs.undisturbed(account_id, work)
