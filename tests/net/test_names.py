import socket
from threading import Event
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from bridge.net.names import NameResolver
from tests.reactor import reactor, run

FOUND = [
    (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:db8::1", 995, 0, 0)),
    (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 995)),
]


class Receiver:
    def __init__(self) -> None:
        self.began: Any = None
        self.hosts: list[tuple[str, int]] = []
        self.done: Deferred[None] = Deferred()

    def resolutionBegan(self, resolution: Any) -> None:
        self.began = resolution

    def addressResolved(self, address: Any) -> None:
        self.hosts.append((address.host, address.port))

    def resolutionComplete(self) -> None:
        self.done.callback(None)


def looked_up(lookup: Any) -> Receiver:
    async def work() -> Receiver:
        receiver = Receiver()
        NameResolver(reactor, lookup).resolveHostName(receiver, "pop.example", 995)
        assert receiver.began.name == "pop.example"
        await receiver.done
        return receiver

    return run(work)


def test_all_addresses_are_told_in_order() -> None:
    asked: list[Any] = []

    def lookup(*args: Any) -> Any:
        asked.append(args)
        return FOUND

    assert looked_up(lookup).hosts == [("2001:db8::1", 995), ("192.0.2.1", 995)]
    assert asked == [("pop.example", 995, 0, socket.SOCK_STREAM)]


@pytest.mark.parametrize("error", [socket.gaierror(-2, "unknown"), UnicodeError("label")])
def test_a_name_that_has_none_has_none(error: Exception) -> None:
    def lookup(*args: Any) -> Any:
        raise error

    assert looked_up(lookup).hosts == []


def test_nobody_waits_for_a_silent_server() -> None:
    asked, released = Event(), Event()

    def silent(*args: Any) -> Any:
        asked.set()
        released.wait(120)
        return []

    async def work() -> Any:
        resolver = NameResolver(reactor, silent)
        resolver.resolveHostName(Receiver(), "pop.example", 995)
        return resolver

    resolver: Any = run(work)
    assert asked.wait(120)
    assert [thread.daemon for thread in resolver._pool.threads] == [True]
    released.set()
