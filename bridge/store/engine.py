"""A store on disk: opening it, reading from a snapshot, and committing work in groups."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import DBAPIError

from bridge.errors import NewerStoreError
from bridge.model.change import Change
from bridge.store import migrations, schema, sqlite
from bridge.store.tx import ReadTx, WriteTx

T = TypeVar("T")
READERS = 3
"""Point reads do not scale with threads; one lane for bulk work and two for small ones do."""


class Store:
    """Blocking; one thread writes, `READERS` may read. Made by `open_store`."""

    def __init__(self, path: Path, on_commit: Callable[[tuple[Change, ...]], None]) -> None:
        self._writer = sqlite.writer(path)
        self._readers = sqlite.readers(path, READERS)
        self._on_commit = on_commit

    def read(self, work: Callable[[ReadTx], T]) -> T:
        """What `work` returns, from one snapshot.

        Raises:
            StoreError: the store can't be read; whatever `work` raises.
        """
        try:
            with self._readers.begin() as connection:
                return work(ReadTx(connection))
        except DBAPIError as error:
            raise sqlite.translate(error) from error

    def write(self, work: Callable[[WriteTx], T]) -> T:
        """What `work` returns, once its transaction is committed and synced.

        Raises:
            StoreFullError, StoreError: nothing of it was written; whatever `work` raises.
        """
        result = self.write_group([work])[0]
        if isinstance(result, BaseException):
            raise result
        return result  # type: ignore[no-any-return]

    def write_group(self, works: Sequence[Callable[[WriteTx], Any]]) -> list[Any]:
        """Each work's value or exception, after one commit for all of them.

        A work that raises is rolled back to its savepoint. A full disk rolls back the whole
        transaction behind SQLite's back; then each work is run again alone, so that what fits is
        kept and what doesn't fails by itself.
        """
        try:
            results, changes = self._attempt(works)
        except DBAPIError as error:
            if len(works) == 1:
                return [sqlite.translate(error)]
            return [result for work in works for result in self.write_group([work])]
        if changes:
            self._on_commit(tuple(changes))
        return results

    def _attempt(self, works: Sequence[Callable[[WriteTx], Any]]) -> tuple[list[Any], list[Change]]:
        results: list[Any] = []
        changes: list[Change] = []
        with self._writer.begin() as connection:
            for work in works:
                tx = WriteTx(connection)
                savepoint = connection.begin_nested()
                try:
                    results.append(work(tx))
                except DBAPIError:
                    # A full disk has taken the savepoint and the transaction with it: rolling
                    # back to it would fail and hide why.
                    raise
                except Exception as error:
                    savepoint.rollback()
                    results.append(error)
                else:
                    savepoint.commit()
                    changes += tx.changes
        return results, changes

    def close(self) -> None:
        """Closes every connection; the last one checkpoints."""
        self._readers.dispose()
        self._writer.dispose()


def open_store(
    path: Path, *, on_commit: Callable[[tuple[Change, ...]], None], clock_s: Callable[[], float]
) -> Store:
    """The store at `path`, made or migrated as needed, with stages of a dead process swept.

    Args:
        path: the database file; its folder exists.
        on_commit: called in the writing thread after each commit that changed a mailbox.
        clock_s: seconds since 1970; seeds the UIDVALIDITY counter of a new store.

    Raises:
        NewerStoreError: a newer version wrote it.
        StoreError, StoreFullError: it can't be opened or written.
    """
    store = Store(path, on_commit)
    try:
        with store._writer.begin() as connection:
            _migrate(connection)
            _seed(connection, int(clock_s()))
    except DBAPIError as error:
        raise sqlite.translate(error) from error
    store.write(lambda tx: tx.sweep_stages())
    return store


def _migrate(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["connection"] = connection
    current = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise NewerStoreError(
            f"This store has schema {current}, which this version of popbridge doesn't know.",
            "Install the version that wrote it, or a later one.",
        )
    command.upgrade(config, "head")


def _seed(connection: Connection, seconds: int) -> None:
    if connection.execute(select(schema.counter)).first() is None:
        connection.execute(insert(schema.counter), {"name": "uidvalidity", "value": seconds})
