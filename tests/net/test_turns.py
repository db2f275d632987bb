"""What a session says goes out when it waits, and others have their turn; without sockets."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from bridge.net.imap import QUEUED_OCTETS, TURN_S, ImapConnection, ImapFactory
from tests.imap_harness import Server


class Pieces(StringTransport):
    """Remembers each write by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []

    def setTcpNoDelay(self, enabled: bool) -> None: ...

    def setTcpKeepAlive(self, enabled: bool) -> None: ...

    def write(self, data: bytes) -> None:
        self.pieces.append(data)
        super().write(data)


class Uncounted:
    def connected(self, *, tls: bool) -> None: ...

    def secured(self) -> None: ...

    def disconnected(self, *, tls: bool) -> None: ...

    def told(self, seconds: float) -> None: ...


class Slow(Clock):
    """Time passes whenever somebody looks."""

    step_s = 0.0
    turns = 0

    def callLater(self, delay: float, *call: Any, **named: Any) -> Any:
        self.turns += not delay
        return super().callLater(delay, *call, **named)

    def seconds(self) -> float:
        self.rightNow += self.step_s
        return float(super().seconds())


@pytest.fixture
def clock() -> Slow:
    return Slow()


@pytest.fixture
def connection(tmp_path: Path, clock: Slow) -> Iterator[ImapConnection]:
    server = Server(tmp_path)
    server.services.monotonic = clock.seconds
    no_tls: Any = None
    factory = ImapFactory(
        server.services, clock, tls=no_tls, implicit_tls=False, counter=Uncounted()
    )
    made = factory.buildProtocol(None)
    made.makeConnection(Pieces())
    made.transport.pieces.clear()
    yield made
    clock.step_s = 0
    made.connectionLost()
    server.close()
    assert not clock.getDelayedCalls()


def test_what_was_sent_ahead_is_answered_in_one_piece(connection: ImapConnection) -> None:
    connection.dataReceived(b"a NOOP\r\nb CAPABILITY\r\nc NOOP\r\n")
    (piece,) = connection.transport.pieces
    assert piece.startswith(b"a OK ")
    assert piece.endswith(b"c OK Done\r\n")


def test_no_more_is_gathered_than_may_be(connection: ImapConnection) -> None:
    connection.dataReceived(b"a CAPABILITY\r\n" * 3000)
    pieces = connection.transport.pieces
    assert b"".join(pieces).count(b"a OK ") == 3000
    assert len(pieces) > 2
    assert max(map(len, pieces)) < QUEUED_OCTETS + 1000


def test_a_client_that_sends_much_ahead_lets_others_have_their_turn(
    connection: ImapConnection, clock: Slow
) -> None:
    clock.step_s = TURN_S / 5
    connection.dataReceived(b"a NOOP\r\n" * 100)
    assert 0 < connection.transport.value().count(b"a OK ") < 10
    while connection.transport.value().count(b"a OK ") < 100:
        clock.advance(0)
    assert clock.turns > 10


def test_the_idle_timer_stays_and_rings_when_it_is_time(
    connection: ImapConnection, clock: Slow
) -> None:
    for _ in range(59):
        clock.advance(1)
        connection.dataReceived(b"a NOOP\r\n")
        assert len(clock.getDelayedCalls()) == 1
    assert not connection.transport.disconnecting
    clock.advance(1)
    assert connection.transport.disconnecting
