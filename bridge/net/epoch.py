"""`DATA/epoch`, kept beside the store: by it a copy that was put back is recognised."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import assert_never

from bridge.admin.context import InThread
from bridge.errors import BridgeError, StoreBusyError, StoreFullError
from bridge.net.files import write_atomically
from bridge.store.engine import Store
from bridge.store.epoch import (
    Epoch,
    Origin,
    epoch,
    new_epoch,
    next_epoch,
    origin,
    read_epoch,
    renew,
    save_epoch,
    write_epoch,
)
from bridge.store.port import Database
from bridge.store.tx import WriteTx

KEEP_S = 60.0
"""An old copy, put back, goes unrecognised only if the process that used the store after it was
made died within these seconds of its first change."""

_log = logging.getLogger("popbridge.store")


class EpochKeeper:
    """Compares store and file once, then takes both on together.

    The store's number is always durable before the file's, so that no crash makes a store look
    older than it is. What can't be written is written later: IMAP goes on.

    Args:
        store: which nobody uses yet.
        path: the file.
        clock: the time, aware.
    """

    def __init__(self, store: Store, path: Path, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._path = path
        self._clock = clock
        self._changed = False
        self._failing = False

    def begin(self) -> bool:
        """Begins an epoch; whether the store was put back, and has been made safe to serve.

        Raises:
            StoreError: the store can't be read, or one that was put back can't be written: the
                UIDs that it has would stand for other messages than they did.
        """
        (filed, readable), stored = self._read(), self._store.read(epoch)
        # What can't be looked at is no evidence of anything.
        found = origin(stored, filed) if readable or stored is None else Origin.SAME
        match found:
            case Origin.NEW:
                self._found(filed)
            case Origin.SAME:
                self._go_on()
            case Origin.COPY:
                now = self._clock()
                self._write(self._store.write(lambda tx: renew(tx, filed, now)))
                _log.error(
                    "This store is a copy that was put back. Every mailbox has a new UIDVALIDITY,"
                    " so clients read their mail anew, and nothing is deleted upstream until all"
                    " that is there is here too."
                )
                return True
            case _:
                assert_never(found)
        return False

    def observe(self, results: Sequence[object]) -> None:
        """Hears of each commit, in whatever thread."""
        if any(not isinstance(one, (Epoch, BaseException)) for one in results):
            self._changed = True

    async def keep(self, database: Database, in_thread: InThread) -> None:
        """Begins another epoch if the store has changed since the last one began."""
        if not self._changed:
            return
        self._changed = False
        try:
            reached = await database.write(next_epoch, ingest=True)
        except BridgeError as error:
            self._changed = True
            self._complain(str(error))
            return
        if reached is not None and not await in_thread(lambda: self._write(reached)):
            self._changed = True

    def end(self) -> None:
        """As `keep`, once nobody else uses the store. Blocks."""
        if self._changed:
            self._go_on()

    def _found(self, filed: Epoch | None) -> None:
        """The file comes first: a store without an epoch is new at its next start."""
        first = new_epoch(filed)
        if self._write(first):
            self._stored(lambda tx: save_epoch(tx, first))

    def _go_on(self) -> None:
        reached = self._stored(next_epoch)
        if reached is not None:
            self._changed = not self._write(reached)

    def _stored(self, work: Callable[[WriteTx], Epoch | None]) -> Epoch | None:
        """What was written to the store; None where a full disk keeps that off."""
        try:
            return self._store.write(work)
        except (StoreFullError, StoreBusyError) as error:
            self._complain(str(error))
            return None

    def _write(self, reached: Epoch) -> bool:
        try:
            write_atomically(self._path, write_epoch(reached), 0o600)
        except OSError as error:
            self._complain(f"{error.strerror}.")
            return False
        self._failing = False
        return True

    def _read(self) -> tuple[Epoch | None, bool]:
        """What the file says, and whether it could be looked at."""
        try:
            for draft in self._path.parent.glob(f".{self._path.name}.*"):
                draft.unlink()
            return read_epoch(self._path.read_bytes()), True
        except FileNotFoundError:
            return None, True
        except OSError as error:
            self._complain(f"{error.strerror}.")
            return None, False

    def _complain(self, why: str) -> None:
        if not self._failing:
            _log.warning("%s can't be kept up to date: %s", self._path, why)
        self._failing = True
