"""Whether the store is what it says it is: every octet hashed again, every number counted again.

It works beside a daemon that writes: it looks at the store in many short snapshots, and what seems
wrong with a message is believed only if the message is still there as it was.
"""

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from bridge.admin.accounts import find_account
from bridge.admin.context import Admin
from bridge.admin.findings import Finding, Kind, misplaced, of_ledger, of_mailbox, of_message
from bridge.admin.reconcile import reconcile
from bridge.admin.rehash import PIECE_CHUNKS, Rehash
from bridge.admin.syncing import Report
from bridge.errors import DamagedStoreError
from bridge.model.account import Account
from bridge.model.mailbox import Mailbox
from bridge.store import checks
from bridge.store.schema import CHUNK_OCTETS
from bridge.store.tx import ReadTx

T = TypeVar("T")
SLICE = 200
"""Messages whose rows are looked at in one go."""

LEDGER_SLICE = 10_000
"""Ledger rows that are compared in one go, some 20 ms."""

WHOLE_OCTETS = 1 << 30
"""Up to here SQLite checks the whole file in one snapshot, which takes seconds. Above, it checks
table by table but for the chunks: their octets are hashed anyway, and a daemon's log would grow
for as long as the snapshot stands. `deep` has it check all."""

PIECE_OCTETS = PIECE_CHUNKS * CHUNK_OCTETS

MAX_FINDINGS = 1000
"""Listed; the rest is counted."""


async def verify(
    admin: Admin,
    logins: Sequence[str],
    report: Report,
    *,
    deep: bool = False,
    upstream: bool = False,
) -> dict[str, object]:
    """Checks the store and the accounts named, or all; none is changed.

    Args:
        admin: what to work with.
        logins: none means all.
        report: told of progress: messages checked, of how many, and octets.
        deep: works out again what FETCH and SEARCH answer from, and has SQLite check all.
        upstream: also compares with what each provider lists.

    Returns:
        messages, octets, seconds, findings (see `Finding.form`), more (findings that aren't
        listed) and upstream (see `reconcile`; None where it wasn't asked for).

    Raises:
        UnknownLoginError: a login is none.
    """
    accounts = [await find_account(admin, login) for login in logins]
    if not accounts:
        accounts = list(await admin.database.read(lambda tx: tx.accounts()))
    began = admin.clock()
    work = Verification(admin, report, deep=deep)
    await work.look_at_file()
    chosen = list({account.id: account for account in accounts}.values())
    await work.look_at(chosen)
    seconds = (admin.clock() - began).total_seconds()
    listed = [await reconcile(admin, account, work.add) for account in chosen if upstream]
    return {
        "messages": work.messages,
        "octets": work.octets,
        "seconds": round(seconds, 3),
        "findings": [finding.form() for finding in work.findings],
        "more": work.more,
        "upstream": listed if upstream else None,
    }


class Verification:
    """One run over the store; `findings` are what it found so far."""

    def __init__(self, admin: Admin, report: Report, *, deep: bool) -> None:
        self._database = admin.database
        self._report = report
        self._deep = deep
        self._total = 0
        self.findings: list[Finding] = []
        self.more = 0
        self.messages = 0
        self.octets = 0

    def add(self, finding: Finding) -> None:
        """Notes a finding."""
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(finding)
        else:
            self.more += 1

    async def look_at_file(self) -> None:
        """What SQLite itself can tell, and what holds for all accounts together."""
        whole = self._deep or (await self._look(checks.file_octets) or 0) <= WHOLE_OCTETS
        unhashed = [table for table in checks.TABLES if table.name != "chunk"]
        for table in [None] if whole else unhashed:
            for line in await self._look(partial(checks.integrity, table=table)) or ():
                self.add(Finding(kind=Kind.DATABASE, what=f"SQLite finds: {line}"))
        for one in checks.TABLES:
            broken = await self._look(partial(checks.foreign_keys, table=one)) or {}
            for parent, rows in broken.items():
                what = f"{rows} rows of {one.name} point at no row of {parent}"
                self.add(Finding(kind=Kind.DATABASE, what=what))
        counter, highest = await self._look(checks.uidvalidity) or (0, 0)
        if counter < highest:
            what = f"the UIDVALIDITY counter is {counter}, and a mailbox has {highest}"
            self.add(Finding(kind=Kind.UIDVALIDITY, what=what))
        if blobs := await self._look(checks.orphans):
            what = f"{blobs} stored bodies belong to no message"
            self.add(Finding(kind=Kind.ORPHANS, what=what))

    async def look_at(self, accounts: Sequence[Account]) -> None:
        """Mailboxes, ledger and messages of each."""
        for account in accounts:
            total = await self._look(partial(checks.message_total, account_id=account.id))
            self._total += total or 0
        for account in accounts:
            for mailbox in await self._look(partial(_mailboxes, account=account)) or ():
                await self._look_at_mailbox(account, mailbox)
            await self._look_at_ledger(account)
            await self._look_at_messages(account)

    async def _look_at_mailbox(self, account: Account, mailbox: Mailbox) -> None:
        def look(tx: ReadTx) -> list[Finding]:
            now, count = tx.mailbox_by_id(mailbox.id), checks.recount(tx, mailbox.id)
            return [] if now is None or count is None else of_mailbox(account.login, now, count)

        self._add_all(await self._look(look) or [])

    async def _look_at_ledger(self, account: Account) -> None:
        last = await self._look(partial(checks.ledger_last, account_id=account.id))
        for after in range(0, last or 0, LEDGER_SLICE):

            def look(tx: ReadTx, after: int = after) -> list[Finding]:
                rows = checks.ledger_faults(tx, account.id, after, after + LEDGER_SLICE)
                return [of_ledger(account.login, row) for row in rows]

            self._add_all(await self._look(look) or [])
        twice = await self._look(partial(checks.ledger_twice, account_id=account.id))
        for uidl, rows in twice or ():
            what = f"the ledger has {rows} rows for one message"
            self.add(Finding(kind=Kind.LEDGER_HASHES, what=what, login=account.login, uidl=uidl))

    async def _look_at_messages(self, account: Account) -> None:
        after = 0
        while rows := await self._look(
            partial(checks.messages_after, account_id=account.id, after=after, most=SLICE)
        ):
            after = rows[-1].id
            for row in rows:
                if (fault := misplaced(row)) is not None:
                    await self._blame(account, row, *fault)
            await self._rehash(account, deque(Rehash(row, deep=self._deep) for row in rows))

    async def _rehash(self, account: Account, waiting: "deque[Rehash]") -> None:
        """Hashes messages again: several small ones, or a piece of a large one, at each look."""
        while waiting:
            ended: list[Rehash] = []
            every, before = tuple(waiting), sum(one.size for one in waiting)
            try:
                await self._database.read(partial(_turn, waiting=waiting, ended=ended))
            except DamagedStoreError as error:
                await self._blame_if_there(
                    account, waiting.popleft(), Kind.UNREADABLE, f"it can't be read: {error.text}"
                )
            self.octets += sum(one.size for one in every) - before
            for one in ended:
                for kind, what in one.faults():
                    await self._blame_if_there(account, one, kind, what)
            self.messages += len(ended)
            self._tell(account)

    async def _blame_if_there(self, account: Account, one: Rehash, kind: Kind, what: str) -> None:
        """Believes what was found in several looks if the message wasn't purged meanwhile."""
        now = await self._look(partial(checks.message_now, message_id=one.message.id))
        if now is not None and now.blob_id == one.message.blob_id:
            await self._blame(account, one.message, kind, what)

    async def _blame(
        self, account: Account, message: checks.MessageCheck, kind: Kind, what: str
    ) -> None:
        where = await self._look(partial(checks.whereabouts, message_id=message.id))
        if where is None:
            where = checks.Whereabouts((), None, listed=False)
        self.add(of_message(kind, what, account.login, where))

    def _add_all(self, findings: Sequence[Finding]) -> None:
        for finding in findings:
            self.add(finding)

    def _tell(self, account: Account) -> None:
        self._report(
            {
                "login": account.login,
                "checked": self.messages,
                "of": max(self._total, self.messages),
                "octets": self.octets,
                "findings": len(self.findings) + self.more,
            }
        )

    async def _look(self, work: Callable[[ReadTx], T]) -> T | None:
        """What `work` returns; where the file is damaged that is a finding, and None."""
        try:
            return await self._database.read(work)
        except DamagedStoreError as error:
            self.add(Finding(kind=Kind.DATABASE, what=error.text))
            return None


def _mailboxes(tx: ReadTx, account: Account) -> tuple[Mailbox, ...]:
    return tx.mailboxes(account.id)


def _turn(tx: ReadTx, waiting: "deque[Rehash]", ended: list[Rehash]) -> None:
    """Reads the octets of one look; what was read to its end moves to `ended`.

    Raises:
        DamagedStoreError: those of the first that waits can't be read.
    """
    octets = 0
    while waiting and octets < PIECE_OCTETS:
        octets += waiting[0].step(tx)
        if waiting[0].ended:
            ended.append(waiting.popleft())
