"""What a session needs of the outside: a connection, somebody who knows passwords, counters."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from bridge.bus import Bus
from bridge.imap.capability import APPEND_LIMIT_OCTETS
from bridge.imap.framing import Framer
from bridge.model.account import Account, Device
from bridge.model.ids import AccountId
from bridge.session.counted import Counted
from bridge.session.keys import Keys
from bridge.session.opened import Opened
from bridge.session.presence import Presence
from bridge.session.snapshots import Snapshots
from bridge.session.strangers import Strangers
from bridge.store.port import Database

WriteLine = Callable[[str], None]
"""Takes a line of a trace, without its end; it doesn't wait."""


class Closed(Exception):
    """The client has gone."""


@dataclass(frozen=True, slots=True)
class Woken:
    """`Connection.wake` was called."""


@dataclass(frozen=True, slots=True)
class Expired:
    """Nothing came from the client in the time allowed."""


class Connection(Protocol):
    """The client's connection. Octets that arrive go into `framer`."""

    framer: Framer

    @property
    def secure(self) -> bool:
        """Whether TLS is on."""
        ...

    @property
    def peer(self) -> str:
        """The client's address."""
        ...

    @property
    def loopback(self) -> bool:
        """Whether the client is on this machine."""
        ...

    def write(self, octets: bytes) -> None:
        """Queues octets; after the client has gone they are dropped."""

    async def drain(self) -> None:
        """Waits until little is queued.

        Raises:
            Closed: the client has gone.
        """

    async def more(self, timeout_s: float) -> Woken | Expired | None:
        """Waits until octets have arrived (None), or one of the others happens.

        Raises:
            Closed: the client has gone.
        """
        ...

    def wake(self) -> None:
        """Ends a `more` that waits, or the next one."""

    def start_tls(self) -> None:
        """Starts TLS, once what is queued is sent; octets that came before are thrown away."""

    def meanwhile(self, every_s: float, say: Callable[[], bytes]) -> None:
        """Sends what `say` returns every so many seconds while a command waits, until it ends."""

    def end_meanwhile(self) -> None:
        """The command has come to its answer."""

    def compress(self) -> None:
        """Compresses from here on what is written, and takes what arrives for compressed.

        What has arrived and wasn't taken is.
        """

    def close(self) -> None:
        """Sends what is queued, then closes."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """Salt and iteration count of an account."""

    salt: bytes
    iterations: int


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """Whose session it is, and by which of its passwords."""

    account: Account
    device: Device


@dataclass(frozen=True, slots=True)
class Proved:
    """Who logs in by SCRAM, and the signature by which the client knows us."""

    who: LoggedIn
    signature: bytes


class Authenticator(Protocol):
    """Knows who may log in."""

    async def check(self, login: bytes, password: bytes, peer: str) -> LoggedIn | None:
        """Who that is, or None if login or password is wrong; failures are answered late."""
        ...

    async def challenge(self, login: str) -> Challenge:
        """What SCRAM tells whoever says to be `login`; of one that isn't there, as believable."""
        ...

    async def prove(
        self, login: str, auth_message: bytes, proof: bytes, peer: str
    ) -> Proved | None:
        """Whose password made the proof (RFC 5802 §3), or None, late as in `check`."""
        ...


STRANGERS_PARTS = 4
"""Of the places of clients that aren't logged in, an address may have one part of so many: a
building's devices come back behind one address at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """Limits that people may set; times in seconds, sizes in octets."""

    login_s: float = 60
    idle_s: float = 1800
    still_here_s: float = 120
    """How often an idling client hears that the connection stands; 0 for never."""
    append_octets: int = APPEND_LIMIT_OCTETS
    bad_before_login: int = 3
    bad: int = 20
    connections_per_account: int = 50
    connections_before_login: int = 1000
    """At a time, of all clients: what strangers can make the process hold is bounded."""

    @property
    def connections_before_login_at_one(self) -> int:
        """As many of these has one address: alone it mustn't keep everybody else out."""
        return max(1, self.connections_before_login // STRANGERS_PARTS)


class Observer(Protocol):
    """Counts what happens, for metrics."""

    def logged_in(self, ok: bool) -> None:
        """A log-in ended."""

    def command(self, verb: str, result: str, seconds: float) -> None:
        """A command ended with OK, NO or BAD; `verb` is "unknown" where it couldn't be read."""

    def limit_reached(self, limit: str) -> None:
        """A client met a limit: one of `bridge.metrics.LIMITS`."""


@dataclass(slots=True, kw_only=True)
class Services:
    """What all sessions of a process share."""

    database: Database
    bus: Bus
    authenticator: Authenticator
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    observer: Observer
    looked: Callable[[AccountId], None] = lambda account_id: None
    """Told when a client looks for new mail, so that the provider is polled."""
    trace: Callable[[Account, str], WriteLine | None] = lambda account, peer: None
    """Where the session of a client at that address is written down; None: nowhere."""
    limits: SessionLimits = field(default_factory=SessionLimits)
    snapshots: Snapshots = field(default_factory=Snapshots)
    opened: Opened = field(default_factory=Opened)
    """What clients have just read of single messages."""
    counted: Counted = field(default_factory=Counted)
    """What STATUS has told since the last write."""
    keys: Keys = field(default_factory=Keys)
    connections: dict[AccountId, int] = field(default_factory=dict)
    """Logged-in sessions by account."""
    presence: Presence = field(default_factory=Presence)
    """These sessions themselves, by the devices that they logged in by."""
    strangers: Strangers = field(default_factory=Strangers)
    """Sessions that aren't logged in."""
