"""The grammar and the validator at Debian's Dovecot: what it says is taken.

Left out is what it says against the RFCs: types that are empty strings (of a Content-Type without
subtype), and answers to a refused APPEND whose literal it then reads as commands. It also runs
pipelined commands side by side, as RFC 3501 §5.5 permits; the validator wants one after another.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from tests.e2e.dovecot import Dovecot, need_dovecot
from tests.wire.client import Hold
from tests.wire.commands import (
    FETCHES,
    MAILBOXES,
    MIXED,
    NO_TYPE,
    ODD,
    SELECTED,
    SIMPLE,
    append,
    wild,
)
from tests.wire.stream import State, Validator

pytestmark = pytest.mark.e2e

EXTENSIONS = (
    b"ENABLE CONDSTORE",
    b"SELECT INBOX",
    b"FETCH 1:* (FLAGS MODSEQ)",
    b"STORE 1 (UNCHANGEDSINCE 1) +FLAGS (x)",
    b"UID STORE 1 +FLAGS (y)",
    b"SEARCH MODSEQ 1",
    b"UID FETCH 1:* FLAGS (CHANGEDSINCE 1)",
    b"SEARCH RETURN (MIN MAX COUNT ALL) ALL",
    b"UID SEARCH RETURN () ALL",
    b"SEARCH RETURN (SAVE) ALL",
    b"FETCH $ UID",
    b"SORT (REVERSE DATE SUBJECT) UTF-8 ALL",
    b"UID SORT RETURN (COUNT ALL) (DATE) UTF-8 ALL",
    b"THREAD REFERENCES UTF-8 ALL",
    b"UID THREAD REFS UTF-8 ALL",
    b"FETCH 1 (BINARY.SIZE[1] BINARY.PEEK[1]<0.3> BINARY.PEEK[])",
    b"FETCH 1:* (PREVIEW SAVEDATE)",
    b"STATUS INBOX (HIGHESTMODSEQ SIZE)",
    b'LIST "" * RETURN (STATUS (MESSAGES) CHILDREN SUBSCRIBED SPECIAL-USE)',
    b'LIST (SUBSCRIBED RECURSIVEMATCH) "" *',
    b"ENABLE QRESYNC",
    b"SELECT INBOX (QRESYNC (1 1))",
    b"FETCH 1:* UID",
    b"STORE 1,3 +FLAGS (\\Deleted)",
    b"EXPUNGE",
    b"UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)",
    b"MOVE 1 Other",
    b"SELECT Other",
    b"SELECT nope",
)

NO_THREAD = b"THREAD ORDEREDSUBJECT UTF-8 KEYWORD nobody"
"""Where nothing is found Dovecot sends a space behind THREAD (RFC 5256 §5: none without a list)."""


class ImapDovecot(Dovecot):
    """The same server, with IMAP on its port."""

    def _ports(self) -> dict[str, int]:
        return {"imap": self.port}

    def _config(self) -> str:
        return super()._config() + "namespace inbox {\n  inbox = yes\n  separator = /\n}\n"


class Connection:
    """A watched connection, logged in."""

    def __init__(self, port: int) -> None:
        self.validator = Validator(uid_always=False)
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._read_while(lambda: self.validator.state is State.GREETING)
        self.say(b"LOGIN alice secret")

    def say(self, *commands: bytes) -> None:
        """Sends commands; waits for the answer to each."""
        for number, command in enumerate(commands):
            octets = b"w%d %b\r\n" % (number, command)
            self.validator.from_client(octets)
            self.socket.sendall(octets)
            self._read_while(lambda: bool(self.validator.client.queue))

    def close(self) -> None:
        """Ends the connection, not the dialogue, which a failed test has left anywhere."""
        self.socket.close()

    def _read_while(self, unfinished: Callable[[], bool]) -> None:
        while unfinished() and self.validator.client.hold is Hold.NOTHING:
            octets = self.socket.recv(1 << 16)
            assert octets, "Dovecot hung up"
            self.validator.from_server(octets)


@pytest.fixture
def dovecot() -> Iterator[ImapDovecot]:
    need_dovecot()
    server = ImapDovecot()
    yield server
    server.stop()


@pytest.fixture
def connection(dovecot: ImapDovecot) -> Iterator[Connection]:
    with closing(Connection(dovecot.port)) as made:
        yield made


def test_messages(connection: Connection) -> None:
    odd = (octets for octets in ODD if octets != NO_TYPE)
    connection.say(append(SIMPLE), append(MIXED), *map(append, odd), b"SELECT INBOX")
    for items in FETCHES:
        connection.say(b"FETCH 1:* " + items, b"UID FETCH 1:* " + items)


def test_mailboxes(connection: Connection) -> None:
    connection.say(*MAILBOXES)


def test_a_selected_mailbox(connection: Connection) -> None:
    said = (command for command in SELECTED if command != NO_THREAD)
    connection.say(*(append(SIMPLE) for _ in range(5)), append(MIXED), *said)


def test_extensions(connection: Connection) -> None:
    connection.say(*(append(SIMPLE) for _ in range(4)), append(MIXED), b"CREATE Other", *EXTENSIONS)


def test_several_clients(dovecot: ImapDovecot) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(closing(Connection(dovecot.port))) for _ in range(3)]
        clients[0].say(b"CREATE Other", *(append(SIMPLE) for _ in range(6)))
        for client in clients:
            client.say(b"SELECT INBOX")
        for who, command in wild(1, 200):
            clients[who].say(command)
        for client in clients:
            client.say(b"LOGOUT")
            client.validator.finish()
