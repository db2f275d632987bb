"""What single hostile clients meet, over real sockets with a clock of the test's."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.imap_harness import Server
from tests.net.conftest import clean as clean
from tests.net.conftest import small_collections as small_collections
from tests.net.test_imap import HOST, Listening

pytestmark = pytest.mark.usefixtures("clean")
MINUTE, HALF_AN_HOUR = 60, 1800
CUT_S = 31


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Listening]:
    made = Listening(tmp_path)
    yield made
    made.close()


def raw(server: Listening, *, tls: bool) -> socket.socket:
    """A connection that says nothing by itself."""
    return socket.create_connection((HOST, server.ports[tls].getHost().port), timeout=120)


@pytest.mark.parametrize("begun", [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
def test_a_handshake_that_never_ends(server: Listening, begun: bytes) -> None:
    with raw(server, tls=True) as client:
        client.sendall(begun)
        server.wait(lambda: len(server.connections) == 1)
        server.advance(MINUTE)
        server.advance(CUT_S)
        with pytest.raises(ConnectionResetError):
            assert client.recv(1) or client.recv(1)
            raise ConnectionResetError
    server.all_is_over()
    assert server.services.strangers.count == 0
    assert server.inner.observer.limits == ["login_time"]


@pytest.mark.parametrize(
    "octets",
    [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"a LOGIN alice secret\r\n", bytes(range(256)) * 300],
)
def test_who_speaks_no_tls_is_hung_up_on(server: Listening, octets: bytes) -> None:
    with raw(server, tls=True) as client:
        client.sendall(octets)
        said = b""
        try:
            while piece := client.recv(1 << 16):
                said += piece
        except ConnectionResetError:
            pass
    # A TLS alert at most.
    assert b"OK" not in said and len(said) < 20
    server.all_is_over()


@pytest.mark.parametrize("last", [b"", b"n NOOP\r\n", b"a LOGIN {5+}\r\nal", b"i IDLE\r\n"])
def test_who_says_no_more_leaves_nothing(server: Listening, last: bytes) -> None:
    client = server.log_in()
    client.send(last)
    client.socket.shutdown(socket.SHUT_WR)
    client.rest()
    server.all_is_over()


def test_who_never_reads_is_cut_and_counted(server: Listening) -> None:
    server.append(b"Subject: x\r\n\r\n" + b"x" * 8_000_000)
    client = server.log_in()
    client.send(b"f FETCH 1 BODY.PEEK[]\r\n")
    server.wait(lambda: any(one._draining is not None for one in server.connections))
    # The system may yet take some of it, and then it is half an hour from there.
    server.wait(lambda: server.clock.advance(HALF_AN_HOUR) or not server.connections)
    server.all_is_over()
    assert server.inner.observer.limits == ["idle_time"]


@pytest.mark.parametrize("sent", [b"", b"x" * 1_500_000])
def test_an_append_that_stalls_leaves_nothing(server: Listening, sent: bytes) -> None:
    client = server.log_in()
    client.send(b"a APPEND INBOX {3000000+}\r\n" + sent)
    server.wait(lambda: all(one._waiting for one in server.connections))
    server.advance(HALF_AN_HOUR)
    assert client.rest().startswith(b"* BYE ")
    server.all_is_over()
    query = "select count(*) from blob"
    left = server.inner.store.read(lambda tx: tx.connection.exec_driver_sql(query).scalar())
    assert left == 0
    assert server.inner.observer.limits == ["idle_time"]


@pytest.mark.parametrize(
    "command",
    [
        "SORT (" + "DATE " * 100 + "DATE) UTF-8 ALL",
        'LIST "" (' + "a " * 100 + "a)",
        "ESEARCH IN (" + "inboxes " * 100 + "inboxes) ALL",
        "GETMETADATA INBOX (" + "/private/a " * 200 + "/private/a)",
        "GETMETADATA INBOX /private/" + "a" * 1000,
        "NOTIFY SET " + "(inboxes (MessageNew MessageExpunge)) " * 101,
    ],
)
def test_other_lists_are_so_long(tmp_path: Path, command: str) -> None:
    made = Server(tmp_path)
    assert made.client().do(command.rstrip())[-1].startswith(b"t BAD [LIMIT]")
    assert made.observer.limits == ["other"]
    made.close()
