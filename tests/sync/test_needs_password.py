"""What only an account's owner can mend is told as such, and stays so over an interrupted poll."""

from pathlib import Path

import pytest

from bridge.errors import (
    BridgeError,
    RejectedPasswordError,
    SecretError,
    TimedOutError,
    TokenError,
)
from bridge.model.account import AccountState, SyncStatus
from bridge.model.ids import AccountId
from bridge.store.engine import Store, open_store
from bridge.sync.status import begun, broken_off, ended
from tests.sync.fakes import ACCOUNT, START

CASES = [
    (RejectedPasswordError, AccountState.NEEDS_PASSWORD),
    (TokenError, AccountState.NEEDS_PASSWORD),
    (SecretError, AccountState.NEEDS_PASSWORD),
    (TimedOutError, AccountState.RETRYING),
]


@pytest.mark.parametrize(("kind", "state"), CASES)
def test_the_state_after_each_failure(kind: type[BridgeError], state: AccountState) -> None:
    failed = ended(SyncStatus(account_id=AccountId(1)), START, kind("x"), listed=None, pending=0)
    assert failed.state is state
    assert broken_off(begun(failed, START)).state is state


@pytest.mark.parametrize(("kind", "state"), CASES)
def test_the_state_after_a_crash(
    tmp_path: Path, kind: type[BridgeError], state: AccountState
) -> None:
    def opened() -> Store:
        return open_store(tmp_path / "db", on_commit=lambda changes: None, clock_s=lambda: 1.0)

    store = opened()
    account = store.write(lambda tx: tx.add_account(ACCOUNT))
    failed = ended(SyncStatus(account_id=account.id), START, kind("x"), listed=None, pending=0)
    store.write(lambda tx: tx.save_sync_status(begun(failed, START)))
    store.close()
    store = opened()
    assert store.read(lambda tx: tx.sync_status(account.id)).state is state
    store.close()
