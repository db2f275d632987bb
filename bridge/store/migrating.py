"""Bringing a store to the schema of this version.

Alembic is imported only where there is work for it: it takes as long as the rest of a start.
"""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from sqlalchemy import Connection, inspect

from bridge.errors import NewerStoreError
from bridge.store import migrations, sqlite

if TYPE_CHECKING:
    from alembic.config import Config


def migrate(connection: Connection) -> None:
    """Makes or changes the tables, in the connection's transaction.

    Raises:
        NewerStoreError: a newer version wrote the store.
    """
    current = _current(connection)
    if current == migrations.HEAD:
        return
    if current is not None and current not in known_schemas():
        raise NewerStoreError(
            f"This store has schema {current}, which this version of popbridge doesn't know.",
            "Install the version that wrote it, or a later one.",
        )
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def is_older(path: Path) -> bool:
    """Whether opening the store would change its tables; reads only."""
    uri = f"file:{quote(str(path.absolute()))}?mode=ro"
    with closing(sqlite.library().connect(uri, uri=True)) as connection:
        try:
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite.library().Error:
            # What is wrong with it, opening it will tell.
            return False
    return found is not None and found[0] != migrations.HEAD and found[0] in known_schemas()


def known_schemas() -> frozenset[str]:
    """The schemas that this version can open."""
    from alembic.script import ScriptDirectory

    return frozenset(
        script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()
    )


def _current(connection: Connection) -> str | None:
    """The schema that the store has; None where it has none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").first()
    return None if row is None else str(row[0])


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    return config
