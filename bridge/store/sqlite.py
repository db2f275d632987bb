"""All that is SQLite's alone: the library, connections, pragmas and what its errors mean.

Rules (DECISIONS.md "One writing connection"): one connection writes and it alone checkpoints;
readers are `mode=ro`, so they can't; every commit is synced.
"""

import sqlite3
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool, StaticPool

from bridge.errors import BridgeError, StoreError, StoreFullError

PAGE_OCTETS = 8192
CHECKPOINT_PAGES = 4000
"""About 32 MB of log: fewer checkpoints than the default, with commits still under 0.1 s."""

_FULL, _IOERR, _READONLY, _CANTOPEN = 13, 10, 8, 14


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


_BACKPORTS = ((3, 44, 6), (3, 50, 7))


def writer(path: Path) -> Engine:
    """The engine of the one writing connection; each transaction begins IMMEDIATE."""

    def connect() -> Any:
        connection = library().connect(
            path, isolation_level=None, check_same_thread=False, timeout=5.0
        )
        for pragma in (
            f"page_size={PAGE_OCTETS}",
            "auto_vacuum=INCREMENTAL",
            "journal_mode=WAL",
            "synchronous=FULL",
            "secure_delete=FAST",
            "foreign_keys=ON",
            f"wal_autocheckpoint={CHECKPOINT_PAGES}",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=StaticPool, module=library())
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def readers(path: Path, size: int) -> Engine:
    """The engine of `size` read-only connections; each transaction sees one snapshot."""
    uri = f"file:{quote(str(path.absolute()))}?mode=ro"

    def connect() -> Any:
        connection = library().connect(
            uri, uri=True, isolation_level=None, check_same_thread=False, timeout=5.0
        )
        connection.execute("PRAGMA query_only=1")
        return connection

    engine = create_engine(
        "sqlite://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
        module=library(),
    )
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


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
    return StoreError(
        f"The store refused a statement: {error.orig}.", "This is a fault of popbridge; report it."
    )
