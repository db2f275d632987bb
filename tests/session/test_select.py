"""SELECT of a mailbox whose listing somebody has."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.store.tx import ReadTx
from tests.imap_harness import Server, append


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


@pytest.fixture
def listings(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Each mailbox that is read from the store with all its messages."""
    found: list[Any] = []
    snapshot = ReadTx.snapshot

    def counted(tx: ReadTx, mailbox: Any) -> Any:
        found.append(mailbox.name)
        return snapshot(tx, mailbox)

    monkeypatch.setattr(ReadTx, "snapshot", counted)
    return found


def test_who_selects_the_same_mailbox_again_reads_it_once(
    server: Server, listings: list[Any]
) -> None:
    client = server.client()
    append(client, b"Subject: x\r\n\r\n")
    client.do("NOOP")
    listings.clear()
    for verb in ("SELECT", "EXAMINE", "SELECT"):
        assert client.do(f"{verb} INBOX")[-1].startswith(b"t OK")
    client.do("CLOSE")
    assert listings == []


def test_who_has_left_a_mailbox_reads_it_anew(server: Server, listings: list[Any]) -> None:
    client = server.client()
    client.do("UNSELECT")
    listings.clear()
    client.do("SELECT INBOX")
    assert listings == ["INBOX"]
