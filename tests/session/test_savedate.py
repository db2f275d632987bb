"""SAVEDATE (RFC 8514): the moment a message came into its mailbox, and no other."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.imap_harness import NOW, Server, append


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


def test_copies_and_moves_have_their_own_and_it_stays(server: Server) -> None:
    client = server.client()
    append(client, b"x")
    server.services.clock = lambda: NOW + timedelta(days=1)
    client.do("COPY 1 Trash")
    server.services.clock = lambda: NOW + timedelta(days=2)
    client.do(r"STORE 1 +FLAGS (\Seen)")
    assert client.do("FETCH 1 SAVEDATE")[0] == (
        b'* 1 FETCH (SAVEDATE "24-Nov-2026 12:00:00 +0000")'
    )
    client.do("MOVE 1 Trash")
    client.do("EXAMINE Trash")
    assert [line.split(b'"')[1] for line in client.do("FETCH 1:* SAVEDATE")[:-1]] == [
        b"25-Nov-2026 12:00:00 +0000",
        b"26-Nov-2026 12:00:00 +0000",
    ]
    for key, found in (
        ("SAVEDON 25-Nov-2026", b" 1"),
        ("SAVEDBEFORE 26-Nov-2026", b" 1"),
        ("SAVEDSINCE 26-Nov-2026", b" 2"),
        ("SAVEDSINCE 25-Nov-2026", b" 1 2"),
        ("SAVEDBEFORE 25-Nov-2026", b""),
        ("SAVEDATESUPPORTED", b" 1 2"),
        ("NOT SAVEDATESUPPORTED", b""),
    ):
        assert client.do(f"SEARCH {key}")[0] == b"* SEARCH" + found, key
