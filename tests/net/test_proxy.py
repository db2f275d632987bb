import socket
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import protocol
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection

from bridge.net.proxy import (
    HEADER_S,
    SIGNATURE,
    V1_OCTETS,
    BadHeader,
    Header,
    ProxyFactory,
    read_header,
)

PROXY = IPv4Address("TCP", "10.0.0.1", 50000)
TRUSTED: tuple[IPv4Network | IPv6Network, ...] = (ip_network("10.0.0.0/8"), ip_network("::1/128"))
V1 = b"PROXY TCP4 192.0.2.7 10.0.0.1 40000 993\r\n"
V1_SIX = b"PROXY TCP6 2001:db8::7 2001:db8::1 40000 993\r\n"


def v2(command: int, family: int, body: bytes) -> bytes:
    return SIGNATURE + bytes((command, family)) + len(body).to_bytes(2) + body


def addresses(family: int, source: str, target: str) -> bytes:
    packed = socket.inet_pton(family, source) + socket.inet_pton(family, target)
    return packed + (40000).to_bytes(2) + (993).to_bytes(2)


V2 = v2(0x21, 0x11, addresses(socket.AF_INET, "192.0.2.7", "10.0.0.1"))
V2_SIX = v2(0x21, 0x21, addresses(socket.AF_INET6, "2001:db8::7", "2001:db8::1"))
V2_TLV = v2(0x21, 0x11, addresses(socket.AF_INET, "192.0.2.7", "10.0.0.1") + b"\x04\0\x01x")
LOCAL = v2(0x20, 0x00, b"")
UNKNOWN = b"PROXY UNKNOWN ffff:f::1 ffff:f::2 65535 65535\r\n"

GOOD = {
    V1: "192.0.2.7",
    V1_SIX: "2001:db8::7",
    V2: "192.0.2.7",
    V2_SIX: "2001:db8::7",
    V2_TLV: "192.0.2.7",
    LOCAL: None,
    v2(0x21, 0x31, b"x" * 216): None,
    UNKNOWN: None,
    b"PROXY UNKNOWN\r\n": None,
}


@pytest.mark.parametrize("octets", GOOD)
def test_who_it_is_for(octets: bytes) -> None:
    host = GOOD[octets]
    assert read_header(octets + b"a LOGIN") == Header(host, 40000 if host else 0, len(octets))


@pytest.mark.parametrize("octets", GOOD)
def test_a_header_that_isnt_whole_is_waited_for(octets: bytes) -> None:
    assert [read_header(octets[:end]) for end in range(len(octets))] == [None] * len(octets)


@pytest.mark.parametrize(
    "octets",
    [
        b"a LOGIN alice secret\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"PROXY TCP4 192.0.2.7\r\n",
        b"PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n",
        b"PROXY TCP6 192.0.2.7 10.0.0.1 1 2\r\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.1 70000 2\r\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.1 x 2\r\n",
        b"PROXY UDP4 192.0.2.7 10.0.0.1 1 2\r\n",
        b"PROXY TCP4 \xff 10.0.0.1 1 2\r\n",
        b"PROXY " + b"x" * V1_OCTETS,
        v2(0x11, 0x11, b"x" * 12),
        v2(0x22, 0x11, b"x" * 12),
        v2(0x21, 0x11, b"x" * 11),
        v2(0x21, 0x21, b"x" * 35),
        v2(0x21, 0x11, b"x" * 4000),
    ],
)
def test_what_is_none(octets: bytes) -> None:
    with pytest.raises(BadHeader):
        read_header(octets)


@given(st.sampled_from([SIGNATURE, b"PROXY TCP4 ", b"", V2[:14]]), st.binary(max_size=300))
def test_anything_is_read_or_refused(start: bytes, rest: bytes) -> None:
    try:
        found = read_header(start + rest)
    except BadHeader:
        return
    assert found is None or found.size <= len(start + rest)


class Inner(protocol.Protocol):
    transport: Any

    def __init__(self) -> None:
        self.received = b""

    def connectionMade(self) -> None:
        self.transport.write(b"* OK\r\n")

    def dataReceived(self, data: bytes) -> None:
        self.received += data


class Inners(protocol.Factory):
    def __init__(self) -> None:
        self.made: list[Inner] = []
        self.addresses: list[Any] = []

    def buildProtocol(self, addr: Any) -> Inner:
        self.addresses.append(addr)
        self.made.append(Inner())
        return self.made[-1]


class Wire:
    """A connection from a proxy, in memory."""

    def __init__(self, peer: Any = PROXY) -> None:
        self.clock, self.inners = Clock(), Inners()
        self.limits: list[str] = []
        self.factory = ProxyFactory(
            self.inners, self.clock, TRUSTED, lambda: self.limits.append("other")
        )
        self.transport: Any = StringTransportWithDisconnection(peerAddress=peer)
        made = self.factory.buildProtocol(peer)
        self.refused = made is None
        if made is not None:
            self.transport.protocol = made
            made.makeConnection(self.transport)

    def send(self, octets: bytes) -> None:
        self.transport.protocol.dataReceived(octets)


@pytest.mark.parametrize("step", [1, 7, 1000])
@pytest.mark.parametrize("octets", GOOD)
def test_the_greeting_waits_for_the_header(octets: bytes, step: int) -> None:
    wire, sent = Wire(), octets + b"a NOOP\r\n"
    for at in range(0, len(sent), step):
        if at + step < len(octets):
            assert wire.transport.value() == b""
        wire.send(sent[at : at + step])
    assert wire.transport.value() == b"* OK\r\n"
    assert [inner.received for inner in wire.inners.made] == [b"a NOOP\r\n"]
    expected = GOOD[octets] or PROXY.host
    assert wire.inners.addresses[0].host == wire.transport.getPeer().host == expected
    wire.clock.advance(HEADER_S + 1)
    assert wire.transport.connected and not wire.limits


def test_a_header_that_doesnt_come_is_not_waited_for_long() -> None:
    wire = Wire()
    wire.send(V1[:10])
    wire.clock.advance(HEADER_S + 0.1)
    assert not wire.transport.connected
    assert wire.inners.made == []
    assert wire.limits == ["other"]


def test_what_is_no_header_ends_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    wire = Wire()
    wire.send(b"a LOGIN alice secret\r\n")
    assert not wire.transport.connected
    assert wire.transport.value() == b""
    assert "10.0.0.1 was refused: no PROXY header" in caplog.text
    assert "secret" not in caplog.text
    assert wire.clock.getDelayedCalls() == []


@pytest.mark.parametrize("host", ["192.0.2.1", "::2", "11.0.0.1"])
def test_who_isnt_trusted_is_not_heard(host: str) -> None:
    kind = IPv6Address if ":" in host else IPv4Address
    wire = Wire(kind("TCP", host, 1))
    assert wire.refused and wire.limits == ["other"]


@pytest.mark.parametrize("host", ["10.255.0.1", "::1", "::ffff:10.0.0.1"])
def test_who_is_trusted(host: str) -> None:
    kind = IPv6Address if ":" in host else IPv4Address
    assert not Wire(kind("TCP", host, 1)).refused


def test_who_hangs_up_leaves_no_timer() -> None:
    wire = Wire()
    wire.transport.loseConnection()
    assert wire.clock.getDelayedCalls() == []
