"""IMAP sessions in memory: octets in, octets out, over a real store without threads.

A strict validator reads along on every connection (see `tests.wire`). It raises where the test
looks, in `Client.take`, and at the latest in `Server.close`.
"""

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from bridge.bus import Bus
from bridge.imap.framing import Framer
from bridge.model.account import Account, Device, Security, Upstream
from bridge.model.ids import AccountId
from bridge.session.port import Closed, Expired, LoggedIn, Services, SessionLimits, Woken
from bridge.session.session import Session
from bridge.store.engine import Store, open_store
from bridge.store.port import InlineDatabase
from tests.wire.stream import Validator

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Client:
    """Both ends of a connection: it is the session's `Connection` and the test's client."""

    def __init__(
        self,
        server: "Server",
        *,
        secure: bool = True,
        loopback: bool = True,
        peer: str = "192.0.2.1",
    ) -> None:
        self.framer = Framer()
        self.secure = secure
        self.loopback = loopback
        self.peer = peer
        self.closed = False
        self.compressed = False
        self.told_every_s = 0.0
        self._say: Callable[[], bytes] | None = None
        self.validator: Validator | None = Validator()
        self.session = Session(server.services, self)
        self._out = bytearray()
        self._waiting: Deferred[Woken | Expired | None] | None = None
        self._arrived = False
        self._woken = False
        self._gone = False
        self.failures: list[Any] = []
        running = Deferred.fromCoroutine(self.session.run())
        running.addErrback(self.failures.append)

    def unwatched(self, because: str) -> None:
        """From here on nothing is checked, for a reason that the caller states."""
        assert because
        self.validator = None

    def send(self, octets: bytes) -> None:
        """Octets from the client."""
        if self.validator is not None:
            self.validator.from_client(octets)
        self.framer.feed(octets)
        self._arrived = True
        self._resume()

    def take(self) -> bytes:
        """What the server sent since the last look."""
        octets = bytes(self._out)
        self._out.clear()
        if self.validator is not None:
            self.validator.from_server(octets)
            if self.closed and not self._gone:
                self.validator.closed()
        return octets

    def finish(self) -> None:
        """The test ends: nothing is half said, and no exception went unseen."""
        self.take()
        if self.validator is not None and not self._gone:
            self.validator.finish()
        assert not self.failures, self.failures

    def do(self, command: str | bytes, tag: bytes = b"t") -> list[bytes]:
        """Sends a command; the lines of the whole answer."""
        octets = command.encode() if isinstance(command, str) else command
        self.send(tag + b" " + octets + b"\r\n")
        return self.take().split(b"\r\n")[:-1]

    def hang_up(self) -> None:
        """The client is gone."""
        self._gone = True
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            waiting.errback(Closed())

    def expire(self) -> None:
        """The client was silent for as long as is allowed."""
        assert self._waiting is not None
        waiting, self._waiting = self._waiting, None
        waiting.callback(Expired())

    def _resume(self) -> None:
        if self._waiting is not None and (self._arrived or self._woken):
            waiting, self._waiting = self._waiting, None
            result = Woken() if self._woken else None
            self._arrived = self._woken = False
            waiting.callback(result)

    def write(self, octets: bytes) -> None:
        if not self.closed:
            self._out += octets

    async def drain(self) -> None:
        if self._gone:
            raise Closed

    async def more(self, timeout_s: float) -> Woken | Expired | None:
        if self._gone:
            raise Closed
        self._waiting = Deferred()
        waiting = self._waiting
        if self._arrived or self._woken:
            self._resume()
        return await waiting

    def wake(self) -> None:
        self._woken = True
        self._resume()

    def start_tls(self) -> None:
        self.framer.take_buffer()
        self.secure = True

    def meanwhile(self, every_s: float, say: Callable[[], bytes]) -> None:
        self.told_every_s, self._say = every_s, say

    def end_meanwhile(self) -> None:
        self._say = None

    def wait_long(self) -> None:
        """A command takes as long as it takes until the client is told of it."""
        if self._say is not None:
            self.write(self._say())

    def compress(self) -> None:
        """Compressed by both ends, it is as it was; `tests.net.test_compress` has the octets."""
        assert not self.framer.buffered and not self.compressed
        self.compressed = True

    def close(self) -> None:
        self.closed = True


class Passwords:
    """Every account's password is "secret"."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def check(self, login: bytes, password: bytes, peer: str) -> LoggedIn | None:
        found = self._store.read(lambda tx: tx.account(login.decode()))
        if found is None or password != b"secret":
            return None
        device = Device(
            account_id=found.id, name="first", verifier="v", stored_key=b"", server_key=b""
        )
        return LoggedIn(found, device)


class Counts:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.commands: deque[tuple[str, str]] = deque(maxlen=1000)
        self.logins: list[bool] = []
        self.limits: list[str] = []

    def logged_in(self, ok: bool) -> None:
        self.logins.append(ok)

    def command(self, verb: str, result: str, seconds: float) -> None:
        self.commands.append((verb, result))

    def limit_reached(self, limit: str) -> None:
        self.limits.append(limit)


def account(login: str) -> Account:
    return Account(
        id=AccountId(0),
        login=login,
        upstream=Upstream(host="pop.example", port=995, user=login, security=Security.IMPLICIT),
        sealed_password=b"",
        policy="keep",
        interval_s=None,
        paused=False,
        scram_salt=b"",
        scram_iterations=4096,
    )


class Server:
    """A store with the accounts alice and bob, and as many clients as wanted."""

    def __init__(self, folder: Path, limits: SessionLimits | None = None) -> None:
        self.bus = Bus()
        self.store = open_store(
            folder / "popbridge.db", on_commit=self.bus.publish, clock_s=lambda: 1_700_000_000
        )
        for login in ("alice", "bob"):
            self.store.write(lambda tx, who=login: tx.add_account(account(who)))
        self.looked: list[AccountId] = []
        self.clients: list[Client] = []
        self.observer = Counts()
        self.services = Services(
            database=InlineDatabase(self.store),
            bus=self.bus,
            authenticator=Passwords(self.store),
            clock=lambda: NOW,
            monotonic=lambda: 0.0,
            observer=self.observer,
            looked=self.looked.append,
            limits=limits or SessionLimits(),
        )

    def connect(self, **kind: bool) -> Client:
        """A client that has read the greeting."""
        client = Client(self, **kind)
        self.clients.append(client)
        assert client.take().startswith(b"* OK [CAPABILITY IMAP4rev1")
        return client

    def client(self, login: str = "alice", mailbox: str | None = "INBOX") -> Client:
        """A client that is logged in and has a mailbox selected."""
        client = self.connect()
        assert client.do(f"LOGIN {login} secret")[-1].startswith(b"t OK")
        if mailbox is not None:
            assert client.do(f"SELECT {mailbox}")[-1].startswith(b"t OK")
        return client

    def close(self) -> None:
        self.store.close()
        for client in self.clients:
            client.finish()


def append(client: Client, octets: bytes, mailbox: str = "INBOX", flags: str = "()") -> list[bytes]:
    """Appends a message; the answer's lines."""
    return client.do(f"APPEND {mailbox} {flags} {{{len(octets)}+}}\r\n".encode() + octets)


Connector = Callable[[], Client]
