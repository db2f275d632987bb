"""Where an export writes: a Maildir, an mbox or a folder of .eml files for each mailbox.

All of it blocks, and runs beside the reactor. A message is written under a name that no reader
looks at, and renamed when it is whole; what is said of it stands in the sidecar before that.
"""

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from bridge.admin.backup import sync_path
from bridge.archive import maildir, mbox
from bridge.archive.eml import file_name
from bridge.archive.sidecar import (
    NAME,
    Entry,
    Sidecar,
    end_line,
    entry_line,
    head_line,
    read_sidecar,
)
from bridge.errors import StoreError
from bridge.model.message import MessageRow

MODE = 0o600


@dataclass(slots=True)
class Place:
    """Where a mailbox goes: its name, and its file or folder."""

    mailbox: str
    path: Path


class Target(ABC):
    """A mailbox that is being written. `begin`, `feed` and `end` for each message, then `close`."""

    def __init__(self, place: Place, sidecar: Path) -> None:
        self.place = place
        self._sidecar = sidecar
        self.said = _read(sidecar)
        new = not self.said.mailbox
        self._notes = _append_to(sidecar)
        if new:
            self._notes.write(head_line(place.mailbox))
        self._row: MessageRow | None = None
        self._digest = hashlib.sha256()
        self._size = 0

    @abstractmethod
    def has(self, row: MessageRow) -> bool:
        """Whether the message is there, whole."""

    @abstractmethod
    def _open(self, row: MessageRow) -> None:
        """Begins a message's octets."""

    @abstractmethod
    def _write(self, octets: bytes) -> None:
        """More of them."""

    @abstractmethod
    def _keep(self, row: MessageRow) -> None:
        """The message is whole."""

    @abstractmethod
    def _drop(self) -> None:
        """The message isn't to be there."""

    @abstractmethod
    def _settle(self) -> None:
        """Makes all durable."""

    def begin(self, row: MessageRow) -> None:
        """A message comes."""
        self._row, self._digest, self._size = row, hashlib.sha256(), 0
        self._open(row)

    def feed(self, octets: bytes) -> None:
        """Takes its next octets."""
        self._digest.update(octets)
        self._size += len(octets)
        self._write(octets)

    def end(self, full_hash: bytes | None) -> bool:
        """The message is done; whether its octets have that hash.

        With None it was expunged and purged meanwhile, and is left out.
        """
        row = self._row
        assert row is not None
        if full_hash is None:
            self._drop()
            return True
        self._keep(row)
        return self._digest.digest() == full_hash

    def close(self) -> None:
        """Makes all that was written durable."""
        self._settle()
        self._notes.flush()
        os.fsync(self._notes.fileno())
        self._notes.close()
        sync_path(self._sidecar.parent)

    def _note(self, key: str, row: MessageRow) -> None:
        entry = Entry(
            key=key,
            size=self._size,
            sha256=self._digest.hexdigest(),
            flags=row.flags,
            date=row.internal_date,
        )
        self._notes.write(entry_line(entry))


class _Files(Target):
    """A file for each message, its time the message's internal date."""

    def __init__(self, place: Place, draft: Path) -> None:
        place.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._draft = draft
        self._file: BinaryIO | None = None
        self._made: list[Path] = []
        super().__init__(place, place.path / NAME)

    @abstractmethod
    def _key(self, row: MessageRow) -> str:
        """What the sidecar calls it."""

    @abstractmethod
    def _path(self, row: MessageRow) -> Path:
        """Where it goes."""

    def _open(self, row: MessageRow) -> None:
        self._file = _create(self._draft)

    def _write(self, octets: bytes) -> None:
        assert self._file is not None
        self._file.write(octets)

    def _keep(self, row: MessageRow) -> None:
        assert self._file is not None
        self._file.close()
        seconds = row.internal_date.timestamp()
        os.utime(self._draft, (seconds, seconds))
        # A reader that finds the file finds its line.
        self._note(self._key(row), row)
        self._notes.flush()
        path = self._path(row)
        self._draft.rename(path)
        self._made.append(path)

    def _drop(self) -> None:
        assert self._file is not None
        self._file.close()
        self._draft.unlink()

    def _settle(self) -> None:
        self._draft.unlink(missing_ok=True)
        for path in self._made:
            # Who reads the mail meanwhile may have given it another name.
            if path.exists():
                sync_path(path)
        for folder in {path.parent for path in self._made}:
            sync_path(folder)


class MaildirTarget(_Files):
    """A Maildir; `INBOX` has the folders of others below it (Maildir++)."""

    def __init__(self, place: Place) -> None:
        for name in ("tmp", "new", "cur"):
            (place.path / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        self._keywords: dict[str, int] = {}
        words = place.path / maildir.KEYWORDS
        if words.exists():
            found = maildir.read_keywords(words.read_bytes())
            self._keywords = {word: number for number, word in found.items()}
        self._there: dict[str, int] = {}
        for folder in ("new", "cur"):
            with os.scandir(place.path / folder) as files:
                for file in files:
                    base, _ = maildir.split_name(file.name)
                    self._there[base] = file.stat().st_size
        super().__init__(place, place.path / "tmp" / "popbridge")

    def has(self, row: MessageRow) -> bool:
        """As `Target.has`."""
        return self._there.get(self._key(row)) == row.size

    def _key(self, row: MessageRow) -> str:
        seconds = int(row.internal_date.timestamp())
        return maildir.base_name(seconds, row.uid, row.emailid, row.size)

    def _path(self, row: MessageRow) -> Path:
        if maildir.number(self._keywords, row.flags):
            path = self.place.path / maildir.KEYWORDS
            path.write_bytes(maildir.write_keywords(self._keywords))
        name = self._key(row) + maildir.info(row.flags, self._keywords)
        return self.place.path / "cur" / name


class EmlTarget(_Files):
    """A folder of .eml files."""

    def __init__(self, place: Place) -> None:
        super().__init__(place, place.path / ".draft.part")

    def has(self, row: MessageRow) -> bool:
        """As `Target.has`."""
        try:
            return self._path(row).stat().st_size == row.size
        except FileNotFoundError:
            return False

    def _key(self, row: MessageRow) -> str:
        return file_name(row.uid, row.emailid)

    def _path(self, row: MessageRow) -> Path:
        return self.place.path / self._key(row)


class MboxTarget(Target):
    """One file, to which what is missing is added; what wasn't finished is written anew.

    Raises:
        StoreError: another program has changed the file since.
    """

    def __init__(self, place: Place) -> None:
        path = place.path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        sidecar = path.with_name(path.name + NAME)
        size = path.stat().st_size if path.exists() else 0
        said = _read(sidecar)
        if said.end is not None and said.end != size:
            raise StoreError(
                f"{path} has changed since it was exported.",
                "Move it away, or export to another folder: it would be written over.",
            )
        if size and said.mailbox is None:
            raise StoreError(
                f"{path} is there, and no export of ours.", "Export to another folder."
            )
        if said.end is None:
            path.unlink(missing_ok=True)
            sidecar.unlink(missing_ok=True)
        super().__init__(place, sidecar)
        # Before the first octet, so that an interruption shows.
        self._notes.write(end_line(None))
        self._notes.flush()
        os.fsync(self._notes.fileno())
        self._there = {entry.key.partition(":")[2] for entry in self.said.entries.values()}
        self._file = _append_to(path)
        self._start = self._file.tell()
        self._quoting = mbox.Quoting()

    def has(self, row: MessageRow) -> bool:
        """As `Target.has`."""
        return f"{row.uid}-{row.emailid}" in self._there

    def _open(self, row: MessageRow) -> None:
        self._start = self._file.tell()
        self._quoting = mbox.Quoting()
        self._file.write(mbox.separator(row.internal_date))

    def _write(self, octets: bytes) -> None:
        self._file.write(self._quoting.feed(octets))

    def _keep(self, row: MessageRow) -> None:
        self._file.write(self._quoting.finish() + b"\r\n")
        self._note(f"{self._start}:{row.uid}-{row.emailid}", row)

    def _drop(self) -> None:
        self._file.truncate(self._start)
        self._file.seek(self._start)

    def _settle(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._notes.write(end_line(self._file.tell()))
        self._file.close()


TARGETS: dict[str, Callable[[Place], Target]] = {
    "maildir": MaildirTarget,
    "mbox": MboxTarget,
    "eml": EmlTarget,
}


def _read(sidecar: Path) -> Sidecar:
    if not sidecar.exists():
        return Sidecar()
    with sidecar.open("rb") as lines:
        return read_sidecar(lines)


def _create(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, MODE), "wb")


def _append_to(path: Path) -> BinaryIO:
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, MODE), "r+b")
    file.seek(0, os.SEEK_END)
    return file
