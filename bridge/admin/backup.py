"""A backup of the whole store, made while mail is served: a new folder each time, checked."""

import errno
import fcntl
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Event

from bridge import __version__
from bridge.admin.context import Admin
from bridge.archive.manifest import (
    DATABASE,
    MANIFEST,
    File,
    Manifest,
    folder_name,
    is_folder_name,
    write_manifest,
)
from bridge.errors import BridgeError, StoreBusyError, StoreError, StoreFullError, UsageError
from bridge.store.backup import copy_store, examine, live_octets
from bridge.store.epoch import Epoch, note_backup

Report = Callable[[dict[str, object]], None]

SPARE_OCTETS = 16 << 20
"""Beside what the copy takes: a disk that is filled to its end helps nobody."""

PIECE_OCTETS = 1 << 20
REPORT_S = 0.5

_DRAFT = re.compile(r"\.backup-[0-9a-f]{16}")
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupRequest:
    """What `backup` asks for; paths are absolute.

    `keep` is how many backups stay in the folder, the new one among them; None: all. `config_file`
    is popbridge.toml, and `certificates` are what it names under [tls], if anything.
    """

    folder: str
    keep: int | None = None
    config_file: str | None = None
    certificates: tuple[str, ...] = ()


@dataclass(slots=True)
class _Job:
    """One backup, made in a thread; others look at how far it is."""

    request: BackupRequest
    data: Path
    store: Path
    now: datetime
    total: int = 0
    doing: str = "looking"
    draft: Path | None = None
    ended: Event = field(default_factory=Event)

    @property
    def folder(self) -> Path:
        return Path(self.request.folder)

    @property
    def copied(self) -> int:
        """Octets of the copy so far."""
        try:
            return 0 if self.draft is None else (self.draft / DATABASE).stat().st_size
        except OSError:
            return 0


async def backup(admin: Admin, request: BackupRequest, report: Report) -> dict[str, object]:
    """Makes a backup in a new folder below the one named, and checks it.

    Clients read and write meanwhile. A crash leaves what is swept by the next backup; older
    backups go only once the new one is whole.

    Returns:
        `folder`, `octets`, `accounts` and `messages` of the backup, and how many old ones were
        `removed`.

    Raises:
        UsageError: the folder holds other things, or `keep` is less than one.
        StoreBusyError: a backup into that folder is being made.
        StoreError, StoreFullError: it can't be made.
    """
    if request.keep is not None and request.keep < 1:
        raise UsageError("--keep must be at least 1.", "Leave it out to keep all backups.")
    if not Path(request.folder).is_absolute():
        raise UsageError("The backup's folder must be an absolute path.", "Name it in full.")
    job = _Job(request, admin.data, admin.store_path, admin.clock())

    async def work() -> dict[str, object] | Exception:
        try:
            return await admin.in_background(lambda: _make(job))
        except Exception as error:
            return error
        finally:
            job.ended.set()

    async def watch() -> dict[str, object]:
        while not await admin.in_background(lambda: job.ended.wait(REPORT_S)):
            report({"doing": job.doing, "copied": job.copied, "total": job.total})
        return {}

    made, _ = await admin.together([work(), watch()])
    if isinstance(made, Exception):
        raise made
    # The backup is good, though a full disk keeps that from being remembered.
    with suppress(StoreFullError):
        await admin.database.write(lambda tx: note_backup(tx, int(job.now.timestamp())))
    return made


def _make(job: _Job) -> dict[str, object]:
    """Makes it. Blocks."""
    try:
        with sole(job.folder):
            old = _older(job.folder)
            _require_room(job)
            job.draft = job.folder / f".backup-{secrets.token_hex(8)}"
            job.draft.mkdir(mode=0o700)
            try:
                manifest = _fill(job, job.draft)
                made = _rename(job.draft, job.folder, job.now)
            except BaseException:
                shutil.rmtree(job.draft, ignore_errors=True)
                raise
            removed = _remove_old(job.folder, old, job.request.keep)
    except OSError as error:
        raise _failed(job.folder, error) from error
    except StoreFullError as error:
        raise _no_room(job.folder) from error
    return {
        "folder": str(made),
        "octets": sum(file.size for file in manifest.files),
        "accounts": manifest.accounts,
        "messages": manifest.messages,
        "removed": removed,
    }


def _fill(job: _Job, draft: Path) -> Manifest:
    """Writes all files of a backup, the manifest last."""
    job.doing = "copying"
    copy_store(job.store, draft / DATABASE)
    job.doing = "checking"
    contents = examine(draft / DATABASE)
    for name, source in _beside(job).items():
        target = draft / name
        target.parent.mkdir(mode=0o700, exist_ok=True)
        shutil.copyfile(source, target)
    names = sorted(str(path.relative_to(draft)) for path in draft.rglob("*") if path.is_file())
    reached = contents.epoch or Epoch(0, 0, 0)
    manifest = Manifest(
        version=__version__,
        schema=contents.schema,
        made=job.now,
        store=reached.store,
        epoch=reached.number,
        uidvalidity=reached.uidvalidity,
        accounts=contents.accounts,
        messages=contents.messages,
        files=tuple(describe(draft, name) for name in names),
    )
    (draft / MANIFEST).write_bytes(write_manifest(manifest))
    for path in draft.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
        sync_path(path)
    sync_path(draft)
    return manifest


def _beside(job: _Job) -> Mapping[str, Path]:
    """The files beside the store by their names in the backup: key, configuration, certificates.

    A certificate that lies elsewhere is another program's to keep.
    """
    found = {"key": job.data / "key"}
    if job.request.config_file is not None:
        found["popbridge.toml"] = Path(job.request.config_file)
    inside = [path for path in (job.data / "tls").glob("*") if not path.name.startswith(".")]
    inside += [Path(path) for path in job.request.certificates]
    for path in inside:
        if path.is_relative_to(job.data):
            found[str(path.relative_to(job.data))] = path
    return {name: path for name, path in found.items() if path.is_file()}


def describe(folder: Path, name: str) -> File:
    """A file as a manifest has it. Blocks; read again from the disk, or from its cache.

    Raises:
        OSError: it can't be read.
    """
    digest, size = hashlib.sha256(), 0
    with (folder / name).open("rb") as file:
        while piece := file.read(PIECE_OCTETS):
            digest.update(piece)
            size += len(piece)
    return File(name, size, digest.hexdigest())


def sync_path(path: Path) -> None:
    """Makes a file, or what a folder lists, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def sole(folder: Path) -> Iterator[None]:
    """Holds the folder, made as needed, against others that write to it from here.

    Raises:
        StoreBusyError: one does.
        OSError: it can't be made or opened.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
        os.fsync(descriptor)
    except BlockingIOError:
        raise StoreBusyError(
            f"Another backup or export into {folder} is under way.", "Wait until it has ended."
        ) from None
    finally:
        os.close(descriptor)


def _older(folder: Path) -> list[Path]:
    """The backups that are there, oldest first; drafts of what was interrupted are removed.

    Raises:
        UsageError: there is something else.
    """
    found = sorted(folder.iterdir())
    strange = [path.name for path in found if not _is_ours(path)]
    if strange:
        raise UsageError(
            f"The folder {folder} holds what is no backup: {strange[0]}.",
            "Name a folder that is empty or holds backups only.",
        )
    for path in found:
        if _DRAFT.fullmatch(path.name):
            shutil.rmtree(path)
    return [path for path in found if is_folder_name(path.name)]


def _is_ours(path: Path) -> bool:
    if _DRAFT.fullmatch(path.name):
        return True
    return is_folder_name(path.name) and (path / MANIFEST).is_file()


def _require_room(job: _Job) -> None:
    job.total = live_octets(job.store)
    if shutil.disk_usage(job.folder).free < job.total + SPARE_OCTETS:
        raise StoreFullError("too little free space", "Free some space.")


def _rename(draft: Path, folder: Path, now: datetime) -> Path:
    again = 0
    while (made := folder / folder_name(now, again)).exists():
        again += 1
    draft.rename(made)
    sync_path(folder)
    return made


def _remove_old(folder: Path, old: list[Path], keep: int | None) -> int:
    """Removes what is more than `keep`, the new one counted; how many."""
    surplus = [] if keep is None else old[: max(0, len(old) + 1 - keep)]
    for path in surplus:
        # Without its name it is a draft, which the next backup removes if this is interrupted.
        gone = folder / f".backup-{secrets.token_hex(8)}"
        path.rename(gone)
        shutil.rmtree(gone)
    return len(surplus)


def _failed(folder: Path, error: OSError) -> BridgeError:
    if error.errno in _NO_ROOM:
        return _no_room(folder)
    return StoreError(
        f"The backup in {folder} can't be made: {error.strerror} ({error.filename}).",
        "Look at owner and mode of the folder: popbridge must be able to write there.",
    )


def _no_room(folder: Path) -> StoreFullError:
    return StoreFullError(
        f"There is too little free space for a backup in {folder}.",
        "Free some space there, or name a folder on another disk. Older backups are untouched.",
    )
