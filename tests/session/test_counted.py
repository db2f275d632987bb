"""STATUS from memory: true for as long as nothing is written, and asked again behind that."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.model.ids import AccountId
from bridge.session import counted
from bridge.session.counted import Asked, Counted, Counters
from tests.imap_harness import Client, Server, append

ITEMS = "(MESSAGES UNSEEN UIDNEXT SIZE)"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


def status(client: Client, mailbox: str = "INBOX", items: str = ITEMS) -> bytes:
    answer = client.do(f"STATUS {mailbox} {items}")
    assert answer[-1].startswith(b"t OK"), answer
    return answer[0]


def test_what_was_counted_is_told_to_every_client(server: Server, looks: list[Any]) -> None:
    one, two = server.client(mailbox=None), server.client(mailbox=None)
    append(one, b"Subject: x\r\n\r\n")
    looks.clear()
    told = status(one)
    assert (told, status(two), status(one)) == (told,) * 3
    assert len(looks) == 1
    assert status(one, items="(UIDVALIDITY)").startswith(b"* STATUS INBOX (UIDVALIDITY ")
    assert len(looks) == 1


def test_whatever_is_written_is_counted(server: Server, looks: list[Any]) -> None:
    one, two = server.client(), server.client(mailbox=None)
    assert status(two) == b"* STATUS INBOX (MESSAGES 0 UNSEEN 0 UIDNEXT 1 SIZE 0)"
    append(one, b"Subject: x\r\n\r\n")
    assert status(two) == b"* STATUS INBOX (MESSAGES 1 UNSEEN 1 UIDNEXT 2 SIZE 14)"
    one.do(r"STORE 1 +FLAGS (\Seen \Deleted)")
    assert status(two) == b"* STATUS INBOX (MESSAGES 1 UNSEEN 0 UIDNEXT 2 SIZE 14)"
    one.do("EXPUNGE")
    assert status(two) == b"* STATUS INBOX (MESSAGES 0 UNSEEN 0 UIDNEXT 2 SIZE 0)"


def test_a_mailbox_that_is_renamed_or_deleted_is_not_remembered(server: Server) -> None:
    one, two = server.client(mailbox=None), server.client(mailbox=None)
    one.do("CREATE a")
    status(two, "a")
    one.do("RENAME a b")
    assert two.do(f"STATUS a {ITEMS}")[-1] == b"t NO [NONEXISTENT] There is no such mailbox"
    status(two, "b")
    one.do("DELETE b")
    assert two.do(f"STATUS b {ITEMS}")[-1] == b"t NO [NONEXISTENT] There is no such mailbox"


def test_accounts_have_counters_of_their_own(server: Server) -> None:
    append(server.client("alice", mailbox=None), b"Subject: x\r\n\r\n")
    assert b"MESSAGES 1" in status(server.client("alice", mailbox=None))
    assert b"MESSAGES 0" in status(server.client("bob", mailbox=None))


def test_the_size_of_what_is_deleted_is_counted_when_it_is_asked_for(server: Server) -> None:
    client = server.client()
    append(client, b"Subject: x\r\n\r\n", flags=r"(\Deleted)")
    assert b"DELETED-STORAGE" not in status(client)
    assert status(client, items="(DELETED-STORAGE)") == b"* STATUS INBOX (DELETED-STORAGE 14)"


def test_while_somebody_writes_nothing_is_taken_from_memory(
    server: Server, looks: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, store = server.client(mailbox=None), server.store
    status(client)
    looks.clear()
    during: list[int | None] = []
    server.store.write(lambda tx: during.append(store.writes()))
    assert during == [None]
    monkeypatch.setattr(store, "writes", lambda: None)
    status(client)
    status(client)
    assert len(looks) == 2


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counted, "KEPT", 3)
    kept, counters = Counted(), Counters(None, None)  # type: ignore[arg-type]
    names = [Asked(AccountId(1), str(number), utf8=False) for number in range(7)]
    for name in names:
        kept.keep(4, name, counters)
    assert sum(kept.find(4, name, deleted_size=False) is not None for name in names) == 1
