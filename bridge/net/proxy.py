"""The PROXY protocol: a proxy that is trusted says whose connection it passes on.

A listener either has it on every connection or on none: were it only looked for, anybody could say
to be anybody. (HAProxy's doc/proxy-protocol.txt, versions 1 and 2.)
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from twisted.internet import protocol
from twisted.internet.address import IPv4Address, IPv6Address

from bridge.config import Network
from bridge.net.loop import DelayedCall, Timers

HEADER_S = 3.0
"""A proxy sends it with its first segment; Dovecot waits as long."""

V1_OCTETS = 107
"""The longest line of version 1, its CRLF included."""

V2_OCTETS = 2048
"""Of addresses and TLVs. A proxy that passes a certificate on sends some hundred."""

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_V2_HEAD = 16
_V2_PROXY, _V2_LOCAL = 0x21, 0x20
_V2_ADDRESSES = {0x11: 4, 0x21: 16}
"""Octets of an address, by family and transport: TCP over IPv4 and IPv6."""

_log = logging.getLogger("popbridge.proxy")


class BadHeader(Exception):
    """What came is no PROXY header."""


@dataclass(frozen=True, slots=True)
class Header:
    """`host` and `port` of the client, None where the proxy itself is; `size` in octets."""

    host: str | None
    port: int
    size: int


def read_header(octets: bytes) -> Header | None:
    """The header that `octets` begin with; None while there may be one.

    Raises:
        BadHeader: they don't begin with one.
    """
    if octets.startswith(SIGNATURE[: len(octets)]):
        return _read_v2(octets)
    if octets.startswith(b"PROXY "[: len(octets)]):
        return _read_v1(octets)
    raise BadHeader("no PROXY header")


def _read_v2(octets: bytes) -> Header | None:
    if len(octets) < _V2_HEAD:
        return None
    command, family = octets[12], octets[13]
    length = int.from_bytes(octets[14:16])
    if command not in (_V2_PROXY, _V2_LOCAL) or length > V2_OCTETS:
        raise BadHeader("a PROXY header of another version, or too long a one")
    size = _V2_HEAD + length
    if len(octets) < size:
        return None
    width = _V2_ADDRESSES.get(family)
    # A health check is the proxy's own; so is what it can give no address for.
    if command == _V2_LOCAL or width is None:
        return Header(None, 0, size)
    if length < 2 * width + 4:
        raise BadHeader("a PROXY header without its addresses")
    host = ip_address(octets[_V2_HEAD : _V2_HEAD + width])
    at = _V2_HEAD + 2 * width
    return Header(str(host), int.from_bytes(octets[at : at + 2]), size)


def _read_v1(octets: bytes) -> Header | None:
    line, end, _ = octets[:V1_OCTETS].partition(b"\r\n")
    if not end:
        if len(octets) >= V1_OCTETS:
            raise BadHeader("a PROXY line without an end")
        return None
    words, size = line.split(b" "), len(line) + 2
    if words[1:2] == [b"UNKNOWN"]:
        return Header(None, 0, size)
    try:
        _, family, source, _, port, _ = (word.decode("ascii") for word in words)
        host = ip_address(source)
        if family != f"TCP{host.version}" or not 0 <= int(port) <= 0xFFFF:
            raise ValueError
    except ValueError:
        raise BadHeader("a PROXY line that can't be read") from None
    return Header(str(host), int(port), size)


class _Awaiting(protocol.Protocol):
    """A connection until its header is here; then the client's protocol takes its place.

    So nothing is said before, and afterwards nothing stands between the two.
    """

    transport: Any

    def __init__(self, factory: "ProxyFactory", address: Any) -> None:
        self._home = factory
        self._address = address
        self._octets = b""
        self._timer: DelayedCall | None = None

    def connectionMade(self) -> None:
        self._timer = self._home.timers.callLater(HEADER_S, self._refuse, "no PROXY header came")

    def dataReceived(self, data: bytes) -> None:
        self._octets += data
        try:
            header = read_header(self._octets)
        except BadHeader as bad:
            self._refuse(str(bad))
            return
        if header is not None:
            self._hand_over(header)

    def connectionLost(self, reason: Any = None) -> None:
        self._stop_timer()

    def _hand_over(self, header: Header) -> None:
        self._stop_timer()
        transport, address = self.transport, self._address
        if header.host is not None:
            kind = IPv6Address if ":" in header.host else IPv4Address
            address = kind("TCP", header.host, header.port)
            # All that ask for the peer, TLS in between or not, ask the transport.
            transport.getPeer = lambda: address
        client = self._home.inner.buildProtocol(address)
        if client is None:
            transport.abortConnection()
            return
        transport.protocol = client
        client.makeConnection(transport)
        if rest := self._octets[header.size :]:
            client.dataReceived(rest)

    def _refuse(self, why: str) -> None:
        self._stop_timer()
        _log.warning("A connection from %s was refused: %s", self._address.host, why)
        self._home.refused()
        self.transport.abortConnection()

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()


class ProxyFactory(protocol.Factory):
    """Awaits a header on every connection, and takes it from trusted networks only.

    Args:
        inner: makes a protocol for each client, whose address it is given.
        timers: the reactor.
        trusted: where proxies are.
        refused: called for each connection that has no header, or isn't a proxy's.
    """

    noisy = False

    def __init__(
        self,
        inner: Any,
        timers: Timers,
        trusted: Sequence[Network],
        refused: Callable[[], object],
    ) -> None:
        self.inner = inner
        self.refused = refused
        self.timers = timers
        self._trusted = tuple(trusted)

    def doStart(self) -> None:
        """As Twisted's, for the inner one too."""
        super().doStart()  # type: ignore[no-untyped-call]
        self.inner.doStart()

    def doStop(self) -> None:
        """As Twisted's, for the inner one too."""
        self.inner.doStop()
        super().doStop()  # type: ignore[no-untyped-call]

    def buildProtocol(self, addr: Any) -> protocol.Protocol | None:
        """A connection that awaits its header; None, which closes it, for whom isn't trusted."""
        host = ip_address(addr.host.partition("%")[0])
        host = getattr(host, "ipv4_mapped", None) or host
        if not any(host in network for network in self._trusted):
            _log.warning("A connection from %s was refused: it is no trusted proxy", host)
            self.refused()
            return None
        return _Awaiting(self, addr)
