import email
import email.policy
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.testing import StringTransport

from bridge.net.demo_mail import sample_messages
from bridge.net.demo_pop3 import DemoMailbox, DemoPop3, DemoPop3Factory
from bridge.pop3.multiline import BodyScanner

NOW = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)
LOGIN = b"USER demo\r\nPASS a word\r\n"
DOTTED = b".a: 1\r\n\r\n.\r\n..\r\n.x\r\nlast"


class Client:
    def __init__(self, mailbox: DemoMailbox) -> None:
        self.transport = StringTransport()
        self.session: DemoPop3 = DemoPop3Factory("demo", "a word", mailbox).buildProtocol(None)
        self.session.makeConnection(self.transport)
        assert self.transport.value().startswith(b"+OK")

    def send(self, data: bytes) -> bytes:
        self.transport.clear()
        self.session.dataReceived(data)
        return self.transport.value()


@pytest.fixture
def mailbox() -> DemoMailbox:
    return DemoMailbox([b"A: 1\r\n\r\nx\r\ny\r\n", DOTTED, b"A: 1\r\n\r\nx\r\ny\r\n"])


@pytest.fixture
def client(mailbox: DemoMailbox) -> Client:
    client = Client(mailbox)
    assert client.send(LOGIN).splitlines()[1].startswith(b"+OK")
    return client


def test_login_is_needed_and_checked(mailbox: DemoMailbox) -> None:
    client = Client(mailbox)
    for line in (
        b"STAT",
        b"PASS a word",
        b"USER",
        b"USER demo\r\nPASS a",
        b"USER x\r\nPASS a word",
    ):
        assert client.send(line + b"\r\n").splitlines()[-1].startswith(b"-ERR"), line
    assert client.send(b"PASS a word\r\n").startswith(b"-ERR"), "a USER holds for one PASS"
    assert client.send(b"capa\r\n").endswith(b"\r\nUSER\r\nUIDL\r\nTOP\r\nPIPELINING\r\n.\r\n")
    assert client.send(LOGIN).splitlines()[1] == b"+OK 3 messages"
    assert client.send(LOGIN).count(b"-ERR") == 2


def test_listings(client: Client, mailbox: DemoMailbox) -> None:
    size = len(DOTTED) + 2
    assert client.send(b"STAT\r\n") == b"+OK 3 %d\r\n" % (size + 28)
    assert client.send(b"LIST\r\n") == b"+OK 3 messages\r\n1 14\r\n2 %d\r\n3 14\r\n.\r\n" % size
    assert client.send(b"LIST 2\r\n") == b"+OK 2 %d\r\n" % size
    uidls = [line.split()[1] for line in client.send(b"UIDL\r\n").splitlines()[1:-1]]
    assert uidls == [mailbox.uidl(index).encode() for index in range(3)]
    assert len(set(uidls)) == 3
    assert client.send(b"UIDL 3\r\n") == b"+OK 3 %s\r\n" % uidls[2]


def test_retr_and_top_double_leading_dots(client: Client) -> None:
    stuffed = b"..a: 1\r\n\r\n..\r\n...\r\n..x\r\nlast\r\n.\r\n"
    assert client.send(b"RETR 2\r\n").partition(b"\r\n")[2] == stuffed
    assert client.send(b"TOP 2 99\r\n").partition(b"\r\n")[2] == stuffed
    assert client.send(b"TOP 2 0\r\n").partition(b"\r\n")[2] == b"..a: 1\r\n\r\n.\r\n"
    assert client.send(b"TOP 2 1\r\n").partition(b"\r\n")[2] == b"..a: 1\r\n\r\n..\r\n.\r\n"
    assert client.send(b"TOP 1 2\r\n").partition(b"\r\n")[2] == b"A: 1\r\n\r\nx\r\ny\r\n.\r\n"


@pytest.mark.parametrize(
    "line",
    [
        b"DELE 1",
        b"RETR",
        b"RETR 0",
        b"RETR 4",
        b"RETR -1",
        b"LIST x",
        b"TOP 1",
        b"TOP 1 -1",
        b"",
        b"X",
    ],
)
def test_refusals_leave_the_session_open(client: Client, line: bytes) -> None:
    assert client.send(line + b"\r\n").startswith(b"-ERR")
    assert client.send(b"NOOP\r\nRSET\r\n").count(b"+OK") == 2


def test_new_mail_shows_in_the_next_session(client: Client, mailbox: DemoMailbox) -> None:
    mailbox.messages.append(b"A: 2\r\n\r\nnew\r\n")
    assert client.send(b"STAT\r\n").startswith(b"+OK 3 ")
    assert client.send(b"RETR 4\r\n").startswith(b"-ERR")
    later = Client(mailbox)
    later.send(LOGIN)
    assert later.send(b"RETR 4\r\n").endswith(b"\r\nnew\r\n.\r\n")


def test_quit_ends_and_nothing_behind_it_counts(client: Client) -> None:
    assert client.send(b"QUIT\r\nSTAT\r\n") == b"+OK goodbye\r\n"
    assert client.transport.disconnecting
    assert client.send(b"STAT\r\n") == b""


@pytest.mark.parametrize("end", [b"", b"\r\n"])
def test_endless_line_ends_the_session(client: Client, end: bytes) -> None:
    assert client.send(b"x" * 5000 + end).startswith(b"-ERR")
    assert client.transport.disconnecting


@given(st.lists(st.integers(1, 9), max_size=40), st.lists(st.sampled_from([b"\r\n", b".", b"a"])))
def test_any_slicing_of_input_gives_the_same_answers(cuts: list[int], words: list[bytes]) -> None:
    message = b"".join(words)
    commands = LOGIN + b"UIDL\r\nRETR 1\r\nTOP 1 1\r\nLIST\r\nQUIT\r\n"
    whole = Client(DemoMailbox([message])).send(commands)
    sliced = Client(DemoMailbox([message]))
    received = b""
    for cut in cuts:
        received += sliced.send(commands[:cut])
        commands = commands[cut:]
    assert received + sliced.send(commands) == whole
    scanner = BodyScanner()
    body, _ = scanner.feed(whole.split(b" octets\r\n", 1)[1])
    assert scanner.done
    ending = b"" if not message or message.endswith(b"\r\n") else b"\r\n"
    assert body == message + ending


def test_samples_are_sound_mail() -> None:
    messages = sample_messages(NOW)
    assert messages == sample_messages(NOW)
    dates = []
    for octets in messages:
        assert octets.endswith(b"\r\n")
        lines = octets.split(b"\r\n")
        assert all(len(line) <= 998 and b"\n" not in line and b"\r" not in line for line in lines)
        assert octets.partition(b"\r\n\r\n")[0].isascii()
        message = email.message_from_bytes(octets, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        assert not any(part.defects for part in message.walk())
        body = message.get_body(("plain",))
        assert body is not None
        assert "\ufffd" not in body.get_content()
        assert octets.isascii() or b"Content-Transfer-Encoding: 8bit" in octets
        dates.append(parsedate_to_datetime(message["date"]))
    assert dates == sorted(dates)
    assert timedelta(0) < NOW - dates[-1] < timedelta(hours=1)


def test_samples_are_of_many_kinds() -> None:
    messages = [
        email.message_from_bytes(octets, policy=email.policy.default)
        for octets in sample_messages(NOW)
    ]
    kinds = {part.get_content_type() for message in messages for part in message.walk()}
    assert {"text/html", "image/png", "application/pdf", "message/rfc822"} <= kinds
    ids = [message["message-id"] for message in messages]
    assert len(set(ids)) == len(ids) == 12
    assert any(message["in-reply-to"] in ids for message in messages if message["in-reply-to"])
    assert any("Straßenfest" in message["subject"] for message in messages)
