"""Opening a store: the rules for SQLite, migrations that are killed, stores of later versions."""

import logging
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from bridge.errors import NewerStoreError
from bridge.store import migrations, sqlite
from bridge.store.migrating import is_older
from bridge.store.schema import metadata
from tests.store.test_store import ACCOUNT, NOW, add, inbox, message, opened

KILLED = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import event
from sqlalchemy.engine import Engine
from bridge.store.engine import open_store

left = int(sys.argv[2])

@event.listens_for(Engine, "after_cursor_execute")
def executed(connection, cursor, statement, *rest):
    global left
    if statement.lstrip().upper().startswith(("CREATE", "INSERT", "UPDATE")):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

open_store(Path(sys.argv[1]), on_commit=lambda changes: None, clock_s=lambda: 1.0).close()
"""
ROOT = Path(__file__).parents[2]


def pragma(store: object, name: str, engine: str = "_writer") -> object:
    with getattr(store, engine).connect() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def test_the_rules_for_sqlite(tmp_path: Path) -> None:
    store = opened(tmp_path / "popbridge.db")
    assert pragma(store, "journal_mode") == "wal"
    assert pragma(store, "synchronous") == 2
    assert pragma(store, "secure_delete") == 2
    assert pragma(store, "auto_vacuum") == 2
    assert pragma(store, "page_size") == 8192
    assert pragma(store, "foreign_keys") == 1
    assert pragma(store, "wal_autocheckpoint") == sqlite.CHECKPOINT_PAGES
    with store._readers.connect() as connection, pytest.raises(Exception, match=r"readonly|query"):
        connection.exec_driver_sql("CREATE TABLE x (y)")
    store.close()


@pytest.mark.parametrize("writes", [0, 1, 7, 19, 25])
def test_a_migration_that_is_killed_leaves_a_store_that_opens(tmp_path: Path, writes: int) -> None:
    path = tmp_path / "popbridge.db"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), str(writes)], cwd=ROOT, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    store = opened(path)
    tables = set(metadata.tables) | {"alembic_version"}
    with store._writer.connect() as connection:
        assert set(tables) <= set(store._writer.dialect.get_table_names(connection))
    store.write(lambda tx: tx.add_account(ACCOUNT))
    assert store.write(lambda tx: add(tx, b"a")) == 1
    store.close()


def test_a_store_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "popbridge.db"
    store = opened(path)
    with store._writer.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    store.close()
    before = path.read_bytes()
    with pytest.raises(NewerStoreError, match="9999"):
        opened(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("version", "affected"),
    [
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 53, 4), False),
    ],
)
def test_the_libraries_with_the_wal_reset_bug(version: tuple[int, ...], affected: bool) -> None:
    assert sqlite.has_wal_reset_bug(version) is affected
    assert (sqlite.advice(version) is not None) is affected


def test_a_log_that_readers_kept_long_is_emptied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sqlite, "LOG_OCTETS_MAX", 1 << 20)
    path = tmp_path / "popbridge.db"
    store = opened(path)
    store.write(lambda tx: tx.add_account(ACCOUNT))
    log = Path(f"{path}-wal")
    with caplog.at_level(logging.WARNING), store._snapshots.begin() as reading:
        reading.exec_driver_sql("SELECT count(*) FROM account").scalar()
        for _ in range(8):
            octets = bytes(300_000)
            store.write(lambda tx, o=octets: tx.add_message(inbox(tx), message(o), o, now=NOW).uid)
        assert log.stat().st_size > 1 << 20
    store.write(lambda tx: add(tx, b"a"))
    assert log.stat().st_size < 1 << 20
    assert not caplog.records
    store.close()


def test_the_head_is_the_last_script() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_current_head() == migrations.HEAD


def test_a_store_that_is_up_to_date_opens_without_alembic(tmp_path: Path) -> None:
    # Alembic alone would take as long to import as all the rest of a start.
    opened(tmp_path / "popbridge.db").close()
    code = (
        "import sys; from pathlib import Path; from bridge.store.engine import open_store;"
        "store = open_store(Path(sys.argv[1]), on_commit=print, clock_s=lambda: 1.0);"
        "store.close(); sys.exit('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "popbridge.db")], cwd=ROOT)
    assert done.returncode == 0


def test_a_store_of_before_annotations_gets_their_table(tmp_path: Path) -> None:
    path = tmp_path / "popbridge.db"
    store = opened(path)
    kept = store.write(lambda tx: tx.add_account(ACCOUNT)).id
    store.close()
    with closing(sqlite.library().connect(path)) as connection:
        connection.execute("DROP TABLE annotation")
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
        connection.commit()
    store = opened(path)
    store.write(lambda tx: tx.annotate(kept, inbox(tx), [("/private/comment", b"x")]))
    held = store.read(lambda tx: tx.annotations(kept, tx.mailbox(kept, "INBOX")))
    assert held["/private/comment"].value == b"x"
    store.close()


@pytest.mark.parametrize(
    ("version", "older"), [(migrations.HEAD, False), ("0001", True), ("9999", False)]
)
def test_whether_a_store_is_older_is_told_without_changing_it(
    tmp_path: Path, version: str, older: bool
) -> None:
    path = tmp_path / "popbridge.db"
    opened(path).close()
    with closing(sqlite.library().connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", [version])
        connection.commit()
    before = path.read_bytes()
    assert is_older(path) is older
    assert path.read_bytes() == before


def test_what_is_no_store_is_not_an_older_one(tmp_path: Path) -> None:
    path = tmp_path / "popbridge.db"
    path.write_bytes(b"no database at all, though it is as long as one might begin" * 10)
    assert not is_older(path)
