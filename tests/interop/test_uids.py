"""What a UID stands for stays; mailboxes have their own."""

import random
import re
from pathlib import Path

import pytest

from bridge.bus import Bus
from bridge.store.engine import open_store
from bridge.store.tx import ReadTx
from tests.imap_harness import Client, Server, append
from tests.sync.fakes import World


def message(number: int) -> bytes:
    return b"Message-ID: <%d@example.org>\r\nSubject: %d\r\n\r\n" % (number, number) + b"x" * number


def uidvalidity(client: Client, mailbox: str) -> int:
    line = client.do(f"STATUS {mailbox} (UIDVALIDITY)")[0]
    return int(line.split(b"UIDVALIDITY ")[1].rstrip(b")"))


def octets(client: Client) -> dict[int, bytes]:
    client.send(b"f UID FETCH 1:* (UID BODY.PEEK[])\r\n")
    answer, found = client.take(), {}
    while row := re.match(rb"\* \d+ FETCH \(UID (\d+) BODY\[\] \{(\d+)\}\r\n", answer):
        end = row.end() + int(row[2])
        found[int(row[1])] = answer[row.end() : end]
        answer = answer[end + len(b")\r\n") :]
    return found


@pytest.mark.parametrize("seed", range(3))
def test_r15_a_uid_is_the_same_octets_for_ever(server: Server, seed: int) -> None:
    chance = random.Random(seed)
    client, other = server.client(), server.client()
    known: dict[int, bytes] = {}
    for number in range(40):
        append(other, message(number))
        match chance.randrange(4):
            case 0:
                other.do(f"UID STORE {chance.randrange(1, number + 2)} +FLAGS (\\Deleted)")
                other.do("EXPUNGE")
            case 1:
                other.do(f"UID COPY {chance.randrange(1, number + 2)} INBOX")
            case 2:
                other.do(f"UID MOVE {chance.randrange(1, number + 2)} INBOX")
        client.do("NOOP")
        for uid, body in octets(client).items():
            assert known.setdefault(uid, body) == body
    assert len(known) >= 40


def test_r16_uidvalidity_outlives_a_restart(tmp_path: Path) -> None:
    """Opening a store migrates it; that moves neither UIDVALIDITY nor UIDs."""
    server = Server(tmp_path)
    client = server.client()
    append(client, message(1))
    before = [uidvalidity(client, name) for name in ("INBOX", "Sent")]
    server.close()
    store = open_store(
        tmp_path / "popbridge.db", on_commit=Bus().publish, clock_s=lambda: 1_900_000_000
    )

    def state(tx: ReadTx) -> list[tuple[int, list[int]]]:
        owner = tx.account("alice")
        assert owner is not None
        boxes = (tx.mailbox(owner.id, name) for name in ("INBOX", "Sent"))
        return [(box.uidvalidity, list(tx.snapshot(box).uids)) for box in boxes if box is not None]

    try:
        assert store.read(state) == [(before[0], [1]), (before[1], [])]
    finally:
        store.close()


def test_r17_what_lies_upstream_is_there_and_no_more(tmp_path: Path) -> None:
    """Each listed UIDL has one message, each message one UIDL, sync for sync."""
    world = World(tmp_path / "popbridge.db")
    chance = random.Random(17)
    for number in range(30):
        octets = b"Subject: %d\r\nFrom: a@example.org\r\n\r\nx\r\n" % chance.randrange(20)
        world.provider.add(b"u%d" % number, octets)
        if number % 5 == 4:
            world.sync()
            assert len(world.uids()) == len(set(world.uids())) == number + 1
            assert len(world.ledger()) == world.status().listed == number + 1
            assert world.inbox() == [message.octets for message in world.provider.messages]
    world.close()


@pytest.mark.parametrize("command", ["UID MOVE 77 Trash", "UID COPY 77,99 Trash"])
def test_r20_uids_that_are_not_there_are_passed_over(server: Server, command: str) -> None:
    client, other = server.client(), server.client()
    append(client, message(1))
    assert client.do(command) == [b"t OK Nothing to do"]
    other.do("NOOP")
    other.do("STORE 1 +FLAGS.SILENT (\\Deleted)")
    other.do("EXPUNGE")
    gone = client.do(command.replace("77", "1"))
    assert gone[-1].startswith(b"t OK") and b"COPYUID" not in b"".join(gone)


def test_r21_select_tells_what_came_since_the_last_look(server: Server) -> None:
    client, other = server.client(), server.client()
    append(client, message(1))
    append(other, message(2))
    told = client.do("SELECT INBOX")
    assert b"* 2 EXISTS" in told and any(b"[UIDNEXT 3]" in line for line in told)
    assert not any(b"EXPUNGE" in line for line in told)
    assert client.do("STATUS INBOX (MESSAGES UIDNEXT)")[0] == (
        b"* STATUS INBOX (MESSAGES 2 UIDNEXT 3)"
    )
    assert client.do("UID FETCH 1:* (UID)")[:-1] == [b"* 1 FETCH (UID 1)", b"* 2 FETCH (UID 2)"]


def test_r22_a_new_mailbox_is_nobody_elses(server: Server) -> None:
    client = server.client(mailbox=None)
    seen: set[int] = {uidvalidity(client, name) for name in ("INBOX", "Sent", "Trash")}
    ids: set[bytes] = set()
    for _ in range(5):
        client.do("CREATE Work")
        append(client, message(1), "Work")
        value = uidvalidity(client, "Work")
        assert value > max(seen)
        seen.add(value)
        ids.add(client.do("STATUS Work (MAILBOXID)")[0])
        client.do("CREATE Other")
        assert client.do("STATUS Other (MESSAGES)")[0] == b"* STATUS Other (MESSAGES 0)"
        assert client.do("STATUS Work (MESSAGES)")[0] == b"* STATUS Work (MESSAGES 1)"
        seen.add(uidvalidity(client, "Other"))
        client.do("DELETE Other")
        client.do("DELETE Work")
    assert len(ids) == 5


def test_r37_what_a_client_appends_is_stored_though_it_is_there(server: Server) -> None:
    """POP brings no Sent, so nothing is there twice by the server's doing; no APPEND is lost."""
    client = server.client(mailbox=None)
    told = [append(client, message(1), "Sent", "(\\Seen)")[-1] for _ in range(2)]
    assert [line.split(b"]")[0].split(b" ")[-1] for line in told] == [b"1", b"2"]
    assert client.do("STATUS Sent (MESSAGES)")[0] == b"* STATUS Sent (MESSAGES 2)"
