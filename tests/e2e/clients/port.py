"""What a mail program does for the tests, whichever it is."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import ClassVar, Self


class Verb(Enum):
    """What each program is asked to do."""

    LIST = "list"
    READ = "read"
    FLAG = "flag"
    MOVE = "move"
    DELETE = "delete"
    SEARCH = "search"
    APPEND = "append"
    RECONNECT = "reconnect"


class Security(Enum):
    """How the connection is protected."""

    PLAIN = "plain"
    STARTTLS = "starttls"
    TLS = "tls"


@dataclass(frozen=True, slots=True)
class Login:
    """Where a program connects, and as whom."""

    port: int
    user: str = "alice"
    password: str = "device"
    security: Security = Security.PLAIN
    authority: Path | None = None
    """What it must trust, as PEM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What a program does beside what it was asked to; flags as IMAP names them."""

    reading_sets: frozenset[str] = frozenset()
    appending_sets: frozenset[str] = frozenset()
    leaving_sets: frozenset[str] = frozenset()
    """On what is unread in INBOX when it goes to another mailbox, as it does to append."""
    rewrites_appended: bool = False
    """It changes headers: what it sent is then known from the wire alone."""
    rewrites_moved: bool = False
    """It moves by APPEND, with headers changed."""
    keeps_copies: bool = False
    """What it has fetched once it needn't fetch again."""


class Client(ABC):
    """A program with the INBOX of `login` before it.

    Each message has a number, which is in its subject: "number 4".
    """

    habits: ClassVar[Habits] = Habits()
    cannot: ClassVar[Mapping[Verb, str]] = {}
    """What the program has no way to do, and why."""

    @abstractmethod
    def __init__(self, login: Login, home: Path) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *raised: object) -> None:
        try:
            if kind is None:
                self.leave()
        finally:
            self.end()

    @abstractmethod
    def mailboxes(self) -> set[str]:
        """All mailboxes."""

    @abstractmethod
    def numbers(self) -> set[int]:
        """The messages that it shows in INBOX."""

    @abstractmethod
    def read(self, number: int) -> bytes:
        """The message's octets, as far as the program gives them away; lines end in LF."""

    @abstractmethod
    def flag(self, number: int) -> None:
        r"""Sets \\Flagged."""

    @abstractmethod
    def move(self, number: int, mailbox: str) -> None:
        """Moves to another mailbox."""

    @abstractmethod
    def delete(self, number: int) -> None:
        """Deletes for good."""

    def search(self, word: str) -> set[int]:
        """The messages of INBOX whose text has the word, as the server finds them."""
        raise NotImplementedError

    @abstractmethod
    def append(self, octets: bytes, mailbox: str) -> None:
        """Puts a new message of these octets there."""

    def lost(self) -> None:
        """The connection has gone: waits until the program knows, where it shows that."""
        return

    @abstractmethod
    def reconnect(self) -> None:
        """Whatever its user does then."""

    def leave(self) -> None:
        """Leaves as a user does."""
        return

    def end(self) -> None:
        """Ends the program if it runs yet."""
        return
