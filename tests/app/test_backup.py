"""Backup, restore, export and import as a user runs them, with the daemon and without."""

import json
import os
import shutil
import sqlite3
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bridge.store.migrations import HEAD
from tests.e2e.daemon import Daemon, add_account, configure, popbridge
from tests.pop_server import PopServer

pytestmark = pytest.mark.e2e

MAIL = [b"Subject: m%d\r\n\r\nbody %d\r\n" % (n, n) for n in range(6)]


@contextmanager
def running(data: Path) -> Iterator[Daemon]:
    daemon = Daemon(data)
    try:
        yield daemon
    finally:
        daemon.stop()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    configure(folder)
    return folder


def bodies(daemon: Daemon, box: str = "INBOX") -> dict[int, bytes]:
    with daemon.client() as client:
        client.select_folder(box)
        found = client.fetch(client.search("ALL"), ["BODY.PEEK[]"])
        return {uid: row[b"BODY[]"] for uid, row in found.items()}


def uidvalidity(daemon: Daemon) -> int:
    with daemon.client() as client:
        return int(client.folder_status("INBOX", ["UIDVALIDITY"])[b"UIDVALIDITY"])


def good(done: "subprocess.CompletedProcess[str]") -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def account(data: Path) -> dict[str, Any]:
    (one,) = json.loads(good(popbridge(data, "status", "--json")))["accounts"]
    found: dict[str, Any] = one
    return found


def test_a_backup_is_made_while_mail_is_served_and_restored(data: Path, tmp_path: Path) -> None:
    with PopServer(MAIL[:3]) as server:
        add_account(data, server.port)
        with running(data) as daemon:
            good(popbridge(data, "sync"))
            before, old = bodies(daemon), uidvalidity(daemon)
            good(popbridge(data, "backup", str(tmp_path / "b")))
            refused = popbridge(data, "restore", str(tmp_path / "b"), "--yes")
            assert refused.returncode == 75
            assert f"popbridge run (pid {daemon.process.pid})" in refused.stderr
            server.messages += MAIL[3:]
            good(popbridge(data, "sync"))
            assert len(bodies(daemon)) == 6
        (backup,) = (tmp_path / "b").iterdir()
        names = {"popbridge.db", "key", "popbridge.toml", "tls", "manifest.json"}
        assert {path.name for path in backup.iterdir()} == names
        for path in (backup, *backup.rglob("*")):
            expected = 0o700 if path.is_dir() else 0o600
            assert stat.S_IMODE(path.stat().st_mode) == expected
        asked = popbridge(data, "restore", str(tmp_path / "b"))
        assert (asked.returncode, "--yes" in asked.stderr) == (64, True)
        good(popbridge(data, "restore", str(tmp_path / "b"), "--yes"))
        (aside,) = data.glob("before-restore-*")
        with sqlite3.connect(aside / "popbridge.db") as kept:
            assert kept.execute("SELECT count(*) FROM message").fetchone() == (6,)
        kept.close()
        with running(data) as daemon:
            assert uidvalidity(daemon) > old
            assert list(bodies(daemon).values()) == list(before.values())
            good(popbridge(data, "sync"))
            assert sorted(bodies(daemon).values()) == sorted(MAIL)
        with running(data) as daemon:
            renewed = uidvalidity(daemon)
        with running(data) as daemon:
            assert uidvalidity(daemon) == renewed


def test_an_old_backup_never_causes_a_delete_upstream(data: Path, tmp_path: Path) -> None:
    """Fault 29: the provider has moved on, and the policy deletes what is held."""
    with PopServer(MAIL[:4]) as server:
        add_account(data, server.port)
        good(popbridge(data, "sync"))
        good(popbridge(data, "backup", str(tmp_path / "b")))
        server.messages[:2] = MAIL[4:]
        good(popbridge(data, "account", "set", "alice", "--policy", "delete", "--yes"))
        server.log.clear()
        shutil.rmtree(data)
        data.mkdir()
        good(popbridge(data, "restore", str(tmp_path / "b")))
        with sqlite3.connect(data / "popbridge.db") as store:
            found = store.execute("SELECT frozen_reason FROM profile").fetchall()
            store.execute("UPDATE account SET policy = 'delete'")
        store.close()
        assert found == [("restored",)]
        good(popbridge(data, "sync"))
        # In the sync that is the first since, everything listed is fetched before any DELE.
        commands = [line.partition(" ")[0] for line in server.log]
        deleted = commands.index("DELE") if "DELE" in commands else len(commands)
        assert "RETR" not in commands[deleted:]
        assert commands.count("RETR") >= 2
        with running(data) as daemon:
            assert sorted(bodies(daemon).values()) == sorted(MAIL)


@pytest.mark.parametrize("harm", ["cut", "changed", "missing", "manifest", "key", "newer"])
def test_a_damaged_backup_is_refused(data: Path, tmp_path: Path, harm: str) -> None:
    add_account(data, 1)
    good(popbridge(data, "backup", str(tmp_path / "b")))
    (backup,) = (tmp_path / "b").iterdir()
    database, manifest = backup / "popbridge.db", backup / "manifest.json"
    match harm:
        case "cut":
            os.truncate(database, database.stat().st_size - 8192)
        case "changed":
            octets = bytearray(database.read_bytes())
            octets[-100] ^= 1
            database.write_bytes(octets)
        case "missing":
            database.unlink()
        case "manifest":
            os.truncate(manifest, 100)
        case "key":
            (backup / "key").write_bytes(b"k" * 32)
        case "newer":
            manifest.write_text(manifest.read_text().replace(f'"{HEAD}"', '"9999"'))
    before = {path: path.read_bytes() for path in data.iterdir() if path.is_file()}
    done = popbridge(data, "restore", str(tmp_path / "b"), "--yes")
    assert done.returncode == (78 if harm == "newer" else 65)
    assert "Traceback" not in done.stderr
    changed = {path.name for path, octets in before.items() if path.read_bytes() != octets}
    assert changed <= {"lock"}
    assert account(data)["login"] == "alice"


def test_backups_are_kept_as_asked_and_others_files_left_alone(data: Path, tmp_path: Path) -> None:
    add_account(data, 1)
    folder = tmp_path / "b"
    made = [
        json.loads(good(popbridge(data, "backup", str(folder), "--keep", "2", "--json")))
        for _ in range(3)
    ]
    assert [one["removed"] for one in made] == [0, 0, 1]
    assert sorted(map(str, folder.iterdir())) == [one["folder"] for one in made[1:]]
    (folder / ".backup-0123456789abcdef").mkdir()
    good(popbridge(data, "backup", str(folder), "--keep", "1"))
    assert len(list(folder.iterdir())) == 1
    (folder / "mine.txt").write_text("x")
    refused = popbridge(data, "backup", str(folder))
    assert (refused.returncode, "mine.txt" in refused.stderr) == (64, True)
    assert popbridge(data, "backup", str(tmp_path / "c"), "--keep", "0").returncode == 64
    (tmp_path / "file").write_text("x")
    assert popbridge(data, "backup", str(tmp_path / "file")).returncode == 73


def test_export_and_import_through_the_daemon(data: Path, tmp_path: Path) -> None:
    with PopServer(MAIL) as server:
        add_account(data, server.port)
        add_account(data, 1, "bob")
        with running(data) as daemon:
            good(popbridge(data, "sync", "alice"))
            for form in ("maildir", "mbox", "eml"):
                out = str(tmp_path / form)
                said = good(popbridge(data, "export", "alice", out, "--format", form))
                assert "6 messages written" in said
                said = good(popbridge(data, "import", "bob", out, "--into", form))
                assert "6 messages added" in said
            with daemon.client("bob") as client:
                client.select_folder("mbox")
                found = client.fetch(client.search("ALL"), ["BODY.PEEK[]"])
            assert [found[uid][b"BODY[]"] for uid in sorted(found)] == MAIL
