from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.errors import StoreFullError
from bridge.session.commands import create
from bridge.session.port import SessionLimits
from tests.imap_harness import Client, Server, append


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path, SessionLimits(connections_per_account=2))
    yield made
    made.close()


def test_passwords_are_not_taken_in_the_clear_from_afar(server: Server) -> None:
    client = server.connect(secure=False, loopback=False)
    assert client.do("CAPABILITY")[0].endswith(b"STARTTLS LOGINDISABLED")
    assert client.do("LOGIN alice secret")[-1].startswith(b"t NO [PRIVACYREQUIRED]")
    assert client.do("AUTHENTICATE PLAIN =")[-1].startswith(b"t NO [PRIVACYREQUIRED]")
    client.send(b"s STARTTLS\r\nl LOGIN alice secret\r\n")
    # What came before TLS is thrown away, so nothing can be injected.
    assert client.take() == b"s OK Begin TLS now\r\n"
    assert client.do("LOGIN alice secret")[-1].startswith(b"t OK")


def test_three_bad_commands_before_login_end_the_session(server: Server) -> None:
    client = server.connect()
    client.send(b"GET / HTTP/1.1\r\nHost: x\r\nAccept: y\r\n")
    assert client.take().splitlines()[-1].startswith(b"* BYE [CLIENTBUG] ")
    assert client.closed
    assert server.observer.limits == ["bad_commands"]


def test_a_silent_client_is_told_bye(server: Server) -> None:
    client = server.connect()
    client.expire()
    assert client.take().startswith(b"* BYE")
    assert client.closed


def test_an_endless_line_is_refused_without_being_kept(server: Server) -> None:
    client = server.connect()
    for _ in range(100):
        client.send(b"x" * 10_000)
    assert client.framer.buffered < 50_000
    client.send(b"\r\n")
    # What is known of the tag may not be all of it.
    assert client.take() == b"* BAD [LIMIT] The command line is too long\r\n"
    assert client.do("NOOP") == [b"t OK Done"]
    assert server.observer.limits == ["line"]


def test_a_long_line_is_answered_by_its_tag(server: Server) -> None:
    client = server.client()
    client.send(
        b"long SEARCH TEXT " + b"x" * 100_000 + b" SUBJECT {13+}\r\nx DELETE Sent\r\nn NOOP\r\n"
    )
    assert client.take().splitlines() == [
        b"long BAD [LIMIT] The command line is too long",
        b"n OK Done",
    ]


def test_mistakes_are_counted_in_a_row_after_login(server: Server) -> None:
    client = server.client()
    for _ in range(2):
        for _ in range(19):
            assert client.do("BOGUS")[-1].startswith(b"t BAD")
        client.do("NOOP")
    for _ in range(19):
        client.do("FETCH 99 UID")
    assert client.do("BOGUS") == [
        b"t BAD Unknown command BOGUS",
        b"* BYE [CLIENTBUG] Too many commands that can't be understood",
    ]
    assert client.closed
    assert server.observer.limits == ["bad_commands"]


def test_success_between_does_not_help_a_stranger(server: Server) -> None:
    client = server.connect()
    client.send(b"a BOGUS\r\nb NOOP\r\nc BOGUS\r\nd NOOP\r\ne LOGIN {600000}\r\n")
    assert client.take().splitlines()[-2:] == [
        b"e BAD [TOOBIG] The literals of a command have at most 524288 octets",
        b"* BYE [CLIENTBUG] Too many commands that can't be understood",
    ]


def test_literals_of_a_command_are_limited_together(server: Server) -> None:
    client = server.client()
    client.send(b"a SEARCH TEXT {524288+}\r\n" + b"x" * 524288 + b"\r\n")
    assert client.take() == b"* SEARCH\r\na OK Done\r\n"
    client.send(b"b SEARCH TEXT {524287+}\r\n" + b"x" * 524287 + b" TEXT {2+}\r\nxx\r\n")
    assert client.take().startswith(b"b BAD [TOOBIG] ")
    client.send(b"c SEARCH TEXT {400000}\r\n")
    assert client.take() == b"+ Go on\r\n"
    client.send(b"x" * 400_000 + b"\r\n")
    assert client.take() == b"* SEARCH\r\nc OK Done\r\n"
    client.send(b"d SEARCH" + b" TEXT {0+}\r\n" * 1001 + b"\r\ne NOOP\r\n")
    assert client.take().splitlines() == [
        b"d BAD [LIMIT] A command has at most 1000 literals",
        b"e OK Done",
    ]
    assert server.observer.limits == ["literal", "literal"]


def test_a_stranger_with_a_large_literal_is_cut(server: Server) -> None:
    client = server.connect()
    client.send(b"a LOGIN {9999999+}\r\n")
    assert client.take().startswith(b"* BYE [TOOBIG] ")
    assert client.closed


@pytest.mark.parametrize(
    ("wrap", "limit"),
    [
        ("NOT " * 100 + "ALL", ""),
        ("NOT " * 101 + "ALL", "nesting"),
        ("(" * 100 + "ALL" + ")" * 100, ""),
        ("(" * 101 + "ALL" + ")" * 101, "nesting"),
        ("OR ALL " * 100 + "ALL", ""),
        ("OR ALL " * 101 + "ALL", "nesting"),
        ("NOT " * 10_000 + "ALL", "nesting"),
        ("ALL " * 5001 + "ALL", "other"),
    ],
)
def test_searches_nest_so_deep(server: Server, wrap: str, limit: str) -> None:
    answer = server.client().do("SEARCH " + wrap)[-1]
    assert answer.startswith(b"t BAD [LIMIT]" if limit else b"t OK")
    assert server.observer.limits == [limit] * bool(limit)


@pytest.mark.parametrize(
    "command",
    [
        "FETCH 1 (" + "UID " * 201 + "UID)",
        "STORE 1 FLAGS (" + "x " * 500 + "x)",
        "ID (" + '"a" "b" ' * 30 + '"a" "b")',
    ],
)
def test_lists_are_so_long(server: Server, command: str) -> None:
    assert server.client().do(command)[-1].startswith(b"t BAD [LIMIT]")
    assert server.observer.limits == ["other"]


def test_an_account_has_so_many_mailboxes(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(create, "MAX_MAILBOXES", 8)
    client = server.client()
    assert client.do("CREATE a/b/c")[-1].startswith(b"t NO [LIMIT]")
    assert client.do("CREATE a/b")[-1].startswith(b"t OK")
    assert client.do("RENAME a b/c/d")[-1].startswith(b"t NO [LIMIT]")
    assert server.observer.limits == ["other", "other"]


def test_a_message_is_as_large_as_is_said(tmp_path: Path) -> None:
    made = Server(tmp_path, SessionLimits(append_octets=100))
    client = made.client()
    assert client.do("CAPABILITY")[0].endswith(b" APPENDLIMIT=100")
    assert client.do("STATUS INBOX (APPENDLIMIT)")[0] == b"* STATUS INBOX (APPENDLIMIT 100)"
    assert append(client, b"x" * 100)[-1].startswith(b"t OK")
    assert append(client, b"x" * 101)[-1].startswith(b"t NO [TOOBIG]")
    assert made.observer.limits == ["append"]
    made.close()


def test_strangers_are_few_at_a_time(tmp_path: Path) -> None:
    made = Server(tmp_path, SessionLimits(connections_before_login=2))
    first, second = made.connect(), made.connect()
    refused = Client(made)
    assert refused.take().startswith(b"* BYE [UNAVAILABLE] ")
    assert refused.closed
    # Who logs in or goes makes room; whoever fails to log in doesn't.
    assert first.do("LOGIN alice secret")[-1].startswith(b"t OK")
    assert second.do("LOGIN alice wrong")[-1].startswith(b"t NO")
    made.connect()
    assert Client(made).closed
    second.hang_up()
    made.connect()
    assert made.observer.limits == ["connections"] * 2
    made.close()


def test_one_address_cannot_keep_everybody_else_out(tmp_path: Path) -> None:
    made = Server(tmp_path, SessionLimits(connections_before_login=8))

    def afar(peer: str) -> Client:
        return Client(made, loopback=False, peer=peer)

    first, second = afar("2001:db8::1"), afar("2001:db8::ffff")
    assert first.take().startswith(b"* OK") and second.take().startswith(b"* OK")
    assert afar("2001:db8::2").take().startswith(b"* BYE [UNAVAILABLE] ")
    assert afar("192.0.2.7").take().startswith(b"* OK")
    # Who logs in makes room; on this machine, where proxies are, there are no such places.
    assert first.do("LOGIN alice secret")[-1].startswith(b"t OK")
    assert afar("2001:db8::3").take().startswith(b"* OK")
    for _ in range(5):
        made.connect()
    assert Client(made).take().startswith(b"* BYE [UNAVAILABLE] ")
    assert made.observer.limits == ["connections"] * 2
    made.close()


def test_who_is_silent_is_counted(server: Server) -> None:
    for client in (server.connect(), server.client()):
        client.expire()
    assert server.observer.limits == ["login_time", "idle_time"]


def test_nobody_is_told_of_the_server_in_many_lines(server: Server) -> None:
    client = server.client()
    answer = client.do(f"FETCH 1 {'X' * 5000}")
    assert len(answer) == 1 and len(answer[0]) < 500


def test_an_account_has_so_many_connections(server: Server) -> None:
    first, _ = server.client(), server.client()
    third = server.connect()
    assert third.do("LOGIN alice secret")[-1].startswith(b"t NO [LIMIT]")
    assert server.client("bob").do("NOOP") == [b"t OK Done"]
    assert server.observer.limits == ["connections"]
    first.do("LOGOUT")
    assert third.do("LOGIN alice secret")[-1].startswith(b"t OK")


def test_promise_8_reading_goes_on_while_the_disk_is_full(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = server.client()
    append(client, b"Subject: x\r\n\r\nbody\r\n")

    async def full(work: object, *, ingest: bool = False) -> None:
        raise StoreFullError("The disk is full.", "Free some space.")

    monkeypatch.setattr(server.services.database, "write", full)
    other = server.client()
    answer = other.do("FETCH 1 (FLAGS BODY[TEXT])")
    assert answer[-1] == b"t OK Done"
    assert answer[0] == b"* 1 FETCH (FLAGS () BODY[TEXT] {6}"
    for command in ("STORE 1 +FLAGS (\\Seen)", "COPY 1 Trash", "CREATE new"):
        assert other.do(command)[-1].startswith(b"t NO [UNAVAILABLE] The disk is full.")
    assert append(other, b"Subject: y\r\n\r\n")[-1].startswith(b"t NO [UNAVAILABLE]")
    monkeypatch.undo()
    assert other.do("STORE 1 +FLAGS (\\Seen)")[-1] == b"t OK Done"


def test_a_fault_of_ours_is_not_the_sessions_end(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = server.client()

    async def broken(work: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(server.services.database, "read", broken)
        assert client.do("STATUS INBOX (MESSAGES)")[-1].startswith(b"t NO [SERVERBUG]")
    assert client.do("NOOP") == [b"t OK Done"]


def test_promise_9_a_lost_hint_only_delays(server: Server) -> None:
    client, other = server.client(), server.client()
    server.bus._wakes.clear()
    append(other, b"Subject: x\r\n\r\nbody\r\n")
    assert b"* 1 EXISTS" in client.do("NOOP")
