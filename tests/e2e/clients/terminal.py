"""A terminal for programs that want one: a pty and the screen that they have drawn, as text."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from pathlib import Path
from typing import Self

from tests.e2e.clients.screen import COLUMNS, ROWS, Screen
from tests.leftovers import end_behind_the_test

WAIT_S = 120
EXIT_S = 120
ASK_AGAIN_S = 0.5

OPEN = 'exec "$@" <>"$0" >&0 2>&0'
"""A session's first process that opens a terminal is given it as /dev/tty."""


class Terminal:
    """A program in a terminal of its own; nothing is typed before the screen shows what it must."""

    def __init__(self, *command: str, home: Path, **env: str) -> None:
        self._screen = Screen()
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", OPEN, os.ttyname(slave), *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=home,
            env={
                "PATH": os.environ["PATH"], "HOME": str(home), "USER": "alice", "LANG": "C.UTF-8",
                "TERM": "vt100", "SHELL": "/bin/sh", **env,
            },
            start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self._open = True
        end_behind_the_test(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def type(self, keys: str) -> None:
        """Types."""
        os.write(self._master, keys.encode())

    def text(self) -> str:
        """What the screen shows."""
        return self._screen.text()

    def more(self) -> None:
        """Waits until something is drawn."""
        if not self._read(WAIT_S):
            raise AssertionError(f"nothing changes any more on\n{self.text()}")

    def until(self, pattern: str) -> str:
        """Waits until the screen shows this (a regular expression); the whole screen."""
        if not self._shows(pattern, WAIT_S):
            raise AssertionError(f"the screen never shows {pattern!r}, but\n{self.text()}")
        return self.text()

    def ask_until(self, keys: str, pattern: str) -> str:
        """Types, again and again, until the screen shows it; the whole screen."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            self.type(keys)
            if self._shows(pattern, ASK_AGAIN_S):
                return self.text()
        raise AssertionError(f"{keys!r} never makes it show {pattern!r}, but\n{self.text()}")

    def _shows(self, pattern: str, within_s: float) -> bool:
        wanted = re.compile(pattern, re.MULTILINE)
        deadline = time.monotonic() + within_s
        while not wanted.search(self.text()):
            left = deadline - time.monotonic()
            if left <= 0 or not self._read(left):
                return False
        return True

    def ended(self) -> int:
        """Waits until the program has ended by itself; its exit code."""
        deadline = time.monotonic() + EXIT_S
        while (left := deadline - time.monotonic()) > 0 and self._read(left):
            pass
        try:
            return self._process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end, but shows\n{self._screen.text()}") from None

    def close(self) -> None:
        """Ends the program if it runs yet; again is harmless."""
        self._process.kill()
        self._process.wait()
        if self._open:
            self._open = False
            os.close(self._master)

    def _read(self, timeout_s: float) -> bool:
        """Draws what the program writes next; False where it has ended or is silent so long."""
        if not select.select([self._master], [], [], timeout_s)[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:
            # Linux says EIO where nobody has the other side open any more.
            return False
        self._screen.feed(data.decode("utf-8", "replace"))
        return bool(data)
