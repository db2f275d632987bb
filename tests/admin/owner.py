"""What operations on accounts need, over a real store; it is its own connector, syncs, secrets."""

from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from bridge.crypto import Sealer
from bridge.errors import RejectedPasswordError, SecretError
from bridge.model.account import (
    Account,
    Device,
    Secret,
    SecretKind,
    SecretSource,
    SyncStatus,
    Upstream,
)
from bridge.model.profile import Habits
from bridge.store.engine import Store
from bridge.store.port import InlineDatabase

T = TypeVar("T")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Nobody:
    """The devices of mail apps of which none is connected."""

    def __init__(self) -> None:
        self.told: list[str] = []
        """Logins of which passwords were taken back."""

    async def changed(self, account: Account) -> None:
        self.told.append(account.login)

    def last_used(self, device: Device) -> datetime | None:
        return device.last_used

    def connected(self, device: Device) -> int:
        return 0


@dataclass
class Owner:
    """Of `Admin` what operations on accounts need."""

    store: Store
    sealer: Sealer = field(default_factory=lambda: Sealer(b"k" * 32))
    key: bytes = b"k" * 32
    changed: int = 0
    tried: list[Secret] = field(default_factory=list)
    upstreams: list[Upstream] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    refuses: bool = False
    secret_of: dict[str, str] = field(default_factory=dict)
    habits: Habits = Habits(mechanism="SCRAM-SHA-256")
    implementation: str = "Test"
    expire_days: int | None = None
    login_delay_s: int = 0
    bare_lf: bool = False
    messages: int = 3
    first_uidl: bytes | None = b"uidl"
    fails_after_login: Exception | None = None
    aborted: bool = False
    as_told: Callable[[str, SyncStatus], SyncStatus] = lambda login, status: status

    def __post_init__(self) -> None:
        self.database = InlineDatabase(self.store)
        self.connector = self.syncs = self.secrets = self
        self.devices = Nobody()

    def clock(self) -> datetime:
        return NOW

    async def in_thread(self, work: Callable[[], T]) -> T:
        return work()

    async def together(self, works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        return [await work for work in works]

    async def accounts_changed(self) -> None:
        self.changed += 1

    def forget(self, account: Account) -> None:
        self.forgotten.append(account.login)

    async def fetch(self, source: SecretSource, login: str) -> Secret:
        if source.value not in self.secret_of:
            raise SecretError("There is none.")
        return Secret(self.secret_of[source.value])

    async def secret(self, account: Account) -> Secret:
        if account.secret_source.kind is SecretKind.SEALED:
            return Secret("sealed")
        return await self.fetch(account.secret_source, account.login)

    async def connect(self, upstream: Upstream, secret: Secret, timeout_s: float) -> Any:
        self.tried.append(secret)
        self.upstreams.append(upstream)
        if self.refuses:
            raise RejectedPasswordError("Wrong password.")
        return self

    async def stat(self) -> tuple[int, int]:
        if self.fails_after_login is not None:
            raise self.fails_after_login
        return self.messages, 1_500_000

    async def uidl(self, number: int) -> bytes | None:
        assert 1 <= number <= self.messages
        return self.first_uidl

    async def quit(self) -> None:
        pass

    def abort(self) -> None:
        self.aborted = True

    def account(self, login: str = "alice") -> Any:
        return self.store.read(lambda tx: tx.account(login))
