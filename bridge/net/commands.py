"""Runs the commands that owners of accounts name: beside the reactor, bounded in time and size."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Event
from typing import Any, TypeVar

from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from bridge.admin.secrets import Output

T = TypeVar("T")

TIMEOUT_S = 60.0
"""A token command asks a server, which may need its time; a poll waits for it."""

GRACE_S = 2.0
"""Between SIGTERM and SIGKILL, so that a tool can finish writing a token that it has renewed."""

MAX_STDOUT = 64 * 1024
"""Tokens have 1 to 4 kB."""

MAX_STDERR = 4 * 1024
"""Of what a command complains about; the rest is read and thrown away."""

THREADS = 64
"""More than there can be polls, so that no command waits for one that hangs."""

_LOOK_S = 0.05
"""How often to look whether a command has ended that left its output open to a child."""

_OURS = ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_FDS", "LISTEN_PID")
"""systemd's words to the daemon, with which a command could speak in its name."""


class Commands:
    """Runs shell commands, each with a process group of its own.

    Args:
        reactor: Twisted's.
        environ: what commands inherit.
        timeout_s: how long one may take.
    """

    def __init__(
        self, reactor: Any, environ: Mapping[str, str], timeout_s: float = TIMEOUT_S
    ) -> None:
        self._reactor = reactor
        self._environ = {name: value for name, value in environ.items() if name not in _OURS}
        self._timeout_s = timeout_s
        self._pool = ThreadPool(0, THREADS, "commands")
        self._pool.start()
        self._stopping = Event()

    async def in_thread(self, work: Callable[[], T]) -> T:
        """What `work` returns, which may have to wait for a disk or a process."""
        result: T = await deferToThreadPool(self._reactor, self._pool, work)
        return result

    async def run(self, command: str) -> Output:
        """What becomes of `/bin/sh -c command`; see `Output`.

        Raises:
            OSError: it can't be started.
        """
        return await self.in_thread(lambda: self._run(command))

    def stop(self) -> None:
        """Ends all that runs; returns once it has ended, within some seconds; again is harmless."""
        if not self._stopping.is_set():
            self._stopping.set()
            self._pool.stop()

    def _run(self, command: str) -> Output:
        process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env=self._environ,
            cwd="/",
        )
        # Whatever happens here, nothing of it may go on running.
        with process:
            try:
                said, complained, too_long = self._read(process)
                return Output(process.poll(), bytes(said), bytes(complained), too_long)
            finally:
                if process.poll() is None:
                    _end(process)

    def _read(self, process: "subprocess.Popen[bytes]") -> tuple[bytearray, bytearray, bool]:
        """Its output, its complaints, and whether there was more output than may be.

        Returns when the process has ended, though a child of it may hold its output open, when
        its time is over, or when it has said too much.
        """
        said, complained = bytearray(), bytearray()
        deadline = time.monotonic() + self._timeout_s
        with selectors.DefaultSelector() as selector:
            for stream, kept in ((process.stdout, said), (process.stderr, complained)):
                assert stream is not None
                os.set_blocking(stream.fileno(), False)
                selector.register(stream, selectors.EVENT_READ, kept)
            while time.monotonic() < deadline and not self._stopping.is_set():
                ended = process.poll() is not None
                heard = _hear(selector, 0 if ended else _LOOK_S)
                del complained[MAX_STDERR:]
                if len(said) > MAX_STDOUT:
                    return said, complained, True
                if ended and not heard:
                    break
        return said, complained, False


def _hear(selector: selectors.BaseSelector, wait_s: float) -> bool:
    """Reads what there is; whether there was anything."""
    if not selector.get_map():
        time.sleep(wait_s)
        return False
    heard = False
    for key, _ in selector.select(wait_s):
        with suppress(BlockingIOError):
            octets = os.read(key.fd, 1 << 16)
            if octets:
                key.data.extend(octets)
                heard = True
            else:
                selector.unregister(key.fileobj)
    return heard


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ends the process and all that it began and that stayed in its group."""
    deadline = time.monotonic() + GRACE_S
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGTERM)
        while time.monotonic() < deadline:
            process.poll()
            time.sleep(_LOOK_S)
            os.killpg(process.pid, 0)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
