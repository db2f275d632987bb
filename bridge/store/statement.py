"""Statements made ready for the driver: SQLAlchemy writes the SQL once, and the driver runs it.

SQLAlchemy's own way through a statement takes about 45 us each time, the driver's 8 us, and one
command of a client runs several.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Dialect, Executable
from sqlalchemy.engine.interfaces import Compiled


@dataclass(frozen=True, slots=True)
class Prepared:
    """SQL with its parameters in the driver's order, or by name where the driver wants that.

    `fixed` are values that the statement itself has; `returns_key` says whether an INSERT hands
    its key out as a row.
    """

    sql: str
    names: tuple[str, ...]
    fixed: Mapping[str, Any]
    positional: bool
    returns_key: bool

    def values(self, given: Mapping[str, Any]) -> "list[Any] | dict[str, Any]":
        """What the driver takes."""
        if not self.positional:
            return {**self.fixed, **given}
        if not self.fixed:
            return [given[name] for name in self.names]
        return [given[name] if name in given else self.fixed[name] for name in self.names]


def plain(sql: str) -> Prepared:
    """A statement without parameters."""
    return Prepared(sql, (), {}, positional=True, returns_key=False)


_Seen = dict[tuple[str, ...], "Prepared | None"]
_prepared: "WeakKeyDictionary[Executable, _Seen]" = WeakKeyDictionary()


def prepare(statement: Executable, dialect: Dialect, given: Mapping[str, Any]) -> Prepared | None:
    """The statement made ready; None the first time it is seen, and where that can't be done.

    Most statements stand in modules and are seen again and again. One that is built for a single
    use costs less in SQLAlchemy's own way.
    """
    seen = _prepared.get(statement)
    if seen is None:
        seen = _prepared[statement] = {}
    # An INSERT or UPDATE sets the columns that values are given for.
    columns = tuple(given) if statement.is_dml else ()
    if columns not in seen:
        seen[columns] = None
        return None
    found = seen[columns]
    if found is None:
        found = seen[columns] = _made(statement, dialect, columns)
    return found


def prepare_rows(statement: Executable, dialect: Dialect, columns: tuple[str, ...]) -> Prepared:
    """The statement made ready for rows whose values are in the order of `columns`.

    Raises:
        ValueError: it takes them in another order, or can't be made ready.
    """
    seen = _prepared.setdefault(statement, {})
    found = seen.get(columns)
    if found is None:
        found = seen[columns] = _made(statement, dialect, columns)
    if found is None or found.names != columns or found.fixed:
        raise ValueError(f"{statement} doesn't take {columns}")
    return found


def _made(statement: Executable, dialect: Dialect, columns: tuple[str, ...]) -> Prepared | None:
    compiled: Any = _compiled(statement, dialect, columns)
    if compiled.post_compile_params or compiled.literal_execute_params:
        return None
    fixed = {
        name: bind.effective_value for name, bind in compiled.binds.items() if not bind.required
    }
    return Prepared(
        sql=str(compiled),
        names=tuple(compiled.positiontup or ()),
        fixed=fixed,
        positional=bool(compiled.positional),
        returns_key=bool(compiled.effective_returning),
    )


def _compiled(statement: Any, dialect: Dialect, columns: tuple[str, ...]) -> Compiled:
    made: Compiled = statement.compile(dialect=dialect, column_keys=list(columns) or None)
    return made
