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


def reply(name: str, *references: str) -> bytes:
    named = " ".join(f"<{one}@x>" for one in references)
    return f"Message-ID: <{name}@x>\r\nReferences: {named}\r\n\r\n{name}".encode()


def threads(client: Client, *messages: bytes) -> list[bytes]:
    for message in messages:
        append(client, message)
    return ids(client, "INBOX", "THREADID")


def test_a_thread_is_what_refers_to_one_another_in_any_order(server: Server) -> None:
    client = server.client(mailbox=None)
    first, second, other, last, late, alone, nameless = threads(
        client,
        reply("a"),
        reply("b", "a"),
        reply("z"),
        reply("d", "a", "c"),
        reply("c", "b"),
        b"Subject: x\r\n\r\n",
        b"Message-ID: <n>\r\n\r\n",
    )
    assert first == second == last == late
    assert len({first, other, alone, nameless}) == 4


def test_a_child_that_came_first_is_found_and_in_reply_to_counts(server: Server) -> None:
    client = server.client(mailbox=None)
    child, parent, answer = threads(
        client,
        reply("b", "a"),
        reply("a"),
        b"Message-ID: <c@x>\r\nIn-Reply-To: <b@x> (on Monday)\r\n\r\n",
    )
    assert child == parent == answer


def test_two_threads_that_turn_out_to_be_one_stay_two(server: Server) -> None:
    client = server.client(mailbox=None)
    one, two, joint = threads(client, reply("a"), reply("b"), reply("c", "a", "b"))
    assert one != two == joint
    assert ids(client, "INBOX", "THREADID") == [one, two, joint]


def test_a_thread_goes_over_mailboxes_and_lasts_but_not_over_accounts(server: Server) -> None:
    client = server.client()
    append(client, reply("a"))
    client.do("COPY 1 Sent")
    (first,) = ids(client, "INBOX", "THREADID")
    assert ids(client, "Sent", "THREADID") == [first]
    client.do("SELECT INBOX")
    client.do(r"STORE 1 +FLAGS (\Deleted)")
    client.do("EXPUNGE")
    append(client, reply("b", "a"), "Trash")
    assert ids(client, "Trash", "THREADID") == [first]
    client.do("SELECT Trash")
    assert client.do(f"SEARCH THREADID {first.decode()}")[0] == b"* SEARCH 1"
    assert client.do(f"SEARCH EMAILID {first.decode()}")[0] == b"* SEARCH"
    bob = server.client("bob")
    append(bob, reply("b", "a"))
    (other,) = ids(bob, "INBOX", "THREADID")
    assert other != first


def test_a_message_that_refers_to_a_thousand_is_looked_up_thirty_times(server: Server) -> None:
    from sqlalchemy import text

    client = server.client(mailbox=None)
    append(client, reply("a", *(f"r{number}" for number in range(900))))
    append(client, reply("b", "r899"))
    first, second = ids(client, "INBOX", "THREADID")
    assert first == second
    rows = server.store.read(
        lambda tx: tx.connection.execute(text("SELECT count(*) FROM correlator")).scalar()
    )
    assert rows == 31
