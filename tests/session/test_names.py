"""Names of mailboxes and what becomes of them: odd ones, used ones, very many."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from bridge.imap import mutf7
from bridge.imap.serialize import mailbox_name
from tests.imap_harness import Client, Server, append

MESSAGE = b"Subject: x\r\n\r\ny\r\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


def uidvalidity(client: Client, name: str) -> int:
    (line, _) = client.do(f"STATUS {name} (UIDVALIDITY)")
    found = re.search(rb"UIDVALIDITY (\d+)", line)
    assert found is not None
    return int(found[1])


ODD = [
    "a b",
    " ",
    "&",
    "a&b&",
    'say "hi"',
    "back\\slash",
    "Entwürfe",
    "日本語",
    "📬 mail",
    "~x",
    "#y",
]
ODD += ["NIL", "{5}", "(x)", "]", "x" * 250, "#y", "tail ", "a+b@c", "\uff41", "é", "e\u0301"]


@pytest.mark.parametrize("name", ODD)
def test_odd_names_live_a_whole_life(server: Server, name: str) -> None:
    client = server.client(mailbox=None)
    wire = mailbox_name(name).decode()
    quoted = '"' + mutf7.encode(name).decode().replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert client.do(f"CREATE {quoted}")[-1].startswith(b"t OK")
    assert client.do(f"SUBSCRIBE {quoted}")[-1].startswith(b"t OK")
    assert f'* LIST (\\HasNoChildren) "/" {wire}'.encode() in client.do('LIST "" *')
    assert f'* LSUB () "/" {wire}'.encode() in client.do(f'LSUB "" {quoted}')
    assert append(client, MESSAGE, quoted)[-1].startswith(b"t OK [APPENDUID")
    assert client.do(f"STATUS {quoted} (MESSAGES)")[0].startswith(f"* STATUS {wire} (".encode())
    assert client.do(f"RENAME {quoted} other")[-1].startswith(b"t OK")
    assert client.do(f"RENAME other {quoted}")[-1].startswith(b"t OK")
    assert client.do(f"SELECT {quoted}")[-1].startswith(b"t OK")
    assert client.do(f"DELETE {quoted}")[-1].startswith(b"t OK")
    assert client.do(f"SELECT {quoted}")[-1].startswith(b"t NO [NONEXISTENT]")


@pytest.mark.parametrize("name", ['"a*"', '"%"', "a//b", "/a", "/", '""', "&AGE-", "&", "&AAo-"])
def test_names_that_are_refused(server: Server, name: str) -> None:
    client = server.client(mailbox=None)
    for command in (f"CREATE {name}", f"RENAME Trash {name}"):
        assert client.do(command)[-1].startswith(b"t NO [CANNOT]"), command
    # Nothing has such a name, and asking is no mistake.
    assert client.do(f"STATUS {name} (MESSAGES)")[-1].startswith(b"t NO [")


def test_two_ways_to_write_a_letter_are_two_mailboxes(server: Server) -> None:
    client = server.client(mailbox=None)
    for name in ("é", "e\u0301"):
        assert client.do(f"CREATE {mutf7.encode(name).decode()}")[-1].startswith(b"t OK")


def test_a_name_that_is_used_again_has_another_uidvalidity(server: Server) -> None:
    client = server.client(mailbox=None)
    client.do("CREATE a")
    client.do("CREATE b")
    first, other = uidvalidity(client, "a"), uidvalidity(client, "b")
    client.do("DELETE a")
    client.do("CREATE a")
    second = uidvalidity(client, "a")
    client.do("RENAME a away")
    assert uidvalidity(client, "away") == second
    client.do("RENAME b a")
    assert uidvalidity(client, "a") == other
    client.do("DELETE a")
    client.do("CREATE a")
    seen = [first, second, other, uidvalidity(client, "a")]
    assert len(set(seen)) == 4
    assert seen[-1] == max(seen)


def test_inbox_keeps_its_uids_when_its_messages_go(server: Server) -> None:
    client = server.client()
    before = uidvalidity(client, "INBOX")
    append(client, MESSAGE)
    client.do("RENAME INBOX old")
    assert b"[APPENDUID %d 2]" % before in append(client, MESSAGE)[-1]
    assert uidvalidity(client, "old") not in (before, 0)
    assert b"[APPENDUID %d 2]" % uidvalidity(client, "old") in append(client, MESSAGE, "old")[-1]


def test_a_subscription_outlives_its_mailbox(server: Server) -> None:
    client = server.client(mailbox=None)
    client.do("CREATE x/y/z")
    client.do("SUBSCRIBE x/y/z")
    client.do("DELETE x/y/z")
    assert b'* LSUB (\\Noselect) "/" x/y/z' in client.do('LSUB "" "*"')
    # What "%" hides is shown by its parent (RFC 3501 section 6.3.9).
    assert client.do('LSUB "" x/%') == [b'* LSUB (\\Noselect) "/" x/y', b"t OK Done"]
    client.do("UNSUBSCRIBE x/y/z")
    assert client.do('LSUB "" x/%') == [b"t OK Done"]


def test_a_mailbox_that_was_renamed_stays_selected(server: Server) -> None:
    a, b = server.client(mailbox=None), server.client(mailbox=None)
    a.do("CREATE old/sub")
    assert b.do("SELECT old/sub")[-1].startswith(b"t OK")
    a.do("RENAME old new")
    append(a, MESSAGE, "new/sub")
    assert b.do("NOOP")[:2] == [b"* 1 EXISTS", b"* 1 RECENT"]


def test_what_is_below_a_name_and_what_only_looks_so(server: Server) -> None:
    client = server.client(mailbox=None)
    for name in ("a", "a0", "a-b", "a.c/d", "B/c", "Lists/x"):
        client.do(f"CREATE {name}")
    assert client.do("DELETE a")[-1].startswith(b"t OK")
    assert client.do("DELETE b")[-1].startswith(b"t NO [NONEXISTENT]")
    assert client.do("DELETE B")[-1].startswith(b"t NO [HASCHILDREN]")
    assert client.do("DELETE a.c")[-1].startswith(b"t NO [HASCHILDREN]")


def fill(server: Server, login: str, count: int) -> Client:
    def work(tx: Any) -> None:
        account = tx.account(login)
        for number in range(count):
            tx.create_mailbox(account.id, f"box {number % 10}/{number}")

    server.store.write(work)
    return server.client(login, mailbox=None)


def statements(server: Server, client: Client, command: str) -> int:
    """How many the command costs, whatever the machine."""
    seen: list[str] = []
    engines = (server.store._readers, server.store._writer)

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        assert client.do(command)[-1].startswith(b"t OK")
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)
    return len(seen)


@pytest.mark.parametrize("command", ['LIST "" *', 'LSUB "" *', "CREATE x/y", "RENAME Trash t/u"])
def test_a_thousand_mailboxes_cost_no_more_statements(server: Server, command: str) -> None:
    few, many = fill(server, "alice", 10), fill(server, "bob", 1000)
    assert statements(server, few, command) == statements(server, many, command)
