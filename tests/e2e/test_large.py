"""A 200 MB message comes in and goes out without the daemon growing with it."""

import hashlib
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.daemon import Daemon, add_account, configure
from tests.leftovers import end_behind_the_test
from tests.pop_server import PopServer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

OCTETS = 200_000_000
GROWTH_OCTETS = 32 << 20
LINE = b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0NTY3\r\n"
SLICE = 1 << 20


def large() -> bytes:
    head = (
        b"From: a@example.org\r\nSubject: large\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\nhere it is\r\n"
        b"--b\r\nContent-Type: application/octet-stream\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n"
    )
    lines = (OCTETS - len(head)) // len(LINE)
    return head + LINE * lines + b"--b--\r\n"


class RawClient:
    """An IMAP client that hashes what it gets instead of keeping it."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=600)
        self.file = self.socket.makefile("rb")
        end_behind_the_test(self.close)
        self.file.readline()
        self.do(b"LOGIN alice device")

    def do(self, command: bytes) -> list[bytes]:
        self.socket.sendall(b"t " + command + b"\r\n")
        lines = []
        while not (line := self.file.readline()).startswith(b"t "):
            lines.append(line)
        assert line.startswith(b"t OK"), line
        return lines

    def literal(self, command: bytes, digest: "hashlib._Hash") -> int:
        """Feeds the answer's one literal to `digest`; its size."""
        self.socket.sendall(b"t " + command + b"\r\n")
        found = re.search(rb"\{(\d+)\}\r\n\Z", self.file.readline())
        assert found is not None
        left = size = int(found[1])
        while left:
            piece = self.file.read(min(left, SLICE))
            digest.update(piece)
            left -= len(piece)
        while not self.file.readline().startswith(b"t OK"):
            pass
        return size

    def close(self) -> None:
        self.file.close()
        self.socket.close()


@pytest.fixture
def upstream() -> Iterator[PopServer]:
    with PopServer(messages=[], uidls=[]) as server:
        yield server


def test_a_large_message_costs_constant_memory(upstream: PopServer, tmp_path: Path) -> None:
    octets = large()
    data = tmp_path / "data"
    configure(data, interval="1s")
    add_account(data, upstream.port)
    daemon = Daemon(data)
    try:
        client = RawClient(daemon.port("imap"))
        client.do(b"SELECT INBOX")
        daemon.reset_high_water()
        before = daemon.high_water_octets()
        upstream.uidls, upstream.messages = [b"large"], [octets]
        client.socket.sendall(b"i IDLE\r\n")
        while not client.file.readline().startswith(b"* 1 EXISTS"):
            pass
        client.socket.sendall(b"DONE\r\n")
        while not client.file.readline().startswith(b"i OK"):
            pass
        came_in = daemon.high_water_octets()
        whole = hashlib.sha256()
        assert client.literal(b"UID FETCH 1 BODY.PEEK[]", whole) == len(octets)
        assert whole.digest() == hashlib.sha256(octets).digest()
        part = hashlib.sha256()
        start = octets.index(LINE)
        end = octets.rindex(b"\r\n--b--")
        assert client.literal(b"FETCH 1 BODY.PEEK[2]", part) == end - start
        assert part.digest() == hashlib.sha256(octets[start:end]).digest()
        slices = hashlib.sha256()
        for first in range(0, len(octets), SLICE):
            client.literal(b"FETCH 1 BODY.PEEK[]<%d.%d>" % (first, SLICE), slices)
        assert slices.digest() == whole.digest()
        after = daemon.high_water_octets()
        client.close()
    finally:
        daemon.stop()
    print(f"VmHWM before {before}, after it came in {came_in}, after it went out {after}")
    assert after - before <= GROWTH_OCTETS
