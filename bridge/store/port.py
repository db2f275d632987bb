"""What session and sync need of a store: units of work, awaited.

Work is a plain function of a transaction, so that nothing can be awaited and no network call made
while one is open. It may be run twice (a full disk fails its group, and each member is tried
again alone), so it must have no effect outside the transaction.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

from bridge.model.ids import MailboxId, ModSeq
from bridge.store.engine import Store
from bridge.store.tx import ReadTx, WriteTx

T = TypeVar("T")


class Database(Protocol):
    """A store that is waited for."""

    async def read(self, work: Callable[[ReadTx], T], *, brief: bool = False) -> T:
        """What `work` returns, from one snapshot.

        Args:
            work: what is read.
            brief: it is a few rows found by their keys, so that who asks may stay for it.
        """
        ...

    async def write(self, work: Callable[[WriteTx], T], *, ingest: bool = False) -> T:
        """What `work` returns, once it is durable; `ingest` waits behind clients' commands."""
        ...

    def newest(self, mailbox_id: MailboxId) -> ModSeq:
        """Up to which modseq a mailbox must be known to be known whole; see `Store.newest`."""
        ...

    def writes(self) -> int | None:
        """Equal numbers: nothing was written in between; see `Store.writes`."""
        ...


class InlineDatabase:
    """A `Database` that works where it stands: for the command line and for tests, no loop."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(self, work: Callable[[ReadTx], T], *, brief: bool = False) -> T:
        """As `Database.read`."""
        return self._store.read(work)

    async def write(self, work: Callable[[WriteTx], T], *, ingest: bool = False) -> T:
        """As `Database.write`."""
        return self._store.write(work)

    def newest(self, mailbox_id: MailboxId) -> ModSeq:
        """As `Database.newest`."""
        return self._store.newest(mailbox_id)

    def writes(self) -> int | None:
        """As `Database.writes`."""
        return self._store.writes()
