"""One process writes a store: a lock on a file beside it, which says who holds it."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from bridge.errors import StoreError, StoreLockedError

HOLDER_OCTETS = 200
"""More of the file isn't read: it holds one line."""


class DataLock:
    """The lock, held. It ends with the process, however that ends; the file stays."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def acquire(cls, path: Path, command: str = "popbridge run") -> "DataLock":
        """Takes the lock, or fails at once.

        Args:
            path: the file; made if there is none.
            command: what others are told of who holds it.

        Raises:
            StoreLockedError: another process holds it.
            StoreError: the file can't be opened, or the file system knows no locks.
        """
        descriptor = None
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as wrong:
            error = _why(path, wrong, descriptor)
            if descriptor is not None:
                os.close(descriptor)
            raise error from None
        # On a full disk the line can't be written; the lock is held all the same.
        # Written over the last holder's: that needs no room.
        with suppress(OSError):
            line = f"{command} (pid {os.getpid()})\n".encode()
            os.ftruncate(descriptor, os.pwrite(descriptor, line, 0))
        return cls(descriptor)

    def release(self) -> None:
        """Gives the lock back; again does nothing.

        The file stays: were it removed, two processes could hold locks on two files of one name.
        """
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def _why(path: Path, wrong: OSError, descriptor: int | None) -> StoreLockedError | StoreError:
    if descriptor is not None and isinstance(wrong, BlockingIOError):
        holder = os.pread(descriptor, HOLDER_OCTETS, 0).decode("utf-8", "replace").strip()
        return StoreLockedError(
            f"The data in {path.parent} is in use by {holder or 'another process'}.",
            "Stop it, or wait until it has ended.",
        )
    what = "opened" if descriptor is None else "locked"
    return StoreError(
        f"The lock file {path} can't be {what}: {wrong.strerror}.",
        "Check owner and mode of the data folder, and that it lies on a local disk.",
    )
