"""What programs that keep a Maildir tree and a server alike have in common."""

import re
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from tests.e2e.clients.port import Client, Verb


def mail_in(folder: Path) -> list[Path]:
    """The messages of one Maildir."""
    return sorted([*(folder / "new").iterdir(), *(folder / "cur").iterdir()])


class MaildirTree(Client):
    """Every deed is done to files, then brought over."""

    cannot: ClassVar[Mapping[Verb, str]] = {
        Verb.SEARCH: "it copies mail; one searches the copy, with other programs"
    }

    def __init__(self, home: Path) -> None:
        self._home = home
        self._put = 0
        self.tree = home / "local"
        self.tree.mkdir()
        self.sync()

    @abstractmethod
    def sync(self) -> None:
        """Brings tree and server together."""

    def mailboxes(self) -> set[str]:
        return {path.name for path in self.tree.iterdir() if (path / "cur").is_dir()}

    def numbers(self) -> set[int]:
        return {_number(path) for path in mail_in(self.tree / "INBOX")}

    def read(self, number: int) -> bytes:
        octets = self._file(number).read_bytes()
        return re.sub(rb"^X-TUID: .*\n", b"", octets, count=1, flags=re.MULTILINE)

    def flag(self, number: int) -> None:
        path = self._file(number)
        base, _, flags = path.name.partition(":2,")
        path.rename(path.parent.parent / "cur" / f"{base}:2,{''.join(sorted({*flags, 'F'}))}")
        self.sync()

    def move(self, number: int, mailbox: str) -> None:
        self._file(number).rename(self._new_file(mailbox))
        self.sync()

    def delete(self, number: int) -> None:
        self._file(number).unlink()
        self.sync()

    def append(self, octets: bytes, mailbox: str) -> None:
        self._new_file(mailbox).write_bytes(octets.replace(b"\r\n", b"\n"))
        self.sync()

    def reconnect(self) -> None:
        self.sync()

    def _file(self, number: int) -> Path:
        return next(path for path in mail_in(self.tree / "INBOX") if _number(path) == number)

    def _new_file(self, mailbox: str) -> Path:
        self._put += 1
        return self.tree / mailbox / "cur" / f"17000000{self._put:02}.{self._put}.test:2,"


def _number(path: Path) -> int:
    found = re.search(rb"^Subject: number (\d)", path.read_bytes(), re.MULTILINE)
    assert found is not None
    return int(found[1])
