import errno
import os
import socket
from collections.abc import Callable, Coroutine, Iterator
from queue import SimpleQueue
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.python.threadpool import ThreadPool

from bridge.errors import BridgeError, ConfigError, PortInUseError
from bridge.net import listen as listening
from bridge.net.listen import Listening, listen
from bridge.url import EVERY_ADDRESS, Listen


class FakeReactor:
    """Keeps the sockets that it is given, as Twisted's does, and waits for threads."""

    def __init__(self) -> None:
        self.sockets: list[socket.socket] = []
        self.calls: SimpleQueue[Callable[[], Any]] = SimpleQueue()
        self.pool = ThreadPool(1, 1)
        self.pool.start()

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: int, factory: Any) -> Any:
        self.sockets.append(socket.fromfd(fileDescriptor, addressFamily, socket.SOCK_STREAM))
        return object()

    def getThreadPool(self) -> ThreadPool:
        return self.pool

    def callFromThread(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        self.calls.put(lambda: call(*args, **kwargs))

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> list[Listening]:
        results: list[Any] = []
        errors: list[Any] = []
        Deferred.fromCoroutine(coroutine).addCallbacks(results.append, errors.append)
        while not (results or errors):
            self.calls.get(timeout=120)()
        if errors:
            raise errors[0].value
        made: list[Listening] = results[0]
        return made

    def close(self) -> None:
        for each in self.sockets:
            each.close()
        self.pool.stop()


@pytest.fixture
def reactor() -> Iterator[FakeReactor]:
    made = FakeReactor()
    yield made
    made.close()


def urls(reactor: FakeReactor, *hosts: str, port: int = 0) -> list[str]:
    found = reactor.run(listen(reactor, Listen("imap", hosts, port), Factory()))
    return [each.url for each in found]


def ports(reactor: FakeReactor) -> list[int]:
    return [each.getsockname()[1] for each in reactor.sockets]


def fails(reactor: FakeReactor, *hosts: str, port: int = 0) -> BridgeError:
    with pytest.raises(BridgeError) as caught:
        urls(reactor, *hosts, port=port)
    assert not reactor.sockets
    return caught.value


def without_ipv6(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    real = listening._socket

    def bind(address: Any) -> socket.socket:
        if ":" in address[0]:
            raise OSError(code, "no IPv6")
        return real(address)

    monkeypatch.setattr(listening, "_socket", bind)


def test_the_url_tells_the_port_that_was_free(reactor: FakeReactor) -> None:
    (url,) = urls(reactor, "127.0.0.1")
    (port,) = ports(reactor)
    (made,) = reactor.sockets
    assert not os.get_blocking(made.fileno())
    assert made.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
    assert url == f"imap://127.0.0.1:{port}"
    socket.create_connection(("127.0.0.1", port), timeout=60).close()


def test_every_address_has_the_same_port(reactor: FakeReactor) -> None:
    found = urls(reactor, *EVERY_ADDRESS)
    port = ports(reactor)[0]
    assert found == [f"imap://0.0.0.0:{port}", f"imap://[::]:{port}"]
    for host in ("127.0.0.1", "::1"):
        socket.create_connection((host, port), timeout=60).close()


def test_another_port_is_tried_where_one_is_free_on_one_address_only(
    reactor: FakeReactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = listening._socket
    refused: list[int] = []

    def bind(address: Any) -> socket.socket:
        if ":" in address[0] and not refused:
            refused.append(address[1])
            raise OSError(errno.EADDRINUSE, "in use")
        return real(address)

    monkeypatch.setattr(listening, "_socket", bind)
    assert len(urls(reactor, *EVERY_ADDRESS)) == 2
    assert len(set(ports(reactor))) == 1


def test_it_does_not_try_for_ever(reactor: FakeReactor, monkeypatch: pytest.MonkeyPatch) -> None:
    without_ipv6(monkeypatch, errno.EADDRINUSE)
    assert isinstance(fails(reactor, *EVERY_ADDRESS), PortInUseError)


def test_a_taken_port_is_named(reactor: FakeReactor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        error = fails(reactor, "127.0.0.1", port=port)
    assert isinstance(error, PortInUseError)
    assert error.text == f"Port {port} on 127.0.0.1 is taken by another program."
    assert "popbridge.toml" in error.remedy


def test_what_was_bound_is_free_again_when_another_address_is_taken(reactor: FakeReactor) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as other:
        port = other.getsockname()[1]
        error = fails(reactor, "127.0.0.1", "::1", port=port)
        assert f"{port} on ::1" in error.text
        socket.create_server(("127.0.0.1", port)).close()


@pytest.mark.parametrize("code", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL])
def test_no_ipv6_is_passed_over_where_all_was_asked(
    reactor: FakeReactor, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    without_ipv6(monkeypatch, code)
    assert len(urls(reactor, *EVERY_ADDRESS)) == 1
    reactor.sockets.pop().close()
    assert isinstance(fails(reactor, "::"), ConfigError)


def test_a_port_kept_for_root(reactor: FakeReactor, monkeypatch: pytest.MonkeyPatch) -> None:
    def bind(address: Any) -> socket.socket:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(listening, "_socket", bind)
    error = fails(reactor, "127.0.0.1", port=143)
    assert "Port 143 on 127.0.0.1 is kept for root" in error.text
    assert "CAP_NET_BIND_SERVICE" in error.remedy
    assert "can't be opened: Permission denied" in fails(reactor, "127.0.0.1", port=1143).text


def test_an_address_of_another_machine(reactor: FakeReactor) -> None:
    error = fails(reactor, "192.0.2.1")
    assert isinstance(error, ConfigError)
    assert "192.0.2.1 is no address of this machine" in error.text


def test_a_name_is_looked_up(reactor: FakeReactor) -> None:
    assert urls(reactor, "localhost")[0] == f"imap://127.0.0.1:{ports(reactor)[0]}"


def test_a_name_without_an_address(reactor: FakeReactor, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*args: object, **more: object) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nothing)
    error = fails(reactor, "nowhere.invalid")
    assert isinstance(error, ConfigError)
    assert "nowhere.invalid has no address" in error.text
