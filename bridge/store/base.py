"""What the entity files stand on: a connection, and the changes a transaction has made."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Executable

from bridge.model.change import Change


class Reads:
    """A transaction that reads. Entity files add the queries."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def all(self, statement: Executable, **values: Any) -> list[tuple[Any, ...]]:
        """Every row, as plain tuples."""
        return list(map(tuple, self.connection.execute(statement, values)))

    def one(self, statement: Executable, **values: Any) -> tuple[Any, ...] | None:
        """The first row, or None if there is none."""
        row = self.connection.execute(statement, values).first()
        return None if row is None else tuple(row)


class Writes(Reads):
    """A transaction that writes; what it changes is published by its commit, so none can forget."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.changes: list[Change] = []

    def do(self, statement: Executable, **values: Any) -> int:
        """Runs a statement; the number of rows it touched."""
        return self.connection.execute(statement, values).rowcount

    def insert(self, statement: Executable, **values: Any) -> int:
        """Inserts one row; its id."""
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
