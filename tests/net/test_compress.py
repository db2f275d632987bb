"""COMPRESS=DEFLATE over real sockets: where it begins, how it is cut, what a bomb can do."""

import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.net import deflate
from bridge.net.deflate import PIECE_OCTETS, BrokenStream, Deflate
from bridge.net.imap import READ_AHEAD_OCTETS
from bridge.store.tx import ReadTx
from tests.net.test_imap import WAIT_S, Client, Listening

pytestmark = pytest.mark.usefixtures("clean")
LETTER = b"Subject: x\r\n\r\n"


class Compressed:
    """A client that has been answered OK to COMPRESS."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._out = zlib.compressobj(wbits=-15)
        self._in = zlib.decompressobj(-15)
        self.came = 0
        self._inner = client.more
        client.more = self.more  # type: ignore[method-assign]

    def more(self) -> bytes:
        while octets := self._inner():
            self.came += len(octets)
            if made := self._in.decompress(octets):
                return made
        return b""

    def packed(self, octets: bytes, flush: int = zlib.Z_SYNC_FLUSH) -> bytes:
        return self._out.compress(octets) + self._out.flush(flush)

    def send(self, octets: bytes) -> None:
        self.client.send(self.packed(octets))

    def do(self, command: bytes) -> list[bytes]:
        self.send(command + b"\r\n")
        return self.client.until(command.split(b" ")[0] + b" OK ")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Listening]:
    made = Listening(tmp_path)
    yield made
    made.close()


def compressed(
    server: Listening, *, tls: bool = False, mailbox: str | None = "INBOX"
) -> Compressed:
    client = server.log_in(mailbox, tls=tls)
    client.send(b"c COMPRESS DEFLATE\r\n")
    # Up to the line end, the answer is not compressed.
    assert client.line() == b"c OK Compressed from here on"
    made = Compressed(client)
    if client.unread:
        client.unread = made._in.decompress(client.unread)
    return made


@pytest.mark.parametrize("kind", ["plain", "tls", "starttls"])
def test_over_each_transport(server: Listening, kind: str) -> None:
    server.append(LETTER + b"y" * 300_000)
    if kind == "starttls":
        client = server.connect()
        client.do(b"s STARTTLS")
        client.start_tls()
        client.do(b"l LOGIN alice secret")
        client.do(b"m SELECT INBOX")
        client.do(b"c COMPRESS DEFLATE")
        peer = Compressed(client)
    else:
        peer = compressed(server, tls=kind == "tls")
    answer = peer.do(b"f FETCH 1 BODY.PEEK[]")
    assert b"y" * 300_000 in b"\n".join(answer)
    assert peer.came < 5000
    peer.send(b"o LOGOUT\r\n")
    assert peer.client.rest().endswith(b"o OK Logged out\r\n")


def test_not_before_log_in(server: Listening) -> None:
    client = server.connect()
    client.send(b"a CAPABILITY\r\nc COMPRESS DEFLATE\r\n")
    assert b"COMPRESS" not in client.line()
    client.until(b"a OK")
    assert client.line().startswith(b"c BAD")


def test_what_came_behind_the_command_is_compressed(server: Listening) -> None:
    client = server.log_in()
    peer = Compressed(client)
    client.send(b"c COMPRESS DEFLATE\r\n" + peer.packed(b"n NOOP\r\n"))
    octets = b""
    while b"\r\n" not in octets:
        octets += peer._inner()
    line, _, rest = octets.partition(b"\r\n")
    assert line.startswith(b"c OK")
    client.unread = peer._in.decompress(rest)
    assert client.line() == b"n OK Done"


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("flush", [zlib.Z_SYNC_FLUSH, zlib.Z_PARTIAL_FLUSH, zlib.Z_FULL_FLUSH])
def test_any_segmentation(server: Listening, size: int, flush: int) -> None:
    peer = compressed(server)
    peer.send(b"i IDLE\r\n")
    assert peer.client.line().startswith(b"+ ")
    octets = peer.packed(b"DONE\r\nn NOOP\r\n", flush)
    octets += peer.packed(b"a APPEND Sent {3+}\r\nx\r\n\r\nk SELECT Sent\r\n", flush)
    for start in range(0, len(octets), size):
        peer.client.send(octets[start : start + size])
    answers = peer.client.until(b"k OK")
    tags = [line.split(b" ")[0] for line in answers if not line.startswith(b"*")]
    assert tags == [b"i", b"n", b"a", b"k"]
    assert b"* 1 EXISTS" in answers


def test_each_answer_is_flushed(server: Listening) -> None:
    """A client that waits for an answer gets all of it, however short it is."""
    peer = compressed(server)
    for number in range(50):
        assert peer.do(b"t%d NOOP" % number) == [b"t%d OK Done" % number]


def test_changes_reach_an_idler(server: Listening) -> None:
    peer = compressed(server)
    peer.send(b"i IDLE\r\n")
    peer.client.line()
    server.append(LETTER)
    assert peer.client.line() == b"* 1 EXISTS"
    peer.client.line()
    peer.send(b"done\r\n")
    assert peer.client.line().startswith(b"i OK")


def test_a_bomb_waits_outside_memory(server: Listening) -> None:
    """A literal of 60 MB of zeros comes as 60 KB: no more of it is in memory than is taken."""
    peer = compressed(server, mailbox=None)
    (connection,) = server.connections
    held: list[int] = []
    feed = connection.framer.feed

    def watched(octets: bytes) -> None:
        feed(octets)
        held.append(connection.framer.buffered)

    connection.framer.feed = watched  # type: ignore[method-assign]
    size = 60_000_000
    peer.send(b"a APPEND INBOX {%d+}\r\n" % size + LETTER + b"0" * (size - len(LETTER)) + b"\r\n")
    peer.client.until(b"a OK")
    assert len(held) >= size // PIECE_OCTETS
    assert max(held) <= READ_AHEAD_OCTETS + PIECE_OCTETS
    assert peer.do(b"n NOOP") == [b"n OK Done"]


def test_many_bombs_end_the_session(server: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deflate, "FREE_OCTETS", 1 << 20)
    peer = compressed(server)
    peer.send(b"n NOOP " + b" " * (4 << 20) + b"\r\n")
    assert peer.client.until(b"* BYE")[-1] == b"* BYE Your compressed data grows beyond measure"
    assert "other" in server.inner.observer.limits
    server.wait(lambda: not server.connections)


@pytest.mark.parametrize("octets", [b"a NOOP\r\n" * 3, b"\xff" * 10])
def test_what_is_not_compressed_ends_the_session(server: Listening, octets: bytes) -> None:
    peer = compressed(server)
    peer.client.send(octets)
    text = b"* BYE What you send is not compressed with DEFLATE"
    assert peer.client.until(b"* BYE")[-1] == text
    server.wait(lambda: not server.connections)


def test_an_end_of_the_stream_ends_the_session(server: Listening) -> None:
    peer = compressed(server)
    peer.client.send(peer.packed(b"n NOOP\r\n", zlib.Z_FINISH))
    assert peer.client.until(b"* BYE")[-1] == b"* BYE Your compressed data has come to its end"


def test_a_server_that_goes_says_so_compressed(server: Listening) -> None:
    peer = compressed(server)
    server.shut_down()
    assert peer.client.line() == b"* BYE The server is shutting down"


def test_a_full_piece_may_leave_more_behind() -> None:
    """zlib can have taken all octets and still hold what they make, in pieces of its limit."""
    out = zlib.compressobj(wbits=-15)
    reader = Deflate()
    reader.feed(out.compress(b"x" * (3 * PIECE_OCTETS)) + out.flush(zlib.Z_SYNC_FLUSH))
    made = b""
    while reader.waits:
        made += reader.read()
    assert made == b"x" * (3 * PIECE_OCTETS)


def test_memory_is_taken_when_it_is_asked_for(server: Listening) -> None:
    server.log_in()
    (connection,) = server.connections
    assert connection._deflate is None


def test_the_ratio_is_of_all_that_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deflate, "FREE_OCTETS", 0)
    out = zlib.compressobj(wbits=-15)
    reader = Deflate()
    reader.feed(out.compress(bytes(10 << 20)) + out.flush(zlib.Z_SYNC_FLUSH))
    with pytest.raises(BrokenStream, match="beyond measure"):
        while reader.waits:
            reader.read()


@pytest.mark.parametrize("packed", [False, True])
def test_progress_is_sent_every_ten_seconds(server: Listening, packed: bool) -> None:
    server.append(LETTER + b"x")
    client = server.log_in()
    peer = compressed(server) if packed else None
    client = peer.client if peer is not None else client
    release = threading.Event()
    read = server.database.read

    async def waits(work: Callable[[ReadTx], Any]) -> Any:
        def late(tx: ReadTx) -> Any:
            release.wait(WAIT_S)
            return work(tx)

        return await read(late)

    server.database.read = waits  # type: ignore[assignment]
    (peer or client).send(b"f SEARCH BODY x\r\n")
    try:
        server.wait(
            lambda: any(one._when_due is not None and one._waiting is None
                        for one in server.connections)
        )  # fmt: skip
        for _ in range(3):
            server.advance(9.9)
            server.advance(0.2)
            assert client.line() == b'* OK [INPROGRESS ("f" 0 1)] Still at it'
    finally:
        release.set()
    assert client.line() == b"* SEARCH 1"
    assert client.line() == b"f OK Done"
    server.advance(60)
    assert (peer or client).do(b"n NOOP") == [b"n OK Done"]
