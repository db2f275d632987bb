"""Guards taken out of the daemon, one at a time: the oracle must see each of them missing."""

import time
from collections.abc import Callable
from typing import Any

LATE_S = 0.3
APART_S = 2.0
"""All messages of a poll may be one group: a kill half of this after they have come is within."""


def quit_early() -> None:
    """Fetched mail is taken for durable before it is: QUIT comes before the commit."""
    from twisted.internet.defer import Deferred

    from bridge.net.threads import ThreadedDatabase

    honest = ThreadedDatabase.write

    async def write(self: Any, work: Any, *, ingest: bool = False) -> Any:
        if not ingest:
            return await honest(self, work)
        early: Deferred[Any] = Deferred()

        def hasty(tx: Any) -> Any:
            result = work(tx)
            self._reactor.callFromThread(early.callback, result)
            time.sleep(LATE_S)
            return result

        Deferred.fromCoroutine(honest(self, hasty, ingest=True))
        return await early

    ThreadedDatabase.write = write  # type: ignore[method-assign,assignment]


def accept_cut() -> None:
    """A connection that ends is taken for the end of the message."""
    from bridge.net.pop3_wire import Wire

    honest_lost, honest_body = Wire.connectionLost, Wire.body_now
    inside: set[int] = set()

    def body_now(self: Any, scanner: Any) -> Any:
        octets = honest_body(self, scanner)
        (inside.discard if scanner.done else inside.add)(id(self))
        return octets

    def lost(self: Any, *reason: Any) -> None:
        if id(self) in inside:
            self.dataReceived(b"\r\n.\r\n")
        honest_lost(self, *reason)

    Wire.body_now = body_now  # type: ignore[method-assign]
    Wire.connectionLost = lost  # type: ignore[method-assign,assignment]


def two_transactions() -> None:
    """Messages exist a while before the ledger knows of them."""
    from bridge.store.tx import WriteTx

    honest = WriteTx.add_messages

    def add_messages(self: Any, *args: Any, **kwargs: Any) -> Any:
        added = honest(self, *args, **kwargs)
        self.connection.exec_driver_sql("COMMIT")
        time.sleep(APART_S)
        self.connection.exec_driver_sql("BEGIN IMMEDIATE")
        # A work among others releases it; one that is alone has none, and doesn't mind.
        self.connection.exec_driver_sql("SAVEPOINT work")
        return added

    WriteTx.add_messages = add_messages  # type: ignore[method-assign]


def unsynced() -> None:
    """Commits aren't synced."""
    from bridge.store.engine import Store

    honest = Store.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        honest(self, *args, **kwargs)
        with self._writer.connect() as connection:
            connection.connection.driver_connection.execute("PRAGMA synchronous=OFF")

    Store.__init__ = init  # type: ignore[method-assign]


def new_uids() -> None:
    """A mailbox gets a new UIDVALIDITY when the daemon starts."""
    from bridge.store import engine

    honest = engine._sweep

    def sweep(tx: Any) -> None:
        honest(tx)
        tx.connection.exec_driver_sql("UPDATE mailbox SET uidvalidity = uidvalidity + 1")

    engine._sweep = sweep


def dele_unproven() -> None:
    """Whatever is retrieved is deleted in the same session, as soon as it has come."""
    from bridge.net.pop3_session import Pop3Session

    honest = Pop3Session.retrieve

    async def retrieve(self: Any, batch: Any, sink: Any) -> None:
        await honest(self, batch, sink)
        await self.delete(batch)
        await self.quit()

    Pop3Session.retrieve = retrieve  # type: ignore[method-assign]


SABOTAGES: dict[str, Callable[[], None]] = {
    "quit-early": quit_early,
    "accept-cut": accept_cut,
    "two-transactions": two_transactions,
    "unsynced": unsynced,
    "new-uids": new_uids,
    "dele-unproven": dele_unproven,
}


def apply(name: str) -> None:
    """Takes the guard of that name out of this process."""
    SABOTAGES[name]()
