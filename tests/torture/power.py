"""What a power cut leaves: what was synced, and of the rest nothing, some, or torn pieces.

Modelled: a file's octets are durable once it was synced; before that any of its writes may have
reached the disk, whole or by sectors. A sync that failed makes what it was about never durable.
A new name is durable once the file or its folder was synced; renaming and removing are once the
folder was, and before that they happened in order up to some point. The -shm file is lost, or
garbage.
"""

import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.torture.house import House

SECTOR = 512
_HEAD = struct.Struct("IIQQ")
_WRITTEN, _SYNCED, _UNSYNCED, _TRUNCATED, _CREATED, _RENAMED, _UNLINKED, _FOLDER = range(1, 9)


@dataclass(eq=False, slots=True)
class _File:
    octets: bytearray
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)
    """Writes, or truncations to that size (None), that weren't synced."""

    def apply(self, offset: int, data: bytes | None) -> None:
        if data is None:
            del self.octets[offset:]
            self.octets.extend(bytes(max(0, offset - len(self.octets))))
        else:
            self.octets.extend(bytes(max(0, offset - len(self.octets))))
            self.octets[offset : offset + len(data)] = data

    def sync(self) -> None:
        for offset, data in self.pending:
            self.apply(offset, data)
        self.pending.clear()


class PowerCut:
    """Lets the machine die under a house: `begin` before a life, `happen` after its end."""

    def __init__(self, house: "House", chance: Random) -> None:
        self._house = house
        self._chance = chance

    def begin(self) -> None:
        """Remembers what is on the disk now, and begins to write down what happens to it."""
        self._house.journal.unlink(missing_ok=True)
        self._names: dict[str, _File] = {}
        self._inodes: dict[int, _File] = {}
        self._moves: list[tuple[int, str, str | _File]] = []
        for path in self._house.data.rglob("*"):
            if path.is_file() and not path.name.endswith("-shm"):
                file = _File(bytearray(path.read_bytes()))
                self._names[str(path)] = self._inodes[path.stat().st_ino] = file

    def happen(self) -> None:
        """Puts on the disk what a power cut at the end of the life left of it."""
        self._read()
        how = self._chance.choice(("none", "some", "torn", "all"))
        for file in {id(file): file for file in self._inodes.values()}.values():
            self._lose(file, how)
        kept = 0 if how == "none" else self._chance.randint(0, len(self._moves))
        for move in self._moves[:kept]:
            self._move(*move)
        self._put(garbage=self._chance.random() < 0.5)

    def replayed(self) -> dict[str, bytes]:
        """Every file by its path, had all been synced."""
        self._read()
        for file in self._inodes.values():
            file.sync()
        for move in self._moves:
            self._move(*move)
        return {name: bytes(file.octets) for name, file in self._names.items()}

    def _read(self) -> None:
        journal = self._house.journal.read_bytes() if self._house.journal.exists() else b""
        at = 0
        while at + _HEAD.size <= len(journal):
            what, size, inode, offset = _HEAD.unpack_from(journal, at)
            at += _HEAD.size + size
            self._replay(what, inode, offset, journal[at - size : at])

    def _replay(self, what: int, inode: int, offset: int, data: bytes) -> None:
        file = self._inodes.get(inode)
        match what:
            case x if x == _WRITTEN and file is not None:
                file.pending.append((offset, data))
            case x if x == _TRUNCATED and file is not None:
                file.pending.append((offset, None))
            case x if x == _SYNCED and file is not None:
                file.sync()
                self._settle(lambda move: move[0] == _CREATED and move[2] is file)
            case x if x == _UNSYNCED and file is not None:
                file.pending.clear()
            case x if x == _CREATED:
                self._inodes[inode] = created = _File(bytearray())
                self._moves.append((_CREATED, os.fsdecode(data), created))
            case x if x == _RENAMED:
                source, _, target = data.partition(b"\0")
                self._moves.append((_RENAMED, os.fsdecode(source), os.fsdecode(target)))
            case x if x == _UNLINKED:
                self._moves.append((_UNLINKED, os.fsdecode(data), ""))
            case x if x == _FOLDER:
                folder = os.fsdecode(data)
                self._settle(lambda move: os.path.dirname(move[1]) == folder)

    def _settle(self, durable: "object") -> None:
        settled = [move for move in self._moves if durable(move)]  # type: ignore[operator]
        for move in settled:
            self._move(*move)
            self._moves.remove(move)

    def _move(self, what: int, path: str, other: "str | _File") -> None:
        if what == _CREATED:
            assert isinstance(other, _File)
            self._names[path] = other
        elif what == _UNLINKED:
            self._names.pop(path, None)
        elif path in self._names:
            assert isinstance(other, str)
            self._names[other] = self._names.pop(path)

    def _lose(self, file: _File, how: str) -> None:
        for offset, data in file.pending:
            if how == "all" or (how in ("some", "torn") and self._chance.random() < 0.5):
                if data is None or how != "torn":
                    file.apply(offset, data)
                    continue
                for start in range(0, len(data), SECTOR):
                    if self._chance.random() < 0.7:
                        file.apply(offset + start, data[start : start + SECTOR])
        file.pending.clear()

    def _put(self, *, garbage: bool) -> None:
        for path in sorted(self._house.data.rglob("*"), reverse=True):
            if path.name.endswith("-shm") and garbage:
                path.write_bytes(self._chance.randbytes(path.stat().st_size))
            elif not path.is_dir():
                path.unlink()
        for name, file in self._names.items():
            os.makedirs(os.path.dirname(name), exist_ok=True)
            Path(name).write_bytes(file.octets)
            os.chmod(name, 0o600)
