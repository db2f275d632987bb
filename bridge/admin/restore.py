"""Putting a backup back: checked first, then in one step that an interruption can't halve.

Everything is copied beside what is there, into a draft. Renaming that to `DATA/restoring` decides:
from then on the restore is finished by whoever comes next, `restore` or the daemon at its start.
What was there before is kept in a folder of its own.
"""

import errno
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bridge.admin.backup import PIECE_OCTETS, SPARE_OCTETS, describe, sync_path
from bridge.archive.manifest import (
    DATABASE,
    MANIFEST,
    File,
    Manifest,
    folder_name,
    is_folder_name,
    read_manifest,
)
from bridge.errors import BackupError, NewerStoreError, StoreError, StoreFullError
from bridge.store.backup import examine
from bridge.store.migrating import known_schemas

RESTORING = "restoring"
PLAN = "restore.json"

Progress = Callable[[str, int, int], None]
"""Told what is done, and octets so far and in all."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was found: where it is and what it says of itself."""

    folder: Path
    manifest: Manifest

    @property
    def octets(self) -> int:
        """Of all its files."""
        return sum(file.size for file in self.manifest.files)


def find_backup(folder: Path) -> Backup:
    """The backup in a folder, or the newest of those below it.

    Raises:
        BackupError: there is none, or its manifest can't be read.
        NewerStoreError: this version doesn't know its schema.
    """
    if not (folder / MANIFEST).is_file():
        below = [path for path in _listed(folder) if is_folder_name(path.name)]
        if not below:
            raise BackupError(
                f"There is no backup in {folder}.", "Name the folder that `popbridge backup` wrote."
            )
        folder = below[-1]
    try:
        manifest = read_manifest((folder / MANIFEST).read_bytes())
    except OSError as error:
        raise _unreadable(folder, MANIFEST, error) from error
    except ValueError as error:
        raise BackupError(
            f"The backup in {folder} can't be used: {error}.", "Use another backup."
        ) from error
    if DATABASE not in {file.name for file in manifest.files}:
        raise BackupError(f"The backup in {folder} has no database.", "Use another backup.")
    if manifest.schema not in known_schemas():
        raise NewerStoreError(
            f"This backup has schema {manifest.schema}, which this version of popbridge doesn't"
            f" know: popbridge {manifest.version} made it.",
            "Install that version, or a later one.",
        )
    return Backup(folder, manifest)


def check_backup(backup: Backup, progress: Progress) -> None:
    """Reads all of a backup.

    Raises:
        BackupError: a file is missing or isn't what was written.
    """
    done = 0
    for file in backup.manifest.files:
        progress("checking", done, backup.octets)
        _require_same(backup.folder, file)
        done += file.size
    try:
        examine(backup.folder / DATABASE)
    except StoreError as error:
        raise BackupError(
            f"The backup in {backup.folder} is damaged: {error.text}", "Use another backup."
        ) from error


def is_in_use(data: Path, store: Path) -> bool:
    """Whether there is something that a restore would put aside."""
    return store.exists() or (data / "key").exists() or (data / RESTORING).exists()


def restore(
    backup: Backup, data: Path, store: Path, now: datetime, progress: Progress
) -> Path | None:
    """Puts a checked backup into a data folder that nobody uses.

    Args:
        backup: which `check_backup` found whole.
        data: the folder; the caller holds its lock.
        store: where its database is to be, below it or elsewhere.
        now: names the folder for what was there.
        progress: told of it.

    Returns:
        where the old files now are; None if there were none.

    Raises:
        BackupError: a file has changed since it was checked.
        StoreError, StoreFullError: it can't be written; nothing has changed then.
    """
    finish_restore(data)
    draft = data / f".{RESTORING}-{secrets.token_hex(8)}"
    try:
        for old in data.glob(f".{RESTORING}-*"):
            shutil.rmtree(old)
        if shutil.disk_usage(data).free < backup.octets + SPARE_OCTETS:
            raise StoreFullError(
                f"There is too little free space in {data} for a backup of"
                f" {backup.octets / 1e6:.0f} MB beside what is there.",
                "Free some space, then try again. Nothing was changed.",
            )
        draft.mkdir(mode=0o700)
        plan = _copy(backup, draft, data, store, progress)
        form = {"aside": _free_name(data, now), "files": plan}
        (draft / PLAN).write_text(json.dumps(form))
        for path in (*draft.rglob("*"), draft):
            sync_path(path)
        draft.rename(data / RESTORING)
        sync_path(data)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise StoreError(
            f"The backup can't be put into {data}: {error.strerror}.",
            "Look at the disk, and at owner and mode of the folder. Nothing was changed.",
        ) from error
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return finish_restore(data)


def finish_restore(data: Path) -> Path | None:
    """Finishes a restore that was decided, if there is one; where the old files now are.

    Each step may have been done before. The caller holds the folder's lock.

    Raises:
        StoreError: it can't be finished.
    """
    restoring = data / RESTORING
    if not restoring.exists():
        return None
    try:
        form = json.loads((restoring / PLAN).read_text())
        aside = data / form["aside"]
        for name, target in form["files"]:
            if (restoring / name).exists():
                for old in _replaced(data, data / target, name):
                    _put_aside(old, aside)
                (data / target).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                _move(restoring / name, data / target)
                sync_path((data / target).parent)
        # Without it the store is known to be put back; what the old one said goes on to count.
        if (data / "epoch").exists():
            _disown(data / "epoch")
        sync_path(data)
        shutil.rmtree(restoring)
    except (OSError, ValueError) as error:
        raise StoreError(
            f"A restore that was begun can't be finished: {error}.",
            f"Look at the disk, and at owner and mode of {data}; then try again.",
        ) from error
    return aside if aside.exists() else None


def _copy(
    backup: Backup, draft: Path, data: Path, store: Path, progress: Progress
) -> list[tuple[str, str]]:
    """Copies what is to be put back into the draft; (name in it, path from DATA) of each."""
    plan, done = [], 0
    for file in backup.manifest.files:
        target = store if file.name == DATABASE else data / file.name
        if file.name == "popbridge.toml" and target.exists():
            # How this machine runs is this machine's; the store is what was asked for.
            continue
        (draft / file.name).parent.mkdir(mode=0o700, exist_ok=True)
        with (backup.folder / file.name).open("rb") as source, (draft / file.name).open("wb") as to:
            while piece := source.read(PIECE_OCTETS):
                to.write(piece)
                done += len(piece)
                progress("copying", done, backup.octets)
        (draft / file.name).chmod(0o600)
        _require_same(draft, file)
        plan.append((file.name, os.path.relpath(target, data)))
    return plan


def _replaced(data: Path, target: Path, name: str) -> Iterator[Path]:
    """The files that go when `target` comes: a log is its database's own, and no other's."""
    yield target
    if name == DATABASE:
        yield Path(f"{target}-wal")
        yield Path(f"{target}-shm")


def _put_aside(old: Path, aside: Path) -> None:
    if old.exists():
        aside.mkdir(mode=0o700, exist_ok=True)
        _move(old, aside / old.name)
        sync_path(aside)
        sync_path(old.parent)


def _move(source: Path, target: Path) -> None:
    """Renames; to another disk it copies, and what an interruption leaves is done again."""
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        part = target.with_name(f"{target.name}.part")
        shutil.copyfile(source, part)
        part.chmod(0o600)
        sync_path(part)
        part.rename(target)
        source.unlink()


def _disown(epoch: Path) -> None:
    """Lets the file speak of no store; the UIDVALIDITY that it knows stays the least."""
    form = json.loads(epoch.read_bytes() or b"{}")
    draft = epoch.with_name(".epoch.restored")
    draft.write_text(json.dumps({**form, "store": 0}))
    draft.chmod(0o600)
    sync_path(draft)
    draft.rename(epoch)


def _free_name(data: Path, now: datetime) -> str:
    again = 0
    while (data / (name := f"before-restore-{folder_name(now, again)}")).exists():
        again += 1
    return name


def _require_same(folder: Path, file: File) -> None:
    try:
        found = describe(folder, file.name)
    except OSError as error:
        raise _unreadable(folder, file.name, error) from error
    if found.size != file.size:
        raise BackupError(
            f"The backup in {folder} is incomplete: {file.name} has {found.size} octets, not"
            f" {file.size}.",
            "Use another backup.",
        )
    if found != file:
        raise BackupError(
            f"The backup in {folder} is damaged: {file.name} isn't what was written.",
            "Use another backup.",
        )


def _unreadable(folder: Path, name: str, error: OSError) -> BackupError:
    return BackupError(
        f"The backup in {folder} can't be read: {name}: {error.strerror}.",
        "Look at owner and mode of its files, or use another backup.",
    )


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise BackupError(
            f"The folder {folder} can't be read: {error.strerror}.",
            "Name the folder that `popbridge backup` wrote.",
        ) from error
