"""INPROGRESS (RFC 9585): what is said of commands that take long."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.session import progress
from bridge.session.commands import search
from bridge.session.progress import Progress
from bridge.store.port import InlineDatabase
from bridge.store.tx import ReadTx, WriteTx
from tests.imap_harness import Client, Server, append


class Slow:
    """A database of which each answer takes so long that the client is told."""

    def __init__(self, inner: InlineDatabase, clients: list[Client]) -> None:
        self._inner = inner
        self._clients = clients
        self.newest = inner.newest
        self.writes = inner.writes

    def _wait(self) -> None:
        for client in self._clients:
            client.wait_long()

    async def read(self, work: Callable[[ReadTx], Any], *, brief: bool = False) -> Any:
        self._wait()
        return await self._inner.read(work, brief=brief)

    async def write(self, work: Callable[[WriteTx], Any], *, ingest: bool = False) -> Any:
        self._wait()
        return await self._inner.write(work, ingest=ingest)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


def slow(server: Server, messages: int) -> Client:
    client = server.client()
    for number in range(messages):
        append(client, b"Subject: %d\r\n\r\nx" % number)
    server.services.database = Slow(InlineDatabase(server.store), server.clients)
    return client


def told(lines: list[bytes]) -> list[bytes]:
    return [line.partition(b"]")[0][5:] for line in lines if b"INPROGRESS" in line]


def test_a_search_counts_what_it_has_looked_at(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "READ_MESSAGES", 2)
    client = slow(server, 5)
    lines = client.do("SEARCH BODY x", tag=b"s1")
    assert told(lines) == [b'[INPROGRESS ("s1" %d 5)' % done for done in (0, 2, 4)]
    assert lines[-2:] == [b"* SEARCH 1 2 3 4 5", b"s1 OK Done"]
    assert client.told_every_s == progress.PROGRESS_S >= 10


@pytest.mark.parametrize(
    "command",
    [
        "COPY 1:3 Trash",
        "UID COPY 1 Trash",
        r"STORE 1:* +FLAGS (\Deleted)",
        "MOVE 1:3 Trash",
        "EXPUNGE",
        "APPEND INBOX {1+}\r\nx",
        "REPLACE 1 INBOX {1+}\r\nx",
    ],
)
def test_others_say_that_they_are_at_it(server: Server, command: str) -> None:
    client = slow(server, 3)
    lines = client.do(command)
    assert set(told(lines)) == {b'[INPROGRESS ("t" NIL NIL)'}
    assert lines[-1].startswith(b"t OK")


def test_sort_and_thread_go_on_where_the_search_ends(server: Server) -> None:
    client = slow(server, 3)
    for command in ("SORT (SUBJECT) UTF-8 BODY x", "THREAD REFERENCES UTF-8 BODY x"):
        numbers = [line.split()[-2:] for line in told(client.do(command))]
        done = [int(first) for first, _ in numbers if first != b"NIL"]
        assert done == sorted(done)
        assert max(done) < 3
        assert {last for first, last in numbers if first != b"NIL"} == {b"3)"}


def test_nothing_is_said_within_what_fetch_writes(server: Server) -> None:
    client = slow(server, 3)
    assert not told(client.do("FETCH 1:* BODY.PEEK[TEXT]"))


def test_nor_before_or_after_a_command(server: Server) -> None:
    client = slow(server, 1)
    client.do("SEARCH BODY x")
    client.wait_long()
    assert client.take() == b""


def test_nor_to_an_account_that_is_not_offered_it(server: Server) -> None:
    server.store.write(
        lambda tx: tx.update_account(
            replace(tx.account("alice"), withheld=frozenset({"INPROGRESS"}))
        )
    )
    assert not told(slow(server, 1).do("SEARCH BODY x"))


def test_a_tag_that_would_end_the_code_is_not_named(server: Server) -> None:
    assert Progress(3, 3).line(b"a]1").startswith(b"* OK [INPROGRESS (NIL 2 3)] ")
    assert told(slow(server, 1).do("SEARCH BODY x", tag=b"a]"))[0].startswith(b"[INPROGRESS (NIL")


def test_one_that_is_at_it_and_one_that_is_not(server: Server) -> None:
    busy = slow(server, 2)
    idle = server.client()
    assert told(busy.do("SEARCH BODY x"))
    assert idle.take() == b""
    assert told(idle.do("SEARCH BODY x", tag=b"other"))[0].startswith(b'[INPROGRESS ("other"')
