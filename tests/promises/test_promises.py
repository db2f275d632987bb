"""Promises whose guards no other test would miss. `tests/promises/guards.py` names them all."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bridge.admin.verify import verify
from bridge.errors import ProtocolError, StoreFullError, UpstreamError
from bridge.ingest.pipeline import Ingest
from bridge.intake import INLINE_OCTETS, Intake
from bridge.model.mailbox import INBOX, Mailbox
from bridge.model.policy import Policy
from bridge.model.upstream import Known, LedgerState, Listed, Listing
from bridge.net.lock import DataLock
from bridge.pop3.multiline import BodyScanner
from bridge.pop3.replies import ListingParser
from bridge.store import engine
from bridge.store.engine import open_store
from bridge.store.tx import ReadTx, WriteTx
from bridge.sync.deleting import PolicyDeleter
from bridge.sync.entries import POISON_AFTER
from bridge.sync.identity import DeletableIdentities
from bridge.sync.plan import plan
from bridge.sync.proof import INTERNAL
from bridge.sync.retention import due_nameless
from tests.imap_harness import Server
from tests.sync.fakes import (
    ACCOUNT,
    START,
    GroupDatabase,
    Message,
    Task,
    World,
    fill,
    mail,
    now,
    secret,
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "popbridge.db")
    yield made
    made.close()


def findings(database: Any) -> list[dict[str, Any]]:
    """What `verify` says of a store."""
    admin: Any = SimpleNamespace(database=database, clock=lambda: START)
    found: Any = asyncio.run(verify(admin, (), lambda progress: None, deep=True))
    return list(found["findings"])


def inbox(tx: ReadTx) -> Mailbox:
    found = tx.mailbox(tx.accounts()[0].id, INBOX)
    assert found is not None
    return found


def add(tx: WriteTx, octets: bytes) -> int:
    ingest = Ingest(arrival=START)
    ingest.feed(octets)
    return int(tx.add_message(inbox(tx), ingest.finish(), octets, now=START).uid)


def test_promise_2_after_any_commit_the_whole_store_verifies(tmp_path: Path) -> None:
    world = World(tmp_path / "popbridge.db")
    fill(world, "a", "b")
    world.provider.messages += [Message(b"l", mail("large", 2 * INLINE_OCTETS)), Message(b"e", b"")]
    database = GroupDatabase(world.store)
    task, commits = Task(world.runner(database).run_once()), 0
    while not task.done:
        commits += 1
        database.flush(1)
        copy = tmp_path / f"{commits}.db"
        with sqlite3.connect(world.path) as source, sqlite3.connect(copy) as target:
            source.backup(target)
        restarted = World(copy, new=False)
        assert findings(restarted.database) == []
        restarted.close()
    assert commits > 5 and len(world.inbox()) == 4
    world.close()


def test_promise_2_a_message_that_fails_halfway_is_not_there(world: World) -> None:
    def halfway(tx: WriteTx) -> None:
        add(tx, mail("half"))
        raise ValueError

    with pytest.raises(ValueError):
        world.store.write(halfway)
    assert (world.inbox(), findings(world.database)) == ([], [])


@pytest.mark.parametrize("cut", range(1, 12))
def test_promise_3_a_dot_between_lf_and_crlf_is_text(cut: int) -> None:
    wire, scanner = b"a\n.\r\nb\r\n.\r\n", BodyScanner()
    first, second = scanner.feed(wire[:cut]), scanner.feed(wire[cut:])
    assert (first[0] + second[0], scanner.done) == (b"a\n.\r\nb\r\n", True)


@pytest.mark.parametrize(
    ("uidls", "sizes"), [([b"1 a"], [b"1 5", b"2 6"]), ([b"1 a", b"2 b"], [b"1 5"]), ([], [b"1 5"])]
)
def test_promise_4_a_partial_listing_is_none(uidls: list[bytes], sizes: list[bytes]) -> None:
    parser = ListingParser()
    parser.begin_uidls()
    for line in uidls:
        parser.uidl(line)
    for line in sizes:
        parser.size(line)
    with pytest.raises(ProtocolError, match="different messages"):
        parser.listing()


def delete(world: World) -> list[bytes | None]:
    """Deletes once by the policy `delete`; the UIDLs that are left."""
    world.store.write(lambda tx: tx.update_account(replace(world.account, policy="delete")))
    deleter = PolicyDeleter(
        database=world.database, loop=world.loop, monotonic=world.loop.clock.seconds
    )

    def connect() -> Any:
        return world.provider.connect(world.account.upstream, now(secret(world.account)), 60)

    now(deleter.delete(world.account, connect, lambda count: None))
    return [message.uidl for message in world.provider.messages]


def test_promise_5_two_of_one_uidl_both_stay(world: World) -> None:
    fill(world, "a", "b")
    assert world.sync().error is None
    world.provider.messages.append(Message(b"a", mail("c")))
    assert delete(world) == [b"a", b"a"]


def test_promise_5_only_what_was_read_back_goes(world: World) -> None:
    fill(world, "a", INTERNAL.decode())
    assert world.sync().error is None
    assert delete(world) == [INTERNAL]


def known(state: LedgerState, **values: Any) -> Known:
    standard = Known(
        id=1,
        uidl=b"a",
        generation=0,
        state=state,
        size=5,
        message_id=1,  # type: ignore[arg-type]
        full_hash=b"hash",
        attempts=0,
        stored_at=START,
    )
    return replace(standard, **values)


@pytest.mark.parametrize("state", LedgerState)
def test_promise_5_what_is_in_doubt_is_held_by_two_guards(state: LedgerState) -> None:
    sound = state is LedgerState.STORED
    row, later = known(state), START + timedelta(days=400)
    assert due_nameless(Policy(delete=True), row, now=later) is sound
    identities = DeletableIdentities(Listing((Listed(1, b"a", 5),)), [row])
    assert (identities.listed(row) is not None) is sound


def test_promise_6_a_message_goes_out_as_it_came_but_for_nul(tmp_path: Path) -> None:
    server = Server(tmp_path)
    octets = b"Subject: \xff\xfe\r\nX:y\r\n\r\na\0b\nc\rd\r\n.\r\n\0\r\n \r\n"

    def put(tx: WriteTx) -> None:
        box = tx.mailbox(tx.account("alice").id, INBOX)  # type: ignore[union-attr]
        assert box is not None
        ingest = Ingest(arrival=START)
        ingest.feed(octets)
        tx.add_message(box, ingest.finish(), octets, now=START)

    server.store.write(put)
    client = server.client()
    client.send(b"f FETCH 1 (RFC822.SIZE BODY.PEEK[])\r\n")
    shown = octets.replace(b"\0", b"\x80")
    size = len(octets)
    assert b"RFC822.SIZE %d BODY[] {%d}\r\n%b)" % (size, size, shown) in client.take()
    server.close()


def test_promise_6_no_uid_is_given_twice(world: World) -> None:
    given = [world.store.write(partial(add, octets=mail(name))) for name in "abc"]
    for gone in ([3], [1, 2]):
        world.store.write(lambda tx, gone=gone: tx.expunge(inbox(tx).id, gone, START))
        given += [world.store.write(partial(add, octets=mail("more")))]
    assert given == [1, 2, 3, 4, 5]


def test_promise_6_no_uidvalidity_is_given_twice(tmp_path: Path) -> None:
    seen: list[int] = []
    for clock_s in (1_700_000_000, 1_600_000_000):
        store = open_store(tmp_path / "db", on_commit=lambda _: None, clock_s=lambda: clock_s)  # noqa: B023
        if not seen:
            store.write(lambda tx: tx.add_account(ACCOUNT))
        for _ in range(3):
            box = store.write(lambda tx: tx.create_mailbox(tx.accounts()[0].id, "again"))
            seen.append(box.uidvalidity)
            store.write(lambda tx, box=box: tx.delete_mailbox(box, START))
        store.close()
    assert len(set(seen)) == 6 and seen == sorted(seen)


def test_promise_7_what_failed_before_comes_last() -> None:
    listing = Listing(tuple(Listed(n, b"%d" % n, 5) for n in range(1, 5)))
    failed = known(LedgerState.LISTED, uidl=b"1", full_hash=b"", message_id=None, attempts=1)
    found = plan(listing, [failed]).retrieve
    assert [(item.listed.number, item.alone) for item in found] == [
        (2, False),
        (3, False),
        (4, False),
        (1, True),
    ]


def test_promise_7_octets_that_break_our_parser_delay_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    octets, feed = fill(world, "a", "bad", "c"), Intake.feed

    async def fails(self: Intake, data: bytes) -> None:
        if data == octets[1]:
            raise ValueError("a fault of ours")
        await feed(self, data)

    monkeypatch.setattr(Intake, "feed", fails)
    for _ in range(POISON_AFTER):
        assert isinstance(world.sync().error, UpstreamError)
        assert world.provider.events[-1] == "abort"
    assert world.inbox() == [octets[0], octets[2]]
    assert world.sync().error is None
    assert world.states()[b"bad"] is LedgerState.POISONED


def test_promise_8_new_mail_is_selected_while_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(tmp_path)
    server.store.write(partial(add, octets=mail("a")))

    async def full(work: object, *, ingest: bool = False) -> None:
        raise StoreFullError("The disk is full.", "Free some space.")

    with monkeypatch.context() as patch:
        patch.setattr(server.services.database, "write", full)
        answer = server.client(mailbox=None).do("SELECT INBOX")
        assert answer[-1].startswith(b"t OK")
        assert b"* 1 EXISTS" in answer and b"* 0 RECENT" in answer
    # Nobody had it as recent: the next one has.
    assert b"* 1 RECENT" in server.client(mailbox=None).do("SELECT INBOX")
    server.close()


def test_promise_8_a_store_opens_though_nothing_can_be_swept(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.store.write(partial(add, octets=mail("a")))

    def full(tx: WriteTx) -> None:
        raise StoreFullError("The disk is full.", "Free some space.")

    monkeypatch.setattr(engine, "_sweep", full)
    store = open_store(world.path, on_commit=lambda _: None, clock_s=lambda: 1.0)
    assert list(store.read(lambda tx: tx.snapshot(inbox(tx)).uids)) == [1]
    store.close()


def test_promise_10_the_store_is_opened_under_the_lock(tmp_path: Path) -> None:
    held = DataLock.acquire(tmp_path / "lock", "popbridge backup")
    done = subprocess.run(
        [sys.executable, "-m", "bridge", "--data", str(tmp_path), "status"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    held.release()
    assert done.returncode == 75 and "BR-STORE-01" in done.stderr
    assert f"popbridge backup (pid {os.getpid()})" in done.stderr
    assert not (tmp_path / "popbridge.db").exists()
