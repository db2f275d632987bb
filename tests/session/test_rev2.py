"""IMAP4rev2 where it is enabled late: while a mailbox is selected, with news waiting."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.imap_harness import Server, append

MESSAGE = b"From: a@example.org\r\nSubject: apple\r\n\r\nbody\r\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("names", ["IMAP4rev2", "CONDSTORE IMAP4rev2", "IMAP4rev2 QRESYNC"])
def test_news_that_wait_are_told_in_the_new_grammar(server: Server, names: str) -> None:
    client, other = server.client(), server.client()
    append(other, MESSAGE)
    answer = client.do(f"ENABLE {names}")
    assert answer[0].split()[1:] == [b"ENABLED", *names.encode().split()]
    answer += client.do("NOOP")
    assert b"* 1 EXISTS" in answer
    assert not any(b"RECENT" in line for line in answer)
    assert client.do("UID FETCH 1 FLAGS")[0].startswith(b"* 1 FETCH (UID 1 FLAGS ()")


def test_who_had_claimed_what_is_recent_keeps_none_of_it(server: Server) -> None:
    client, other = server.client(mailbox=None), server.client(mailbox=None)
    append(client, MESSAGE)
    client.do("SELECT INBOX")
    assert client.do("FETCH 1 FLAGS")[0] == b"* 1 FETCH (FLAGS (\\Recent))"
    client.do("ENABLE IMAP4rev2")
    assert client.do("FETCH 1 FLAGS")[0] == b"* 1 FETCH (FLAGS ())"
    # It was told of it first, so no other is.
    assert b"* 0 RECENT" in other.do("SELECT INBOX")


def test_a_session_that_knows_no_recent_writes_nothing_to_select(server: Server) -> None:
    client = server.client(mailbox=None)
    client.do("ENABLE IMAP4rev2")
    append(client, MESSAGE)

    async def refuse(work: object) -> None:
        raise AssertionError("SELECT writes")

    server.services.database.write = refuse  # type: ignore[method-assign]
    assert client.do("SELECT INBOX")[-1].startswith(b"t OK")
    assert client.do("FETCH 1 FLAGS")[0] == b"* 1 FETCH (FLAGS ())"
