"""What clients expunged: marked, brought back, and purged when its time is over."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bridge.model.change import MailboxDelta
from bridge.model.flags import DELETED, FLAGGED, SEEN
from bridge.model.ids import MessageId
from bridge.model.mailbox import Mailbox
from bridge.model.upstream import LedgerState, Listed
from bridge.store.engine import Store, open_store
from bridge.store.tx import ReadTx, WriteTx
from tests.store.test_store import ACCOUNT, NOW, message, opened

LATER = NOW + timedelta(hours=3)
DAY = timedelta(days=1)


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


def add(store: Store, *octets: bytes, flags: frozenset[str] = frozenset()) -> list[MessageId]:
    def work(tx: WriteTx) -> list[MessageId]:
        made = []
        for number, one in enumerate(octets, 1):
            added = tx.add_message(box(tx), message(one), one, now=NOW, flags=flags)
            account = box(tx).account_id
            listed = Listed(number, one, len(one))
            hashes = message(one).full_hash, b"", b""
            tx.ledger_add(
                account,
                listed,
                LedgerState.STORED,
                now=NOW,
                message_id=added.message_id,
                hashes=hashes,
            )
            made.append(added.message_id)
        return made

    return store.write(work)


def expunge(store: Store, *uids: int, name: str = "INBOX") -> None:
    store.write(lambda tx: tx.expunge(box(tx, name).id, uids, LATER))


def expunged(store: Store) -> list[bool]:
    """Of each message, whether it is in no mailbox any more."""
    rows = store.read(lambda tx: tx.known(box(tx).account_id))
    assert all(row.expunged_at in (None, LATER) for row in rows)
    return [row.expunged_at is not None for row in rows]


def live(store: Store, name: str = "INBOX") -> dict[int, frozenset[str]]:
    snapshot = store.read(lambda tx: tx.snapshot(box(tx, name)))
    pairs = zip(snapshot.uids, snapshot.flag_index, strict=True)
    return {uid: snapshot.flagsets[number] for uid, number in pairs}


def undelete(store: Store, most: int = 100) -> dict[str, int]:
    account = store.read(box).account_id
    return dict(store.write(lambda tx: tx.undelete(account, NOW, LATER, most)))


def counted(store: Store) -> dict[str, int]:
    tables = ("message", "placement", "blob", "chunk", "shape", "message_text", "expunge_hour")

    def read(tx: ReadTx) -> dict[str, int]:
        return {
            name: tx.connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()
            for name in tables
        }

    return store.read(read)


def purge(store: Store, before: Any) -> int:
    """Everything that is older; how many turns it took."""
    turns = 0
    while store.write(lambda tx: tx.tidy(before)):
        turns += 1
    return turns


def copied(store: Store, uids: list[int], target: str) -> None:
    store.write(lambda tx: tx.copy(box(tx).id, uids, box(tx, target).id, NOW))


def test_a_message_is_expunged_when_it_leaves_its_last_mailbox(store: Store) -> None:
    add(store, b"one", b"two")
    copied(store, [1], "Trash")
    expunge(store, 1, 2)
    assert expunged(store) == [False, True]
    expunge(store, 1, name="Trash")
    assert expunged(store) == [True, True]


def test_two_copies_in_one_mailbox_are_expunged_together(store: Store) -> None:
    add(store, b"one")
    copied(store, [1], "INBOX")
    expunge(store, 1)
    assert expunged(store) == [False]
    expunge(store, 2)
    assert expunged(store) == [True]


def test_moving_and_renaming_expunge_nothing(store: Store) -> None:
    add(store, b"one")
    copied(store, [1], "Trash")
    expunge(store, 1)
    store.write(lambda tx: tx.rename_mailbox(box(tx, "Trash"), "Old"))
    assert expunged(store) == [False]


def test_a_mailbox_that_is_deleted_takes_what_is_in_no_other(store: Store) -> None:
    add(store, b"one", b"two")
    copied(store, [1, 2], "Trash")
    expunge(store, 2)
    store.write(lambda tx: tx.delete_mailbox(box(tx, "Trash"), LATER))
    assert expunged(store) == [False, True]


def test_undelete_brings_back_with_flags_under_new_uids(store: Store) -> None:
    add(store, b"one", b"two", flags=frozenset({FLAGGED, DELETED, "work"}))
    copied(store, [1], "Trash")
    expunge(store, 1, 2)
    expunge(store, 1, name="Trash")
    assert undelete(store) == {"INBOX": 1, "Trash": 1}
    assert live(store) == {3: frozenset({FLAGGED, "work"})}
    assert live(store, "Trash") == {2: frozenset({FLAGGED, "work"})}
    assert expunged(store) == [False, False]
    assert undelete(store) == {}


def test_undelete_of_a_mailbox_that_is_gone(store: Store) -> None:
    add(store, b"one", b"two", b"three", flags=frozenset({SEEN}))
    copied(store, [1, 2], "Trash")
    expunge(store, 1, 2, 3)
    expunge(store, 2, name="Trash")
    store.write(lambda tx: tx.delete_mailbox(box(tx, "Trash"), LATER))
    account = store.read(box).account_id
    store.write(lambda tx: tx.create_mailbox(account, "Trash"))
    assert undelete(store) == {"Trash": 2, "INBOX": 1}
    assert set(live(store, "Trash").values()) == {frozenset({SEEN})}

    expunge(store, 1, 2, name="Trash")
    store.write(lambda tx: tx.delete_mailbox(box(tx, "Trash"), LATER))
    assert undelete(store) == {"INBOX": 2}
    assert list(live(store).values()) == [frozenset({SEEN})] * 3


def test_undelete_goes_in_slices_and_as_far_back_as_asked(store: Store) -> None:
    add(store, b"one", b"two", b"three")
    expunge(store, 1, 2, 3)
    assert undelete(store, most=2) == {"INBOX": 2}
    account = store.read(box).account_id
    since = LATER + timedelta(seconds=1)
    assert not store.write(lambda tx: tx.undelete(account, since, LATER, 9))
    assert undelete(store) == {"INBOX": 1}


def test_undelete_is_told_like_any_new_mail(tmp_path: Path) -> None:
    changes: list[Any] = []
    store = open_store(tmp_path / "x.db", on_commit=changes.extend, clock_s=lambda: 1_700_000_000)
    store.write(lambda tx: tx.add_account(ACCOUNT))
    add(store, b"one")
    expunge(store, 1)
    changes.clear()
    undelete(store)
    mailbox = store.read(box)
    assert [(one.mailbox_id, one.modseq) for one in changes] == [
        (mailbox.id, mailbox.highest_modseq)
    ]
    store.close()


def test_a_purge_removes_octets_and_keeps_hashes(store: Store) -> None:
    add(store, b"one", b"two" * 400_000)
    before = store.read(lambda tx: tx.known(box(tx).account_id))
    expunge(store, 1, 2)
    assert purge(store, LATER) == 0
    assert purge(store, LATER + timedelta(seconds=1)) > 1
    counts = counted(store)
    counts.pop("expunge_hour")
    assert set(counts.values()) == {0}
    after = store.read(lambda tx: tx.known(box(tx).account_id))
    assert [row.message_id for row in after] == [None, None]
    assert [row.full_hash for row in after] == [row.full_hash for row in before]
    assert [row.expunged_at for row in after] == [LATER, LATER]
    assert undelete(store) == {}


def test_a_purge_spares_what_is_in_a_mailbox(store: Store) -> None:
    add(store, b"one", b"two")
    copied(store, [1], "Trash")
    expunge(store, 1)
    purge(store, LATER + DAY)
    assert live(store).keys() == {2} and live(store, "Trash").keys() == {1}
    counts = counted(store)
    assert (counts["message"], counts["placement"], counts["expunge_hour"]) == (2, 2, 0)


def test_octets_that_two_messages_share_stay_for_the_other(store: Store) -> None:
    first, second = add(store, b"one", b"two")
    store.write(
        lambda tx: (
            tx.connection.execute(
                text(
                    "UPDATE message SET blob_id = (SELECT blob_id FROM message WHERE id ="
                    f" {first}) WHERE id = {second}"
                )
            )
            and None
        )
    )
    expunge(store, 1)
    purge(store, LATER + DAY)
    assert store.read(lambda tx: tx.octets(second, 0, 9)) == b"one"


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_purge_raises_the_floor_below_which_nothing_is_known(
    store: Store, elsewhere: bool
) -> None:
    add(store, b"one", b"two")
    if elsewhere:
        copied(store, [1, 2], "Trash")
    known = store.read(lambda tx: box(tx).highest_modseq)
    expunge(store, 1)
    between = store.read(lambda tx: box(tx).highest_modseq)

    def delta(tx: ReadTx) -> MailboxDelta:
        return tx.delta(box(tx), known)

    assert store.read(delta).vanished == (1,)
    assert store.read(delta).complete
    purge(store, LATER + DAY)
    assert not store.read(delta).complete
    assert store.read(lambda tx: tx.delta(box(tx), between)).complete


def test_many_tombstones_go_in_slices(store: Store) -> None:
    add(store, *[b"%d" % n for n in range(450)])
    copied(store, list(range(1, 451)), "Trash")
    expunge(store, *range(1, 451))
    assert purge(store, LATER + DAY) == 3
    assert counted(store)["placement"] == 450


def test_an_hour_that_isnt_over_is_spared(store: Store) -> None:
    add(store, b"one")
    copied(store, [1], "Trash")
    expunge(store, 1)
    assert purge(store, LATER + timedelta(minutes=59)) == 0
    assert purge(store, LATER + timedelta(minutes=60)) == 1


def test_the_idle_writer_purges(tmp_path: Path) -> None:
    limit = [NOW]
    store = open_store(
        tmp_path / "x.db",
        on_commit=lambda _: None,
        clock_s=lambda: 1_700_000_000,
        purge_before=lambda: limit[0],
    )
    store.write(lambda tx: tx.add_account(ACCOUNT))
    add(store, b"one")
    expunge(store, 1)
    while store.tidy():
        pass
    assert counted(store)["message"] == 1
    limit[0] = LATER + DAY
    while store.tidy():
        pass
    assert counted(store)["message"] == 0
    store.close()
