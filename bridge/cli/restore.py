"""`popbridge restore`."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bridge import config
from bridge.cli.progress import Line
from bridge.cli.secret import has_terminal
from bridge.cli.settings import Settings, make_data
from bridge.errors import UsageError
from bridge.net.lock import DataLock

if TYPE_CHECKING:
    from bridge.admin.restore import Backup


@click.command("restore")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_obj
def restore_command(obj: Any, folder: Path, yes: bool) -> None:
    """Puts back what `popbridge backup` wrote to DIR; the daemon must be stopped.

    Of several backups in DIR it is the newest. What is here now is kept aside. Clients read
    their mail anew, and nothing is deleted upstream until all that is there is here too.
    """
    # Slow to import, and needed only here.
    from bridge.admin.restore import check_backup, find_backup, is_in_use, restore

    settings, line = obj.load(), Line()
    os.umask(0o077)
    make_data(settings.data)
    lock = DataLock.acquire(settings.data / "lock", "popbridge restore")
    try:
        found = find_backup(folder.expanduser().absolute())
        check_backup(found, lambda *progress: line.show(_told(*progress)))
        line.end()
        store = _store(settings, found)
        if is_in_use(settings.data, store) and not (yes or _agreed(settings.data, found)):
            click.echo("Nothing was changed.", err=True)
            return
        now = datetime.now(UTC)
        aside = restore(
            found, settings.data, store, now, lambda *progress: line.show(_told(*progress))
        )
        _mark(settings.data, store)
    finally:
        line.end()
        lock.release()
    click.echo(f"Restored {found.manifest.messages} messages as of {_when(found)}.")
    if aside is not None:
        click.echo(f"What was here before is in {aside}: remove it when you don't need it.")


def _store(settings: Settings, found: "Backup") -> Path:
    """Where the database is to be: as this machine is configured, else as the backup was."""
    chosen = settings.config
    if not settings.config_file.exists():
        chosen = config.load(found.folder / "popbridge.toml", os.environ)
    return settings.data / chosen.store.url.removeprefix("sqlite:///")


def _mark(data: Path, store: Path) -> None:
    """Makes the store safe to serve now, rather than at its next start."""
    from bridge.net.epoch import EpochKeeper
    from bridge.store.engine import open_store

    opened = open_store(
        store,
        on_commit=lambda changes: None,
        clock_s=lambda: datetime.now(UTC).timestamp(),
    )
    try:
        EpochKeeper(opened, data / "epoch", lambda: datetime.now(UTC)).begin()
    finally:
        opened.close()


def _agreed(data: Path, found: "Backup") -> bool:
    warning = (
        f"There is a store in {data}. It will be put aside, and what is served is the backup of"
        f" {_when(found)}: {found.manifest.accounts} accounts, {found.manifest.messages} messages."
    )
    if not has_terminal():
        raise UsageError(warning, "Say --yes to do it.")
    click.echo(warning, err=True)
    return click.confirm("Restore it?", err=True)


def _when(found: "Backup") -> str:
    return f"{found.manifest.made:%Y-%m-%d %H:%M} UTC"


def _told(doing: str, done: int, total: int) -> str:
    return f"{doing} {done / 1e6:.0f} of {total / 1e6:.0f} MB"
