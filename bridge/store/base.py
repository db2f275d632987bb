"""What the entity files stand on: a connection, and the changes a transaction has made."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Executable
from sqlalchemy.exc import DBAPIError

from bridge.model.change import Change
from bridge.store.statement import Prepared, plain, prepare, prepare_rows

_BEGIN = plain("BEGIN")
_END = plain("COMMIT")
_LAST_KEY = plain("SELECT last_insert_rowid()")


class Reads:
    """A transaction that reads. Entity files add the queries."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._driver: Any = connection.connection.driver_connection

    @property
    def stands(self) -> bool:
        """Whether there is a transaction: some errors roll it back behind one's back."""
        return bool(self._driver.in_transaction)

    def begin(self) -> None:
        """Begins a transaction on a connection that begins none by itself."""
        self.run(_BEGIN)

    def end(self) -> None:
        """Ends it, if an error hasn't done so."""
        if self.stands:
            self.run(_END)

    def all(self, statement: Executable, **values: Any) -> list[tuple[Any, ...]]:
        """Every row, as plain tuples of what the driver gives: Booleans are 0 and 1."""
        prepared = prepare(statement, self.connection.dialect, values)
        if prepared is not None:
            rows: list[tuple[Any, ...]] = self._run(prepared, values).fetchall()
            return rows
        with self.connection.execute(statement, values) as result:
            assert result.cursor is not None
            return list(result.cursor.fetchall())

    def each(self, statement: Executable, **values: Any) -> Iterator[tuple[Any, ...]]:
        """Row after row, for results that are not wanted in memory all at once."""
        prepared = prepare(statement, self.connection.dialect, values)
        if prepared is None:
            yield from self.all(statement, **values)
            return
        cursor = self._run(prepared, values)
        try:
            yield from cursor
        except Exception as error:
            raise self._named(error, prepared) from error
        finally:
            cursor.close()

    def one(self, statement: Executable, **values: Any) -> tuple[Any, ...] | None:
        """The first row, or None if there is none."""
        prepared = prepare(statement, self.connection.dialect, values)
        if prepared is not None:
            cursor = self._run(prepared, values)
            found: tuple[Any, ...] | None = cursor.fetchone()
            # Left open, the rest of a result would keep its snapshot.
            cursor.close()
            return found
        row = self.connection.execute(statement, values).first()
        return None if row is None else tuple(row)

    def run(self, prepared: Prepared) -> None:
        """Runs a statement that takes no values and gives none."""
        self._run(prepared, {})

    def _run(self, prepared: Prepared, values: Mapping[str, Any]) -> Any:
        """The driver's cursor after a statement; what it raises comes as SQLAlchemy's errors."""
        try:
            return self._driver.execute(prepared.sql, prepared.values(values))
        except Exception as error:
            raise self._named(error, prepared) from error

    def _named(self, error: Exception, prepared: Prepared) -> Exception:
        base = self.connection.dialect.loaded_dbapi.Error
        if not isinstance(error, base):
            return error
        named = DBAPIError.instance(prepared.sql, None, error, base)
        assert isinstance(named, Exception)
        return named


class Writes(Reads):
    """A transaction that writes; what it changes is published by its commit, so none can forget."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.changes: list[Change] = []
        self.octets_written = 0
        """Of mail; so that the writer can end a turn that has taken enough."""

    def do(self, statement: Executable, **values: Any) -> int:
        """Runs a statement; the number of rows it touched."""
        prepared = prepare(statement, self.connection.dialect, values)
        if prepared is not None:
            return int(self._run(prepared, values).rowcount)
        return self.connection.execute(statement, values).rowcount

    def do_all(self, statement: Executable, rows: Sequence[dict[str, Any]]) -> None:
        """Runs a statement once for each of `rows`, which all name the same columns."""
        if not rows:
            return
        prepared = prepare(statement, self.connection.dialect, rows[0])
        if prepared is None:
            self.connection.execute(statement, rows)
            return
        for values in rows:
            self._run(prepared, values)

    def insert_all(
        self, statement: Executable, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
    ) -> None:
        """Inserts rows in one call of the driver: a quarter of what each by itself costs.

        Args:
            statement: an INSERT that hands nothing out (`inline`).
            columns: what the values of a row are, in the order in which the statement has them.
            rows: plain values.
        """
        if not rows:
            return
        prepared = prepare_rows(statement, self.connection.dialect, columns)
        try:
            self._driver.executemany(prepared.sql, rows)
        except Exception as error:
            raise self._named(error, prepared) from error

    def insert_keyed(
        self, statement: Executable, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
    ) -> range:
        """As `insert_all` into a table with AUTOINCREMENT; the ids of the rows.

        One thread writes, and such a table gives each row the number after the highest that it
        ever gave, so the ids of one call follow each other.
        """
        if not rows:
            return range(0)
        self.insert_all(statement, columns, rows)
        last = int(self._run(_LAST_KEY, {}).fetchone()[0])
        return range(last - len(rows) + 1, last + 1)

    def insert(self, statement: Executable, **values: Any) -> int:
        """Inserts one row; its id."""
        prepared = prepare(statement, self.connection.dialect, values)
        if prepared is not None:
            cursor = self._run(prepared, values)
            return int(cursor.fetchone()[0] if prepared.returns_key else cursor.lastrowid)
        key = self.connection.execute(statement, values).inserted_primary_key
        assert key is not None
        return int(key[0])


def time_text(moment: datetime | None) -> str | None:
    """A moment as the store keeps it, zone included."""
    return None if moment is None else moment.isoformat()


def utc_text(moment: datetime) -> str:
    """A moment in UTC, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def moment(text: str | None) -> datetime | None:
    """The moment that `time_text` wrote."""
    return None if text is None else datetime.fromisoformat(text)
