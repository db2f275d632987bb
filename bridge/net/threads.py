"""The store behind threads: one that writes, a few that read; the reactor never waits for disk."""

import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads

from bridge.errors import BridgeError, StoreError
from bridge.model.ids import MailboxId, ModSeq
from bridge.net.readers import Readers
from bridge.store.engine import READERS, Store
from bridge.store.tx import ReadTx, WriteTx

T = TypeVar("T")
Waiting = tuple[Callable[[WriteTx], Any], "Deferred[Any]"]

Observe = Callable[[list[Any], float], None]
"""Told, in the writing thread, of the results of each commit and how many seconds it took."""

CLIENT_GROUP = 64
"""Commands of clients that share a commit: fifty sessions cost one fsync."""

INGEST_GROUP = 64
"""Ingested messages that join a commit at most; mostly one of the next two ends it sooner."""

TURN_S = 0.005
TURN_OCTETS = 1 << 20
"""Once a commit has taken as much no ingest joins it: a client's next command must not wait."""

QUIET_S = 0.05
"""What can wait begins when nothing has come for as long: right after a commit the client that it
answers has its next command ready, and would wait for it."""

UNTIDY_S = 1.0
"""With never so long a pause, what can wait takes each moment that is free after as long."""

_log = logging.getLogger("popbridge.store")


class ThreadedDatabase:
    """A `bridge.store.port.Database`; results come back in the reactor's thread.

    What a store's `on_commit` gives to `announce` is called in the reactor's thread before the
    result of the write that caused it is there, and with it: to wake the reactor for each would
    cost a client's STORE a tenth of its time.
    """

    def __init__(
        self, store: Store, reactor: IReactorFromThreads, observe: Observe | None = None
    ) -> None:
        self._store = store
        self._observe = observe
        self._reactor = reactor
        self._arrived: SimpleQueue[tuple[bool, Waiting] | None] = SimpleQueue()
        """Whether it is ingest, and what: in the order it came, for the writer to sort."""
        self._closing = False
        self._clients: deque[Waiting] = deque()
        self._ingest: deque[Waiting] = deque()
        self._ended = False
        self._announced: list[Callable[[], object]] = []
        """These four are the writer's own."""
        self._readers = Readers(store, reactor, READERS)
        self._writer = Thread(target=self._write_loop, name="store-write", daemon=True)
        self._writer.start()

    async def read(self, work: Callable[[ReadTx], T], *, brief: bool = False) -> T:
        """As `Database.read`."""
        return await self._readers.read(work, brief=brief)

    async def write(self, work: Callable[[WriteTx], T], *, ingest: bool = False) -> T:
        """As `Database.write`."""
        done: Deferred[T] = Deferred()
        if self._closing:
            raise StoreError("The store is closing.", "Start popbridge, then try again.")
        self._arrived.put((ingest, (work, done)))
        return await done

    def announce(self, call: Callable[[], object]) -> None:
        """Has the reactor call it before it hears of what was written; in the writing thread."""
        self._announced.append(call)

    def newest(self, mailbox_id: MailboxId) -> ModSeq:
        """As `Database.newest`."""
        return self._store.newest(mailbox_id)

    def writes(self) -> int | None:
        """As `Database.writes`."""
        return self._store.writes()

    def close(self) -> None:
        """Finishes what waits, then ends the threads. Blocks; the store itself stays open."""
        self._closing = True
        self._arrived.put(None)
        self._writer.join()
        self._readers.close()

    def _write_loop(self) -> None:
        pause_s: float | None = 0.0
        tidied_s = time.monotonic()
        while (group := self._next_group(pause_s)) is not None:
            if group.waiting:
                self._commit(group)
                pause_s = QUIET_S if time.monotonic() - tidied_s < UNTIDY_S else 0.0
            else:
                pause_s = 0.0 if self._tidy() else None
                tidied_s = time.monotonic()

    def _commit(self, group: "_Group") -> None:
        """Runs a group; what didn't get its turn goes back to where it was."""
        started = time.monotonic()

        def may_go_on(done: int, octets: int) -> bool:
            # One work of ingest always joins, or busy clients would keep mail out.
            behind = done - group.clients
            return behind < 1 or (octets < TURN_OCTETS and time.monotonic() - started < TURN_S)

        works = [work for work, _ in group.waiting]
        try:
            results = self._store.write_group(works, may_go_on)
        except Exception as fault:
            # The thread must go on, or every session would wait for ever.
            _log.exception("The writer failed")
            results = [fault] * len(works)
        done, left = group.waiting[: len(results)], group.waiting[len(results) :]
        self._ingest.extendleft(reversed(left))
        self._deliver([deferred for _, deferred in done], results)
        if self._observe is not None:
            self._observe(results, time.monotonic() - started)

    def _deliver(self, waiting: "list[Deferred[Any]]", results: list[Any]) -> None:
        announced, self._announced = self._announced, []
        self._reactor.callFromThread(_told, announced, waiting, results)

    def _tidy(self) -> bool:
        """Does a piece of what can wait; whether there may be more."""
        try:
            more = self._store.tidy()
            if self._announced:
                self._deliver([], [])
            return more
        except BridgeError as error:
            _log.warning("Deleting what nobody needs has to wait: %s", error)
        except Exception:
            _log.exception("Deleting what nobody needs failed")
        return False

    def _next_group(self, pause_s: float | None) -> "_Group | None":
        """What the next commit takes, clients first; None when closing and nothing waits.

        Args:
            pause_s: after how long without anything it is an empty group; None for never.
        """
        if not (self._clients or self._ingest or self._ended):
            with suppress(Empty):
                self._sort(self._arrived.get(timeout=pause_s))
        while not self._arrived.empty():
            self._sort(self._arrived.get())
        clients = _take(self._clients, CLIENT_GROUP)
        waiting = clients + _take(self._ingest, INGEST_GROUP)
        return None if self._ended and not waiting else _Group(waiting, len(clients))

    def _sort(self, arrived: tuple[bool, Waiting] | None) -> None:
        if arrived is None:
            self._ended = True
            return
        ingest, waiting = arrived
        (self._ingest if ingest else self._clients).append(waiting)


@dataclass(frozen=True, slots=True)
class _Group:
    """What runs in one commit: first as many `clients`, then ingest."""

    waiting: list[Waiting]
    clients: int


def _take(queue: deque[Waiting], most: int) -> list[Waiting]:
    return [queue.popleft() for _ in range(min(most, len(queue)))]


def _told(
    announced: list[Callable[[], object]], waiting: "list[Deferred[Any]]", results: list[Any]
) -> None:
    for call in announced:
        try:
            call()
        except Exception:
            # Who isn't told converges at the next sync point; who waits must not wait for ever.
            _log.exception("A commit could not be announced")
    for done, result in zip(waiting, results, strict=True):
        if isinstance(result, BaseException):
            done.errback(result)
        else:
            done.callback(result)
