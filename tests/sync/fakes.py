"""A provider, a clock and databases that do as they are told."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from bridge.errors import BridgeError, RefusedCommandError, StoreFullError, UpstreamError
from bridge.model.account import Account, Secret, Security, SyncStatus, Upstream
from bridge.model.ids import AccountId
from bridge.model.mailbox import INBOX
from bridge.model.profile import Habits
from bridge.model.upstream import Known, LedgerState, Listed, Listing
from bridge.net.loop import ReactorLoop
from bridge.store.engine import Store, open_store
from bridge.store.port import Database, InlineDatabase
from bridge.store.tx import ReadTx, WriteTx
from bridge.sync.plan import MAX_MESSAGE_OCTETS
from bridge.sync.port import PopSession, RetrieveSink
from bridge.sync.runner import Progress, Runner, SyncResult

T = TypeVar("T")
START = datetime(2026, 11, 23, tzinfo=UTC)
CHUNK = 100_000
ACCOUNT = Account(
    id=AccountId(0),
    login="alice",
    upstream=Upstream(host="pop.example", port=995, user="alice", security=Security.IMPLICIT),
    sealed_password=b"sealed",
    policy="keep",
    interval_s=None,
    paused=False,
    scram_salt=b"salt",
    scram_iterations=4096,
)


class ManualLoop(ReactorLoop):
    """Time stands still until `clock.advance`; what a task raises is kept in `faults`."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.faults: list[Failure] = []
        super().__init__(self.clock)

    def now(self) -> datetime:
        return START + timedelta(seconds=self.clock.seconds())

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        Deferred.fromCoroutine(coroutine).addErrback(self.faults.append)


class Task:
    """A coroutine on its way."""

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._outcome: list[Any] = []
        Deferred.fromCoroutine(coroutine).addBoth(self._outcome.append)

    @property
    def done(self) -> bool:
        return bool(self._outcome)

    def result(self) -> Any:
        assert self._outcome, "it still waits"
        if isinstance(self._outcome[0], Failure):
            self._outcome[0].raiseException()
        return self._outcome[0]


def now(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns that has nothing to wait for."""
    result: T = Task(coroutine).result()
    return result


async def secret(account: Account) -> Secret:
    return Secret("secret")


def mail(subject: str, size: int = 0) -> bytes:
    octets = f"Subject: {subject}\r\nFrom: bob@example.org\r\n\r\nHello\r\n".encode()
    return octets + b"x" * max(0, size - len(octets) - 2) + b"\r\n"


@dataclass
class Message:
    uidl: bytes | None
    octets: bytes
    size: int | None = None
    """What LIST says, where it lies."""


@dataclass
class Provider:
    """A POP3 mailbox; `events` tells what its sessions did."""

    messages: list[Message] = field(default_factory=list)
    connect_error: UpstreamError | None = None
    listing_error: UpstreamError | None = None
    quit_error: UpstreamError | None = None
    login_delay_s: int = 0
    refused: set[bytes | None] = field(default_factory=set)
    temporary: bool = False
    """Whether what is refused is refused with [SYS/TEMP]."""
    cut: dict[bytes | None, BridgeError] = field(default_factory=dict)
    hang: "Deferred[None] | None" = None
    events: list[str] = field(default_factory=list)
    habits: Habits = Habits()
    """What its sessions learn."""
    habits_seen: list[Habits] = field(default_factory=list)
    expire_days: int | None = None
    implementation: str = ""
    bare_lf: bool = False
    no_top: bool = False
    deletes_refused: set[bytes | None] = field(default_factory=set)
    forgets_deletes: bool = False
    """DELE is answered with +OK, and nothing is deleted."""
    asked: list[str] = field(default_factory=list)
    """What its sessions asked beside listings and messages."""
    begun: int = 0
    """Messages whose retrieval began."""
    batches: list[list[int]] = field(default_factory=list)

    def add(self, uidl: bytes | None, octets: bytes, size: int | None = None) -> None:
        self.messages.append(Message(uidl, octets, size))

    async def connect(
        self,
        upstream: Upstream,
        secret: Secret,
        progress_timeout_s: float,
        habits: Habits = Habits(),
    ) -> PopSession:
        assert secret == Secret("secret")
        self.habits_seen.append(habits)
        self.events.append("connect")
        if self.hang is not None:
            await self.hang
        if self.connect_error is not None:
            raise self.connect_error
        return Session(self)


class Session:
    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._messages = list(provider.messages)
        self._marked: list[Message] = []
        self.doubtful = False
        self.login_delay_s = provider.login_delay_s
        self.expire_days = provider.expire_days
        self.implementation = provider.implementation
        self.bare_lf = provider.bare_lf
        self.habits = provider.habits
        self._ended = False

    def _size(self, message: Message) -> int:
        return len(message.octets) if message.size is None else message.size

    async def stat(self) -> tuple[int, int]:
        self._provider.asked.append("stat")
        return len(self._messages), sum(map(self._size, self._messages))

    async def uidl(self, number: int) -> bytes | None:
        self._provider.asked.append(f"uidl {number}")
        return self._messages[number - 1].uidl

    async def headers(self, batch: Sequence[Listed]) -> dict[int, bytes | None]:
        self._provider.asked += [f"top {listed.number}" for listed in batch]
        found: dict[int, bytes | None] = {}
        for listed in batch:
            header, end, _ = self._messages[listed.number - 1].octets.partition(b"\r\n\r\n")
            found[listed.number] = None if self._provider.no_top else header + end
        return found

    async def in_step(self, listed: Listed) -> bool:
        return True

    async def delete(self, batch: Sequence[Listed]) -> frozenset[int]:
        marked = set()
        for listed in batch:
            message = self._messages[listed.number - 1]
            if message.uidl not in self._provider.deletes_refused:
                self._provider.events.append(f"dele {listed.number}")
                self._marked.append(message)
                marked.add(listed.number)
        return frozenset(marked)

    async def listing(self) -> Listing:
        if self._provider.listing_error is not None:
            raise self._provider.listing_error
        return Listing(
            tuple(Listed(n, m.uidl, self._size(m)) for n, m in enumerate(self._messages, 1))
        )

    async def retrieve(self, batch: Sequence[Listed], sink: RetrieveSink) -> None:
        self._provider.batches.append([listed.number for listed in batch])
        for listed in batch:
            await self._retrieve(listed, sink)

    async def _retrieve(self, listed: Listed, sink: RetrieveSink) -> None:
        if listed.uidl in self._provider.refused:
            refusal = RefusedCommandError("no such message")
            sink.failed(listed, refusal, temporary=self._provider.temporary)
            return
        octets = self._messages[listed.number - 1].octets
        sink.begin(listed)
        self._provider.begun += 1
        error = self._provider.cut.get(listed.uidl)
        end = len(octets) if error is None else len(octets) * 3 // 4
        for start in range(0, end, CHUNK):
            await sink.chunk(listed, octets[start : min(start + CHUNK, end)])
        if error is not None:
            raise error
        await sink.complete(listed)

    async def quit(self) -> None:
        if self._ended:
            return
        self._ended = True
        self._provider.events.append("quit")
        if self._provider.quit_error is not None:
            raise self._provider.quit_error
        if not self._provider.forgets_deletes:
            for message in self._marked:
                self._provider.messages.remove(message)

    def abort(self) -> None:
        self._provider.events.append("abort")


class FullAt:
    """A database whose disk is full at the write numbered `full_at`, and after it if `stays`."""

    def __init__(self, database: Database, full_at: int, *, stays: bool = False) -> None:
        self._database = database
        self._full_at = full_at
        self._stays = stays
        self.writes = 0

    async def read(self, work: Callable[[ReadTx], T]) -> T:
        return await self._database.read(work)

    async def write(self, work: Callable[[WriteTx], T], *, ingest: bool = False) -> T:
        self.writes += 1
        if self.writes == self._full_at or (self._stays and self.writes > self._full_at):
            raise StoreFullError("The disk is full.")
        return await self._database.write(work, ingest=ingest)


class GroupDatabase:
    """Writes wait until `flush` commits them in groups, as the daemon's writer does."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.waiting: list[tuple[Callable[[WriteTx], Any], Deferred[Any]]] = []
        self.most = 0

    async def read(self, work: Callable[[ReadTx], T]) -> T:
        return self._store.read(work)

    async def write(self, work: Callable[[WriteTx], T], *, ingest: bool = False) -> T:
        done: Deferred[T] = Deferred()
        self.waiting.append((work, done))
        self.most = max(self.most, len(self.waiting))
        return await done

    def flush(self, size: int = 8) -> None:
        results = self._store.write_group([work for work, _ in self.waiting[:size]])
        # A group may be answered in part; the rest waits on.
        group, self.waiting = self.waiting[: len(results)], self.waiting[len(results) :]
        for (_, done), result in zip(group, results, strict=True):
            if isinstance(result, BaseException):
                done.errback(result)
            else:
                done.callback(result)

    def run(self, coroutine: Coroutine[Any, Any, T], size: int = 8) -> T:
        """What a coroutine returns that waits for nothing but this database."""
        task = Task(coroutine)
        while not task.done:
            assert self.waiting, "it waits for something else"
            self.flush(size)
        result: T = task.result()
        return result


class World:
    """A store with one account, its provider, and a clock."""

    def __init__(self, path: Path, *, new: bool = True) -> None:
        self.path = path
        self.store = open_store(path, on_commit=lambda _: None, clock_s=lambda: 1_700_000_000)
        if new:
            self.store.write(lambda tx: tx.add_account(ACCOUNT))
        self.account = self.store.read(lambda tx: tx.accounts()[0])
        self.database = InlineDatabase(self.store)
        self.provider = Provider()
        self.loop = ManualLoop()

    def runner(
        self,
        database: Database | None = None,
        account: Account | None = None,
        provider: Provider | None = None,
        can_fetch: Callable[[], bool] = lambda: True,
        max_message_octets: int = MAX_MESSAGE_OCTETS,
        durable: Callable[[float], None] = lambda seconds: None,
    ) -> Runner:
        return Runner(
            account=account or self.account,
            database=database or self.database,
            connector=provider or self.provider,
            open_secret=secret,
            loop=self.loop,
            can_fetch=can_fetch,
            max_message_octets=max_message_octets,
            durable=durable,
        )

    def sync(
        self,
        database: Database | None = None,
        progress: Callable[[Progress], None] | None = None,
        can_fetch: Callable[[], bool] = lambda: True,
        max_message_octets: int = MAX_MESSAGE_OCTETS,
    ) -> SyncResult:
        runner = self.runner(database, can_fetch=can_fetch, max_message_octets=max_message_octets)
        return now(runner.run_once(progress))

    def add_account(self, login: str, **changes: Any) -> Account:
        account = replace(ACCOUNT, login=login, **changes)
        return self.store.write(lambda tx: tx.add_account(account))

    def inbox(self) -> list[bytes]:
        """The octets of the live messages, by UID."""

        def read(tx: ReadTx) -> list[bytes]:
            box = tx.mailbox(self.account.id, INBOX)
            assert box is not None
            rows = tx.rows(box.id, list(tx.snapshot(box).uids))
            return [tx.octets(row.message_id, 0, row.size) for row in rows]

        return self.store.read(read)

    def uids(self) -> list[int]:
        def read(tx: ReadTx) -> list[int]:
            box = tx.mailbox(self.account.id, INBOX)
            assert box is not None
            return list(tx.snapshot(box).uids)

        return self.store.read(read)

    def ledger(self) -> tuple[Known, ...]:
        return self.store.read(lambda tx: tx.known(self.account.id))

    def states(self) -> dict[bytes, LedgerState]:
        return {row.uidl: row.state for row in self.ledger()}

    def status(self) -> SyncStatus:
        return self.store.read(lambda tx: tx.sync_status(self.account.id))

    def stages(self) -> int:
        """Staged bodies that nobody dropped; they are gone afterwards."""
        return self.store.write(lambda tx: tx.sweep_stages())

    def close(self) -> None:
        self.store.close()
        assert not self.loop.faults, self.loop.faults[0].getTraceback()


def fill(world: World, *names: str) -> list[bytes]:
    for name in names:
        world.provider.add(name.encode(), mail(name))
    return [message.octets for message in world.provider.messages]
