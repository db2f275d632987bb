"""Traces in files: one for each account, written beside the reactor, with a limit on their size."""

import logging
import os
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bridge.admin.context import InThread
from bridge.model.account import Account

MAX_FILE_OCTETS = 8 << 20
"""Then it becomes `….log.1`, in place of the one before: an account has two at most."""

MAX_QUEUED_OCTETS = 1 << 20
"""What waits for a slow disk; more is left out, and how much is said."""

MAX_NAME = 100
"""Characters of a login in the name of its file."""

_log = logging.getLogger("popbridge.trace")


class TraceFiles:
    """Opens a trace for a session; lines go to `FOLDER/LOGIN-ID.log`.

    Args:
        folder: made when first needed, for its owner only.
        clock: the time, aware.
        in_thread: where files are written.
        spawn: runs a coroutine by itself.
    """

    def __init__(
        self,
        folder: Path,
        clock: Callable[[], datetime],
        in_thread: InThread,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._in_thread = in_thread
        self._spawn = spawn
        self._sessions = count(1)
        self._queue: dict[Path, list[str]] = {}
        self._octets = 0
        self._left_out = 0
        self._writing = False

    def begin(self, account: Account, peer: str) -> Callable[[str], None] | None:
        """Takes a session's lines until the account's trace ends; None if it has none now."""
        until = account.trace_until
        if until is None or self._clock() >= until:
            return None
        path, label = trace_path(self._folder, account), f"{next(self._sessions)} {peer}"
        ended = False

        def line(text: str) -> None:
            nonlocal ended
            now = self._clock()
            if now < until:
                self._put(path, f"{_stamp(now)} {label} {text}\n")
            elif not ended:
                ended = True
                self._put(path, f"{_stamp(now)} {label} The trace ends here.\n")

        line("A traced session begins.")
        return line

    def _put(self, path: Path, line: str) -> None:
        if self._octets + len(line) > MAX_QUEUED_OCTETS:
            self._left_out += 1
            return
        if self._left_out:
            line = f"({self._left_out} lines are missing: the disk was too slow.)\n{line}"
            self._left_out = 0
        self._queue.setdefault(path, []).append(line)
        self._octets += len(line)
        if not self._writing:
            self._writing = True
            self._spawn(self._write())

    async def _write(self) -> None:
        try:
            while self._queue:
                queue, self._queue, self._octets = self._queue, {}, 0
                await self._in_thread(lambda queue=queue: _append(queue))  # type: ignore[misc]
        finally:
            self._writing = False


def trace_path(folder: Path, account: Account) -> Path:
    """The account's file. A login may have signs that a file's name can't."""
    return folder / f"{quote(account.login, safe='@+')[:MAX_NAME]}-{account.id}.log"


def remove_trace(folder: Path, account: Account) -> None:
    """Removes what was traced of an account; blocks. What can't be removed is logged."""
    path = trace_path(folder, account)
    for one in (path, _rotated(path)):
        try:
            one.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("The trace %s can't be removed: %s", one, error.strerror)


def _rotated(path: Path) -> Path:
    return path.with_name(path.name + ".1")


def _append(queue: dict[Path, list[str]]) -> None:
    """Writes what has queued up; a file that can't be written costs its trace, nothing else."""
    for path, lines in queue.items():
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
            with open(os.open(path, flags, 0o600), "a", encoding="ascii") as file:
                file.writelines(lines)
                large = file.tell() > MAX_FILE_OCTETS
            if large:
                os.replace(path, _rotated(path))
        except OSError as error:
            _log.warning("The trace %s can't be written: %s", path, error.strerror)


def _stamp(now: datetime) -> str:
    return now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
