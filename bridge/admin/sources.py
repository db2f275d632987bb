"""Where an import reads: what kind of mail lies at a path, and each message of it.

All of it blocks, and runs beside the reactor.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

from bridge.archive import maildir, mbox
from bridge.archive.sidecar import NAME, Entry, Sidecar, read_sidecar
from bridge.errors import MailFileError
from bridge.imap import mutf7
from bridge.model.mailbox import (
    DELIMITER,
    INBOX,
    MAX_NAME_CHARACTERS,
    canonical_name,
    is_name,
)

PIECE_OCTETS = 256 << 10
MAX_DEPTH = MAX_NAME_CHARACTERS
"""Folders in folders: no mailbox's name has more levels."""

_SKIPPED_ENDINGS = (".eml", ".msf", ".lock", ".dat", NAME)
_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")


class Kind(Enum):
    """What lies at a path."""

    MAILDIR = "maildir"
    MBOX = "mbox"
    EML = "eml"


@dataclass(frozen=True, slots=True)
class Folder:
    """Mail of one mailbox, and its name as the path tells it."""

    kind: Kind
    path: Path
    mailbox: str


@dataclass(slots=True)
class Item:
    """A message: octets [start, end) of a file, and what is known of it.

    `as_it_is`: its octets are the message's own, whatever its lines end in.
    """

    path: Path
    start: int
    end: int
    quoted: bool = False
    as_it_is: bool = False
    flags: frozenset[str] = frozenset()
    date: datetime | None = None

    def pieces(self) -> Iterator[bytes]:
        """Its octets as they are to be stored.

        Raises:
            OSError: it can't be read.
        """
        crlf: mbox.ToCrlf | None = None
        quoting = mbox.Quoting(off=True) if self.quoted else None
        with self.path.open("rb") as file:
            file.seek(self.start)
            left, first = self.end - self.start, True
            while left > 0 and (piece := file.read(min(left, PIECE_OCTETS))):
                left -= len(piece)
                if first and not self.as_it_is and not _has_crlf(piece):
                    crlf = mbox.ToCrlf()
                first = False
                if quoting is not None:
                    piece = quoting.feed(piece)
                yield piece if crlf is None else crlf.feed(piece)
            if quoting is not None and (rest := quoting.finish()):
                yield rest if crlf is None else crlf.feed(rest)


def find(path: Path) -> list[Folder]:
    """All mail at a path, mailboxes by name.

    Raises:
        MailFileError: there is none, or it can't be read.
    """
    try:
        if path.is_dir():
            found = list(_below(path, (), frozenset()))
        elif _is_mbox(path):
            said = _said(path.with_name(path.name + NAME))
            found = [Folder(Kind.MBOX, path, said or _decoded(path.name.removesuffix(".mbox")))]
        elif path.suffix.lower() == ".eml" or _FIELD.match(_first_line(path)):
            found = [Folder(Kind.EML, path, INBOX)]
        else:
            found = []
    except OSError as error:
        raise MailFileError(
            f"{error.filename} can't be read: {error.strerror}.",
            "popbridge must be able to read it: look at its owner and mode.",
        ) from error
    if not found:
        raise MailFileError(
            f"There is no mail at {path}.",
            "Name a Maildir, an mbox file or a folder of .eml files.",
        )
    return sorted(found, key=lambda folder: (folder.mailbox != INBOX, folder.mailbox))


def items(folder: Folder) -> Iterator[Item]:
    """The messages of a folder, in the order in which they are to get their UIDs.

    Raises:
        OSError: it can't be read.
        MailFileError: it isn't what it looked like.
    """
    match folder.kind:
        case Kind.MAILDIR:
            return _maildir(folder.path)
        case Kind.EML:
            return _eml(folder.path)
        case Kind.MBOX:
            return _mbox(folder.path)


def _below(path: Path, levels: tuple[str, ...], above: frozenset[Path]) -> Iterator[Folder]:
    real = path.resolve()
    # Links in a circle must not lead on for ever.
    if real in above or len(above) > MAX_DEPTH:
        return
    name = _said(path / NAME) or DELIMITER.join(levels) or INBOX
    is_maildir = (path / "cur").is_dir() or (path / "new").is_dir()
    if is_maildir:
        yield Folder(Kind.MAILDIR, path, name)
    elif any(one.suffix.lower() == ".eml" and one.is_file() for one in path.iterdir()):
        yield Folder(Kind.EML, path, name)
    for one in sorted(path.iterdir()):
        if one.is_dir():
            if not (is_maildir and one.name in ("cur", "new", "tmp")):
                yield from _below(one, (*levels, *_levels(one.name)), above | {real})
        elif not is_maildir and _is_mbox(one):
            level = one.name.removesuffix(".mbox")
            said = _said(one.with_name(one.name + NAME))
            yield Folder(Kind.MBOX, one, said or DELIMITER.join((*levels, level)))


def _levels(folder: str) -> list[str]:
    """The levels of a name that a folder stands for: Maildir++, Thunderbird's `.sbd`, or one."""
    if folder.startswith(".") and len(folder) > 1:
        wire = maildir.name_of(folder)
        return [_decoded(level) for level in wire.split(DELIMITER)]
    return [_decoded(folder.removesuffix(".sbd"))]


def _decoded(name: str) -> str:
    try:
        return mutf7.decode(name.encode("ascii"))
    except ValueError:
        return name


def _is_mbox(path: Path) -> bool:
    """A message of its own may begin as an mbox does, and an mbox may have any name."""
    skipped = path.name.startswith(".") or path.name.lower().endswith(_SKIPPED_ENDINGS)
    return not skipped and path.is_file() and mbox.is_separator(_first_line(path))


def _first_line(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.readline(mbox.MAX_FROM_OCTETS)


def _said(sidecar: Path) -> str | None:
    """The mailbox that a sidecar names."""
    return _sidecar(sidecar).mailbox if sidecar.is_file() else None


def _sidecar(path: Path) -> Sidecar:
    if not path.is_file():
        return Sidecar()
    with path.open("rb") as lines:
        return read_sidecar(lines)


def _maildir(path: Path) -> Iterator[Item]:
    said = _sidecar(path / NAME)
    order = {key: number for number, key in enumerate(said.entries)}
    words = path / maildir.KEYWORDS
    keywords = maildir.read_keywords(words.read_bytes()) if words.is_file() else {}
    files = [
        file
        for folder in (path / "new", path / "cur")
        if folder.is_dir()
        for file in folder.iterdir()
        if not file.name.startswith(".") and file.is_file()
    ]

    def rank(file: Path) -> tuple[int, int, str]:
        base, _ = maildir.split_name(file.name)
        digits = base.partition(".")[0]
        seconds = int(digits) if digits.isascii() and digits.isdigit() else 0
        return order.get(base, len(order)), seconds, base

    for file in sorted(files, key=rank):
        base, letters = maildir.split_name(file.name)
        entry = said.entries.get(base)
        flags = maildir.flags_of(letters, keywords)
        if entry is not None:
            # What has a letter may have changed since; keywords beyond the letters are told here.
            told = {flag for flag in entry.flags if not flag.startswith("\\")}
            flags = frozenset({flag for flag in flags if flag.startswith("\\")} | told)
        yield _file_item(file, entry, flags, file.stat().st_mtime)


def _eml(path: Path) -> Iterator[Item]:
    said = _sidecar(path / NAME) if path.is_dir() else Sidecar()
    files = [path]
    if path.is_dir():
        files = sorted(
            file
            for file in path.iterdir()
            if file.suffix.lower() == ".eml" and not file.name.startswith(".") and file.is_file()
        )
    for file in files:
        entry = said.entries.get(file.name)
        if entry is not None:
            yield _file_item(file, entry, entry.flags, None)
        else:
            with file.open("rb") as octets:
                flags = mbox.flags_of(octets.read(mbox.MAX_HEADER_OCTETS))
            # When a file was saved says nothing: the header tells when the message came.
            yield _file_item(file, None, flags, None)


def _file_item(
    file: Path, entry: Entry | None, flags: frozenset[str], seconds: float | None
) -> Item:
    size = file.stat().st_size
    date = None if seconds is None else datetime.fromtimestamp(int(seconds), UTC)
    ours = entry is not None and entry.size == size
    return Item(
        file,
        0,
        size,
        as_it_is=ours,
        flags=flags,
        date=entry.date if entry is not None else date,
    )


def _mbox(path: Path) -> Iterator[Item]:
    marks = mbox.Marks()
    with path.open("rb") as file:
        while piece := file.read(PIECE_OCTETS):
            marks.feed(piece)
    layout = marks.finish()
    if not layout.marks or layout.marks[0].start:
        raise MailFileError(
            f"{path} begins like an mbox and is none.", "Its first line must tell a time."
        )
    said = {
        int(key.partition(":")[0]): entry
        for key, entry in _sidecar(path.with_name(path.name + NAME)).entries.items()
        if layout.ours and key.partition(":")[0].isdigit()
    }
    index: int | None = 0
    with path.open("rb") as file:
        while index is not None:
            mark = layout.marks[index]
            file.seek(mark.start)
            line = file.read(mark.end - mark.start)
            beginning = file.read(mbox.MAX_HEADER_OCTETS)
            found = mbox.next_message(layout, index, beginning)
            index = found.next
            if mbox.is_internal(beginning):
                continue
            entry = said.get(mark.start)
            yield Item(
                path,
                found.start,
                found.end,
                quoted=found.quoted,
                as_it_is=layout.ours,
                flags=mbox.flags_of(beginning) if entry is None else entry.flags,
                date=mbox.separator_date(line) if entry is None else entry.date,
            )


def _has_crlf(piece: bytes) -> bool:
    """Whether lines end in CRLF, as far as the first one tells."""
    end = piece.find(b"\n")
    return end > 0 and piece[end - 1 : end] == b"\r"


def mailbox_name(name: str) -> str:
    """The nearest name that a mailbox can have."""
    if is_name(canonical_name(name)):
        return canonical_name(name)
    levels = [_level(level) for level in name.split(DELIMITER)]
    joined = DELIMITER.join(level for level in levels if level) or INBOX
    if len(joined) > MAX_NAME_CHARACTERS:
        digest = hashlib.sha256(joined.encode("utf-8", "replace")).hexdigest()[:8]
        joined = f"{joined[: MAX_NAME_CHARACTERS - 10].rstrip(DELIMITER)}~{digest}"
    return canonical_name(joined)


def _level(level: str) -> str:
    clean = "".join(
        "_" if ord(letter) < 32 or letter in "*%\x7f" or 0xD800 <= ord(letter) < 0xE000 else letter
        for letter in level
    )
    return clean.strip()
