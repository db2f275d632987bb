"""All that popbridge says, checked: every kind of command, the scripts, several clients at once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.imap_harness import Client, Server
from tests.session.test_scripts import SCRIPTS, run
from tests.wire.commands import FETCHES, MAILBOXES, MIXED, ODD, SELECTED, SIMPLE, append, wild
from tests.wire.view import ProtocolViolation


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


def say(client: Client, *commands: bytes) -> None:
    """Sends commands; each is answered."""
    for number, command in enumerate(commands):
        tag = b"w%d" % number
        answer = client.do(command, tag)
        assert answer and answer[-1].startswith(tag + b" "), (command, answer)
    assert not client.failures


@pytest.mark.parametrize("message", [SIMPLE, MIXED, *ODD], ids=lambda octets: repr(octets[:40]))
def test_what_is_said_of_a_message(server: Server, message: bytes) -> None:
    client = server.client(mailbox=None)
    fetches = (b"FETCH 1 " + items for items in FETCHES)
    say(client, append(message), b"SELECT INBOX", *fetches, *(b"UID FETCH 1 " + f for f in FETCHES))


def test_the_harness_checks_every_connection(server: Server) -> None:
    client = server.connect()
    client.write(b"* 1 EXISTS\r\n")
    with pytest.raises(ProtocolViolation):
        client.take()
    client.unwatched("it is spent")
    other = server.connect()
    other.write(b"* OK half")
    with pytest.raises(ProtocolViolation):
        server.close()
    other.unwatched("it is spent")


def test_what_is_said_of_mailboxes(server: Server) -> None:
    say(server.client(mailbox=None), *MAILBOXES)


def test_what_is_said_in_a_mailbox(server: Server) -> None:
    client = server.client(mailbox=None)
    say(client, *(append(SIMPLE) for _ in range(5)), append(MIXED), *SELECTED)


def test_what_is_said_before_and_at_the_end(server: Server) -> None:
    client = server.connect()
    say(client, b"CAPABILITY", b"ID NIL", b"LOGIN alice wrong", b"FOO")
    client.send(b"a AUTHENTICATE PLAIN\r\n")
    client.take()
    client.send(b"*\r\n")
    client.take()
    client.send(b"b LOGIN {5}\r\n")
    client.take()
    client.send(b"alice {6}\r\n")
    client.take()
    client.send(b"secret\r\n")
    client.take()
    say(client, b"NOOP", b"LOGOUT")
    assert client.closed


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_what_is_said_in_the_scripts(path: Path, server: Server) -> None:
    run(server, path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_what_is_said_to_clients_that_change_the_same_mailbox(server: Server, seed: int) -> None:
    clients = [server.client(mailbox=None) for _ in range(3)]
    say(clients[0], b"CREATE Other", *(append(SIMPLE) for _ in range(6)))
    for client in clients:
        say(client, b"SELECT INBOX")
    for who, command in wild(seed, 200):
        say(clients[who], command)
    for client in clients:
        say(client, b"NOOP", b"FETCH 1:* (UID FLAGS)")


def test_idling_clients_are_told_in_order(server: Server) -> None:
    writer, idler = server.client(), server.client()
    idler.send(b"i IDLE\r\n")
    idler.take()
    say(writer, b"CREATE Other", *(append(SIMPLE) for _ in range(6)))
    for _, command in wild(7, 100):
        if command not in (b"CLOSE", b"SELECT Other"):
            say(writer, command)
            idler.take()
    idler.send(b"DONE\r\n")
    assert idler.take().endswith(b"i OK Done\r\n")
