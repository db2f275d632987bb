"""The transactions of the writing connection: begun and ended here, and nowhere else."""

from contextlib import suppress

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from bridge.store.base import Writes
from bridge.store.statement import Prepared, plain

_BEGIN = plain("BEGIN IMMEDIATE")
_COMMIT = plain("COMMIT")
_ROLLBACK = plain("ROLLBACK")
_SAVEPOINT = plain("SAVEPOINT work")
_RELEASE = plain("RELEASE work")
_UNDO = plain("ROLLBACK TO work")


class Transactions:
    """One at a time, in one thread; within it one savepoint at a time.

    These statements go straight to the driver, as others do: SQLAlchemy's own way through a
    commit and a savepoint costs 0.2 ms. Its connection is told once that it is in a transaction,
    and so begins none and ends none.

    Every method raises DBAPIError where SQLite refuses.

    Args:
        engine: of the writing connection.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._open: Writes | None = None

    def begin(self) -> Connection:
        """Begins a transaction; the connection to write on."""
        if self._open is None:
            connection = self._engine.connect()
            connection.begin()
            self._open = Writes(connection)
        self._open.run(_BEGIN)
        return self._open.connection

    def commit(self) -> None:
        """Makes all of it durable."""
        self.require()
        self._run(_COMMIT)

    def rollback(self) -> None:
        """Takes all of it back; where an error has done so already, nothing is left to do."""
        if self._open is not None and self._open.stands:
            with suppress(DBAPIError):
                self._run(_ROLLBACK)

    def savepoint(self) -> None:
        """Begins a part that can be taken back alone."""
        self._run(_SAVEPOINT)

    def release(self) -> None:
        """Joins the part to the rest."""
        self._run(_RELEASE)

    def undo(self) -> None:
        """Takes the part back."""
        self._run(_UNDO)
        self._run(_RELEASE)

    def require(self, error: BaseException | None = None) -> None:
        """Raises `error`, or an error of its own, where SQLite has rolled back by itself.

        A full disk takes the savepoint and the transaction with it, and a work may have hidden
        why.
        """
        if self._open is not None and self._open.stands:
            return
        if isinstance(error, DBAPIError):
            raise error
        hidden = Exception("the transaction was rolled back")
        raise OperationalError("COMMIT", {}, hidden) from error

    def close(self) -> None:
        """Lets go of the connection."""
        if self._open is not None:
            self._open.connection.close()
            self._open = None

    def _run(self, prepared: Prepared) -> None:
        assert self._open is not None
        self._open.run(prepared)
