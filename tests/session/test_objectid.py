"""OBJECTID (RFC 8474): what keeps its id, and what gets another."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.imap_harness import Client, Server, append


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


def mailboxid(client: Client, name: str) -> bytes:
    found = re.search(rb"MAILBOXID \((\w+)\)", client.do(f"STATUS {name} (MAILBOXID)")[0])
    assert found is not None
    return found[1]


def ids(client: Client, name: str, item: str = "EMAILID") -> list[bytes]:
    client.do(f"EXAMINE {name}")
    lines = client.do(f"FETCH 1:* ({item})")[:-1]
    return [re.sub(rb".*\((?:\w+) \((\w+)\)\)", rb"\1", line) for line in lines]


def test_a_mailbox_keeps_its_id_as_long_as_it_is_that_mailbox(server: Server) -> None:
    client = server.client(mailbox=None)
    (made,) = client.do("CREATE one")
    first = mailboxid(client, "one")
    assert made == b"t OK [MAILBOXID (" + first + b")] Made"
    assert b"* OK [MAILBOXID (" + first + b")] " in b"\n".join(client.do("SELECT one"))
    client.do("CREATE two/below")
    below = mailboxid(client, "two/below")
    client.do("RENAME one three")
    client.do("RENAME two four")
    assert mailboxid(client, "three") == first
    assert mailboxid(client, "four/below") == below
    client.do("DELETE three")
    client.do("CREATE three")
    assert mailboxid(client, "three") != first


def test_renaming_inbox_makes_a_mailbox_and_moves_the_messages(server: Server) -> None:
    client = server.client(mailbox=None)
    append(client, b"Subject: x\r\n\r\ny")
    inbox, (message,) = mailboxid(client, "INBOX"), ids(client, "INBOX")
    client.do("RENAME INBOX old")
    assert mailboxid(client, "INBOX") == inbox != mailboxid(client, "old")
    assert ids(client, "old") == [message]


def test_a_copy_is_the_same_message_and_an_appended_one_is_not(server: Server) -> None:
    client = server.client()
    append(client, b"Subject: x\r\n\r\ny")
    append(client, b"Subject: x\r\n\r\ny")
    first, second = ids(client, "INBOX")
    assert first != second
    client.do("SELECT INBOX")
    client.do("COPY 1 Trash")
    client.do("MOVE 2 Trash")
    assert ids(client, "Trash") == [first, second]


def test_ids_are_told_apart_and_begin_with_a_letter(server: Server) -> None:
    client = server.client()
    append(client, b"Subject: x\r\n\r\ny")
    (email,) = ids(client, "INBOX")
    assert re.fullmatch(rb"M[0-9a-f]{24}", email)
    assert re.fullmatch(rb"F[0-9a-f]{24}", mailboxid(client, "INBOX"))


def test_without_the_capability_nothing_is_said_of_it(server: Server) -> None:
    from tests.session.test_withheld import client_without

    client = client_without(server, "OBJECTID")
    assert client.do("CREATE x") == [b"t OK Made"]
    assert not any(b"MAILBOXID" in line for line in client.do("SELECT INBOX"))


def test_messages_are_found_by_their_id_to_the_letter(server: Server) -> None:
    client = server.client()
    for _ in range(3):
        append(client, b"Subject: x\r\n\r\ny")
    client.do("COPY 2 INBOX")
    client.do("NOOP")
    found = ids(client, "INBOX")
    assert found[1] == found[3] != found[0]
    name = found[1].decode()
    assert client.do(f"SEARCH EMAILID {name}")[0] == b"* SEARCH 2 4"
    assert client.do(f"SEARCH OR EMAILID {name} EMAILID {found[2].decode()}")[0] == (
        b"* SEARCH 2 3 4"
    )
    assert client.do(f"SEARCH NOT EMAILID {name}")[0] == b"* SEARCH 1 3"
    assert client.do(f"SEARCH EMAILID {name.upper()}")[0] == b"* SEARCH"
    assert client.do(f"SEARCH EMAILID {'x' * 256}")[-1].startswith(b"t BAD")
