"""Host names looked up beside the reactor, in threads that nobody waits for at the end.

Twisted waits for its own: a name server that is silent would hold up a stop for half a minute.
"""

import socket
from collections.abc import Callable
from threading import Thread
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

LOOKUPS = 32
"""At a time; a lookup may take half a minute, and the others shall not wait for it."""

Lookup = Callable[..., list[tuple[Any, ...]]]


class _Resolution:
    """What Twisted asks for its name and its end; a lookup can't be cancelled."""

    def __init__(self, name: str) -> None:
        self.name = name

    def cancel(self) -> None:
        pass


class NameResolver:
    """An `IHostnameResolver`, for `installNameResolver`.

    Args:
        reactor: Twisted's.
        lookup: as `socket.getaddrinfo`.
    """

    def __init__(self, reactor: Any, lookup: Lookup = socket.getaddrinfo) -> None:
        self._reactor = reactor
        self._lookup = lookup
        self._pool = unawaited_pool(LOOKUPS, "names")

    def resolveHostName(
        self,
        resolutionReceiver: Any,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Any = None,
        transportSemantics: str = "TCP",
    ) -> _Resolution:
        """As `IHostnameResolver.resolveHostName`, for every kind of address and TCP."""
        resolution = _Resolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)

        def work() -> list[tuple[Any, ...]]:
            try:
                return self._lookup(hostName, portNumber, 0, socket.SOCK_STREAM)
            except (OSError, UnicodeError):
                return []

        def tell(found: list[tuple[Any, ...]]) -> None:
            for family, *_, address in found:
                kind = IPv6Address if family == socket.AF_INET6 else IPv4Address
                resolutionReceiver.addressResolved(kind("TCP", *address))
            resolutionReceiver.resolutionComplete()

        found: Deferred[Any] = deferToThreadPool(self._reactor, self._pool, work)
        found.addCallback(tell)
        return resolution


def unawaited_pool(threads: int, name: str) -> ThreadPool:
    """A pool that was started, whose threads the process doesn't wait for at its end."""
    pool = ThreadPool(0, threads, name)
    pool.threadFactory = _daemon  # type: ignore[assignment]
    pool.start()
    return pool


def _daemon(*args: Any, **named: Any) -> Thread:
    return Thread(*args, daemon=True, **named)
