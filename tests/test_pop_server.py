import base64
import poplib
import socket
import ssl
from collections.abc import Iterator

import pytest
import trustme

from tests.pop_server import HOST, Faults, PopServer

MESSAGES = [
    b"Subject: one\r\n\r\nfirst\r\n.\r\n..two dots\r\n",
    b"Subject: two\r\n\r\na\r\nb\r\nc\r\n",
    b".starts with a dot\r\n\r\nno line end",
]


def login(server: PopServer) -> poplib.POP3:
    client = poplib.POP3(HOST, server.port, timeout=30)
    client.user("alice")
    client.pass_("secret")
    return client


def retrieved(client: poplib.POP3, number: int) -> bytes:
    return b"".join(line + b"\r\n" for line in client.retr(number)[1])


def exchange(server: PopServer, commands: bytes) -> bytes:
    """All that the server sends until it closes."""
    with socket.create_connection((HOST, server.port), timeout=30) as client:
        client.sendall(commands)
        client.shutdown(socket.SHUT_WR)
        received = b""
        while data := client.recv(65536):
            received += data
    return received


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    return context


@pytest.fixture
def client_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def server() -> Iterator[PopServer]:
    with PopServer(MESSAGES) as running:
        yield running


def test_session_with_every_command(server: PopServer) -> None:
    client = login(server)
    assert {"UIDL", "TOP", "PIPELINING", "SASL"} <= client.capa().keys()
    assert client.stat() == (3, sum(map(len, MESSAGES)) + 2)
    assert client.list()[1][:2] == [b"1 %d" % len(MESSAGES[0]), b"2 %d" % len(MESSAGES[1])]
    assert [retrieved(client, n) for n in (1, 2)] == MESSAGES[:2]
    assert retrieved(client, 3) == MESSAGES[2] + b"\r\n"
    assert client.top(2, 2)[1] == [b"Subject: two", b"", b"a", b"b"]
    client.noop()
    with pytest.raises(poplib.error_proto):
        client.retr(4)
    client.quit()
    assert (server.sessions, server.quits) == (1, 1)
    assert server.log[:3] == ["session 1", "USER alice", "PASS secret"]


def test_deletion_waits_for_quit_and_uidls_last(server: PopServer) -> None:
    client = login(server)
    before = [line.split()[1] for line in client.uidl()[1]]
    client.dele(1)
    client.rset()
    client.dele(2)
    assert [line.split()[0] for line in client.uidl()[1]] == [b"1", b"3"]
    client.close()
    client = login(server)
    assert client.stat()[0] == 3
    client.dele(2)
    client.quit()
    client = login(server)
    assert [line.split()[1] for line in client.uidl()[1]] == [before[0], before[2]]
    client.quit()


def test_auth_plain_with_and_without_initial_response(server: PopServer) -> None:
    response = base64.b64encode(b"\0alice\0secret")
    assert b"+OK logged in" in exchange(server, b"AUTH PLAIN " + response + b"\r\nQUIT\r\n")
    assert b"+ \r\n+OK logged in" in exchange(
        server, b"AUTH PLAIN\r\n" + response + b"\r\nQUIT\r\n"
    )
    assert b"-ERR" in exchange(server, b"AUTH PLAIN\r\n*\r\nQUIT\r\n")


def test_apop(server: PopServer) -> None:
    server.faults = Faults(apop=True)
    client = poplib.POP3(HOST, server.port, timeout=30)
    client.apop("alice", "secret")
    client.quit()


def test_implicit_tls_and_stls(server_tls: ssl.SSLContext, client_tls: ssl.SSLContext) -> None:
    with PopServer(MESSAGES, tls=server_tls) as server:
        client = poplib.POP3_SSL(HOST, server.port, context=client_tls, timeout=30)
        client.user("alice")
        client.pass_("secret")
        assert retrieved(client, 1) == MESSAGES[0]
        client.quit()
    with PopServer(MESSAGES, stls=server_tls) as server:
        plain = poplib.POP3(HOST, server.port, timeout=30)
        assert "STLS" in plain.capa()
        plain.stls(client_tls)
        assert "STLS" not in plain.capa()
        plain.user("alice")
        plain.pass_("secret")
        plain.quit()
        assert server.quits == 1
        server.faults = Faults(stls_injection=True)
        assert b"TLS\r\n+OK injected\r\n" in exchange(server, b"STLS\r\n")


LOGIN = b"USER alice\r\nPASS secret\r\n"
SESSION = LOGIN + b"UIDL\r\nRETR 1\r\nRETR 2\r\nQUIT\r\n"


def test_pipelined_session_cut_at_every_octet(server: PopServer) -> None:
    whole = exchange(server, SESSION)
    for count in range(len(whole) + 1):
        server.faults = Faults(cut_after_octets=count, slice_octets=1 + count % 7)
        assert exchange(server, SESSION) == whole[:count]
    assert server.quits == 2
    assert server.sessions == len(whole) + 2


def test_stall_keeps_the_connection_until_stop() -> None:
    with PopServer(MESSAGES, faults=Faults(stall_after_octets=7)) as server:
        client = socket.create_connection((HOST, server.port), timeout=30)
        assert client.recv(7, socket.MSG_WAITALL) == b"+OK POP"
        client.setblocking(False)
        with pytest.raises(BlockingIOError):
            client.recv(1)
    client.setblocking(True)
    assert client.recv(1) == b""
    client.close()


@pytest.mark.parametrize(
    ("faults", "command", "expected"),
    [
        (Faults(refuse_retr=frozenset({2})), b"RETR 2", b"-ERR the message can't be read\r\n"),
        (Faults(empty_retr=frozenset({2})), b"RETR 2", b"+OK\r\n.\r\n"),
        (Faults(truncate_retr={2: 9}), b"RETR 2", b"+OK\r\nSubject: \r\n.\r\n"),
        (Faults(bare_lf=True), b"RETR 2", b"+OK\r\nSubject: two\n\na\nb\nc\r\n.\r\n"),
        (
            Faults(unstuffed=True),
            b"RETR 3",
            b"+OK\r\n.starts with a dot\r\n\r\nno line end\r\n.\r\n",
        ),
        (Faults(no_uidl=True), b"UIDL", b"-ERR unknown command, or not now\r\n"),
        (Faults(no_capa=True), b"CAPA", b"-ERR unknown command, or not now\r\n"),
    ],
)
def test_faults_after_login(
    server: PopServer, faults: Faults, command: bytes, expected: bytes
) -> None:
    server.faults = faults
    received = exchange(server, LOGIN + command + b"\r\nQUIT\r\n")
    assert received.split(b"logged in\r\n")[1] == expected + b"+OK bye\r\n"


def test_faults_at_login_and_in_the_listing(server: PopServer) -> None:
    server.faults = Faults(in_use=True)
    assert b"-ERR [IN-USE] " in exchange(server, LOGIN + b"QUIT\r\n")
    server.faults = Faults(reject_login=True, greeting=b"+OK hello")
    assert exchange(server, LOGIN + b"QUIT\r\n").startswith(b"+OK hello\r\n+OK send PASS\r\n-ERR ")
    server.faults = Faults(listing_cut=True)
    server.uidls = [b"aaaa", b"bbbb", b"cccc"]
    assert exchange(server, LOGIN + b"UIDL\r\nQUIT\r\n").endswith(b"+OK\r\n1 aaaa\r\n2 b")


def uidls(received: bytes) -> list[bytes]:
    """The lines of the one UIDL listing in it."""
    return received.split(b"+OK\r\n")[1].split(b".\r\n")[0].splitlines()


def numbers(server: PopServer) -> list[bytes]:
    return [line.split()[0] for line in uidls(exchange(server, LOGIN + b"UIDL\r\nQUIT\r\n"))]


@pytest.mark.parametrize(
    ("faults", "listed"),
    [
        (Faults(hidden=frozenset({2})), 2),
        (Faults(newest=1), 1),
        (Faults(oldest=2), 2),
        (Faults(missing_uidls=frozenset({3})), 2),
        (Faults(listing_line=b"what"), 4),
    ],
)
def test_listings_that_are_not_whole(server: PopServer, faults: Faults, listed: int) -> None:
    server.faults = faults
    assert len(numbers(server)) == listed


def test_a_listing_that_flaps(server: PopServer) -> None:
    server.faults = Faults(hidden=frozenset({1, 2, 3}), flaps=True)
    assert [len(numbers(server)) for _ in range(4)] == [3, 0, 3, 0]


def test_deleting_from_a_window_takes_the_right_message(server: PopServer) -> None:
    server.faults = Faults(newest=2)
    exchange(server, LOGIN + b"DELE 1\r\nQUIT\r\n")
    assert server.messages == [MESSAGES[0], MESSAGES[2]]


def test_renumbering_within_a_session(server: PopServer) -> None:
    server.faults = Faults(renumbers=True)
    received = exchange(server, LOGIN + b"DELE 1\r\nRETR 1\r\nDELE 1\r\nRETR 2\r\nQUIT\r\n")
    assert b"Subject: two" in received
    assert received.count(b"-ERR no such message") == 1
    assert server.messages == [MESSAGES[2]]


@pytest.mark.parametrize(
    ("faults", "left", "quits"),
    [
        (Faults(ignore_dele=True), 3, 1),
        (Faults(update_limit=1), 2, 1),
        (Faults(refuse_quit=True), 1, 0),
        (Faults(refuse_quit=True, quit_applies_nothing=True), 3, 0),
        (Faults(mute_quit=True), 1, 0),
        (Faults(refuse_dele=frozenset({1})), 2, 1),
    ],
)
def test_deletes_that_are_not_done_as_told(
    server: PopServer, faults: Faults, left: int, quits: int
) -> None:
    server.faults = faults
    exchange(server, LOGIN + b"DELE 1\r\nDELE 2\r\nQUIT\r\n")
    assert (len(server.messages), server.quits) == (left, quits)


def test_retrieved_mail_is_hidden_at_quit_only(server: PopServer) -> None:
    server.faults = Faults(hides_retrieved=True)
    exchange(server, LOGIN + b"RETR 2\r\nTOP 3 0\r\n")
    assert len(server.messages) == 3
    exchange(server, LOGIN + b"RETR 2\r\nTOP 3 0\r\nQUIT\r\n")
    assert server.messages == [MESSAGES[0], MESSAGES[2]]
    assert server.popped == [MESSAGES[1]]


@pytest.mark.parametrize(
    ("faults", "command", "expected"),
    [
        (Faults(terminator={2: b""}), b"RETR 2", b"c"),
        (Faults(terminator={2: b"\r\n.\r"}), b"RETR 2", b"c\r\n.\r"),
        (Faults(terminator={2: b".\r\n"}), b"RETR 2", b"c.\r\n"),
        (Faults(cut_retr={2: 12}), b"RETR 2", b"+OK\r\nSubject"),
        (Faults(behind={"RETR": b"+OK\r\n"}), b"RETR 2", b".\r\n+OK\r\n"),
        (Faults(blank_line=True), b"RETR 2", b"c\r\n\r\n.\r\n"),
        (Faults(prepended=b"X: y\r\n"), b"TOP 2 0", b"+OK\r\nSubject: two\r\n\r\n.\r\n"),
        (Faults(top_octets=4), b"TOP 2 0", b"+OK\r\nSubj\r\n.\r\n"),
        (Faults(no_top=True), b"TOP 2 0", b"-ERR unknown command, or not now\r\n"),
        (Faults(size_factor=0.5), b"LIST 1", b"+OK 1 19\r\n"),
        (Faults(stat=(9, 99)), b"STAT", b"+OK 9 99\r\n"),
        (Faults(before={"DELE": b"\r\n"}), b"DELE 1", b"logged in\r\n\r\n+OK marked\r\n"),
    ],
)
def test_answers_that_are_not_as_they_should_be(
    server: PopServer, faults: Faults, command: bytes, expected: bytes
) -> None:
    server.faults = faults
    assert exchange(server, LOGIN + command + b"\r\n").endswith(expected)


def test_a_cap_on_what_a_session_retrieves(server: PopServer) -> None:
    server.faults = Faults(max_retr=2)
    received = exchange(server, LOGIN + b"RETR 1\r\nRETR 2\r\nRETR 3\r\nQUIT\r\n")
    assert received.count(b"-ERR Download exceed. msg=10\r\n") == 1
    assert received.count(b"Subject: ") == 2


def test_logging_in_too_often(server: PopServer) -> None:
    now = [100.0]
    server.clock = lambda: now[0]
    server.faults = Faults(login_delay_s=60)
    assert b"+OK logged in" in exchange(server, LOGIN)
    now[0] += 59
    assert b"-ERR [LOGIN-DELAY] too often" in exchange(server, LOGIN)
    now[0] += 1
    assert b"+OK logged in" in exchange(server, LOGIN)
    assert server.logins == 2
