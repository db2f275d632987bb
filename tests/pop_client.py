"""What tests of the POP3 client share: a sink, whole sessions, scripted and slow servers."""

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import trustme
from twisted.internet.task import Clock
from twisted.internet.threads import blockingCallFromThread

from bridge.errors import UpstreamError
from bridge.model.account import Secret, Security, Upstream
from bridge.model.profile import Habits
from bridge.model.upstream import Listed
from bridge.net.pop3 import PopConnector
from bridge.net.pop3_session import Pop3Session
from tests.pop_server import HOST, JOIN_S, PopServer
from tests.reactor import reactor, run

BEGUN_S = 60
MESSAGES = [
    b"Subject: one\r\n\r\nfirst\r\n.\r\n..two dots\r\n.leading\r\n",
    b".starts with a dot\r\n\r\n\0NUL\xff8-bit\r\n",
    b"bare\nline feeds\n.\nand on\r\n",
    b"a\n.\r\nb\r\n",
    b"\r\n",
    b"carriage\r returns\r.\r\n\r\r\n",
    b"last\r\n.\r\n",
]


@dataclass
class Sink:
    """Keeps messages that are complete; `pace` is awaited with each chunk."""

    pace: Callable[[], Any] | None = None
    whole: dict[int, bytes] = field(default_factory=dict)
    refused: dict[int, UpstreamError] = field(default_factory=dict)
    temporary: dict[int, bool] = field(default_factory=dict)
    begun: list[int] = field(default_factory=list)
    on_begin: Callable[[int], None] = lambda number: None
    _parts: list[bytes] = field(default_factory=list)

    def begin(self, listed: Listed) -> None:
        self.on_begin(listed.number)
        self.begun.append(listed.number)
        self._parts = []

    async def chunk(self, listed: Listed, data: bytes) -> None:
        assert data
        self._parts.append(data)
        if self.pace is not None:
            await self.pace()

    async def complete(self, listed: Listed) -> None:
        self.whole[listed.number] = b"".join(self._parts)

    def failed(self, listed: Listed, error: UpstreamError, *, temporary: bool) -> None:
        self.refused[listed.number] = error
        self.temporary[listed.number] = temporary


def context(authority: trustme.CA, *names: str, **wanted: Any) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, **wanted).configure_cert(made)
    return made


def upstream(port: int, security: Security = Security.PLAIN, host: str = HOST) -> Upstream:
    return Upstream(host=host, port=port, user="alice", security=security)


class Timers:
    """The reactor, but its timers go off only when their clock is moved."""

    def __init__(self) -> None:
        self.clock = Clock()

    def __getattr__(self, name: str) -> Any:
        return getattr(reactor, name)

    def callLater(self, *call: Any, **named: Any) -> Any:
        """As Twisted's."""
        return self.clock.callLater(*call, **named)

    def advance(self, seconds: float) -> None:
        """Moves the clock, from any other thread."""
        blockingCallFromThread(reactor, self.clock.advance, seconds)

    def until_begun(self, seconds: float) -> None:
        """Waits until a timer runs that has all of these seconds before it, and no other does."""

        def left() -> list[float]:
            now = self.clock.seconds()
            return [round(call.getTime() - now, 6) for call in self.clock.getDelayedCalls()]

        deadline = time.monotonic() + BEGUN_S
        while (found := blockingCallFromThread(reactor, left)) != [seconds]:
            assert time.monotonic() < deadline, found
            time.sleep(0.001)


async def connect(
    where: Upstream,
    roots: Path | None = None,
    *,
    password: str = "secret",
    timeout_s: float = 60,
    window: int = 50,
    habits: Habits = Habits(),
    timers: Timers | None = None,
) -> Pop3Session:
    return await PopConnector(timers or reactor, trust_roots=roots, window=window).connect(
        where, Secret(password), timeout_s, habits
    )


async def fetch(
    where: Upstream, sink: Sink, roots: Path | None = None, **options: Any
) -> list[Listed]:
    """Connects, lists, retrieves all and quits."""
    session = await connect(where, roots, **options)
    try:
        listing = await session.listing()
        await session.retrieve(listing.messages, sink)
        await session.quit()
    finally:
        session.abort()
    return list(listing.messages)


def fetched(server: PopServer, sink: Sink | None = None, **options: Any) -> Sink:
    sink = sink or Sink()
    run(lambda: fetch(upstream(server.port), sink, **options))
    return sink


def numbered(messages: list[bytes]) -> dict[int, bytes]:
    return dict(enumerate(messages, 1))


def fails(kind: type[UpstreamError], where: Upstream, *args: Any, **options: Any) -> UpstreamError:
    with pytest.raises(kind) as raised:
        run(lambda: fetch(where, Sink(), *args, **options))
    error = raised.value
    assert type(error) is kind
    assert where.host in error.text and error.text.endswith(".") and error.remedy.endswith(".")
    assert error.text.isprintable() and len(error.text) < 400
    return error


@contextlib.contextmanager
def scripted(*replies: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Sends the first at once, one for each line, and FIN behind the last; (port, the lines)."""
    listener = socket.create_server((HOST, 0))
    lines: list[bytes] = []

    def serve() -> None:
        connection = listener.accept()[0]
        with connection, connection.makefile("rb") as file, contextlib.suppress(OSError):
            for reply in replies[:-1]:
                connection.sendall(reply)
                if not (line := file.readline()):
                    return
                lines.append(line.rstrip(b"\r\n"))
            connection.sendall(replies[-1])
            connection.shutdown(socket.SHUT_WR)
            lines.extend(line.rstrip(b"\r\n") for line in file)

    thread = Thread(target=serve, daemon=True)
    thread.start()
    with listener:
        yield listener.getsockname()[1], lines
        thread.join(JOIN_S)
    assert not thread.is_alive()


@contextlib.contextmanager
def dripping(port: int, timers: Timers, timeout_s: float) -> Iterator[int]:
    """A relay whose larger pieces, going to the client, take longer than the timeout, in all.

    Each step of them takes a fifth of it, once the client has the step before.
    """
    listener = socket.create_server((HOST, 0))

    def copy(source: socket.socket, target: socket.socket, drips: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                step = max(1, len(data) // 8) if drips and len(data) > 100 else len(data)
                for at in range(0, len(data), step):
                    if at:
                        timers.until_begun(timeout_s)
                        timers.advance(timeout_s / 5)
                    target.sendall(data[at : at + step])
            target.shutdown(socket.SHUT_WR)

    def relay() -> None:
        client = listener.accept()[0]
        with client, socket.create_connection((HOST, port)) as server:
            up = Thread(target=copy, args=(client, server, False), daemon=True)
            up.start()
            copy(server, client, True)
            up.join(JOIN_S)

    thread = Thread(target=relay, daemon=True)
    thread.start()
    with listener:
        yield listener.getsockname()[1]
        thread.join(JOIN_S)
