"""An account: an IMAP login and the POP3 mailbox behind it."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from bridge.model.ids import AccountId


class Security(Enum):
    """How the connection to a POP3 server is protected, by URL scheme."""

    IMPLICIT = "pop3s"
    STLS = "pop3"
    PLAIN = "pop3+plain"


class AccountState(Enum):
    """What `status` says of an account."""

    NEW = "new"
    FIRST_SYNC = "first_sync"
    SYNCING = "syncing"
    OK = "ok"
    RETRYING = "retrying"
    NEEDS_PASSWORD = "needs_password"
    PAUSED = "paused"
    FROZEN = "frozen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """Where and as whom to fetch; `host` without brackets."""

    host: str
    port: int
    user: str
    security: Security


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A row of the accounts table; `sealed_password` opens with `bridge.crypto.Sealer`."""

    id: AccountId
    login: str
    upstream: Upstream
    sealed_password: bytes
    policy: str
    interval_s: int | None
    """None: the configured default."""
    paused: bool
    scram_salt: bytes
    scram_iterations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncStatus:
    """What is known of an account's syncs; times are aware UTC; counts None before a listing."""

    account_id: AccountId
    state: AccountState = AccountState.NEW
    last_success: datetime | None = None
    last_attempt: datetime | None = None
    next_attempt: datetime | None = None
    listed: int | None = None
    pending: int | None = None
    auth_failures: int = 0
    failures: int = 0
    error_code: str | None = None
    error_text: str | None = None
    error_remedy: str | None = None
    error_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One password of an account. `verifier` is "argon2id..." or b"hmac:"-prefixed text."""

    account_id: AccountId
    name: str
    verifier: str
    stored_key: bytes
    server_key: bytes
