"""What becomes of a listener that can't be opened, or that is lost later."""

import logging
import socket
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any

import pytest
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.threads import blockingCallFromThread

from bridge.app import listeners as module
from bridge.app.listeners import Listeners
from bridge.errors import PortInUseError
from bridge.net.loop import ReactorLoop
from bridge.url import Listen
from tests.e2e.ports import free_port
from tests.pop_server import HOST
from tests.reactor import reactor, run, start

WAIT_S = 120


class Bench:
    """Listeners on the test's reactor; `changed` is told of each that came or went."""

    def __init__(self) -> None:
        start()
        self.changed: SimpleQueue[None] = SimpleQueue()
        self.listeners = Listeners(reactor, ReactorLoop(reactor), lambda: self.changed.put(None))

    def open(self, kind: str, port: int) -> None:
        factory: Any = Factory.forProtocol(Protocol)
        factory.noisy = False
        run(lambda: self.listeners.open(kind, Listen("imap", (HOST,), port), factory))

    def settle(self) -> None:
        blockingCallFromThread(reactor, self.listeners.settle)

    def codes(self) -> list[str | None]:
        """Of each address, what is wrong with it."""
        states = blockingCallFromThread(reactor, self.listeners.states)
        return [None if one.problem is None else one.problem.code for one in states]

    def wait(self) -> None:
        self.changed.get(timeout=WAIT_S)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(module, "LOOK_S", 0.01)
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    made = Bench()
    yield made
    run(made.listeners.stop)


def accepts(port: int) -> bool:
    with socket.socket() as made:
        return made.connect_ex((HOST, port)) == 0


def test_one_of_several_is_tried_until_its_port_is_free(bench: Bench) -> None:
    port = free_port()
    with socket.create_server((HOST, port)):
        bench.open("imap", 0)
        bench.open("imaps", port)
        bench.settle()
        assert bench.codes() == [None, "BR-LISTEN-01"]
        assert bench.listeners.urls("imaps") == []
    bench.wait()
    assert bench.codes() == [None, None]
    assert bench.listeners.urls("imaps") == [f"imap://{HOST}:{port}"] and accepts(port)


@pytest.mark.parametrize("kinds", [["imap"], ["imap", "imaps"], ["web"], ["imap", "web"]])
def test_without_any_for_mail_it_does_not_start(bench: Bench, kinds: list[str]) -> None:
    with socket.create_server((HOST, 0)) as other:
        for kind in kinds:
            taken = not (kind == "web" and "imap" in kinds)
            bench.open(kind, other.getsockname()[1] if taken else 0)
        with pytest.raises(PortInUseError, match="taken by another program"):
            bench.settle()


def lose(bench: Bench, lost: Callable[[Any], None]) -> int:
    """Opens a listener on any port and ends it behind Twisted's back; the port."""
    bench.open("imap", 0)
    bench.settle()
    [url] = bench.listeners.urls("imap")
    port: Any = bench.listeners._all[0].ports[0].port
    blockingCallFromThread(reactor, lambda: lost(port))
    return int(url.rpartition(":")[2])


def test_one_that_is_lost_is_opened_again_on_its_port(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        # The kernel's socket is closed: accept fails, and Twisted gives the port up.
        number = lose(bench, lambda port: port.socket.shutdown(socket.SHUT_RDWR))
        bench.wait()  # It was seen.
        bench.wait()  # It was opened again.
    assert bench.codes() == [None]
    assert bench.listeners.urls("imap") == [f"imap://{HOST}:{number}"] and accepts(number)
    assert "BR-LISTEN-02" in caplog.text


def test_one_that_systemd_passed_stays_down(bench: Bench) -> None:
    bench.open("web", 0)
    passed = bench.listeners._all.pop()
    bench.listeners.adopted("imap", passed.ports)
    bench.settle()
    port: Any = passed.ports[0].port
    blockingCallFromThread(reactor, lambda: port.socket.shutdown(socket.SHUT_RDWR))
    bench.wait()
    [state] = blockingCallFromThread(reactor, bench.listeners.states)
    assert state.problem is not None and "systemd" in state.problem.remedy
    assert state.url == passed.ports[0].url


def test_what_is_stopped_is_not_lost(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.open("imap", 0)
    bench.settle()
    run(bench.listeners.stop)
    blockingCallFromThread(reactor, bench.listeners._look)
    assert bench.codes() == [None]
    assert "is down" not in caplog.text
