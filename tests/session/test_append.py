import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import StoreFullError
from bridge.intake import INLINE_OCTETS
from bridge.session import uploads
from bridge.session.port import SessionLimits
from bridge.store.tx import WriteTx
from tests.imap_harness import Server, append


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path, SessionLimits(append_octets=INLINE_OCTETS * 4))
    yield made
    made.close()


def test_a_large_message_is_staged_and_comes_back(server: Server) -> None:
    octets = b"Subject: large\r\n\r\n" + bytes(range(1, 256)) * (INLINE_OCTETS // 100)
    client = server.client()
    assert append(client, octets)[-1].startswith(b"t OK [APPENDUID")
    client.send(b"f FETCH 1 BODY.PEEK[]\r\n")
    answer = client.take()
    assert b"{%d}\r\n%b" % (len(octets), octets) in answer
    stages = server.store.read(
        lambda tx: tx.connection.exec_driver_sql("select count(*) from blob where not sealed")
        .scalar()
    )  # fmt: skip
    assert stages == 0


def test_what_is_too_large_is_refused_before_it_is_sent(server: Server) -> None:
    client = server.client()
    client.send(b"a APPEND INBOX {999999999}\r\n")
    assert client.take().startswith(b"a NO [TOOBIG]")
    client.send(b"b APPEND nowhere {15+}\r\nSubject: 1\r\n\r\nx\r\n")
    assert client.take().startswith(b"b NO [TRYCREATE]")
    assert client.do("NOOP") == [b"t OK Done"]


def test_a_mailbox_that_goes_between_two_messages_for_it(server: Server) -> None:
    client, other = server.client(), server.client()
    client.do("CREATE here")
    letter = b"{15+}\r\nSubject: 1\r\n\r\nx\r\n"
    client.send(b"a APPEND here " + letter)
    assert client.take().startswith(b"a OK [APPENDUID")
    other.do("DELETE here")
    # The first is refused where it would be stored, the second before; both are read to the end.
    for tag in (b"b", b"c"):
        client.send(tag + b" APPEND here " + letter)
        assert client.take().startswith(tag + b" NO [TRYCREATE]")
    assert client.do("NOOP") == [b"t OK Done"]


def test_a_connection_that_ends_in_a_literal_leaves_nothing(server: Server) -> None:
    client = server.client()
    client.send(b"a APPEND INBOX {3000000+}\r\n" + b"x" * (INLINE_OCTETS + 300_000))
    client.hang_up()
    blobs = server.store.read(
        lambda tx: tx.connection.exec_driver_sql("select count(*) from blob").scalar()
    )
    assert blobs == 0
    assert not client.failures


def test_nul_goes_out_as_0x80(server: Server) -> None:
    client = server.client()
    append(client, b"Subject: x\r\n\r\na\0b\r\n")
    client.send(b"f FETCH 1 BODY.PEEK[TEXT]\r\n")
    assert b"{5}\r\na\x80b\r\n" in client.take()


LARGE = b"Subject: large\r\n\r\n" + b"x" * (INLINE_OCTETS + 300_000)


def blobs(server: Server, where: str = "true") -> int:
    count = server.store.read(
        lambda tx: tx.connection.exec_driver_sql(
            f"select count(*) from blob where {where}"
        ).scalar()
    )
    assert isinstance(count, int)
    return count


def test_large_and_small_ones_in_one_command(server: Server) -> None:
    client = server.client()
    messages = [LARGE, b"Subject: small\r\n\r\nx\r\n", LARGE + b"more"]
    command = b"a APPEND INBOX" + b"".join(b" {%d+}\r\n%b" % (len(m), m) for m in messages)
    client.send(command + b"\r\n")
    assert re.search(rb"^a OK \[APPENDUID \d+ 1:3\]", client.take(), re.MULTILINE)
    assert (blobs(server), blobs(server, "not sealed")) == (3, 0)
    for number, message in enumerate(messages, 1):
        client.send(b"f FETCH %d BODY.PEEK[]\r\n" % number)
        assert b"{%d}\r\n%b" % (len(message), message) in client.take()


@pytest.mark.parametrize(
    ("rest", "answer"),
    [
        (b" {0+}\r\n\r\n", b"a NO [CANNOT]"),
        (b" {99999999}\r\n", b"a NO [TOOBIG]"),
        (b" {99999999+}\r\n" + b"y" * 99999999 + b"\r\n", b"a NO [TOOBIG]"),
        (b" (\\Bogus) {600000}\r\n", b"a BAD [TOOBIG]"),
        (b" (\\Bogus) {3+}\r\nabc\r\n", b"a BAD"),
        (b" rubbish\r\n", b"a BAD"),
    ],
)
def test_a_failure_in_the_middle_leaves_nothing(server: Server, rest: bytes, answer: bytes) -> None:
    client = server.client()
    small = b"Subject: x\r\n\r\ny\r\n"
    client.send(b"a APPEND INBOX {%d+}\r\n%b {%d+}\r\n%b" % (len(LARGE), LARGE, 17, small[:17]))
    client.send(rest)
    assert client.take().startswith(answer)
    assert blobs(server) == 0
    assert client.do("NOOP") == [b"t OK Done"]
    # And the numbers of UIDs are not used up.
    assert b" 1]" in append(client, small)[-1]


def test_small_ones_do_not_add_up_in_memory(server: Server) -> None:
    client = server.client()
    message = b"Subject: x\r\n\r\n" + b"y" * (INLINE_OCTETS // 2)
    part = b" {%d+}\r\n%b" % (len(message), message)
    client.send(b"a APPEND INBOX" + part * 5)
    held = [intake.held for intake in client.session._context.uploads._taken]
    assert sum(held) <= INLINE_OCTETS
    assert (len(held), blobs(server, "not sealed")) == (5, 4)
    client.send(b"\r\n")
    assert b" 1:5]" in client.take()
    assert blobs(server, "not sealed") == 0


def test_a_connection_that_ends_between_messages_leaves_nothing(server: Server) -> None:
    client = server.client()
    client.send(b"a APPEND INBOX {%d+}\r\n%b {5}\r\n" % (len(LARGE), LARGE))
    assert client.take().startswith(b"+ ")
    assert blobs(server) == 1
    client.hang_up()
    assert blobs(server) == 0


@pytest.mark.parametrize("limit", ["MAX_MESSAGES", "MAX_MEMORY_OCTETS"])
def test_more_than_is_taken_at_once(
    server: Server, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, limit, 2 if limit == "MAX_MESSAGES" else 20)
    client = server.client()
    part = b" {19+}\r\nSubject: x\r\n\r\nabcde"
    client.send(b"a APPEND INBOX" + part * 2 + b"\r\n")
    answer = client.take()
    client.send(b"b APPEND INBOX" + part * 3 + b" {5}\r\n")
    if limit == "MAX_MESSAGES":
        assert b"a OK" in answer
    assert b"NO [LIMIT]" in answer + client.take()
    assert "append" in server.observer.limits
    assert client.do("NOOP")[-1] == b"t OK Done"


def test_all_fail_where_one_does_not_fit(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = iter(range(10))
    add = WriteTx.add_message

    def add_message(tx: WriteTx, *arguments: Any, **named: Any) -> Any:
        if next(calls) == 2:
            raise StoreFullError("The disk is full.")
        return add(tx, *arguments, **named)

    monkeypatch.setattr(WriteTx, "add_message", add_message)
    client = server.client()
    client.send(b"a APPEND INBOX" + b" {3+}\r\nabc" * 4 + b"\r\n")
    assert client.take().startswith(b"a NO [UNAVAILABLE]")
    assert b"(MESSAGES 0 UIDNEXT 1)" in client.do("STATUS INBOX (MESSAGES UIDNEXT)")[0]


def test_a_disk_that_fills_between_messages_refuses_the_next(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = server.client()

    def full(tx: WriteTx) -> int:
        raise StoreFullError("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(WriteTx, "stage_begin", full)
        client.send(b"a APPEND INBOX {%d+}\r\n%b {5}\r\n" % (len(LARGE), LARGE))
        assert client.take().startswith(b"a NO [UNAVAILABLE]")
    assert b" 1]" in append(client, b"abc")[-1]
