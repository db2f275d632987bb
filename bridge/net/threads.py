"""The store behind threads: one that writes, a few that read; the reactor never waits for disk."""

from collections import deque
from collections.abc import Callable
from threading import Condition, Thread
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from bridge.store.engine import READERS, Store
from bridge.store.tx import ReadTx, WriteTx

T = TypeVar("T")
Waiting = tuple[Callable[[WriteTx], Any], "Deferred[Any]"]

CLIENT_GROUP = 64
"""Commands of clients that share a commit: fifty sessions cost one fsync."""

INGEST_GROUP = 8
"""Ingested messages that join a commit: more would make a client's next command wait for them."""


class ThreadedDatabase:
    """A `bridge.store.port.Database`; results come back in the reactor's thread.

    A store's `on_commit` that uses `callFromThread` is heard before the result of the write that
    caused it, since both go through the reactor's one queue.
    """

    def __init__(self, store: Store, reactor: IReactorFromThreads) -> None:
        self._store = store
        self._reactor = reactor
        self._clients: deque[Waiting] = deque()
        self._ingest: deque[Waiting] = deque()
        self._changed = Condition()
        self._closing = False
        self._readers = ThreadPool(READERS, READERS, "store-read")
        self._readers.start()
        self._writer = Thread(target=self._write_loop, name="store-write", daemon=True)
        self._writer.start()

    async def read(self, work: Callable[[ReadTx], T]) -> T:
        """As `Database.read`."""
        result: T = await deferToThreadPool(self._reactor, self._readers, self._store.read, work)
        return result

    async def write(self, work: Callable[[WriteTx], T], *, ingest: bool = False) -> T:
        """As `Database.write`."""
        done: Deferred[T] = Deferred()
        with self._changed:
            if self._closing:
                raise RuntimeError("the store is closing")
            (self._ingest if ingest else self._clients).append((work, done))
            self._changed.notify()
        return await done

    def close(self) -> None:
        """Finishes what waits, then ends the threads. Blocks; the store itself stays open."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._writer.join()
        self._readers.stop()

    def _write_loop(self) -> None:
        while group := self._next_group():
            results = self._store.write_group([work for work, _ in group])
            waiting = [done for _, done in group]
            self._reactor.callFromThread(_deliver, waiting, results)

    def _next_group(self) -> list[Waiting]:
        """What the next commit takes, clients first; empty when closing and nothing waits."""
        with self._changed:
            while not (self._clients or self._ingest or self._closing):
                self._changed.wait()
            group = _take(self._clients, CLIENT_GROUP)
            return group + _take(self._ingest, INGEST_GROUP)


def _take(queue: deque[Waiting], most: int) -> list[Waiting]:
    return [queue.popleft() for _ in range(min(most, len(queue)))]


def _deliver(waiting: "list[Deferred[Any]]", results: list[Any]) -> None:
    for done, result in zip(waiting, results, strict=True):
        if isinstance(result, BaseException):
            done.errback(result)
        else:
            done.callback(result)
