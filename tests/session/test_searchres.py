"""SEARCHRES (RFC 5182) where a script can't look: a store that fails, what isn't announced yet."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.errors import StoreError
from tests.imap_harness import Server, append

MESSAGE = b"From: a@example.org\r\nSubject: apple\r\n\r\nbody\r\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


def test_a_search_that_fails_leaves_nothing_saved(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = server.client(mailbox=None)
    for _ in range(3):
        append(client, MESSAGE)
    client.do("SELECT INBOX")
    assert client.do("SEARCH RETURN (SAVE) ALL") == [b"t OK Done"]
    read = server.services.database.read

    async def fail(work: object) -> object:
        raise StoreError("The disk is broken")

    for command in ("SEARCH RETURN (SAVE) SUBJECT a", "SORT RETURN (SAVE) (SUBJECT) UTF-8 ALL"):
        monkeypatch.setattr(server.services.database, "read", fail)
        assert client.do(command)[-1].startswith(b"t NO ")
        monkeypatch.setattr(server.services.database, "read", read)
        assert client.do("SEARCH $") == [b"* SEARCH", b"t OK Done"]
        client.do("SEARCH RETURN (SAVE) ALL")
    monkeypatch.setattr(server.services.database, "read", fail)
    assert client.do("SEARCH SUBJECT a")[-1].startswith(b"t NO ")
    monkeypatch.setattr(server.services.database, "read", read)
    # It wasn't to be saved.
    assert client.do("SEARCH $") == [b"* SEARCH 1 2 3", b"t OK Done"]


def test_what_is_expunged_and_not_yet_told_is_found_by_no_search(server: Server) -> None:
    client, other = server.client(mailbox=None), server.client()
    for _ in range(3):
        append(client, MESSAGE)
    client.do("SELECT INBOX")
    client.do("SEARCH RETURN (SAVE) ALL")
    other.do("NOOP")
    other.do("STORE 2 +FLAGS.SILENT (\\Deleted)")
    other.do("EXPUNGE")
    # FETCH by number can't say that it is gone: it is shown, as by its number.
    assert len(client.do("FETCH $ UID")) == 4
    assert client.do("SEARCH $") == [b"* SEARCH 1 3", b"t OK Done"]
    assert client.do("NOOP")[0] == b"* 2 EXPUNGE"
    assert client.do("FETCH $ UID") == [
        b"* 1 FETCH (UID 1)",
        b"* 2 FETCH (UID 3)",
        b"t OK Done",
    ]
