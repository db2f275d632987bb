"""A restore that is killed at any step leaves the old store or the new one, whole."""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bridge.admin.backup import BackupRequest, backup
from bridge.admin.restore import check_backup, find_backup, finish_restore, restore
from bridge.errors import BackupError, StoreBusyError, StoreFullError, UsageError
from bridge.store.engine import open_store
from bridge.store.epoch import Epoch, last_backup_s, read_epoch, write_epoch
from bridge.store.port import InlineDatabase
from tests.sync.fakes import ACCOUNT

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@dataclass
class Home:
    """A data folder, and of `Admin` what a backup needs."""

    data: Path
    logins: list[str] = field(default_factory=list)

    @property
    def store_path(self) -> Path:
        return self.data / "popbridge.db"

    def add(self, login: str) -> None:
        with_store(self.data, lambda store: store.write(
            lambda tx: tx.add_account(replace(ACCOUNT, login=login))
        ))  # fmt: skip

    def backup(self, folder: Path, **named: Any) -> dict[str, object]:
        def work(store: Any) -> dict[str, object]:
            self.database = InlineDatabase(store)
            request = BackupRequest(folder=str(folder), **named)
            made = asyncio.run(backup(self, request, lambda _: None))  # type: ignore[arg-type]
            assert store.read(last_backup_s) == int(NOW.timestamp())
            return made

        made: dict[str, object] = with_store(self.data, work)
        return made

    def clock(self) -> datetime:
        return NOW

    async def in_background(self, work: Callable[[], Any]) -> Any:
        return work()

    async def together(self, works: Iterable[Coroutine[Any, Any, Any]]) -> list[Any]:
        return [await work for work in works]


def with_store(data: Path, work: Callable[[Any], Any]) -> Any:
    store = open_store(data / "popbridge.db", on_commit=lambda _: None, clock_s=lambda: 1.0)
    try:
        return work(store)
    finally:
        store.close()


def logins(data: Path) -> list[str]:
    """What the database has, read as a start would find it."""
    found: list[str] = with_store(
        data, lambda store: [one.login for one in store.read(lambda tx: tx.accounts())]
    )
    return found


@pytest.fixture
def home(tmp_path: Path) -> Home:
    data = tmp_path / "data"
    data.mkdir()
    (data / "key").write_bytes(b"old key")
    (data / "tls").mkdir()
    (data / "tls" / "ca.pem").write_bytes(b"ca")
    (data / "epoch").write_bytes(write_epoch(Epoch(7, 3, 100)))
    made = Home(data)
    made.add("alice")
    return made


def put_back(home: Home, folder: Path) -> Path | None:
    found = find_backup(folder)
    check_backup(found, lambda *_: None)
    return restore(found, home.data, home.store_path, NOW, lambda *_: None)


def test_killed_at_any_step(home: Home, tmp_path: Path) -> None:
    home.backup(tmp_path / "b")
    home.add("bob")
    (home.data / "key").write_bytes(b"new key")
    seen, steps, ended = set(), 0, False
    while not ended:
        child = os.fork()
        if child == 0:
            die_at(steps)
            put_back(home, tmp_path / "b")
            os._exit(0)
        ended = os.waitpid(child, 0)[1] == 0
        decided = (home.data / "restoring").exists()
        finish_restore(home.data)
        state = (tuple(logins(home.data)), (home.data / "key").read_bytes())
        assert state in ((("alice", "bob"), b"new key"), (("alice",), b"old key"))
        assert not decided or state[0] == ("alice",)
        assert (home.data / "tls" / "ca.pem").read_bytes() == b"ca"
        seen.add(state)
        # As before the next try.
        if state[0] == ("alice",):
            assert (read_epoch((home.data / "epoch").read_bytes()) or Epoch(1, 0, 0)).store == 0
            home.add("bob")
            (home.data / "key").write_bytes(b"new key")
        steps += 1
    assert len(seen) == 2
    assert steps > 5
    assert not list(home.data.glob(".restoring-*"))


def die_at(step: int) -> None:
    """Ends this process at its rename number `step`, as kill -9 would."""
    real, calls = os.rename, iter(range(1000))

    def rename(*words: Any, **named: Any) -> None:
        if next(calls) == step:
            os._exit(9)
        real(*words, **named)

    os.rename = rename  # type: ignore[assignment]


def test_what_was_there_is_kept_log_and_all(home: Home, tmp_path: Path) -> None:
    home.backup(tmp_path / "b")
    home.add("bob")
    Path(f"{home.store_path}-wal").write_bytes(b"of the old one")
    aside = put_back(home, tmp_path / "b")
    assert aside is not None
    assert (aside / "popbridge.db-wal").read_bytes() == b"of the old one"
    assert not Path(f"{home.store_path}-wal").exists()
    (aside / "popbridge.db-wal").unlink()
    assert logins(aside) == ["alice", "bob"]
    assert logins(home.data) == ["alice"]
    said = read_epoch((home.data / "epoch").read_bytes())
    assert said is not None
    assert (said.store, said.uidvalidity) == (0, 100)


def test_a_backup_that_changes_while_it_is_restored_changes_nothing(
    home: Home, tmp_path: Path
) -> None:
    home.backup(tmp_path / "b")
    home.add("bob")
    found = find_backup(tmp_path / "b")
    check_backup(found, lambda *_: None)
    with (found.folder / "popbridge.db").open("r+b") as file:
        file.seek(5000)
        file.write(b"x")
    with pytest.raises(BackupError, match="isn't what was written"):
        restore(found, home.data, home.store_path, NOW, lambda *_: None)
    assert logins(home.data) == ["alice", "bob"]
    assert not list(home.data.glob("*restor*")) + list(home.data.glob(".restor*"))


def test_the_newest_backup_is_the_one(home: Home, tmp_path: Path) -> None:
    first = home.backup(tmp_path / "b")
    home.add("bob")
    second = home.backup(tmp_path / "b")
    assert find_backup(tmp_path / "b").folder == Path(str(second["folder"]))
    assert find_backup(Path(str(first["folder"]))).manifest.accounts == 1
    # Those of one second are told apart.
    assert first["folder"] != second["folder"]


def test_a_backup_holds_all_and_leaves_what_was_deleted(home: Home, tmp_path: Path) -> None:
    made = home.backup(tmp_path / "b", config_file=str(home.data / "none.toml"))
    folder = Path(str(made["folder"]))
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert names == ["key", "manifest.json", "popbridge.db", "tls/ca.pem"]
    with sqlite3.connect(folder / "popbridge.db") as copy:
        assert copy.execute("PRAGMA auto_vacuum").fetchone() == (2,)
        assert copy.execute("PRAGMA page_size").fetchone() == (8192,)
    copy.close()


def test_too_little_room_is_said_before_anything_is_done(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.backup(tmp_path / "b")
    usage = type("usage", (), {"free": 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(StoreFullError):
        home.backup(tmp_path / "b")
    assert len(list((tmp_path / "b").iterdir())) == 1
    with pytest.raises(StoreFullError):
        put_back(home, tmp_path / "b")
    assert logins(home.data) == ["alice"]


def test_two_backups_at_once_into_one_folder_are_one(home: Home, tmp_path: Path) -> None:
    from bridge.admin.backup import sole

    with sole(tmp_path / "b"), pytest.raises(StoreBusyError):
        home.backup(tmp_path / "b")


@pytest.mark.parametrize("keep", [0, -1])
def test_keeping_none_is_refused(home: Home, tmp_path: Path, keep: int) -> None:
    with pytest.raises(UsageError):
        home.backup(tmp_path / "b", keep=keep)
    with pytest.raises(UsageError):
        home.backup(Path("relative"))


def test_a_manifest_cannot_name_files_outside(home: Home, tmp_path: Path) -> None:
    made = home.backup(tmp_path / "b")
    manifest = Path(str(made["folder"])) / "manifest.json"
    for name in ("../key", "/etc/passwd", ""):
        manifest.write_text(manifest.read_text().replace('"key"', f'"{name}"'))
        with pytest.raises(BackupError):
            find_backup(tmp_path / "b")
        manifest.write_text(manifest.read_text().replace(f'"{name}"', '"key"'))
