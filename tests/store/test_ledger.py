from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.model.account import Account, Security, Upstream
from bridge.model.ids import AccountId
from bridge.model.upstream import LedgerState, Listed, Listing
from bridge.store.engine import Store, open_store
from bridge.sync.plan import plan

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = open_store(tmp_path / "s.db", on_commit=lambda changes: None, clock_s=lambda: 1.0)
    yield made
    made.close()


def account(store: Store, login: str) -> AccountId:
    upstream = Upstream(host="h", port=110, user="u", security=Security.PLAIN)
    return store.write(
        lambda tx: (
            tx.add_account(
                Account(
                    id=AccountId(0),
                    login=login,
                    upstream=upstream,
                    sealed_password=b"",
                    policy="keep",
                    interval_s=60,
                    paused=True,
                    scram_salt=b"",
                    scram_iterations=1,
                )
            ).id
        )
    )


def test_a_uidl_that_comes_again_is_a_new_generation_of_its_account_only(store: Store) -> None:
    alice, bob = account(store, "alice"), account(store, "bob")
    for owner in (alice, alice, bob):
        store.write(
            lambda tx, owner=owner: tx.ledger_add(
                owner, Listed(1, b"x", 7), LedgerState.LISTED, now=NOW
            )
        )
    assert [row.generation for row in store.read(lambda tx: tx.known(alice))] == [0, 1]
    assert [row.generation for row in store.read(lambda tx: tx.known(bob))] == [0]
    assert store.read(lambda tx: tx.counts(alice)) == {LedgerState.LISTED: 2}


def test_a_message_follows_its_new_uidl(store: Store) -> None:
    alice = account(store, "alice")
    row = store.write(
        lambda tx: tx.ledger_add(
            alice, Listed(1, b"old", 7), LedgerState.STORED, now=NOW, hashes=(b"f", b"c", b"b")
        )
    )
    store.write(lambda tx: tx.ledger_rename(alice, row, b"new"))
    listing = Listing((Listed(1, b"new", 7), Listed(2, b"old", 9)))
    retrieve = plan(listing, store.read(lambda tx: tx.known(alice))).retrieve
    assert [item.listed.number for item in retrieve] == [2]


def test_a_row_moves_to_another_state_with_its_reason(store: Store) -> None:
    alice = account(store, "alice")
    row = store.write(
        lambda tx: tx.ledger_add(alice, Listed(1, b"x", 7), LedgerState.LISTED, now=NOW)
    )
    store.write(lambda tx: tx.ledger_state(row, LedgerState.POISONED, attempts=3, reason="-ERR"))
    (known,) = store.read(lambda tx: tx.known(alice))
    assert (known.state, known.attempts) == (LedgerState.POISONED, 3)
