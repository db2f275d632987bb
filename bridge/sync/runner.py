"""One poll of one account: a POP session from connecting to QUIT, or to dropping it."""

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace

from bridge.errors import BridgeError, StoreError, StoreFullError, UpstreamError
from bridge.intake import Ingester
from bridge.model.about import ACCOUNT, SESSION
from bridge.model.account import Account, Secret, SyncStatus
from bridge.model.profile import Profile
from bridge.store.port import Database
from bridge.store.tx import WriteTx
from bridge.sync.plan import MAX_MESSAGE_OCTETS
from bridge.sync.poll import Poll
from bridge.sync.port import Connector, Deleter, Loop, PopSession, Promise
from bridge.sync.providers import hints
from bridge.sync.status import begun, broken_off, ended, frozen
from bridge.sync.tally import Tally

PROGRESS_TIMEOUT_S = 60.0
"""Seconds without an octet from a provider after which a POP session has failed."""

GET_READY_S = 0.05
"""A log-in that takes longer than this leaves the time to start what takes many messages in; one
that doesn't would only have to share the processor with it."""

MAX_SESSIONS = 20
"""POP sessions of one poll, where each brings something and leaves something: other accounts wait
for the connection."""

_log = logging.getLogger("popbridge.sync")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a poll is: messages and octets that are durable, of `to_fetch` messages."""

    login: str
    to_fetch: int
    fetched: int
    octets: int


@dataclass(frozen=True, slots=True)
class SyncResult:
    """How a poll went.

    `listed` is None where no listing came; `fetched` counts new messages and `octets` is their
    size: what was retrieved and turned out to be held counts for neither.
    """

    login: str
    listed: int | None
    fetched: int
    octets: int
    deleted: int
    seconds: float
    error: BridgeError | None
    login_delay_s: int | None = None
    """Least seconds between log-ins, as the provider tells; None where nothing was told."""
    interrupted: bool = False
    """Whether the poll was ended from here, so that it says nothing of the provider."""
    again: bool = False
    """Whether there is more to have, in another session as soon as the provider allows one."""
    duplicates: int = 0
    """Messages that were retrieved and turned out to be held."""


class Runner:
    """Polls one account.

    Args:
        account: whose mailbox.
        database: where messages go.
        connector: opens POP sessions.
        open_secret: fetches or unseals what logs in to the account's provider.
        loop: time and tasks.
        progress_timeout_s: seconds without an octet after which the session has failed.
        can_fetch: whether the disk has more room than is kept in reserve.
        max_message_octets: a larger message stays upstream.
        deleter: deletes upstream after a poll that went well; None deletes nothing.
        elsewhere: as for `Intake`; used where there are many messages.
        durable: told of each retrieved message how many seconds after being listed it was durable.
    """

    def __init__(
        self,
        *,
        account: Account,
        database: Database,
        connector: Connector,
        open_secret: Callable[[Account], Awaitable[Secret]],
        loop: Loop,
        progress_timeout_s: float = PROGRESS_TIMEOUT_S,
        can_fetch: Callable[[], bool] = lambda: True,
        max_message_octets: int = MAX_MESSAGE_OCTETS,
        deleter: Deleter | None = None,
        elsewhere: Ingester | None = None,
        durable: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self._account = account
        self._durable = durable
        self._deleter = deleter
        self._database = database
        self._connector = connector
        self._open_secret = open_secret
        self._loop = loop
        self._progress_timeout_s = progress_timeout_s
        self._can_fetch = can_fetch
        self._max_message_octets = max_message_octets
        self._elsewhere = elsewhere
        self._profile = self._before = Profile(account_id=account.id)
        self._session: PopSession | None = None
        self._opening: Promise[PopSession | Exception] | None = None
        self._stopped: BridgeError | None = None

    def stop(self, error: BridgeError) -> None:
        """Ends the poll that runs, without QUIT, for `error`; what is held stays held."""
        self._stopped = self._stopped or error
        if self._session is not None:
            self._session.abort()
        elif self._opening is not None:
            self._opening.succeed(self._stopped)

    async def run_once(self, progress: Callable[[Progress], None] | None = None) -> SyncResult:
        """Polls once; what goes wrong is the result's `error` and in the account's status."""
        ACCOUNT.set(self._account.id)
        # The session that made another account's sync begin, behind which this one waited.
        SESSION.set(None)
        began = self._loop.now()
        await self._save_status(lambda status: begun(status, began))
        tally = Tally()
        error: BridgeError | None = None
        try:
            await self._poll(tally, progress or (lambda _: None))
            # What deletes has to know what the poll learned.
            await self._remember(self._profile)
            await self._delete(tally)
        except BridgeError as raised:
            error = self._stopped or raised
        except Exception:
            _log.exception("The sync failed; this is a fault of popbridge")
            error = fault()
        interrupted = self._stopped is not None and error is self._stopped
        await self._save_end(tally, error, interrupted=interrupted)
        return SyncResult(
            login=self._account.login,
            listed=tally.listed,
            fetched=tally.fetched,
            octets=tally.octets,
            deleted=tally.deleted,
            seconds=(self._loop.now() - began).total_seconds(),
            error=error,
            login_delay_s=tally.login_delay_s,
            interrupted=interrupted,
            again=tally.again and error is None,
            duplicates=tally.duplicates,
        )

    async def _poll(self, tally: Tally, progress: Callable[[Progress], None]) -> None:
        """As many sessions as have something to bring, one after the other."""
        account = self._account
        self._profile = self._before = await self._database.read(lambda tx: tx.profile(account.id))

        def tell() -> None:
            progress(Progress(account.login, tally.to_fetch, tally.held, tally.held_octets))

        with self._getting_ready():
            session = await self._connect()
        await self._session_of(session, tally, tell)
        for _ in range(MAX_SESSIONS - 1):
            if not tally.again or least_interval_s(account, self._profile):
                break
            before = replace(tally)
            tally.session()
            try:
                await self._session_of(await self._connect(), tally, tell)
            except UpstreamError as error:
                if self._stopped is not None:
                    raise
                # What the first session brought is held; the next poll will tell what is wrong.
                _log.info("No further session: %s", error)
                tally.to_fetch = max(tally.to_fetch, before.to_fetch)
                tally.deferred = before.deferred
                tally.again = False

    @contextmanager
    def _getting_ready(self) -> Iterator[None]:
        """Meanwhile, where nothing was ever listed, what takes in many messages is started."""
        if self._elsewhere is None or self._profile.listed_at is not None:
            yield
            return
        start = self._loop.later(GET_READY_S, self._elsewhere.get_ready)
        try:
            yield
        finally:
            start.cancel()

    async def _session_of(
        self, session: PopSession, tally: Tally, tell: Callable[[], None]
    ) -> None:
        poll = Poll(
            account=self._account,
            profile=self._profile,
            database=self._database,
            loop=self._loop,
            tally=tally,
            stopped=lambda: self._stopped,
            can_fetch=self._can_fetch,
            max_message_octets=self._max_message_octets,
            deleter=self._deleter,
            tell=tell,
            remember=self._remember,
            elsewhere=self._elsewhere,
            durable=self._durable,
        )
        try:
            await poll.run(session)
        finally:
            self._profile = poll.profile

    async def _delete(self, tally: Tally) -> None:
        if self._deleter is None or self._before != self._profile:
            return
        try:
            await self._deleter.delete(self._account, self._connect, tally.went)
        except UpstreamError as error:
            if self._stopped is not None:
                raise
            # What there is to fetch was fetched: a poll that went well isn't to be repeated.
            _log.warning("Nothing more is deleted upstream: %s", error)

    async def _connect(self) -> PopSession:
        """A session, unless `stop` comes first: no provider's silence keeps us from ending."""
        if self._stopped is not None:
            raise self._stopped
        self._opening = opening = self._loop.promise()
        self._loop.spawn(self._open(opening))
        opened: PopSession | Exception = await opening
        self._opening = None
        if isinstance(opened, Exception):
            raise opened
        self._session = opened
        return opened

    async def _open(self, opening: "Promise[PopSession | Exception]") -> None:
        account = self._account
        try:
            secret = await self._open_secret(account)
            session = await self._connector.connect(
                account.upstream, secret, self._progress_timeout_s, self._profile.habits
            )
        except Exception as error:
            opening.succeed(error)
            return
        if self._stopped is not None:
            session.abort()
        else:
            opening.succeed(session)

    async def _save_end(
        self, tally: Tally, error: BridgeError | None, *, interrupted: bool
    ) -> None:
        now = self._loop.now()

        def change(status: SyncStatus, profile: Profile) -> SyncStatus:
            if interrupted:
                return broken_off(status)
            ended_at = ended(status, now, error, listed=tally.listed, pending=tally.pending)
            return frozen(ended_at, profile)

        await self._save(change)

    async def _save_status(self, change: Callable[[SyncStatus], SyncStatus]) -> None:
        await self._save(lambda status, _: change(status))

    async def _remember(self, profile: Profile) -> None:
        self._profile = profile
        if profile != self._before:
            await self._save(lambda status, _: status)

    async def _save(self, change: Callable[[SyncStatus, Profile], SyncStatus]) -> None:
        """Saves the status, and what was learned of the provider.

        What can't be saved says less than the poll's own result, so that goes on.
        """
        account, before, after = self._account, self._before, self._profile

        def work(tx: WriteTx) -> None:
            found = tx.account(account.login)
            if found is None or found.id != account.id:
                return
            profile = tx.profile(account.id)
            learned = learn(profile, before, after)
            if learned != profile:
                tx.save_profile(learned)
            tx.save_sync_status(change(tx.sync_status(account.id), learned))

        try:
            await self._database.write(work, ingest=True)
            self._before = after
        except (StoreFullError, StoreError) as error:
            _log.warning("The sync status can't be saved: %s", error)


def learn(current: Profile, before: Profile, after: Profile) -> Profile:
    """`current` with what became different from `before` to `after`: others change it too."""
    changes = {
        each.name: getattr(after, each.name)
        for each in fields(Profile)
        if getattr(after, each.name) != getattr(before, each.name)
    }
    return replace(current, **changes)


def least_interval_s(account: Account, profile: Profile) -> int:
    """Least seconds between log-ins at an account's provider."""
    known = hints(account.upstream.host, profile.implementation)
    return max(profile.login_delay_s, known.min_interval_s)


def fault() -> BridgeError:
    """What a poll ends with where the program is wrong; the log has the traceback."""
    return BridgeError(
        "The sync failed because of a fault of popbridge.", "Report it with the log's traceback."
    )
