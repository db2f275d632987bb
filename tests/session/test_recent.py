"""\\Recent belongs to exactly one session (RFC 3501 §2.3.2)."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import StoreFullError
from tests.imap_harness import Client, Server, append

MESSAGE = b"Subject: x\r\n\r\nbody\r\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


def recent(client: Client) -> list[bytes]:
    """Which messages the client sees as \\Recent, by UID."""
    lines = client.do("UID FETCH 1:* (FLAGS)")
    return [line.split()[4] for line in lines if b"\\Recent" in line]


def before_writes(
    server: Server, monkeypatch: pytest.MonkeyPatch, do: Callable[[], object]
) -> None:
    """Runs `do` before the next write of a session."""
    write = server.services.database.write

    async def late(work: Any, *, ingest: bool = False) -> Any:
        monkeypatch.undo()
        do()
        return await write(work, ingest=ingest)

    monkeypatch.setattr(server.services.database, "write", late)


def test_a_message_that_comes_while_others_are_claimed_is_recent_too(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = server.client(mailbox=None)
    append(writer, MESSAGE)
    client = server.client(mailbox=None)
    before_writes(server, monkeypatch, lambda: append(writer, MESSAGE))
    assert client.do("SELECT INBOX")[-1].startswith(b"t OK")
    assert recent(client) == [b"1", b"2"]
    assert recent(server.client()) == []


def test_a_mailbox_deleted_while_it_is_selected_is_none(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = server.client(mailbox=None)
    writer.do("CREATE x")
    append(writer, MESSAGE, "x")
    client = server.client(mailbox=None)
    before_writes(server, monkeypatch, lambda: writer.do("DELETE x"))
    assert client.do("SELECT x")[-1].startswith(b"t NO [NONEXISTENT]")
    assert client.do("NOOP") == [b"t OK Done"]


def test_the_same_while_a_client_is_told_of_new_mail(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, client = server.client(mailbox=None), server.client()
    append(writer, MESSAGE)
    before_writes(server, monkeypatch, lambda: append(writer, MESSAGE))
    assert b"* 1 RECENT" in client.do("NOOP")
    assert b"* 2 RECENT" in client.do("NOOP")
    assert recent(client) == [b"1", b"2"]
    assert recent(server.client()) == []


def test_a_full_disk_leaves_them_to_the_next(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise 8."""
    append(server.client(mailbox=None), MESSAGE)

    async def full(work: object, *, ingest: bool = False) -> None:
        raise StoreFullError("The disk is full.", "Free some space.")

    with monkeypatch.context() as patch:
        patch.setattr(server.services.database, "write", full)
        client = server.client()
        assert client.do("FETCH 1 (FLAGS BODY[TEXT])")[0] == b"* 1 FETCH (FLAGS () BODY[TEXT] {6}"
        assert client.do("CLOSE")[-1].startswith(b"t OK")
    after = server.client()
    assert recent(after) == [b"1"]
    assert b"\\Seen" not in after.do("FETCH 1 FLAGS")[0]
