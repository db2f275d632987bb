"""ESEARCH (RFC 7377): many and large mailboxes, in turns."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.session.commands import esearch, search
from tests.imap_harness import Client, Server, append


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


def filled(server: Server, counts: dict[str, int]) -> Client:
    client = server.client(mailbox=None)
    for name, count in counts.items():
        client.do(f"CREATE {name}")
        for number in range(count):
            assert append(client, b"Subject: %d\r\n\r\nx" % number, name)[-1].startswith(b"t OK")
    return client


def reads(server: Server, monkeypatch: pytest.MonkeyPatch, client: Client, text: str) -> int:
    """How many turns of a reading thread a command takes."""
    database = server.services.database
    before, turns = database.read, []

    async def read(work: Any, *, brief: bool = False) -> Any:
        turns.append(work)
        return await before(work, brief=brief)

    with monkeypatch.context() as patched:
        patched.setattr(database, "read", read)
        assert client.do(text)[-1].startswith(b"t OK")
    return len(turns)


@pytest.mark.parametrize("key", ["SUBJECT 1", "HEADER X-A b", "TEXT x", "UNSEEN", "LARGER 3"])
def test_small_mailboxes_share_a_turn(
    server: Server, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    client = filled(server, {f"b{number}": 2 for number in range(30)})
    # One to see which mailboxes there are, one to search them.
    assert reads(server, monkeypatch, client, f"ESEARCH IN (personal) {key}") == 2


def test_turns_end_with_messages_or_mailboxes(monkeypatch: pytest.MonkeyPatch) -> None:
    from bridge.model.ids import MailboxId
    from bridge.model.notify import MailboxState

    monkeypatch.setattr(esearch, "TURN_MAILBOXES", 3)
    counts = [2, 0, 3, 6, 1, 1, 1, 1, 20, 2]
    boxes = [MailboxState(MailboxId(n), f"b{n}", 1, 1, 1, m, 0, None) for n, m in enumerate(counts)]
    turns = [[box.messages for box in some] for some in esearch._turns(boxes, None, 6)]
    assert turns == [[2, 3], [6], [1, 1, 1], [1], [20], [2]]
    turns = [[box.id for box in some] for some in esearch._turns(boxes, MailboxId(1), 6)]
    assert turns[:3] == [[0], [1], [2]]


def test_a_large_mailbox_is_searched_in_turns_and_finds_the_same(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = filled(server, {"large": 25, "small": 2})
    question = "ESEARCH IN (subtree (large small)) OR SUBJECT 1 HEADER X-None none"
    whole = client.do(question)
    monkeypatch.setattr(search, "READ_MESSAGES", 4)
    assert client.do(question) == whole
    assert whole[0].endswith(b") UID ALL 2,11:20,22") and whole[1].endswith(b") UID ALL 2")
    assert reads(server, monkeypatch, client, question) > 6


def test_it_claims_nothing_and_keeps_nothing(server: Server) -> None:
    client = filled(server, {"a": 3})
    assert client.do("ESEARCH IN (mailboxes a) RECENT")[0].endswith(b") UID ALL 1:3")
    assert len(server.services.snapshots._held) == 0
    assert b"* 3 RECENT" in client.do("SELECT a")
    # What another session has claimed is recent to nobody else.
    other = server.client()
    assert len(other.do("ESEARCH IN (mailboxes a) RECENT")) == 1


def test_accounts_see_their_own(server: Server) -> None:
    filled(server, {"a": 1})
    bob = server.client("bob")
    assert len(bob.do("ESEARCH IN (mailboxes a personal) ALL")) == 1


def test_numbers_are_those_of_each_mailbox(server: Server) -> None:
    client = filled(server, {"a": 3, "b": 1})
    told = client.do("ESEARCH IN (personal) 2:4")
    assert len(told) == 2 and b" MAILBOX a " in told[0] and told[0].endswith(b") UID ALL 2:3")
