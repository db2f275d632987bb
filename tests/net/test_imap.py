"""IMAP over real sockets: TLS, back-pressure both ways, clients that go, a server that goes."""

import hashlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.internet.threads import blockingCallFromThread
from twisted.protocols.tls import TLSMemoryBIOFactory

from bridge.imap.framing import PRE_LOGIN_LINE_OCTETS
from bridge.net import imap
from bridge.net.imap import ImapConnection, ImapFactory
from bridge.net.threads import ThreadedDatabase
from bridge.net.tls import TlsFiles, ensure_certificate, server_context
from bridge.session.context import COMMAND_LINE_OCTETS
from tests.imap_harness import NOW, Server
from tests.reactor import reactor, start

pytestmark = pytest.mark.usefixtures("clean")
HOST = "127.0.0.1"
WAIT_S = 120


class Connections:
    """Counts, as metrics do."""

    def __init__(self) -> None:
        self.open = {False: 0, True: 0}
        self.delays_s: list[float] = []

    def connected(self, *, tls: bool) -> None:
        self.open[tls] += 1

    def secured(self) -> None:
        self.open[False] -= 1
        self.open[True] += 1

    def disconnected(self, *, tls: bool) -> None:
        self.open[tls] -= 1

    def told(self, seconds: float) -> None:
        self.delays_s.append(seconds)


class Listening:
    """A server on two ports whose timers only move when a test moves them."""

    def __init__(self, folder: Path) -> None:
        start()
        self.inner = Server(folder)
        self.clock = Clock()
        self.counts = Connections()
        self.services = self.inner.services
        self.services.monotonic = self.clock.seconds
        self.inner.bus = self.services.bus
        self.database = ThreadedDatabase(self.inner.store, reactor)
        self.services.database = self.database
        self.inner.store._on_commit = lambda changes: reactor.callFromThread(
            self.services.bus.publish, changes
        )
        files: TlsFiles = ensure_certificate(folder, (), NOW)
        self.context = server_context(files)
        self.factories = [self._factory(implicit=False), self._factory(implicit=True)]
        plain, inner = self.factories
        outer = TLSMemoryBIOFactory(self.context, False, inner)
        self.ports = [self._call(lambda f=f: reactor.listenTCP(0, f, interface=HOST))
                      for f in (plain, outer)]  # fmt: skip
        self.clients: list[Client] = []

    def _factory(self, *, implicit: bool) -> ImapFactory:
        return ImapFactory(
            self.services,
            self.clock,
            tls=lambda: self.context,
            implicit_tls=implicit,
            counter=self.counts,
        )

    def _call(self, call: Callable[[], Any]) -> Any:
        return blockingCallFromThread(reactor, call)

    def advance(self, seconds: float) -> None:
        self._call(lambda: self.clock.advance(seconds))

    def shut_down(self) -> None:
        for factory in self.factories:
            self._call(factory.shut_down)

    def connect(self, *, tls: bool = False) -> "Client":
        client = Client(self.ports[tls].getHost().port, tls=tls)
        self.clients.append(client)
        assert client.line().startswith(b"* OK [CAPABILITY IMAP4rev1")
        return client

    def log_in(self, mailbox: str | None = "INBOX", *, tls: bool = False) -> "Client":
        client = self.connect(tls=tls)
        client.do(b"l LOGIN alice secret")
        if mailbox is not None:
            client.do(b"s SELECT " + mailbox.encode())
        return client

    def append(self, octets: bytes) -> None:
        client = self.log_in(None)
        client.send(b"a APPEND INBOX {%d+}\r\n%b\r\n" % (len(octets), octets))
        client.until(b"a OK ")
        client.close()

    @property
    def connections(self) -> list[ImapConnection]:
        return [one for factory in self.factories for one in factory._open]

    def wait(self, holds: Callable[[], bool]) -> None:
        """Waits until something holds in the reactor's thread."""
        until = time.monotonic() + WAIT_S
        while not self._call(holds):
            assert time.monotonic() < until, "it never came to that"

    def has_buffered(self, octets: int) -> None:
        """Waits until that much of an unfinished line has come."""
        self.wait(lambda: all(one.framer.buffered == octets for one in self.connections))

    def all_is_over(self) -> None:
        """Nothing is left of any client."""
        self.wait(lambda: not self.connections and not self.services.connections)
        assert self.services.bus._wakes == {}
        assert self.counts.open == {False: 0, True: 0}
        self.wait(lambda: not self.clock.getDelayedCalls())

    def close(self) -> None:
        for client in self.clients:
            client.close()
        self.wait(lambda: not self.connections)
        for port in self.ports:
            self._call(port.stopListening)
        self.database.close()
        self.inner.close()


class Client:
    """A blocking client."""

    def __init__(self, port: int, *, tls: bool) -> None:
        self.socket = socket.socket()
        # Small buffers, so that it shows early who waits for whom.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        self.socket.settimeout(WAIT_S)
        self.socket.connect((HOST, port))
        self.unread = b""
        if tls:
            self.start_tls()

    def start_tls(self) -> None:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.socket = context.wrap_socket(self.socket)

    def send(self, octets: bytes) -> None:
        self.socket.sendall(octets)

    def more(self) -> bytes:
        return self.socket.recv(1 << 16)

    def line(self) -> bytes:
        while b"\r\n" not in self.unread:
            octets = self.more()
            assert octets, f"the end, behind {self.unread!r}"
            self.unread += octets
        line, _, self.unread = self.unread.partition(b"\r\n")
        return line

    def until(self, prefix: bytes) -> list[bytes]:
        lines = [self.line()]
        while not lines[-1].startswith(prefix):
            lines.append(self.line())
        return lines

    def do(self, command: bytes) -> list[bytes]:
        """The lines of the answer, which is OK."""
        self.send(command + b"\r\n")
        return self.until(command.split(b" ")[0] + b" OK ")

    def rest(self) -> bytes:
        """Everything up to the server's end."""
        while octets := self.more():
            self.unread += octets
        return self.unread

    def close(self) -> None:
        self.socket.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Listening]:
    made = Listening(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("tls", [False, True])
def test_logout_ends_the_connection(server: Listening, tls: bool) -> None:
    client = server.log_in(tls=tls)
    client.send(b"o LOGOUT\r\n")
    assert client.rest().splitlines()[-1] == b"o OK Logged out"
    client.close()
    server.all_is_over()


def test_starttls_throws_away_what_came_in_the_clear(server: Listening) -> None:
    client = server.connect()
    client.send(b"s STARTTLS\r\ni LOGIN alice secret\r\n")
    assert client.line() == b"s OK Begin TLS now"
    client.start_tls()
    client.send(b"c CAPABILITY\r\n")
    answer = client.until(b"c OK")
    assert len(answer) == 2 and b"STARTTLS" not in answer[0] and b"AUTH=PLAIN" in answer[0]
    assert server.counts.open == {False: 0, True: 1}
    client.send(b"o LOGOUT\r\n")
    assert b"o OK" in client.rest()
    client.close()
    server.all_is_over()


def test_a_client_that_never_ends_tls_is_cut(server: Listening) -> None:
    client = server.log_in(tls=True)
    raw = client.socket.detach()
    with socket.socket(fileno=raw) as silent:
        silent.settimeout(WAIT_S)
        server.shut_down()
        server.wait(lambda: all(one._closing for one in server.connections))
        server.advance(imap.CLOSE_S)
        server.all_is_over()


def test_a_slow_reader_costs_no_memory(server: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    octets = b"Subject: x\r\n\r\n" + b"0123456789" * 3_000_000
    server.append(octets)
    queued = [0]
    write = ImapConnection.write

    def counted(self: ImapConnection, some: bytes) -> None:
        queued[0] += len(some)
        write(self, some)

    monkeypatch.setattr(ImapConnection, "write", counted)
    client = server.log_in()
    client.send(b"f FETCH 1:* (BODY.PEEK[] BODY.PEEK[TEXT])\r\n")
    server.wait(lambda: any(one._draining is not None for one in server.connections))
    assert queued[0] < len(octets) / 3
    for part in (octets, octets[14:]):
        while b"}\r\n" not in client.unread:
            client.unread += client.more()
        digest, left = hashlib.sha256(), len(part)
        chunk = client.unread.partition(b"}\r\n")[2]
        while left > 0:
            digest.update(chunk[:left])
            left -= len(chunk)
            client.unread = chunk[len(chunk) + left :] if left < 0 else b""
            chunk = client.more() if left > 0 else b""
        assert digest.digest() == hashlib.sha256(part).digest()
    assert client.until(b"f OK")[-1] == b"f OK Done"


@pytest.mark.parametrize("tls", [False, True])
def test_a_client_that_sends_and_never_reads_is_made_to_wait(server: Listening, tls: bool) -> None:
    client = server.log_in(tls=tls)
    client.socket.settimeout(0.5)
    most = [0]

    def look() -> bool:
        most[0] = max(most[0], *(one.framer.buffered for one in server.connections))
        return True

    command = b't LIST "" *\r\n' * 1000
    sent = 0
    with pytest.raises(TimeoutError):
        while sent < 100 << 20:
            client.send(command)
            sent += len(command)
            server.wait(look)
    assert most[0] < 4 * imap.READ_AHEAD_OCTETS
    client.close()
    server.all_is_over()


@pytest.mark.parametrize(
    "last",
    [
        b"",
        b"i IDLE\r\n",
        b"a APPEND INBOX {3000000+}\r\n" + b"x" * 1_500_000,
        b"a APPEND INBOX {3000000+}\r\n",
        b"f FETCH 1 BODY[]\r\n",
        b"a LOGIN {100+}\r\nxx",
        b"a NOOP",
    ],
)
def test_a_client_that_goes_leaves_nothing(server: Listening, last: bytes) -> None:
    server.append(b"Subject: x\r\n\r\n" + b"x" * 5_000_000)
    client = server.log_in()
    client.send(last)
    server.wait(lambda: all(one._waiting or one._draining for one in server.connections))
    client.close()
    server.all_is_over()

    def stages() -> int:
        query = "select count(*) from blob where not sealed"
        return int(
            server.inner.store.read(lambda tx: tx.connection.exec_driver_sql(query).scalar() or 0)
        )

    server.wait(lambda: stages() == 0)


def test_an_idling_client_hears_without_a_timer(server: Listening) -> None:
    idle = server.log_in()
    idle.send(b"i IDLE\r\n")
    assert idle.line() == b"+ idling"
    other = server.log_in()
    # Else the message would be \Recent to either.
    other.do(b"u UNSELECT")
    other.send(b"a APPEND INBOX {13+}\r\nSubject: x\r\n\r\r\n")
    other.until(b"a OK")
    # The clock stands still, so nothing here can have waited for it.
    assert idle.line() == b"* 1 EXISTS"
    assert idle.line() == b"* 1 RECENT"
    other.do(b"s SELECT INBOX")
    other.do(b"b STORE 1 +FLAGS.SILENT (\\Flagged)")
    assert idle.line() == b"* 1 FETCH (UID 1 FLAGS (\\Flagged \\Recent))"
    # Each was told once, at once by the clock; answers to commands don't count.
    server.wait(lambda: server.counts.delays_s == [0.0, 0.0])
    idle.send(b"DONE\r\nn NOOP\r\n")
    assert [idle.line(), idle.line()] == [b"i OK Done", b"n OK Done"]
    server.wait(lambda: len(server.counts.delays_s) == 2)


def test_no_change_is_missed_by_a_client_that_idles_on_and_off(server: Listening) -> None:
    idle, other = server.log_in(), server.log_in()
    for number in range(1, 60):
        other.send(b"a APPEND INBOX {13+}\r\nSubject: x\r\n\r\r\n")
        idle.send(b"i IDLE\r\n")
        other.until(b"a OK")
        assert b"* %d EXISTS" % number in idle.until(b"* %d EXISTS" % number)
        idle.send(b"DONE\r\n")
        idle.until(b"i OK")


@pytest.mark.parametrize("tls", [False, True])
def test_a_server_that_goes_says_so(server: Listening, tls: bool) -> None:
    idle, calm = server.log_in(tls=tls), server.log_in(tls=tls)
    idle.send(b"i IDLE\r\n")
    assert idle.line() == b"+ idling"
    server.shut_down()
    for client in (idle, calm):
        assert client.rest() == b"* BYE The server is shutting down\r\n"
        client.close()
    server.all_is_over()


def test_a_server_that_goes_says_nothing_inside_a_message(server: Listening) -> None:
    octets = b"Subject: x\r\n\r\n" + b"x" * 20_000_000
    server.append(octets)
    client = server.log_in()
    client.send(b"f FETCH 1 BODY.PEEK[]\r\n")
    server.wait(lambda: any(one._draining is not None for one in server.connections))
    server.shut_down()
    answer = client.rest()
    head, _, rest = answer.partition(b"\r\n")
    assert head == b"* 1 FETCH (BODY[] {%d}" % len(octets)
    assert rest[: len(octets)] == octets
    end = b")\r\nf OK Done\r\n* BYE The server is shutting down\r\n"
    assert rest[len(octets) :] == end


def test_a_client_has_a_minute_to_log_in_however_it_trickles(server: Listening) -> None:
    client = server.connect()
    for number in range(1, 6):
        client.send(b"x")
        server.has_buffered(number)
        server.advance(11)
    server.advance(6)
    assert client.rest().startswith(b"* BYE ")


def test_an_idle_client_has_half_an_hour(server: Listening) -> None:
    client = server.log_in()
    server.advance(1799)
    client.do(b"n NOOP")
    server.advance(1799)
    client.do(b"n NOOP")
    server.advance(1801)
    assert client.rest().startswith(b"* BYE ")


def test_lines_may_be_as_long_as_they_may(server: Listening) -> None:
    client = server.connect()
    for limit in (PRE_LOGIN_LINE_OCTETS, COMMAND_LINE_OCTETS):
        client.send(b"t NOOP" + b" " * (limit - 6) + b"\r\n")
        assert client.line() == b"t OK Done"
        client.send(b"t NOOP" + b" " * (limit - 4) + b"\r\n")
        assert client.line().startswith(b"t BAD [LIMIT] ")
        client.do(b"l LOGIN alice secret") if limit == PRE_LOGIN_LINE_OCTETS else None
