"""Works on many messages at once: few statements, and counters that always equal a recount."""

import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bridge.model.flags import ANSWERED, DELETED, FLAGGED, SEEN, FlagOp
from bridge.model.ids import MailboxId
from bridge.model.mailbox import Mailbox, MailboxStatus
from bridge.store.engine import Store
from bridge.store.mailboxes import MAX_KEYWORDS
from bridge.store.placements import MAX_SETS
from bridge.store.tx import ReadTx, WriteTx
from tests.store.test_store import ACCOUNT, NOW, message, opened

FLAGS = [SEEN, FLAGGED, DELETED, "Work", "work", "$Junk"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = opened(tmp_path / "popbridge.db")
    made.write(lambda tx: tx.add_account(ACCOUNT))
    yield made
    made.close()


def box(tx: ReadTx, name: str = "INBOX") -> Mailbox:
    account = tx.account("alice")
    assert account is not None
    found = tx.mailbox(account.id, name)
    assert found is not None
    return found


def add(store: Store, count: int, *flags: str, name: str = "INBOX") -> None:
    def work(tx: WriteTx) -> None:
        for number in range(count):
            octets = b"x" * (number % 7)
            tx.add_message(box(tx, name), message(octets), octets, now=NOW, flags=frozenset(flags))

    store.write(work)


def flags(store: Store, name: str = "INBOX") -> dict[int, frozenset[str]]:
    snapshot = store.read(lambda tx: tx.snapshot(box(tx, name)))
    numbers = zip(snapshot.uids, snapshot.flag_index, strict=True)
    return {uid: snapshot.flagsets[number] for uid, number in numbers}


def recounted(tx: ReadTx, name: str) -> MailboxStatus:
    mailbox = box(tx, name)
    live = list(tx.snapshot(mailbox).uids)
    rows = tx.rows(mailbox.id, live)
    return MailboxStatus(
        mailbox=mailbox,
        messages=len(rows),
        unseen=sum(SEEN not in row.flags for row in rows),
        recent=sum(row.uid >= mailbox.first_recent_uid for row in rows),
        deleted=sum(DELETED in row.flags for row in rows),
        size=sum(row.size for row in rows),
    )


def act(seeded: random.Random, uids: list[int], tx: WriteTx) -> None:
    inbox, trash = box(tx), box(tx, "Trash")
    some = frozenset(seeded.sample(FLAGS, 2))
    match seeded.randrange(6):
        case 0:
            octets = bytes(seeded.randrange(50))
            tx.add_message(inbox, message(octets), octets, now=NOW, flags=some)
        case 1:
            tx.claim_recent(inbox)
        case 2:
            tx.expunge(inbox.id, uids, NOW)
        case 3:
            tx.copy(inbox.id, uids, trash.id, NOW)
        case 4:
            tx.copy(inbox.id, uids, inbox.id, NOW)
        case _:
            tx.store_flags(inbox.id, uids, seeded.choice(list(FlagOp)), some)


@pytest.mark.parametrize("seed", range(5))
def test_counters_equal_a_recount(store: Store, seed: int) -> None:
    seeded = random.Random(seed)
    add(store, 20)
    for _ in range(60):
        live = list(flags(store))
        uids = seeded.sample(live, seeded.randrange(len(live) // 2 + 1))
        store.write(partial(act, seeded, uids))
        for name in ("INBOX", "Trash"):
            told, found = store.read(lambda tx, n=name: (tx.status(box(tx, n)), recounted(tx, n)))
            assert told == found


def test_a_store_changes_the_named_messages_and_no_others(store: Store) -> None:
    seeded = random.Random(3)
    for number in range(MAX_SETS + 9):
        add(store, 3, f"k{number}")
    add(store, 5, FLAGGED)
    for op in FlagOp:
        for named in ({FLAGGED, "k3"}, {SEEN}):
            before = flags(store)
            uids = seeded.sample(sorted(before), 40)
            changes = store.write(
                lambda tx, u=uids, o=op, n=named: tx.store_flags(box(tx).id, u, o, frozenset(n))
            )
            expected = {
                FlagOp.SET: lambda old, named=named: frozenset(named),
                FlagOp.ADD: lambda old, named=named: old | named,
                FlagOp.REMOVE: lambda old, named=named: old - named,
            }[op]
            after = {uid: expected(old) if uid in uids else old for uid, old in before.items()}
            assert flags(store) == after
            assert {change.uid: change.flags for change in changes} == {
                uid: new for uid, new in after.items() if new != before[uid]
            }
            assert [change.uid for change in changes] == sorted(change.uid for change in changes)


def test_copies_keep_order_flags_and_size(store: Store) -> None:
    seeded = random.Random(4)
    for _ in range(30):
        add(store, 2, *seeded.sample(FLAGS, 2))
    store.write(lambda tx: tx.expunge(box(tx).id, [5, 6, 20], NOW))
    before, uids = flags(store), [1, 2, 4, 5, 7, 8, *range(15, 50, 3), 60]
    pairs = store.write(lambda tx: tx.copy(box(tx).id, uids, box(tx, "Trash").id, NOW))
    assert pairs == tuple((uid, new) for new, uid in enumerate((u for u in uids if u != 5), 1))
    assert flags(store, "Trash") == {new: before[uid] for uid, new in pairs}

    def emails(tx: ReadTx, name: str, uids: list[int]) -> list[tuple[int, str]]:
        return [(row.message_id, row.emailid) for row in tx.rows(box(tx, name).id, uids)]

    sources, made = map(list, zip(*pairs, strict=True))
    assert store.read(lambda tx: emails(tx, "INBOX", sources) == emails(tx, "Trash", made))


def statements(store: Store, work: "partial[object]") -> int:
    """How many statements SQLite runs for a work."""
    seen: list[str] = []
    with store._writer.connect() as connection:
        driver: Any = connection.connection.driver_connection
    driver.set_trace_callback(seen.append)
    store.write(work)  # type: ignore[arg-type]
    driver.set_trace_callback(None)
    return len(seen)


def all_of(verb: str, mailbox: MailboxId, target: MailboxId, tx: WriteTx) -> None:
    uids = range(1, 10**6)
    present = [uid for uid in tx.snapshot(box(tx)).uids if uid in uids]
    match verb:
        case "store":
            tx.store_flags(mailbox, present, FlagOp.ADD, frozenset({ANSWERED}))
        case "copy":
            tx.copy(mailbox, present, target, NOW)
        case _:
            tx.expunge(mailbox, present, NOW)


@pytest.mark.parametrize("verb", ["store", "copy", "expunge"])
def test_the_number_of_statements_does_not_grow_with_the_messages(store: Store, verb: str) -> None:
    for number in range(4):
        add(store, 50, *[SEEN, FLAGGED][: number % 3])
    store.write(lambda tx: tx.expunge(box(tx).id, [7, 60, 130], NOW))
    inbox, trash = store.read(lambda tx: (box(tx).id, box(tx, "Trash").id))
    assert statements(store, partial(all_of, verb, inbox, trash)) < 40


def test_uids_are_not_used_again(tmp_path: Path) -> None:
    store = opened(tmp_path / "popbridge.db")
    store.write(lambda tx: tx.add_account(ACCOUNT))
    add(store, 3)
    store.write(lambda tx: tx.expunge(box(tx).id, [2, 3], NOW))
    store.close()
    store = opened(tmp_path / "popbridge.db")
    add(store, 1)
    assert list(flags(store)) == [1, 4]
    first = store.read(box)
    store.write(lambda tx: tx.delete_mailbox(box(tx, "Trash"), NOW))
    account = store.read(lambda tx: tx.account("alice"))
    assert account is not None
    made = store.write(lambda tx: tx.create_mailbox(account.id, "Trash"))
    assert made.uidvalidity > max(
        other.uidvalidity
        for other in store.read(lambda tx: tx.mailboxes(account.id))
        if other.id != made.id
    )
    assert first.mailboxid != made.mailboxid
    store.close()


def test_a_keyword_has_one_spelling_in_a_mailbox(store: Store) -> None:
    add(store, 2, "Work")
    add(store, 1, "WORK")
    assert set(flags(store).values()) == {frozenset({"Work"})}
    store.write(lambda tx: tx.store_flags(box(tx).id, [1], FlagOp.REMOVE, frozenset({"woRk"})))
    store.write(
        lambda tx: tx.store_flags(box(tx).id, [1], FlagOp.SET, frozenset({"work", "\\seen"}))
    )
    assert flags(store)[1] == {"Work", SEEN}
    add(store, 1, "WORK", name="Trash")
    store.write(lambda tx: tx.copy(box(tx).id, [1, 2], box(tx, "Trash").id, NOW))
    assert flags(store, "Trash") == {1: {"WORK"}, 2: {"WORK", SEEN}, 3: {"WORK"}}


def test_keywords_beyond_the_limit_are_left_out(store: Store) -> None:
    add(store, 1, *(f"k{number}" for number in range(MAX_KEYWORDS + 5)))
    assert len(flags(store)[1]) == MAX_KEYWORDS
    store.write(
        lambda tx: tx.store_flags(box(tx).id, [1], FlagOp.SET, frozenset({"late", "K7", SEEN}))
    )
    assert flags(store)[1] in ({"k7", SEEN}, {SEEN})
