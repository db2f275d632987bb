"""Reading transactions on connections that stay open: a snapshot costs two statements."""

from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from threading import Lock

from sqlalchemy import Connection, Engine

from bridge.store.base import Reads


class Snapshots:
    """Lends connections of an engine, each with a transaction begun; any thread may ask.

    To take one from the engine's pool for each read, and have it reset afterwards, costs 150 us:
    more than most reads.

    Args:
        engine: its connections begin no transaction by themselves.
        most: connections at a time; who comes then waits.
    """

    def __init__(self, engine: Engine, most: int) -> None:
        self._engine = engine
        self._idle: SimpleQueue[Connection] = SimpleQueue()
        self._unmade = most
        self._lock = Lock()

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A connection that sees the store as of now, whatever is committed meanwhile.

        Raises:
            DBAPIError: there is none to be had.
        """
        connection = self._take()
        try:
            reads = Reads(connection)
            reads.begin()
            try:
                yield connection
            finally:
                reads.end()
        finally:
            self._idle.put(connection)

    def close(self) -> None:
        """Closes the connections; nobody reads any more."""
        while True:
            try:
                self._idle.get_nowait().close()
            except Empty:
                return

    def _take(self) -> Connection:
        try:
            return self._idle.get_nowait()
        except Empty:
            with self._lock:
                make, self._unmade = self._unmade > 0, max(0, self._unmade - 1)
        if not make:
            return self._idle.get()
        try:
            return self._engine.connect()
        except BaseException:
            with self._lock:
                self._unmade += 1
            raise
