"""An account: an IMAP login and the POP3 mailbox behind it."""

from dataclasses import dataclass, field
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
class TlsOptions:
    """How TLS towards one provider differs from the default; paths are absolute."""

    minimum: str = "1.2"
    """The oldest version that is spoken: "1.0", "1.1", "1.2" or "1.3"."""
    pins: frozenset[str] = frozenset()
    """SHA-256 of certificates (DER) in lower-case hex; one of them must be the server's. They
    take the place of names and authorities."""
    authorities: str | None = None
    """A PEM file that takes the place of the platform's authorities."""
    certificate: str | None = None
    """A PEM file with the client's certificate, and its key unless `key` is given."""
    key: str | None = None
    legacy_ciphers: bool = False
    """Whether what OpenSSL holds for too weak is spoken too (SECLEVEL 0)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """Where and as whom to fetch; `host` without brackets."""

    host: str
    port: int
    user: str
    security: Security
    tls: TlsOptions = TlsOptions()


class SecretKind(Enum):
    """Where the secret of an account's upstream comes from each time it is needed."""

    SEALED = "sealed"
    """A password in the store, which opens with `bridge.crypto.Sealer`."""
    FILE = "file"
    ENVIRONMENT = "env"
    COMMAND = "command"
    """A password on a command's standard output."""
    TOKEN_COMMAND = "token-command"
    """An OAuth access token on a command's standard output."""


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where a secret comes from: a path, the name of a variable or a command line."""

    kind: SecretKind = SecretKind.SEALED
    value: str = ""


@dataclass(frozen=True, slots=True)
class Secret:
    """What logs in upstream. It is never written to a log: its repr doesn't show it."""

    text: str = field(repr=False)
    is_token: bool = False
    """Whether it is an OAuth access token rather than a password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """The provider's server that mail apps send by (RFC 6409): popbridge never does itself."""

    host: str
    port: int
    user: str
    implicit_tls: bool
    """False: STARTTLS is required."""


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
    quota_octets: int | None = None
    """None: no limit."""
    withheld: frozenset[str] = frozenset()
    """Capabilities that its sessions are not offered."""
    secret_source: SecretSource = SecretSource()
    trace_until: datetime | None = None
    """Its sessions are traced until then (aware)."""
    submission: Submission | None = None
    """What its mail apps are told to send by."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What an account may hold and holds: octets of live messages, a copy counted as one more."""

    limit_octets: int | None
    used_octets: int


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
    delete_due: int | None = None
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
    made: datetime | None = None
    last_used: datetime | None = None
    """As the store has it, which may be an hour behind."""
