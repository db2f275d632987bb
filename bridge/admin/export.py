"""An account's mail as files, octet for octet; again into the same folder adds what is missing."""

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bridge.admin.accounts import find_account
from bridge.admin.backup import sole
from bridge.admin.context import Admin
from bridge.admin.targets import TARGETS, Place, Target
from bridge.archive.maildir import folder_of
from bridge.archive.names import distinct, path_of
from bridge.errors import StoreError, StoreFullError, UsageError
from bridge.imap import mutf7
from bridge.model.mailbox import INBOX, Mailbox
from bridge.model.message import MessageRow
from bridge.store.exporting import full_hash, whole
from bridge.store.tx import ReadTx

Report = Callable[[dict[str, object]], None]

BATCH = 64
BATCH_OCTETS = 1 << 20
"""Of messages that are read together; a larger one comes in pieces of that size."""

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(slots=True)
class Tally:
    """What an export has come to."""

    login: str
    total: int = 0
    written: int = 0
    there: int = 0
    octets: int = 0
    damaged: int = 0

    def form(self) -> dict[str, object]:
        """As JSON carries it."""
        return {name: getattr(self, name) for name in self.__slots__}


async def export(
    admin: Admin, login: str, folder: str, form: str, report: Report
) -> dict[str, object]:
    """Writes all mailboxes of an account below a folder.

    Args:
        admin: what to work with.
        login: whose.
        folder: an absolute path; made as needed.
        form: "maildir", "mbox" or "eml".
        report: told of progress.

    Returns:
        `login`, `total` messages, how many were `written`, were `there` already and are
        `damaged` (their octets don't have the hash they came with), and `octets` written.

    Raises:
        UnknownLoginError, UsageError: there is no such account, or format.
        StoreError, StoreFullError: it can't be read or written; what is written stays.
    """
    if form not in TARGETS or not Path(folder).is_absolute():
        raise UsageError(
            f"The format {form!r} isn't one, or the folder is no absolute path.",
            f"Formats are {', '.join(TARGETS)}.",
        )
    account = await find_account(admin, login)
    boxes = await admin.database.read(lambda tx: tx.mailboxes(account.id))
    places = _places(Path(folder), form, [box.name for box in boxes])
    tally = Tally(account.login, await admin.database.read(lambda tx: tx.message_count(account.id)))
    try:
        with sole(Path(folder)):
            for box in boxes:
                await _Mailbox(admin, box, places[box.name], form, tally, report).write()
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StoreFullError(
                f"There is no room left in {folder}.",
                "Make room there and export again: it goes on where it ended.",
            ) from error
        raise StoreError(
            f"The export to {folder} can't be written: {error.strerror} ({error.filename}).",
            "Look at owner and mode of the folder: popbridge must be able to write there.",
        ) from error
    return tally.form()


def _places(folder: Path, form: str, mailboxes: Sequence[str]) -> dict[str, Path]:
    if form == "maildir":

        def place(mailbox: str) -> str:
            return "." if mailbox == INBOX else folder_of(mutf7.encode(mailbox).decode())

    else:

        def place(mailbox: str) -> str:
            return path_of(mailbox) + (".mbox" if form == "mbox" else "")

    return {name: folder / path for name, path in distinct(mailboxes, place).items()}


class _Mailbox:
    """The export of one mailbox."""

    def __init__(
        self, admin: Admin, box: Mailbox, path: Path, form: str, tally: Tally, report: Report
    ) -> None:
        self._admin = admin
        self._box = box
        self._place = Place(box.name, path)
        self._make = TARGETS[form]
        self._tally = tally
        self._report = report

    async def write(self) -> None:
        """Writes what is missing."""
        admin, box = self._admin, self._box
        snapshot = await admin.database.read(lambda tx: tx.snapshot(box))
        uids = list(snapshot.uids)
        target = await admin.in_background(lambda: self._make(self._place))
        try:
            for start in range(0, len(uids), BATCH):
                some = uids[start : start + BATCH]
                rows = await admin.database.read(lambda tx, some=some: tx.rows(box.id, some))  # type: ignore[misc]
                missing = await admin.in_background(
                    lambda rows=rows: [row for row in rows if not target.has(row)]  # type: ignore[misc]
                )
                self._tally.there += len(rows) - len(missing)
                await self._rows(target, missing)
                self._report(self._tally.form())
        finally:
            await admin.in_background(target.close)

    async def _rows(self, target: Target, rows: Sequence[MessageRow]) -> None:
        batch: list[MessageRow] = []
        for row in rows:
            if row.size > BATCH_OCTETS:
                await self._large(target, row)
                continue
            batch.append(row)
            if sum(one.size for one in batch) > BATCH_OCTETS:
                await self._batch(target, batch)
                batch = []
        await self._batch(target, batch)

    async def _batch(self, target: Target, rows: Sequence[MessageRow]) -> None:
        if not rows:
            return

        def read(tx: ReadTx) -> list[tuple[bytes, bytes | None]]:
            octets = whole(tx, [(row.message_id, row.size) for row in rows])
            return list(zip(octets, [full_hash(tx, row.message_id) for row in rows], strict=True))

        found = await self._admin.database.read(read)

        def write() -> list[bool]:
            right = []
            for row, (octets, digest) in zip(rows, found, strict=True):
                target.begin(row)
                target.feed(octets)
                right.append(target.end(digest))
            return right

        for row, right in zip(rows, await self._admin.in_background(write), strict=True):
            self._count(row, right)

    async def _large(self, target: Target, row: MessageRow) -> None:
        await self._admin.in_background(lambda: target.begin(row))
        for start in range(0, row.size, BATCH_OCTETS):
            end = min(start + BATCH_OCTETS, row.size)
            octets = await self._admin.database.read(
                lambda tx, start=start, end=end: tx.octets(row.message_id, start, end)  # type: ignore[misc]
            )
            await self._admin.in_background(lambda octets=octets: target.feed(octets))  # type: ignore[misc]
        digest = await self._admin.database.read(lambda tx: full_hash(tx, row.message_id))
        self._count(row, await self._admin.in_background(lambda: target.end(digest)))

    def _count(self, row: MessageRow, right: bool) -> None:
        self._tally.written += 1
        self._tally.octets += row.size
        self._tally.damaged += not right
