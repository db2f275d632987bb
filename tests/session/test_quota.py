"""Quotas where there is one: what is told, what is refused, and that the sum is right."""

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.ingest.pipeline import Ingest
from tests.imap_harness import NOW, Client, Server, append

KIB = 1024
OVER = b"[OVERQUOTA]"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


def limit(server: Server, octets: int | None) -> None:
    def work(tx: Any) -> None:
        tx.update_account(replace(tx.account("alice"), quota_octets=octets))

    server.store.write(work)


def message(octets: int) -> bytes:
    return b"Subject: x\r\n\r\n".ljust(octets, b"x")


def fetched(server: Server, octets: bytes, mailbox: str = "INBOX") -> None:
    """A message from the provider."""
    ingest = Ingest(arrival=NOW, listed_size=None, internal_date=None)
    ingest.feed(octets)

    def work(tx: Any) -> None:
        box = tx.mailbox(tx.account("alice").id, mailbox)
        tx.add_message(box, ingest.finish(), octets, now=NOW)

    server.store.write(work)


def usage(server: Server) -> int:
    return server.store.read(lambda tx: tx.quota(tx.account("alice").id)).used_octets  # type: ignore[union-attr]


def recount(server: Server) -> int:
    def read(tx: Any) -> int:
        found = tx.connection.exec_driver_sql(
            "select coalesce(sum(message.size), 0) from placement"
            " join message on message.id = placement.message_id"
            " join mailbox on mailbox.id = placement.mailbox_id"
            " join account on account.id = mailbox.account_id"
            " where account.login = 'alice' and placement.expunged_modseq is null"
        ).scalar()
        return int(found)

    return server.store.read(read)


def test_usage_and_limit_in_units_of_1024(server: Server) -> None:
    limit(server, 5_000_000_000)
    client = server.client()
    quota = b'* QUOTA "" (STORAGE 0 4882812)'
    assert client.do('GETQUOTA ""') == [quota, b"t OK Done"]
    append(client, message(KIB + 1))
    assert client.do("GETQUOTAROOT Drafts") == [
        b'* QUOTAROOT Drafts ""',
        b'* QUOTA "" (STORAGE 2 4882812)',
        b"t OK Done",
    ]
    # It is the account's own.
    assert server.client("bob").do("GETQUOTAROOT INBOX")[0] == b"* QUOTAROOT INBOX"


def test_append_over_the_quota_is_refused_before_it_is_sent(server: Server) -> None:
    limit(server, 3 * KIB)
    client = server.client()
    assert append(client, message(2 * KIB))[-1].startswith(b"t OK")
    client.send(b"a APPEND INBOX {%d}\r\n" % (KIB + 1))
    assert client.take().startswith(b"a NO [OVERQUOTA]")
    assert OVER in append(client, message(KIB + 1))[-1]
    assert server.observer.limits == ["quota", "quota"]
    # What fits to the octet does.
    assert append(client, message(KIB))[-1].startswith(b"t OK")
    assert OVER in append(client, b"x")[-1]
    # What is deleted makes room only once it is expunged.
    client.do("STORE 1 +FLAGS.SILENT (\\Deleted)")
    assert OVER in append(client, b"x")[-1]
    client.do("EXPUNGE")
    assert append(client, message(2 * KIB))[-1].startswith(b"t OK")
    assert usage(server) == recount(server) == 3 * KIB


def test_several_in_one_append_count_together(server: Server) -> None:
    limit(server, 3 * KIB)
    client = server.client()
    part = b" {%d+}\r\n%b" % (KIB, message(KIB))
    client.send(b"a APPEND INBOX" + part * 4 + b"\r\n")
    assert client.take().startswith(b"a NO [OVERQUOTA]")
    assert usage(server) == 0
    client.send(b"b APPEND INBOX" + part * 3 + b"\r\n")
    assert b"b OK" in client.take()


def test_two_sessions_do_not_share_the_last_room(server: Server) -> None:
    limit(server, 3 * KIB)
    a, b = server.client(), server.client()
    part = b" APPEND INBOX {%d+}\r\n%b" % (2 * KIB, message(2 * KIB))
    a.send(b"a" + part)
    b.send(b"b" + part)
    a.send(b"\r\n")
    b.send(b"\r\n")
    assert b"a OK" in a.take()
    assert b"b NO [OVERQUOTA]" in b.take()
    assert usage(server) == recount(server) == 2 * KIB


def test_copies_count_and_moves_do_not(server: Server) -> None:
    limit(server, 3 * KIB)
    client = server.client()
    append(client, message(KIB))
    append(client, message(KIB))
    assert OVER in client.do("COPY 1:2 Trash")[-1]
    assert b"(MESSAGES 0)" in client.do("STATUS Trash (MESSAGES)")[0]
    assert client.do("COPY 1 Trash")[-1].startswith(b"t OK")
    assert OVER in client.do("UID COPY 1 Trash")[-1]
    # Nothing is copied, so nothing is over.
    limit(server, 0)
    assert client.do("UID COPY 99 Trash")[-1] == b"t OK Nothing to do"
    assert client.do("MOVE 1:2 Archive")[-1].startswith(b"t OK")
    assert client.do("RENAME INBOX old")[-1].startswith(b"t OK")
    assert usage(server) == recount(server) == 3 * KIB


def test_mail_that_is_fetched_is_never_refused(server: Server) -> None:
    limit(server, KIB)
    client = server.client()
    fetched(server, message(5 * KIB))
    assert client.do("NOOP")[0] == b"* 1 EXISTS"
    assert client.do('GETQUOTA ""')[0] == b'* QUOTA "" (STORAGE 5 1)'
    assert OVER in append(client, b"x")[-1]
    # All that takes nothing more goes on.
    assert client.do("STORE 1 +FLAGS (\\Seen)")[-1].startswith(b"t OK")
    assert client.do("MOVE 1 Trash")[-1].startswith(b"t OK")


def test_a_quota_set_or_lifted_counts_at_once(server: Server) -> None:
    client = server.client()
    append(client, message(KIB))
    limit(server, KIB)
    assert OVER in append(client, b"x")[-1]
    limit(server, None)
    assert append(client, b"x")[-1].startswith(b"t OK")


@pytest.mark.parametrize("seed", range(3))
def test_usage_equals_a_recount(server: Server, seed: int) -> None:
    chance = random.Random(seed)
    client = server.client()
    client.do("CREATE Box")

    def step() -> None:
        match chance.randrange(9):
            case 0 | 1:
                append(client, message(chance.randrange(20, 3000)))
            case 2:
                fetched(server, message(chance.randrange(20, 3000)))
            case 3:
                client.do(f"COPY {some(client, chance)} Box")
            case 4:
                client.do(f"MOVE {some(client, chance)} Box")
            case 5:
                client.do(f"STORE {some(client, chance)} +FLAGS (\\Deleted)")
            case 6:
                client.do("EXPUNGE")
            case 7:
                client.do("DELETE Box")
                client.do("CREATE Box")
            case _:
                client.do(f"RENAME INBOX x{chance.randrange(1 << 30)}")

    for _ in range(60):
        step()
        assert usage(server) == recount(server)
    assert usage(server) > 0


def some(client: Client, chance: random.Random) -> str:
    client.do("NOOP")
    count = client.session._context.selected.count
    return str(chance.randint(1, max(count, 1)))
