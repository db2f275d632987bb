"""Mail from elsewhere into an account, by the one path that fetched mail takes too."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bridge.admin.accounts import find_account
from bridge.admin.context import Admin
from bridge.admin.sources import Folder, Item, find, items, mailbox_name
from bridge.admin.uidls import import_uidls
from bridge.errors import UnknownLoginError, UsageError
from bridge.ingest.pipeline import MAX_SKEW
from bridge.intake import Intake
from bridge.model.account import Account
from bridge.model.flags import RECENT, SYSTEM_FLAGS, canonical
from bridge.model.ids import AccountId
from bridge.model.mailbox import DELIMITER, INBOX, Mailbox, superiors
from bridge.model.message import StoredMessage
from bridge.store.exporting import hash_counts
from bridge.store.tx import WriteTx

Report = Callable[[dict[str, object]], None]

READ_MESSAGES, READ_OCTETS = 32, 1 << 20
"""Read from disk together; a larger message comes in pieces."""

WRITE_MESSAGES = 8
"""Written in one commit, as fetched mail is: clients must not wait long."""

_ATOM_SPECIALS = frozenset('(){%*"\\] ')


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """What `import` asks for; paths are absolute.

    `path` None imports UIDLs alone. `into` is the mailbox to import into, or below which. `uidls`
    is a file of another fetcher's, and `uidls_from` which mailbox of those in it, "user@host".
    """

    login: str
    path: str | None = None
    into: str | None = None
    uidls: str | None = None
    uidls_from: str | None = None


@dataclass(slots=True)
class Tally:
    """What an import has come to."""

    login: str
    messages: int = 0
    known: int = 0
    empty: int = 0
    octets: int = 0
    keywords_left_out: int = 0
    unreadable: list[str] = field(default_factory=list)
    mailboxes: list[str] = field(default_factory=list)
    uidls: dict[str, object] | None = None

    def form(self) -> dict[str, object]:
        """As JSON carries it."""
        return {name: getattr(self, name) for name in self.__slots__}


async def import_mail(admin: Admin, request: ImportRequest, report: Report) -> dict[str, object]:
    """Imports mail, flags and dates; what a mailbox holds already isn't added again.

    Returns:
        `messages` added and their `octets`, how many were `known` and how many files `empty`,
        `keywords_left_out` that IMAP can't have, files that are `unreadable`, the `mailboxes`,
        and `uidls`: of the UIDL file `listed`, `added`, `known` and its `program`, or None.

    Raises:
        UnknownLoginError, UsageError: there is no such account, or nothing to import.
        MailFileError: there is no mail at the path, or the UIDL file can't be used.
        StoreError, StoreFullError: it can't be stored; what was imported stays.
    """
    named = [one for one in (request.path, request.uidls) if one is not None]
    if not named or not all(Path(one).is_absolute() for one in named):
        raise UsageError(
            "There is nothing to import, or not by an absolute path.",
            "Name a Maildir, an mbox file, a folder of .eml files, or a file of UIDLs.",
        )
    account = await find_account(admin, request.login)
    tally = Tally(account.login)
    if request.uidls is not None:
        # First, so that a sync that runs meanwhile fetches none of it.
        tally.uidls = await import_uidls(admin, account, request.uidls, request.uidls_from)
    if request.path is not None:
        path = Path(request.path)
        folders = await admin.in_background(lambda: find(path))
        for folder in folders:
            alone = folder.path == path
            target = _target(INBOX if alone and request.into else folder.mailbox, request.into)
            box = await admin.database.write(
                lambda tx, target=target: _made(tx, account, target)  # type: ignore[misc]
            )
            tally.mailboxes.append(box.name)
            await _Mailbox(admin, box, tally, report).read(folder)
    return tally.form()


def _target(mailbox: str, into: str | None) -> str:
    if into is None:
        return mailbox_name(mailbox)
    return mailbox_name(into if mailbox == INBOX else f"{into}{DELIMITER}{mailbox}")


def _made(tx: WriteTx, account: Account, name: str) -> Mailbox:
    """The mailbox of that name, made and subscribed with those above it where it is missing."""
    if tx.account(account.login) is None:
        raise UnknownLoginError("The account is gone.")
    for one in (*superiors(name), name):
        if tx.mailbox(account.id, one) is None:
            tx.create_mailbox(account.id, one)
            tx.subscribe(account.id, one)
    box = tx.mailbox(account.id, name)
    assert box is not None
    return box


@dataclass(frozen=True, slots=True)
class _Ready:
    """A message that waits for its commit."""

    message: StoredMessage
    body: bytes | int
    flags: frozenset[str]


class _Mailbox:
    """The import into one mailbox."""

    def __init__(self, admin: Admin, box: Mailbox, tally: Tally, report: Report) -> None:
        self._admin = admin
        self._box = box
        self._tally = tally
        self._report = report
        self._held: Counter[bytes] = Counter()
        self._waiting: list[_Ready] = []

    async def read(self, folder: Folder) -> None:
        """Takes all of a folder.

        Of equal messages in it as many are added as the mailbox lacks: two are always two.
        """
        admin, box = self._admin, self._box
        self._held = await admin.database.read(lambda tx: hash_counts(tx, box.id))
        source = await admin.in_background(lambda: items(folder))
        while batch := await admin.in_background(lambda: _pull(source)):
            for item, read in batch:
                if isinstance(read, OSError):
                    self._tally.unreadable.append(str(item.path))
                elif item.end == item.start:
                    self._tally.empty += 1
                else:
                    await self._take(item, read)
            await self._write()
            self._report(self._tally.form())

    async def _take(self, item: Item, octets: bytes | None) -> None:
        now = self._admin.clock()
        late = item.date is not None and item.date > now + MAX_SKEW
        intake = Intake(
            self._admin.database, arrival=now, internal_date=None if late else item.date
        )
        try:
            if octets is not None:
                await intake.feed(octets)
            else:
                pieces = item.pieces()
                while piece := await self._admin.in_background(lambda: next(pieces, b"")):
                    await intake.feed(piece)
            message, body = await intake.finish()
        except OSError:
            self._tally.unreadable.append(str(item.path))
            await intake.drop()
            return
        except BaseException:
            await intake.drop()
            raise
        if self._held[message.full_hash] > 0:
            self._held[message.full_hash] -= 1
            self._tally.known += 1
            await intake.drop()
            return
        self._waiting.append(_Ready(message, body, self._possible(item.flags)))
        if len(self._waiting) >= WRITE_MESSAGES or isinstance(body, int):
            await self._write()

    async def _write(self) -> None:
        """Makes those that wait exist."""
        ready, self._waiting = self._waiting, []
        if not ready:
            return
        now, box = self._admin.clock(), self._box

        def work(tx: WriteTx) -> None:
            found = tx.mailbox_by_id(box.id)
            if found is None or tx.mailbox(AccountId(box.account_id), found.name) is None:
                raise UsageError(f"The mailbox {box.name} was deleted meanwhile.", "Import again.")
            for one in ready:
                tx.add_message(found, one.message, one.body, now=now, flags=one.flags)

        await self._admin.database.write(work, ingest=True)
        self._tally.messages += len(ready)
        self._tally.octets += sum(one.message.size for one in ready)

    def _possible(self, flags: frozenset[str]) -> frozenset[str]:
        """Those that IMAP can have (RFC 9051 §9 "flag")."""
        found = {canonical(flag) for flag in flags if _is_flag(flag)}
        self._tally.keywords_left_out += len(flags) - len(found)
        return frozenset(found - {RECENT})


def _is_flag(flag: str) -> bool:
    if canonical(flag).startswith("\\"):
        return canonical(flag) in (*SYSTEM_FLAGS, RECENT)
    return bool(flag) and all(" " < one < "\x7f" and one not in _ATOM_SPECIALS for one in flag)


def _pull(source: Iterator[Item]) -> Sequence[tuple[Item, bytes | OSError | None]]:
    """The next messages, small ones with their octets; none at the end."""
    batch: list[tuple[Item, bytes | OSError | None]] = []
    octets = 0
    while len(batch) < READ_MESSAGES and octets < READ_OCTETS:
        item = next(source, None)
        if item is None:
            break
        octets += item.end - item.start
        if item.end - item.start > READ_OCTETS:
            batch.append((item, None))
            break
        try:
            batch.append((item, b"".join(item.pieces())))
        except OSError as error:
            batch.append((item, error))
    return batch
