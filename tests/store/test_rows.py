from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import UniqueConstraint

from bridge.ingest.pipeline import Ingest
from bridge.model.change import Change
from bridge.model.flags import FLAGGED
from bridge.model.ids import AccountId
from bridge.model.mailbox import INBOX, Mailbox
from bridge.model.upstream import LedgerState, Listed
from bridge.store import sqlite
from bridge.store.accounts import TIDY_MESSAGES
from bridge.store.blobs import DROP_CHUNKS
from bridge.store.engine import Store, open_store
from bridge.store.schema import CHUNK_OCTETS, metadata
from bridge.store.tx import ReadTx, WriteTx
from tests.store.test_store import ACCOUNT

NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = open_store(tmp_path / "s.db", on_commit=lambda changes: None, clock_s=lambda: 1.0)
    made.write(lambda tx: tx.add_account(ACCOUNT))
    for n in range(1, 61):
        octets = b"Subject: %d\r\n\r\nbody %d\r\n" % (n, n)
        ingest = Ingest(arrival=NOW)
        ingest.feed(octets)
        message = ingest.finish()
        made.write(
            lambda tx, m=message, o=octets: tx.add_message(
                inbox(tx), m, o, now=NOW, flags=frozenset({FLAGGED})
            )
        )
    yield made
    made.close()


def inbox(tx: ReadTx) -> Mailbox:
    found = tx.mailbox(AccountId(1), INBOX)
    assert found is not None
    return found


@pytest.mark.parametrize("uids", [[1], [2, 3, 60], list(range(1, 61, 2)), [61, 70], []])
def test_rows_are_those_asked_for(store: Store, uids: list[int]) -> None:
    columns = frozenset({"envelope", "parts", "header"})
    rows = store.read(lambda tx: tx.rows(inbox(tx).id, uids, columns))
    assert [row.uid for row in rows] == [uid for uid in uids if uid <= 60]
    for row in rows:
        assert row.header == b"Subject: %d\r\n\r\n" % row.uid
        assert row.envelope.startswith(b'(NIL "%d"' % row.uid)
        assert row.parts[0].body_end == row.size
        assert row.body == b""
        assert row.flags == {FLAGGED}
        assert row.internal_date == NOW


def test_expunged_messages_stay_readable(store: Store) -> None:
    store.write(lambda tx: tx.expunge(inbox(tx).id, [7], NOW))
    rows = store.read(lambda tx: tx.rows(inbox(tx).id, [7, 8]))
    assert [row.uid for row in rows] == [7, 8]


def test_the_searched_text_is_folded(store: Store) -> None:
    texts = store.read(lambda tx: tx.searched(inbox(tx).id, [3, 5], frozenset({"text"})))
    assert texts == [(3, b"BODY 3\r\n"), (5, b"BODY 5\r\n")]


def count(store: Store, table: str) -> int:
    found = store.read(
        lambda tx: tx.connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
    )
    return int(found)


def test_a_removed_account_is_gone_at_once_and_leaves_no_octet(store: Store) -> None:
    def ledger(tx: WriteTx) -> None:
        key = tx.rows(inbox(tx).id, [1])[0].message_id
        for uidl in range(450):
            listed = Listed(1, b"%d" % uidl, 9)
            tx.ledger_add(AccountId(1), listed, LedgerState.STORED, now=NOW, message_id=key)

    store.write(ledger)
    store.write(lambda tx: tx.remove_account(AccountId(1)))
    assert store.read(lambda tx: tx.accounts()) == ()
    assert store.read(lambda tx: tx.account(ACCOUNT.login)) is None
    assert store.read(lambda tx: tx.mailboxes(AccountId(1))) == ()
    again = store.write(lambda tx: tx.add_account(ACCOUNT))
    steps = 0
    while store.tidy():
        steps += 1
    assert steps > 60 / TIDY_MESSAGES
    assert [account.id for account in store.read(lambda tx: tx.accounts())] == [again.id]
    assert count(store, "account") == 1
    for table in ("ledger", "message", "chunk", "blob", "placement", "shape", "message_text"):
        assert count(store, table) == 0, table


def test_sessions_of_a_removed_account_are_woken(tmp_path: Path) -> None:
    heard: list[Change] = []
    store = open_store(tmp_path / "s.db", on_commit=heard.extend, clock_s=lambda: 1.0)
    account = store.write(lambda tx: tx.add_account(ACCOUNT))
    boxes = {box.id for box in store.read(lambda tx: tx.mailboxes(account.id))}
    heard.clear()
    store.write(lambda tx: tx.remove_account(account.id))
    assert {change.mailbox_id for change in heard} == boxes
    store.close()


def test_a_large_stage_goes_in_slices(store: Store) -> None:
    before = count(store, "chunk")
    stage = store.write(lambda tx: tx.stage_begin())
    for seq in range(DROP_CHUNKS * 2 + 1):
        store.write(lambda tx, seq=seq: tx.stage_chunk(stage, seq, b"x" * 100))
    store.write(lambda tx: tx.stage_drop(stage))
    assert count(store, "chunk") == before + DROP_CHUNKS + 1
    assert store.write(lambda tx: tx.sweep_stages()) == 0
    assert store.tidy()
    while store.tidy():
        pass
    assert (count(store, "chunk"), count(store, "blob")) == (before, 60)


def test_free_pages_go_back_to_the_disk_in_steps(store: Store, tmp_path: Path) -> None:
    spare = sqlite.SPARE_PAGES * sqlite.PAGE_OCTETS
    stage = store.write(lambda tx: tx.stage_begin())
    for seq in range(3 * spare // CHUNK_OCTETS):
        store.write(lambda tx, seq=seq: tx.stage_chunk(stage, seq, bytes(CHUNK_OCTETS)))
    store.write(lambda tx: tx.stage_drop(stage))
    while store.tidy():
        pass
    store.close()
    assert spare * 0.9 < (tmp_path / "s.db").stat().st_size < 2 * spare


def test_each_reference_is_found_by_an_index(store: Store) -> None:
    """Else deleting what is referred to reads the whole table that refers, once a row."""
    indexed: dict[str, set[tuple[str, ...]]] = {}
    for table in metadata.sorted_tables:
        keys = {tuple(column.name for column in table.primary_key)}
        keys |= {tuple(c.name for c in index.columns) for index in table.indexes}
        keys |= {
            tuple(c.name for c in one.columns)
            for one in table.constraints
            if isinstance(one, UniqueConstraint)
        }
        indexed[table.name] = keys
    for table in metadata.sorted_tables:
        for column in table.columns:
            # Sets of flags are never deleted.
            if column.foreign_keys and column.name != "flagset_id":
                starts = {key[0] for key in indexed[table.name]}
                assert column.name in starts, f"{table.name}.{column.name}"
