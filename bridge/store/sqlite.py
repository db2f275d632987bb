"""All that is SQLite's alone: the library, connections, pragmas and what its errors mean.

Rules (DECISIONS.md "One writing connection"): one connection writes and it alone checkpoints;
readers are `mode=ro`, so they can't; every commit is synced.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote

from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool, StaticPool

from bridge.errors import (
    BridgeError,
    DamagedStoreError,
    StoreBusyError,
    StoreError,
    StoreFullError,
)

PAGE_OCTETS = 8192
CHECKPOINT_PAGES = 1000
"""8 MB of log. The commit that reaches it copies it back, in 12 ms: what four times as much takes
in one, 41 ms, clients would wait for while a mailbox is fetched for the first time."""

LOG_OCTETS_MAX = 128 << 20
"""Readers that overlap without a pause keep the log from being started anew; beyond this the
writer waits until it is."""

LOG_WAIT_MS = 50
"""Readers are done sooner; after the next commit it is tried again."""

BUSY_MS = 5000
"""Nobody else writes, so only a stranger (a backup program) is waited for."""

SPARE_PAGES = 1024
"""Free pages (8 MiB) left in the file for what comes next; the rest goes back to the disk."""

VACUUM_PAGES = 64
"""Given back in one step: about 1 ms."""

_FULL, _IOERR, _READONLY, _CANTOPEN = 13, 10, 8, 14
_BUSY, _CORRUPT, _NOTADB = 5, 11, 26
_INCREMENTAL = 2


def library() -> ModuleType:
    """The newest SQLite at hand: pysqlite3 brings its own, Python links the system's."""
    try:
        import pysqlite3
    except ImportError:
        return sqlite3
    return pysqlite3  # type: ignore[no-any-return]


def has_wal_reset_bug(version: tuple[int, ...]) -> bool:
    """Whether two connections that checkpoint at once can lose commits (sqlite.org/wal.html)."""
    if version >= (3, 51, 3):
        return False
    return not any(version[:2] == fixed[:2] and version >= fixed for fixed in _BACKPORTS)


def advice(version: tuple[int, ...]) -> str | None:
    """What to tell whoever runs the daemon of a library with a known fault; None if it has none."""
    if not has_wal_reset_bug(version):
        return None
    return (
        f"SQLite {'.'.join(map(str, version))} can lose a commit when two programs write its log"
        " at once. popbridge never does that; let no other program open the store, and install"
        " popbridge with pysqlite3 for a newer library."
    )


_BACKPORTS = ((3, 44, 6), (3, 50, 7))


def writer(path: Path) -> Engine:
    """The engine of the one writing connection; it begins no transaction by itself."""

    def connect() -> Any:
        connection = library().connect(
            path, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000
        )
        connection.execute(f"PRAGMA page_size={PAGE_OCTETS}")
        # Set again it writes, and a full disk must not keep a store from being opened.
        if connection.execute("PRAGMA auto_vacuum").fetchone() != (_INCREMENTAL,):
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        if connection.execute("PRAGMA journal_mode=WAL").fetchone() != ("wal",):
            raise StoreError(
                "The data folder's file system can't hold SQLite's log.",
                "Put the data folder on a local disk.",
            )
        for pragma in (
            "synchronous=FULL",
            "secure_delete=FAST",
            "foreign_keys=ON",
            f"wal_autocheckpoint={CHECKPOINT_PAGES}",
            f"journal_size_limit={CHECKPOINT_PAGES * PAGE_OCTETS}",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        return connection

    return create_engine("sqlite://", creator=connect, poolclass=StaticPool, module=library())


def readers(path: Path, size: int) -> Engine:
    """The engine of `size` read-only connections; they begin no transaction by themselves."""
    uri = f"file:{quote(str(path.absolute()))}?mode=ro"

    def connect() -> Any:
        connection = library().connect(
            uri, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000
        )
        connection.execute("PRAGMA query_only=1")
        return connection

    return create_engine(
        "sqlite://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
        module=library(),
    )


def limit_log(engine: Engine, path: Path) -> None:
    """Copies the log back and empties it, if it is longer than `LOG_OCTETS_MAX`.

    Waits for those who read, up to `LOG_WAIT_MS`; between transactions only.
    """
    try:
        octets = os.stat(f"{path}-wal").st_size
    except FileNotFoundError:
        return
    if octets > LOG_OCTETS_MAX:
        _script(
            engine,
            f"PRAGMA busy_timeout={LOG_WAIT_MS}; PRAGMA wal_checkpoint(TRUNCATE);"
            f"PRAGMA busy_timeout={BUSY_MS}",
        )


def vacuum_step(engine: Engine) -> bool:
    """Gives some free pages back to the disk; whether there are more. Between transactions only."""
    if _free_pages(engine) <= SPARE_PAGES:
        return False
    # Python steps a statement once, which frees one page; a script runs it to its end.
    _script(engine, f"PRAGMA incremental_vacuum({VACUUM_PAGES})")
    return _free_pages(engine) > SPARE_PAGES


def close(writer: Engine, readers: Engine) -> None:
    """Copies the log back as far as the disk has room, then closes every connection."""
    # The last one to close is a reader, which can't remove -wal and -shm: on a full disk they
    # could not be made again, and after a restart nothing could be read.
    with suppress(DBAPIError), readers.connect() as last:
        last.exec_driver_sql("SELECT 1 FROM sqlite_schema").fetchall()
        last.rollback()
        # What isn't copied stays in the log, and is read from there.
        with suppress(DBAPIError):
            _script(writer, "PRAGMA wal_checkpoint(TRUNCATE)")
        writer.dispose()
    # Where there is no store that could be read.
    writer.dispose()
    readers.dispose()


def _free_pages(engine: Engine) -> int:
    with _driver(engine) as connection:
        return int(connection.execute("PRAGMA freelist_count").fetchone()[0])


def _script(engine: Engine, text: str) -> None:
    with _driver(engine) as connection:
        connection.executescript(text)


@contextmanager
def _driver(engine: Engine) -> Iterator[Any]:
    """The library's own connection; its errors come as SQLAlchemy's."""
    with closing(engine.raw_connection()) as raw:
        try:
            yield raw.driver_connection
        except library().Error as error:
            raise DBAPIError("", None, error) from error


def translate(error: DBAPIError) -> BridgeError:
    """The error as the bridge reports it."""
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    if code == _FULL:
        return StoreFullError(
            "The disk is full, so nothing can be written to the store.",
            "Free some space; reading goes on, and fetching resumes by itself.",
        )
    if code in (_IOERR, _READONLY, _CANTOPEN):
        return StoreError(
            f"The store can't be used: {error.orig}.",
            "Look at the disk, and at the owner and mode of the data folder.",
        )
    if code == _BUSY:
        return StoreBusyError(
            "Another program has locked the store.",
            "Close what has its database open, then try again.",
        )
    if code in (_CORRUPT, _NOTADB):
        return DamagedStoreError(
            f"The store is damaged: {error.orig}.",
            "Keep its file as it is, and put the data folder back from a backup.",
        )
    return StoreError(
        f"The store refused a statement: {error.orig}.", "This is a fault of popbridge; report it."
    )
