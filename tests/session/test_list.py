"""LIST in its extended forms: how many looks at the store it takes, and what its limits are."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.imap.commands.list import MAX_PATTERNS
from tests.imap_harness import Client, Server, append


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


def statements(server: Server, monkeypatch: pytest.MonkeyPatch, client: Client, text: str) -> int:
    """How many statements a command takes."""
    from bridge.store.base import Reads

    seen: list[Any] = []
    every = Reads.all

    def counted(self: Reads, statement: Any, **values: Any) -> Any:
        seen.append(statement)
        return every(self, statement, **values)

    with monkeypatch.context() as patched:
        patched.setattr(Reads, "all", counted)
        assert client.do(text)[-1].startswith(b"t OK")
    return len(seen)


def test_list_status_costs_the_same_looks_for_one_and_for_500_mailboxes(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = server.client(mailbox=None)
    command = 'LIST "" * RETURN (SUBSCRIBED STATUS (MESSAGES UNSEEN SIZE DELETED-STORAGE))'
    few = statements(server, monkeypatch, client, command)

    def many(tx: Any) -> None:
        account = tx.account("alice").id
        for number in range(500):
            tx.create_mailbox(account, f"m{number}")

    server.store.write(many)
    assert statements(server, monkeypatch, client, command) == few == 3
    lines = client.do(command)
    assert sum(line.startswith(b"* STATUS") for line in lines) == 506


def test_deleted_storage_is_what_expunge_would_free(server: Server) -> None:
    client = server.client()
    for octets, flags in ((b"x" * 10, r"(\Deleted)"), (b"y" * 7, r"(\Seen)"), (b"z", "()")):
        append(client, octets, flags=flags)
    append(client, b"w" * 5, "Trash", flags=r"(\Deleted \Seen)")
    assert append(server.client("bob"), b"v" * 99, flags=r"(\Deleted)")[-1].startswith(b"t OK")
    lines = client.do('LIST "" (INBOX T* Sent) RETURN (STATUS (DELETED-STORAGE DELETED))')
    assert [line for line in lines if b"STATUS" in line] == [
        b"* STATUS INBOX (DELETED-STORAGE 10 DELETED 1)",
        b"* STATUS Sent (DELETED-STORAGE 0 DELETED 0)",
        b"* STATUS Trash (DELETED-STORAGE 5 DELETED 1)",
    ]
    client.do("EXPUNGE")
    (_, status, _) = client.do('LIST "" INBOX RETURN (STATUS (DELETED-STORAGE))')
    assert status == b"* STATUS INBOX (DELETED-STORAGE 0)"


def test_who_asks_for_inbox_looks_for_new_mail(server: Server) -> None:
    client = server.client(mailbox=None)
    client.do('LIST "" * RETURN (SUBSCRIBED)')
    client.do('LIST "" Trash RETURN (STATUS (MESSAGES))')
    assert not server.looked
    client.do('LIST "" (INBOX Trash) RETURN (STATUS (MESSAGES))')
    assert len(server.looked) == 1


def test_there_is_a_limit_of_patterns(server: Server) -> None:
    client = server.client(mailbox=None)
    most = " ".join(["x%"] * MAX_PATTERNS)
    assert client.do(f'LIST "" ({most})')[-1] == b"t OK Done"
    assert client.do(f'LIST "" ({most} y)')[-1].startswith(b"t BAD [LIMIT]")


def test_status_of_highestmodseq_in_a_list_is_no_condstore_enabling_command(
    server: Server,
) -> None:
    # RFC 7162 §3.1 names the STATUS command alone.
    client = server.client()
    (_, status, _) = client.do('LIST "" INBOX RETURN (STATUS (HIGHESTMODSEQ))')
    assert status.startswith(b"* STATUS INBOX (HIGHESTMODSEQ ")
    append(client, b"x")
    assert not any(b"MODSEQ" in line for line in client.do(r"STORE 1 +FLAGS (\Seen)"))
