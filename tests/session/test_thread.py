"""THREAD over a mailbox that changes, and in the turns of large ones."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.session.commands import sort, thread
from bridge.session.keys import Keys
from tests.imap_harness import Client, Server, append


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


def chain(client: Client, first: int, last: int) -> None:
    for number in range(first, last):
        append(
            client,
            b"Message-ID: <%d@x>\r\nReferences: <%d@x>\r\nSubject: s\r\n\r\n"
            % (number, number - 1),
        )


@pytest.mark.parametrize("turn", [1, 3, 1000])
def test_turns_change_nothing(server: Server, turn: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sort, "READ_MESSAGES", turn)
    monkeypatch.setattr(thread, "READ_MESSAGES", turn)
    # Nor does it that little can be kept.
    server.services.keys = Keys(max_octets=turn)
    client = server.client()
    chain(client, 1, 9)
    client.do("SELECT INBOX")
    for algorithm in ("REFERENCES", "REFS"):
        assert client.do(f"THREAD {algorithm} UTF-8 ALL")[0] == b"* THREAD (1 2 3 4 5 6 7 8)"
    assert client.do("SORT (SUBJECT REVERSE ARRIVAL) UTF-8 2:4")[0] == b"* SORT 2 3 4"


def test_each_search_has_its_own_threads(server: Server) -> None:
    client, other = server.client(), server.client()
    chain(client, 1, 7)
    client.do("SELECT INBOX")
    other.do("SELECT INBOX")
    for _ in range(2):
        assert client.do("THREAD REFERENCES UTF-8 ALL")[0] == b"* THREAD (1 2 3 4 5 6)"
        assert other.do("THREAD REFS UTF-8 NOT 3")[0] == b"* THREAD (1 2)(4 5 6)"
        assert client.do("THREAD REFERENCES UTF-8 2:4")[0] == b"* THREAD (2 3 4)"
        assert client.do("THREAD REFERENCES UTF-8 SEEN")[0] == b"* THREAD"


def test_what_comes_and_goes_is_in_its_thread(server: Server) -> None:
    client, other = server.client(), server.client()
    client.do("SELECT INBOX")
    other.do("SELECT INBOX")
    assert client.do("THREAD REFERENCES UTF-8 ALL")[0] == b"* THREAD"
    chain(other, 1, 4)
    client.do("NOOP")
    assert client.do("THREAD REFS UTF-8 ALL")[0] == b"* THREAD (1 2 3)"
    chain(other, 4, 6)
    client.do("NOOP")
    assert client.do("THREAD REFS UTF-8 ALL")[0] == b"* THREAD (1 2 3 4 5)"
    other.do("NOOP")
    other.do("STORE 2 +FLAGS (\\Deleted)")
    other.do("EXPUNGE")
    client.do("NOOP")
    assert client.do("UID THREAD REFS UTF-8 ALL")[0] == b"* THREAD (1)(3 4 5)"


def test_a_search_of_modseqs_is_threaded(server: Server) -> None:
    client = server.client()
    chain(client, 1, 4)
    client.do("SELECT INBOX")
    client.do("STORE 2:3 +FLAGS (\\Flagged)")
    assert b"* THREAD (2 3)" in client.do("THREAD REFERENCES UTF-8 MODSEQ 5")
    assert b"* SORT 2 3 (MODSEQ 5)" in client.do("SORT (SUBJECT) UTF-8 MODSEQ 5")
