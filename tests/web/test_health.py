from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure
from twisted.web.server import Site

from bridge.metrics import Metrics
from bridge.web.health import TIMEOUT_S, Ready, site

METRICS = Metrics("1.2.3", "3.51.3")


async def well() -> list[str]:
    return []


async def ill() -> list[str]:
    return ["The store can't be written.", "The port is taken."]


async def broken() -> list[str]:
    raise ZeroDivisionError


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    events: list[Any] = []
    globalLogPublisher.addObserver(events.append)
    yield events
    globalLogPublisher.removeObserver(events.append)


class Client:
    """One connection to a site, in memory."""

    def __init__(self, made: Site) -> None:
        self.transport = StringTransport()
        self.clock = made.reactor = Clock()
        self.protocol = made.buildProtocol(None)
        self.protocol.makeConnection(self.transport)

    def send(self, octets: bytes) -> None:
        self.protocol.dataReceived(octets)

    def answer(self) -> tuple[int, dict[str, str], str]:
        head, _, body = self.transport.value().decode().partition("\r\n\r\n")
        status, *lines = head.split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        return int(status.split()[1]), headers, body


def ask(path: str, method: str = "GET", ready: Ready = well) -> tuple[int, dict[str, str], str]:
    client = Client(site(METRICS, ready))
    client.send(f"{method} {path} HTTP/1.0\r\n\r\n".encode())
    return client.answer()


def test_metrics() -> None:
    code, headers, body = ask("/metrics")
    assert code == 200
    assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "popbridge_build_info{" in body


def test_alive() -> None:
    code, headers, body = ask("/livez?verbose")
    assert (code, body) == (200, "ok\n")
    assert headers["content-type"] == "text/plain; charset=utf-8"
    assert headers["cache-control"] == "no-store"


def test_alive_asks_nobody() -> None:
    assert ask("/livez", ready=broken)[0] == 200


def test_ready() -> None:
    code, _, body = ask("/readyz")
    assert (code, body) == (200, "ready\n")


def test_not_ready_says_why() -> None:
    code, _, body = ask("/readyz", ready=ill)
    assert (code, body) == (503, "The store can't be written.\nThe port is taken.\n")


def test_a_check_that_fails_is_not_ready_and_logged(logged: list[Any]) -> None:
    code, _, body = ask("/readyz", ready=broken)
    assert code == 503
    assert "ZeroDivision" not in body
    assert [event["log_failure"].type for event in logged if "log_failure" in event] == [
        ZeroDivisionError
    ]


def test_ready_is_answered_when_it_is_known() -> None:
    later: Deferred[list[str]] = Deferred()

    async def ready() -> list[str]:
        return await later

    client = Client(site(METRICS, ready))
    client.send(b"GET /readyz HTTP/1.0\r\n\r\n")
    assert client.transport.value() == b""
    later.callback([])
    assert client.answer()[0] == 200


@pytest.mark.parametrize("stubborn", [False, True])
def test_a_client_that_goes_ends_the_check(stubborn: bool) -> None:
    ended: list[bool] = []

    async def ready() -> list[str]:
        try:
            return await Deferred()
        except CancelledError:
            ended.append(True)
            if not stubborn:
                raise
            return []

    client = Client(site(METRICS, ready))
    client.send(b"GET /readyz HTTP/1.0\r\n\r\n")
    client.protocol.connectionLost(Failure(ConnectionDone()))
    assert ended == [True]
    assert client.transport.value() == b""


@pytest.mark.parametrize("path", ["/", "/metrics/", "/livez/x", "//livez", "/healthz"])
def test_there_is_nothing_else(path: str) -> None:
    code, headers, _ = ask(path)
    assert code == 404
    assert headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("path", ["/metrics", "/livez", "/readyz"])
def test_head_has_no_body(path: str) -> None:
    code, headers, body = ask(path, "HEAD")
    assert (code, body) == (200, "")
    assert int(headers["content-length"]) > 0


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_no_other_method(method: str) -> None:
    code, headers, _ = ask("/metrics", method)
    assert code == 405
    assert headers["allow"] == "get, head"


def test_a_body_is_dropped() -> None:
    client = Client(site(METRICS, well))
    client.send(b"POST /livez HTTP/1.0\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000)
    assert client.answer()[0] == 405


@pytest.mark.parametrize("line", ["GET /livez", "POST /livez", "GET /none", "OPTIONS *"])
def test_the_server_tells_no_version(line: str) -> None:
    method, path = line.split()
    assert ask(path, method)[1]["server"] == "popbridge"


def test_a_probe_leaves_no_line_in_the_log(logged: list[Any]) -> None:
    ask("/livez")
    assert logged == []


def test_a_monitor_that_is_silent_is_hung_up_on() -> None:
    client = Client(site(METRICS, well))
    client.send(b"GET /livez HTTP/1.0\r\n")
    client.clock.advance(TIMEOUT_S - 1)
    assert not client.transport.disconnecting
    client.clock.advance(2)
    assert client.transport.disconnecting


def test_degraded_is_said_and_still_ready() -> None:
    client = Client(site(METRICS, well, lambda: ["The store can't be written."]))
    client.send(b"GET /readyz HTTP/1.0\r\n\r\n")
    code, _, body = client.answer()
    assert (code, body) == (200, "ready\ndegraded: The store can't be written.\n")
