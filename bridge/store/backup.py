"""A copy of a store that is in use: made beside those who use it, and checked."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy.exc import DBAPIError

from bridge.errors import StoreError
from bridge.store import sqlite
from bridge.store.epoch import Epoch

FAULTS = 5
"""What is told of a damaged copy; SQLite would list every row."""

_ANOTHER = "Take another backup."


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What is in a copy; `epoch` is None if the store never ran."""

    schema: str
    epoch: Epoch | None
    accounts: int
    messages: int
    placements: int


def live_octets(store: Path) -> int:
    """About as many octets as a copy will have.

    Raises:
        StoreError: the store can't be read.
    """
    with _reading(store) as connection:
        pages, free, page = (
            int(connection.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        )
    return (pages - free) * page


def copy_store(store: Path, target: Path) -> None:
    """Writes what is committed now to a new file. Blocks for seconds per GB.

    It reads one snapshot: the one who writes goes on writing, and others go on reading. What was
    deleted is not in the copy.

    Raises:
        StoreFullError, StoreError: it can't be read or written.
    """
    with _reading(store) as connection:
        connection.execute("VACUUM INTO ?", (str(target),))


def examine(copy: Path) -> Contents:
    """What is in a copy that nobody uses; reads all of it.

    Raises:
        StoreError: it is damaged, or no store.
    """
    with _reading(copy, unused=True) as connection:
        faults = connection.execute(f"PRAGMA integrity_check({FAULTS})").fetchall()
        if faults != [("ok",)]:
            raise StoreError(
                f"The database {copy.name} is damaged: {'; '.join(str(one) for (one,) in faults)}.",
                _ANOTHER,
            )
        if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
            raise StoreError(f"The database {copy.name} is damaged: rows refer to none.", _ANOTHER)
        return _contents(connection)


def _contents(connection: Any) -> Contents:
    def number(query: str) -> int:
        return int(connection.execute(query).fetchone()[0])

    counters = dict(connection.execute("SELECT name, value FROM counter").fetchall())
    known = {"store", "epoch"} <= counters.keys()
    return Contents(
        schema=str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]),
        epoch=Epoch(counters["store"], counters["epoch"], counters["uidvalidity"])
        if known
        else None,
        accounts=number("SELECT count(*) FROM account WHERE login IS NOT NULL"),
        messages=number("SELECT count(*) FROM message"),
        placements=number("SELECT count(*) FROM placement WHERE expunged_modseq IS NULL"),
    )


@contextmanager
def _reading(path: Path, *, unused: bool = False) -> Iterator[Any]:
    """A connection that can't write to the store; the library's errors come as our own.

    `unused` promises that nobody else has the file open, and leaves no file beside it.
    """
    library = sqlite.library()
    uri = f"file:{quote(str(path.absolute()))}?mode=ro{'&immutable=1' if unused else ''}"
    try:
        with closing(library.connect(uri, uri=True, isolation_level=None)) as connection:
            yield connection
    except library.Error as error:
        raise sqlite.translate(DBAPIError("", None, error)) from error
