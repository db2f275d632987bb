"""Listening sockets, all of a listener or none, with errors that say what to do."""

import errno
import os
import socket
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Protocol

from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from bridge.errors import BridgeError, ConfigError, PortInUseError
from bridge.url import Listen

BACKLOG = 1024
"""Connections that may wait: after a restart every device comes back at once."""

ATTEMPTS = 20
"""How often any free port is tried, until one is free on every address of the listener."""

PRIVILEGED_PORTS = 1024

_NO_SUCH_ADDRESS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
_ANOTHER_PORT = "End that program, or choose another port in popbridge.toml."
_log = Logger("popbridge.listen")

Address = tuple[Any, ...]
"""As `socket.bind` takes it; host and port come first."""


class Port(Protocol):
    """Of `IListeningPort` what is used here."""

    def getHost(self) -> Any:
        """As Twisted's."""
        ...

    def stopListening(self) -> Any:
        """As Twisted's; returns a Deferred or None."""
        ...


class Sockets(Protocol):
    """Of the reactor what is used here; host names also need its threads."""

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: int, factory: Any) -> Any:
        """As `IReactorSocket`'s."""
        ...


@dataclass(frozen=True, slots=True)
class Listening:
    """A socket that accepts connections, and its URL with the real address and port."""

    port: Port
    url: str


async def listen(reactor: Sockets, where: Listen, factory: Any) -> list[Listening]:
    """Accepts connections for `factory` on every address of `where`, on one and the same port.

    The second address of `*` is passed over on a machine without IPv6.

    Args:
        reactor: Twisted's.
        where: the listener; port 0 takes any that is free on all its addresses.
        factory: makes a protocol for each connection; TLS is its own business.

    Raises:
        PortInUseError: an address is taken, or its port is kept for root.
        ConfigError: the machine has no such address.
    """
    addresses = [address for host in where.hosts for address in await _resolved(reactor, host)]
    listening = []
    with ExitStack() as stack:
        for bound in _bound(addresses, where.port):
            # Twisted duplicates the descriptor; this one has done its work.
            stack.enter_context(bound)
            port = reactor.adoptStreamPort(bound.fileno(), bound.family, factory)
            listening.append(Listening(port, _url(where.scheme, bound.getsockname())))
    return listening


def adopt(
    reactor: Sockets, scheme: str, passed: Iterable[socket.socket], factory: Any
) -> list[Listening]:
    """Accepts connections for `factory` on sockets that listen already, and closes `passed`.

    Twisted has descriptors of its own; whoever opened the sockets keeps theirs.
    """
    listening = []
    for each in passed:
        with each:
            port = reactor.adoptStreamPort(each.fileno(), each.family, factory)
            listening.append(Listening(port, _url(scheme, each.getsockname())))
    return listening


async def _resolved(reactor: Any, host: str) -> list[Address]:
    """The addresses of a host, IPv4 first; only a name, which may take seconds, in a thread."""
    try:
        return _addresses(host, socket.AI_NUMERICHOST)
    except socket.gaierror:
        pass
    try:
        pool = reactor.getThreadPool()
        found: list[Address] = await deferToThreadPool(reactor, pool, _addresses, host, 0)
    except socket.gaierror:
        raise ConfigError(
            f"The host name {host} has no address.",
            "Listen on an address of this machine, or on * for all.",
        ) from None
    return found


def _addresses(host: str, flags: int) -> list[Address]:
    found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=flags | socket.AI_PASSIVE)
    return list(dict.fromkeys(address for *_, address in sorted(found)))


def _bound(addresses: Sequence[Address], port: int) -> list[socket.socket]:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _bound_once(addresses, port)
        except PortInUseError:
            if port != 0 or attempt == ATTEMPTS:
                raise
    raise AssertionError("the last attempt returns or raises")


def _bound_once(addresses: Iterable[Address], port: int) -> list[socket.socket]:
    """A socket for each address; none stays open if one can't be had."""
    bound: list[socket.socket] = []
    with ExitStack() as undo:
        for host, _, *more in addresses:
            # Port 0 is any for the first, and what the first got for the others.
            address = (host, bound[0].getsockname()[1] if bound else port, *more)
            try:
                bound.append(undo.enter_context(_socket(address)))
            except OSError as wrong:
                if bound and ":" in host and wrong.errno in _NO_SUCH_ADDRESS:
                    _log.info("This machine has no IPv6; {host} is passed over", host=host)
                    continue
                raise _error(address, wrong) from None
        undo.pop_all()
    return bound


def _socket(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        # As Twisted does: else a restart would find its own old connections in the way.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # Else :: takes the port of 0.0.0.0 too, and the two would be in each other's way.
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(BACKLOG)
    except BaseException:
        made.close()
        raise
    return made


def _error(address: Address, wrong: OSError) -> BridgeError:
    host, port = address[:2]
    if wrong.errno == errno.EADDRINUSE:
        return PortInUseError(f"Port {port} on {host} is taken by another program.", _ANOTHER_PORT)
    if wrong.errno == errno.EACCES and 0 < port < PRIVILEGED_PORTS:
        return PortInUseError(
            f"Port {port} on {host} is kept for root, as all below {PRIVILEGED_PORTS} are.",
            f"Choose a port from {PRIVILEGED_PORTS} on, or let systemd give the right to it:"
            " AmbientCapabilities=CAP_NET_BIND_SERVICE.",
        )
    if wrong.errno in _NO_SUCH_ADDRESS:
        return ConfigError(
            f"{host} is no address of this machine.",
            "Listen on one that it has, or on * for all.",
        )
    reason = os.strerror(wrong.errno) if wrong.errno else str(wrong)
    return PortInUseError(f"Port {port} on {host} can't be opened: {reason}.", _ANOTHER_PORT)


def _url(scheme: str, address: Address) -> str:
    host, port = address[:2]
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
