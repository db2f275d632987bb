"""A store on disk: opening it, reading from a snapshot, and committing work in groups."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import DBAPIError

from bridge.errors import StoreFullError
from bridge.model.change import Change
from bridge.model.ids import MailboxId, ModSeq
from bridge.store import schema, sqlite
from bridge.store.migrating import migrate
from bridge.store.snapshots import Snapshots
from bridge.store.transactions import Transactions
from bridge.store.tx import ReadTx, WriteTx

T = TypeVar("T")
READERS = 3
"""Reads do not scale with threads, but a small one must not wait for a large one."""

_log = logging.getLogger("popbridge.store")


class Store:
    """Blocking; one thread writes at a time, `READERS` may read. Made by `open_store`."""

    def __init__(
        self,
        path: Path,
        on_commit: Callable[[tuple[Change, ...]], None],
        purge_before: Callable[[], datetime | None],
    ) -> None:
        self._path = path
        self._writer = sqlite.writer(path)
        # One thread writes as the daemon is built; a second would be inside the first's
        # transaction, and each could end the other's.
        self._writing = RLock()
        self._transactions = Transactions(self._writer)
        self._readers = sqlite.readers(path, READERS)
        self._snapshots = Snapshots(self._readers, READERS)
        self._on_commit = on_commit
        self._purge_before = purge_before
        self._newest: dict[MailboxId, ModSeq] = {}
        self._begun = self._ended = 0
        """Groups of writes."""

    def newest(self, mailbox_id: MailboxId) -> ModSeq:
        """The highest modseq that was committed in a mailbox since this process began; 0 for none.

        It is known before the write's result is, so who knows a mailbox up to it knows all of it:
        nobody else writes this store. Any thread may ask.
        """
        return self._newest.get(mailbox_id, ModSeq(0))

    def writes(self) -> int | None:
        """How many groups of writes there were; None while one is under way.

        Where two answers are equal, what was read after the first still stands at the second:
        nobody else writes this store. Any thread may ask.
        """
        begun = self._begun
        return begun if begun == self._ended else None

    def read(self, work: Callable[[ReadTx], T]) -> T:
        """What `work` returns, from one snapshot.

        Raises:
            StoreError: the store can't be read; whatever `work` raises.
        """
        try:
            with self._snapshots.begin() as connection:
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

    def write_group(
        self,
        works: Sequence[Callable[[WriteTx], Any]],
        may_go_on: Callable[[int, int], bool] = lambda done, octets: True,
    ) -> list[Any]:
        """Each work's value or exception, after one commit for all of them.

        A work that raises is rolled back to its savepoint. A full disk rolls back the whole
        transaction behind SQLite's back; then each work is run again alone, so that what fits is
        kept and what doesn't fails by itself.

        Args:
            works: run in this order.
            may_go_on: asked before each work but the first, with the number of works done and the
                octets of mail they wrote; where it says no, the answer is that much shorter.
        """
        with self._writing:
            self._begun += 1
            try:
                # Before, not behind: who hears of a commit waits for this thread's result.
                self._limit_log()
                if len(works) == 1:
                    return [self._write_alone(works[0])]
                return self._write_together(works, may_go_on)
            finally:
                self._ended += 1

    def _write_together(
        self, works: Sequence[Callable[[WriteTx], Any]], may_go_on: Callable[[int, int], bool]
    ) -> list[Any]:
        """As `write_group`, for more than one."""
        outcomes: list[Any] = []
        changes: list[Change] = []
        try:
            with self._transaction() as connection:
                octets = 0
                for work in works:
                    if outcomes and not may_go_on(len(outcomes), octets):
                        break
                    tx = WriteTx(connection)
                    outcomes.append(self._run(work, tx))
                    octets += tx.octets_written
                    changes += tx.changes
        except DBAPIError:
            return self._one_by_one(works, may_go_on)
        self._committed(changes)
        return outcomes

    def _write_alone(self, work: Callable[[WriteTx], Any]) -> Any:
        """What `work` returns or raises; the transaction is all there is to take back."""
        try:
            with self._transaction() as connection:
                tx = WriteTx(connection)
                result = work(tx)
        except DBAPIError as error:
            return sqlite.translate(error)
        except Exception as error:
            return error
        self._committed(tx.changes)
        return result

    def _run(self, work: Callable[[WriteTx], Any], tx: WriteTx) -> Any:
        """What `work` returns or raises, in a savepoint that is released or rolled back.

        Raises:
            DBAPIError: the whole transaction is lost, not this work alone.
        """
        self._transactions.savepoint()
        try:
            result = work(tx)
        except Exception as error:
            # Rolling back to a savepoint that went with the transaction would hide why.
            self._transactions.require(error)
            self._transactions.undo()
            tx.changes.clear()
            return sqlite.translate(error) if isinstance(error, DBAPIError) else error
        self._transactions.require()
        self._transactions.release()
        return result

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """Commits what is written on the connection, or rolls it back where anything is raised."""
        connection = self._transactions.begin()
        try:
            yield connection
            self._transactions.commit()
        except BaseException:
            self._transactions.rollback()
            raise

    def _one_by_one(
        self, works: Sequence[Callable[[WriteTx], Any]], may_go_on: Callable[[int, int], bool]
    ) -> list[Any]:
        results: list[Any] = []
        for work in works:
            if results and not may_go_on(len(results), 0):
                break
            results += self.write_group([work])
        return results

    def tidy(self) -> bool:
        """Does one small piece of the work that can wait; whether there may be more.

        Raises:
            StoreFullError, StoreError: it can't be done now.
        """
        before = self._purge_before()
        if self.write(lambda tx: tx.tidy(before)):
            return True
        try:
            with self._writing:
                return sqlite.vacuum_step(self._writer)
        except DBAPIError as error:
            raise sqlite.translate(error) from error

    def _committed(self, changes: list[Change]) -> None:
        """Says what a commit has changed."""
        for change in changes:
            self._newest[change.mailbox_id] = max(change.modseq, self.newest(change.mailbox_id))
        if changes:
            try:
                self._on_commit(tuple(changes))
            except Exception:
                # It is committed: who isn't told converges at the next sync point.
                _log.exception("A commit could not be announced")

    def _limit_log(self) -> None:
        """Starts the log anew where readers, each following the other, have kept that off."""
        try:
            sqlite.limit_log(self._writer, self._path)
        except DBAPIError as error:
            _log.warning("The store's log can't be shortened: %s", sqlite.translate(error))

    def close(self) -> None:
        """Closes every connection, with all that is committed copied out of the log."""
        self._snapshots.close()
        self._transactions.close()
        sqlite.close(self._writer, self._readers)


def open_store(
    path: Path,
    *,
    on_commit: Callable[[tuple[Change, ...]], None],
    clock_s: Callable[[], float],
    purge_before: Callable[[], datetime | None] = lambda: None,
) -> Store:
    """The store at `path`, made or migrated as needed, with what a dead process left swept.

    Args:
        path: the database file; its folder exists.
        on_commit: called in the writing thread after each commit that changed a mailbox.
        clock_s: seconds since 1970; seeds the UIDVALIDITY counter of a new store.
        purge_before: asked while nothing else is to be done: what clients expunged before then is
            removed for good; None spares it.

    Raises:
        NewerStoreError: a newer version wrote it.
        StoreError, StoreFullError: it can't be opened or written.
    """
    store = Store(path, on_commit, purge_before)
    try:
        with store._transaction() as connection:
            migrate(connection)
            _seed(connection, int(clock_s()))
        # A full disk must not keep anybody from reading mail; the next start sweeps.
        with suppress(StoreFullError):
            store.write(_sweep)
    except BaseException as error:
        store.close()
        if isinstance(error, DBAPIError):
            raise sqlite.translate(error) from error
        raise
    return store


def _sweep(tx: WriteTx) -> None:
    """Removes what a dead process left behind: nobody else can be at it now."""
    tx.sweep_stages()
    tx.sweep_polls()


def _seed(connection: Connection, seconds: int) -> None:
    if connection.execute(select(schema.counter)).first() is None:
        connection.execute(insert(schema.counter), {"name": "uidvalidity", "value": seconds})
