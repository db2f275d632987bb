"""What the operations work with."""

from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

from bridge.crypto import Sealer
from bridge.model.account import Account, Device, Secret, SecretKind, SecretSource, SyncStatus
from bridge.model.ids import AccountId
from bridge.store.port import Database
from bridge.sync.port import Connector
from bridge.sync.runner import Progress, SyncResult

T = TypeVar("T")


class InThread(Protocol):
    """Runs what burns CPU beside the reactor."""

    async def __call__(self, work: Callable[[], T]) -> T:
        """What `work` returns."""
        ...


class Together(Protocol):
    """Runs several at once."""

    async def __call__(self, works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """What each returns, in order, once all have ended."""
        ...


class Syncs(Protocol):
    """Of `SyncService` what operations need."""

    async def accounts_changed(self) -> None:
        """Accounts were added or removed."""

    async def sync_now(
        self, account_id: AccountId, progress: Callable[[Progress], None] | None = None
    ) -> SyncResult:
        """Polls one account, or joins the poll that runs."""
        ...

    async def undisturbed(
        self, account_id: AccountId, work: Callable[[], Awaitable[T]]
    ) -> tuple[T] | None:
        """What `work` returns, while no poll of the account begins; None where one runs."""
        ...


class Limited(Protocol):
    """Runs what may take too long."""

    async def __call__(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        """What `work` returns.

        Raises:
            TimedOutError: it took longer, and was ended.
        """
        ...


class Secrets(Protocol):
    """Of `SecretFetcher` what operations need."""

    async def fetch(self, source: SecretSource, login: str) -> Secret:
        """A secret that isn't sealed in the store."""
        ...


class Devices(Protocol):
    """Of whoever serves mail apps what operations need."""

    async def changed(self, account: Account) -> None:
        """Passwords of the account are gone from the store: ends the sessions that had them."""

    def last_used(self, device: Device) -> datetime | None:
        """When the device was last connected; None: never."""
        ...

    def connected(self, device: Device) -> int:
        """How many sessions it has."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Admin:
    """Made once by the daemon, or by a command that works without one."""

    database: Database
    sealer: Sealer
    key: bytes
    connector: Connector
    secrets: Secrets
    syncs: Syncs
    clock: Callable[[], datetime]
    in_thread: InThread
    together: Together
    max_message_octets: int
    forget: Callable[[Account], None]
    """Removes what lies beside the store of an account that is gone; blocks."""
    data: Path
    store_path: Path
    in_background: InThread
    """As `in_thread`, for what takes long."""
    limited: Limited
    devices: Devices
    as_told: Callable[[str, SyncStatus], SyncStatus] = lambda login, status: status
    """A login's status with what its last sync came to, if a full disk kept that from the store."""

    async def secret(self, account: Account) -> Secret:
        """What logs in to the account's provider, fetched anew where it isn't sealed.

        Raises:
            SecretError, TokenError: it can't be had.
        """
        if account.secret_source.kind is not SecretKind.SEALED:
            return await self.secrets.fetch(account.secret_source, account.login)
        sealed = account.sealed_password
        return Secret(self.sealer.open(sealed, seal_context(account.login)).decode())


def seal_context(login: str) -> str:
    """What a sealed POP3 password is bound to: it opens for its own account only."""
    return f"pop3 {login.lower()}"
