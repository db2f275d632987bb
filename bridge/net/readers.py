"""The threads that read the store, and how the reactor's thread hands work to them.

A client that reads one message after the other waits for each of these ways there and back, and
the system calls in which threads wake each other cost more than the read. So a thread is woken by
a lock of its own (a queue that several wait for wakes a second one in vain), the one that worked
last first, whose caches are warm; and for what is brief the reactor's thread stays, instead of
going to sleep in its selector and being woken there.
"""

from collections import deque
from collections.abc import Callable
from threading import Lock, Thread
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads

from bridge.store.engine import Store
from bridge.store.tx import ReadTx

T = TypeVar("T")

PATIENCE_S = 0.0002
"""How long the reactor's thread stays for what is brief: twice what a message takes that is in the
page cache. A disk takes longer; then the result comes by way of the reactor, and nobody else has
waited longer than this."""


class Readers:
    """Threads that read. `read` and `close` are called in the reactor's thread.

    Args:
        store: what is read.
        reactor: results that take longer come by it.
        many: threads.
        patience_s: as `PATIENCE_S`.
    """

    def __init__(
        self,
        store: Store,
        reactor: IReactorFromThreads,
        many: int,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._store = store
        self._reactor = reactor
        self._patience_s = patience_s
        self._guard = Lock()
        """Held for a few instructions: whoever looks at what follows, or at a read's `deferred`."""
        self._waiting: deque[_Read] = deque()
        self._closing = False
        self._readers = [_Reader(f"store-read-{n}", self._loop) for n in range(many)]
        self._idle = list(self._readers)

    async def read(self, work: Callable[[ReadTx], T], *, brief: bool = False) -> T:
        """As `bridge.store.port.Database.read`."""
        read = _Read(work)
        with self._guard:
            reader = self._idle.pop() if self._idle else None
            if reader is None:
                self._waiting.append(read)
            if reader is None or not brief:
                read.deferred = Deferred()
        if reader is not None:
            reader.give(read)
        if read.deferred is None and not read.done.acquire(timeout=self._patience_s):
            with self._guard:
                # It may be done this very moment.
                if not read.finished:
                    read.deferred = Deferred()
        if read.deferred is not None:
            await read.deferred
        if read.error is not None:
            raise read.error
        return read.result  # type: ignore[no-any-return]

    def close(self) -> None:
        """Finishes what waits, then ends the threads. Blocks."""
        with self._guard:
            self._closing = True
            idle, self._idle = self._idle, []
        for reader in idle:
            reader.give(None)
        for reader in self._readers:
            reader.join()

    def _loop(self, reader: "_Reader") -> None:
        while (read := reader.next()) is not None:
            while read is not None:
                self._do(read)
                read = self._after(reader)

    def _do(self, read: "_Read") -> None:
        try:
            read.result = self._store.read(read.work)
        except BaseException as error:
            read.error = error
        with self._guard:
            read.finished = True
        read.done.release()
        if read.deferred is not None:
            self._reactor.callFromThread(read.deferred.callback, None)

    def _after(self, reader: "_Reader") -> "_Read | None":
        """What `reader` does next without being woken; None: it goes to sleep."""
        with self._guard:
            if self._waiting:
                return self._waiting.popleft()
            if self._closing:
                reader.give(None)
            else:
                self._idle.append(reader)
            return None


class _Read:
    """One work and what comes of it. `deferred` is there where nobody stays for it."""

    __slots__ = ("deferred", "done", "error", "finished", "result", "work")

    def __init__(self, work: Callable[[ReadTx], Any]) -> None:
        self.work = work
        self.result: Any = None
        self.error: BaseException | None = None
        self.finished = False
        self.deferred: Deferred[None] | None = None
        self.done = Lock()
        """Free once it is done."""
        self.done.acquire()


class _Reader:
    """A thread that sleeps until it is given something; None ends it."""

    def __init__(self, name: str, loop: Callable[["_Reader"], None]) -> None:
        self._given: _Read | None = None
        self._bell = Lock()
        self._bell.acquire()
        self._thread = Thread(target=loop, args=(self,), name=name, daemon=True)
        self._thread.start()

    def give(self, read: _Read | None) -> None:
        """Wakes it."""
        self._given = read
        self._bell.release()

    def next(self) -> _Read | None:
        """What it is given next, in its own thread."""
        self._bell.acquire()
        return self._given

    def join(self) -> None:
        """Waits for its end."""
        self._thread.join()
