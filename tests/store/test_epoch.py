"""An old copy of a store that was put back is recognised, and is then safe to serve."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bridge.model.ids import AccountId
from bridge.net.epoch import EpochKeeper
from bridge.store.engine import Store, open_store
from bridge.store.epoch import Epoch, Origin, epoch, origin, read_epoch, renew, write_epoch
from bridge.store.port import InlineDatabase
from tests.sync.fakes import ACCOUNT

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
FIRST = Epoch(7, 4, 100)


@pytest.mark.parametrize(
    ("stored", "filed", "expected"),
    [
        (None, None, Origin.NEW),
        (None, FIRST, Origin.NEW),
        (FIRST, FIRST, Origin.SAME),
        (FIRST, replace(FIRST, number=3), Origin.SAME),
        (FIRST, replace(FIRST, number=5), Origin.COPY),
        (FIRST, replace(FIRST, store=8), Origin.COPY),
        (FIRST, None, Origin.COPY),
    ],
)
def test_a_store_behind_its_file_is_a_copy(
    stored: Epoch | None, filed: Epoch | None, expected: Origin
) -> None:
    assert origin(stored, filed) is expected


@pytest.mark.parametrize("octets", [b"", b"{", b"[]", b"{}", b'{"store": "x"}', b"\0" * 60])
def test_what_is_no_epoch_is_none(octets: bytes) -> None:
    assert read_epoch(octets) is None
    assert read_epoch(write_epoch(FIRST)) == FIRST


class Home:
    """A data folder; `run` is one life of a process in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.copies = 0

    @contextmanager
    def run(self, *, clean: bool = True) -> Iterator[tuple[Store, EpochKeeper, bool]]:
        store = open_store(
            self.folder / "db", on_commit=lambda changes: None, clock_s=lambda: 1000.0
        )
        keeper = EpochKeeper(store, self.folder / "epoch", lambda: NOW)
        try:
            yield store, keeper, keeper.begin()
            if clean:
                keeper.end()
        finally:
            store.close()

    def copy(self) -> Path:
        """A copy of the store as of now, epoch file and all."""
        self.copies += 1
        target = self.folder.parent / f"copy{self.copies}"
        shutil.copytree(self.folder, target)
        return target

    def put_back(self, copy: Path) -> None:
        """What a person does who doesn't know of DATA/epoch."""
        for path in self.folder.glob("db*"):
            path.unlink()
        for path in copy.glob("db*"):
            shutil.copy(path, self.folder)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "data").mkdir()
    return Home(tmp_path / "data")


def change(store: Store, keeper: EpochKeeper, work: Callable[[Any], Any]) -> Any:
    result = store.write(work)
    keeper.observe([result])
    return result


def tick(store: Store, keeper: EpochKeeper) -> None:
    async def in_thread(work: Callable[[], Any]) -> Any:
        return work()

    with pytest.raises(StopIteration):
        keeper.keep(InlineDatabase(store), in_thread).send(None)


def uidvalidities(store: Store) -> set[int]:
    return {box.uidvalidity for box in store.read(lambda tx: tx.mailboxes(AccountId(1)))}


def test_restarts_and_crashes_change_nothing(home: Home) -> None:
    with home.run() as (store, keeper, back):
        assert not back
        change(store, keeper, lambda tx: tx.add_account(ACCOUNT))
        before = uidvalidities(store)
    for clean in (True, False, True, False, False):
        with home.run(clean=clean) as (store, keeper, back):
            assert not back
            assert uidvalidities(store) == before
            change(store, keeper, lambda tx: tx.subscribe(AccountId(1), "x"))
            tick(store, keeper)
            change(store, keeper, lambda tx: tx.unsubscribe(AccountId(1), "x"))
            assert store.read(lambda tx: tx.profile(AccountId(1))).frozen_since is None


@pytest.mark.parametrize("ending", ["clean", "tick"])
def test_a_copy_made_while_running_is_recognised(home: Home, ending: str) -> None:
    with home.run(clean=ending == "clean") as (store, keeper, _):
        change(store, keeper, lambda tx: tx.add_account(ACCOUNT))
        tick(store, keeper)
        copy = home.copy()
        given = uidvalidities(store)
        lost = change(store, keeper, lambda tx: tx.create_mailbox(AccountId(1), "lost"))
        if ending == "tick":
            tick(store, keeper)
    home.put_back(copy)
    with home.run() as (store, _, back):
        assert back
        new = uidvalidities(store)
        assert new.isdisjoint(given | {lost.uidvalidity})
        assert len(new) == len(given)
        profile = store.read(lambda tx: tx.profile(AccountId(1)))
        assert (profile.frozen_since, profile.frozen_reason) == (NOW, "restored")
        made = store.write(lambda tx: tx.create_mailbox(AccountId(1), "new")).uidvalidity
        assert made > max(new)
    with home.run() as (store, _, back):
        assert not back
        assert uidvalidities(store) == new | {made}


def test_a_copy_of_a_stopped_store_is_recognised_after_a_crash(home: Home) -> None:
    with home.run() as (store, keeper, _):
        change(store, keeper, lambda tx: tx.add_account(ACCOUNT))
    copy = home.copy()
    with home.run(clean=False) as (store, keeper, _):
        change(store, keeper, lambda tx: tx.create_mailbox(AccountId(1), "lost"))
    home.put_back(copy)
    with home.run() as (_, _, back):
        assert back


def test_both_of_two_stores_that_went_apart_are_recognised(home: Home) -> None:
    with home.run() as (store, keeper, _):
        change(store, keeper, lambda tx: tx.add_account(ACCOUNT))
    old = home.copy()
    with home.run() as (store, keeper, _):
        change(store, keeper, lambda tx: tx.create_mailbox(AccountId(1), "later"))
    late = home.copy()
    home.put_back(old)
    with home.run() as (_, _, back):
        assert back
    home.put_back(late)
    with home.run() as (_, _, back):
        assert back


def test_a_store_without_its_file_is_a_copy(home: Home) -> None:
    with home.run() as (store, keeper, _):
        change(store, keeper, lambda tx: tx.add_account(ACCOUNT))
    (home.folder / "epoch").unlink()
    with home.run() as (_, _, back):
        assert back
    with home.run() as (_, _, back):
        assert not back


def test_a_whole_folder_that_moves_keeps_its_uids(home: Home, tmp_path: Path) -> None:
    with home.run() as (store, keeper, _):
        change(store, keeper, lambda tx: tx.add_account(ACCOUNT))
        before = uidvalidities(store)
    with Home(home.copy()).run() as (store, _, back):
        assert not back
        assert uidvalidities(store) == before


def test_a_new_store_beside_another_ones_file_never_repeats_a_uidvalidity(home: Home) -> None:
    (home.folder / "epoch").write_bytes(write_epoch(Epoch(9, 9, 5000)))
    with home.run() as (store, _, back):
        assert not back
        account = store.write(lambda tx: tx.add_account(ACCOUNT))
        assert (
            min(box.uidvalidity for box in store.read(lambda tx: tx.mailboxes(account.id))) > 5000
        )


def test_a_file_that_cannot_be_written_stops_nobody(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise 8; and once it can be, the store that never had a file isn't taken for a copy."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("bridge.net.epoch.write_atomically", full)
        for _ in range(2):
            with home.run() as (store, keeper, back):
                assert not back
                change(store, keeper, lambda tx: tx.accounts())
                tick(store, keeper)
    assert not (home.folder / "epoch").exists()
    with home.run() as (store, _, back):
        assert not back
        assert store.read(epoch) is not None
    with monkeypatch.context() as patched:
        patched.setattr("bridge.net.epoch.write_atomically", full)
        with home.run() as (_, _, back):
            assert not back
    with home.run() as (_, _, back):
        assert not back


def test_nothing_is_written_while_nothing_changes(home: Home) -> None:
    with home.run() as (store, keeper, _):
        reached = store.read(epoch)
        written = (home.folder / "epoch").stat().st_mtime_ns
        tick(store, keeper)
        assert store.read(epoch) == reached
        change(store, keeper, lambda tx: tx.accounts())
        tick(store, keeper)
        tick(store, keeper)
        later = store.read(epoch)
        assert later is not None
        assert reached is not None
        assert later.number == reached.number + 1
        assert (home.folder / "epoch").stat().st_mtime_ns > written


def test_a_clock_of_another_century_keeps_uidvalidity_in_its_range(home: Home) -> None:
    with home.run() as (store, keeper, _):
        change(store, keeper, lambda tx: tx.add_account(ACCOUNT))
        store.write(lambda tx: renew(tx, None, datetime(2200, 1, 1, tzinfo=UTC)))
        assert max(uidvalidities(store)) < 2000


def test_drafts_of_a_killed_process_go(home: Home) -> None:
    (home.folder / ".epoch.0123").write_bytes(b"half")
    with home.run():
        pass
    assert not (home.folder / ".epoch.0123").exists()
