import hashlib
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from bridge.errors import StoreFullError
from bridge.model.account import Account, Security, Upstream
from bridge.model.change import Change
from bridge.model.flags import DELETED, FLAGGED, SEEN, FlagOp
from bridge.model.ids import AccountId, ModSeq, Uid
from bridge.model.mailbox import Mailbox
from bridge.model.message import StoredMessage
from bridge.store.engine import Store, open_store
from bridge.store.schema import CHUNK_OCTETS
from bridge.store.tx import ReadTx, WriteTx

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ACCOUNT = Account(
    id=AccountId(0),
    login="Alice",
    upstream=Upstream(host="pop.example", port=995, user="alice", security=Security.IMPLICIT),
    sealed_password=b"sealed",
    policy="keep",
    interval_s=None,
    paused=False,
    scram_salt=b"salt",
    scram_iterations=4096,
)


def message(octets: bytes) -> StoredMessage:
    digest = hashlib.sha256(octets).digest()
    return StoredMessage(
        size=len(octets),
        full_hash=digest,
        canonical_hash=digest,
        body_hash=digest,
        internal_date=NOW,
        header=b"",
        envelope=b"",
        body=b"",
        bodystructure=b"",
        parts=(),
    )


def opened(path: Path, heard: list[Change] | None = None) -> Store:
    sink = heard if heard is not None else []
    return open_store(path, on_commit=sink.extend, clock_s=lambda: 1_700_000_000)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = opened(tmp_path / "popbridge.db")
    made.write(lambda tx: tx.add_account(ACCOUNT))
    yield made
    made.close()


def inbox(tx: ReadTx) -> Mailbox:
    account = tx.account("ALICE")
    assert account is not None
    found = tx.mailbox(account.id, "inbox")
    assert found is not None
    return found


def flag(uids: list[int], op: FlagOp, flags: frozenset[str], tx: WriteTx) -> None:
    tx.store_flags(inbox(tx).id, uids, op, flags)


def expunge(uids: list[int], tx: WriteTx) -> None:
    tx.expunge(inbox(tx).id, uids, NOW)


def add(tx: WriteTx, octets: bytes) -> Uid:
    return tx.add_message(inbox(tx), message(octets), octets, now=NOW).uid


def test_an_account_starts_with_its_mailboxes_subscribed(store: Store) -> None:
    account = store.read(lambda tx: tx.account("alice"))
    assert account is not None and account.upstream == ACCOUNT.upstream
    boxes = store.read(lambda tx: tx.mailboxes(account.id))
    names = ["Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"]
    assert [box.name for box in boxes] == names
    assert store.read(lambda tx: tx.subscriptions(account.id)) == tuple(names)
    assert store.read(lambda tx: tx.subscribed(account.id, "Junk"))
    assert not store.read(lambda tx: tx.subscribed(account.id, "junk"))
    assert len({box.uidvalidity for box in boxes}) == len(boxes)
    assert min(box.uidvalidity for box in boxes) > 1_700_000_000


def test_octets_come_back_in_any_slice(store: Store) -> None:
    octets = random.Random(1).randbytes(CHUNK_OCTETS * 2 + 17)
    added = store.write(
        lambda tx: tx.add_message(inbox(tx), message(octets), octets, now=NOW).message_id
    )

    def read(start: int, end: int) -> bytes:
        return store.read(lambda tx: tx.octets(added, start, end))

    edges = [0, 1, CHUNK_OCTETS - 1, CHUNK_OCTETS, CHUNK_OCTETS + 1, len(octets), len(octets) + 9]
    for start in edges:
        for end in edges:
            assert read(start, end) == octets[start:end]


def test_a_delta_from_any_modseq_leads_to_the_same_mailbox_as_a_snapshot(store: Store) -> None:
    seeded = random.Random(7)
    views = {0: dict[int, frozenset[str]]()}
    for step in range(60):
        live = list(views[max(views)])
        some = seeded.sample(live, min(len(live), 3))
        match seeded.randrange(4):
            case 0 | 1:
                store.write(lambda tx, n=step: add(tx, b"x%d" % n))
            case 2:
                flags = frozenset(seeded.sample([SEEN, FLAGGED, DELETED, "Work"], 2))
                op = seeded.choice(list(FlagOp))
                store.write(partial(flag, some, op, flags))
            case _:
                store.write(partial(expunge, some[:1]))
        snapshot = store.read(lambda tx: tx.snapshot(inbox(tx)))
        view = {
            uid: snapshot.flagsets[flags]
            for uid, flags in zip(snapshot.uids, snapshot.flag_index, strict=True)
        }
        views[snapshot.mailbox.highest_modseq] = view
        for since, old in views.items():
            delta = store.read(lambda tx, since=since: tx.delta(inbox(tx), ModSeq(since)))
            assert delta.complete
            told = {uid: flags for uid, flags in old.items() if uid not in delta.vanished}
            assert set(delta.vanished) <= set(old)
            told |= {change.uid: change.flags for change in (*delta.changed, *delta.added)}
            assert told == view


def test_flags_that_are_as_asked_keep_their_modseq(store: Store) -> None:
    uid = store.write(lambda tx: add(tx, b"a"))
    box = store.read(inbox)
    first = store.write(lambda tx: tx.store_flags(box.id, [uid], FlagOp.ADD, frozenset({SEEN})))
    again = store.write(lambda tx: tx.store_flags(box.id, [uid], FlagOp.ADD, frozenset({SEEN})))
    assert [change.flags for change in first] == [{SEEN}] and again == []


def test_a_copy_shares_its_octets(store: Store) -> None:
    uid = store.write(lambda tx: add(tx, b"a" * 1000))
    box = store.read(inbox)
    trash = store.read(lambda tx: tx.mailbox(box.account_id, "Trash"))
    assert trash is not None
    pairs = store.write(lambda tx: tx.copy(box.id, [uid], trash.id, NOW))
    assert pairs == ((uid, Uid(1)),)
    status = store.read(lambda tx: tx.status(trash))
    assert (status.messages, status.unseen, status.recent, status.size) == (1, 1, 1, 1000)


def test_recent_is_claimed_once(store: Store) -> None:
    store.write(lambda tx: add(tx, b"a"))
    assert store.write(lambda tx: tx.claim_recent(inbox(tx))) == 1
    assert store.write(lambda tx: tx.claim_recent(inbox(tx))) == 2


def test_one_failing_work_does_not_take_its_group_with_it(tmp_path: Path) -> None:
    heard: list[Change] = []
    store = opened(tmp_path / "popbridge.db", heard)
    store.write(lambda tx: tx.add_account(ACCOUNT))
    heard.clear()

    def fails(tx: WriteTx) -> None:
        add(tx, b"never")
        raise ValueError("this one")

    results = store.write_group([lambda tx: add(tx, b"a"), fails, lambda tx: add(tx, b"b")])
    assert results[0] == 1 and isinstance(results[1], ValueError) and results[2] == 2
    assert [change.modseq for change in heard] == [2, 3]
    store.close()


def test_a_stage_of_a_dead_process_is_swept_and_mail_stays(tmp_path: Path) -> None:
    path = tmp_path / "popbridge.db"
    store = opened(path)
    store.write(lambda tx: tx.add_account(ACCOUNT))
    uid = store.write(lambda tx: add(tx, b"kept"))
    stage = store.write(lambda tx: tx.stage_begin())
    store.write(lambda tx: tx.stage_chunk(stage, 0, b"half"))
    before = store.read(inbox)
    store.close()
    store = opened(path)
    assert store.write(lambda tx: tx.sweep_stages()) == 0
    assert store.read(inbox) == before
    assert list(store.read(lambda tx: tx.snapshot(inbox(tx))).uids) == [uid]
    store.close()


def test_a_full_disk_fails_what_does_not_fit_and_keeps_what_does(tmp_path: Path) -> None:
    store = opened(tmp_path / "popbridge.db")
    store.write(lambda tx: tx.add_account(ACCOUNT))
    with store._writer.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 20}")
    large = b"x" * 8192 * 40
    results = store.write_group(
        [lambda tx: add(tx, b"small"), lambda tx: add(tx, large), lambda tx: add(tx, b"too")]
    )
    assert [results[0], results[2]] == [1, 2]
    assert isinstance(results[1], StoreFullError)
    assert list(store.read(lambda tx: tx.snapshot(inbox(tx))).uids) == [1, 2]
    store.close()
