"""The daemon as its user runs it: a process of its own, found through run.json."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from imapclient import IMAPClient

from tests.leftovers import end_behind_the_test

STARTED_S = 120
STOPPED_S = 60
ANSWERED_S = 120

CONFIG = """
[store]
reserve = "0B"
[imap]
listen = ["imap://127.0.0.1:0", "imaps://127.0.0.1:0"]
[web]
listen = []
[metrics]
listen = ["http://127.0.0.1:0"]
[sync]
interval = "{interval}"
"""


def popbridge(
    data: Path, *arguments: str, text: str | None = None, timeout: float = 300, **env: str
) -> "subprocess.CompletedProcess[str]":
    """Runs a command on the data folder."""
    return subprocess.run(
        [sys.executable, "-m", "bridge", "--data", str(data), *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **env},
    )


def configure(data: Path, interval: str = "1h") -> None:
    """Writes a popbridge.toml with free ports."""
    data.mkdir(exist_ok=True)
    (data / "popbridge.toml").write_text(CONFIG.format(interval=interval))


def add_account(data: Path, port: int, login: str = "alice", password: str = "device") -> None:
    """Adds an account at a loopback POP3 server without TLS."""
    done = popbridge(
        data, "account", "add", login, "--pop3", f"pop3+plain://alice@127.0.0.1:{port}",
        "--pop3-password-file", "-", "--password-file", "-", "--no-check",
        text=f"secret\n{password}\n",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


class Daemon:
    """`popbridge run`, started and ready."""

    def __init__(self, data: Path, **env: str) -> None:
        self.data = data
        (data / "run.json").unlink(missing_ok=True)
        self.log = (data / "log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bridge", "--data", str(data), "run"],
            stdout=self.log,
            stderr=self.log,
            env={**os.environ, **env},
        )
        self._clients: list[IMAPClient] = []
        end_behind_the_test(self._end)
        self.run = self._wait()

    def _wait(self) -> dict[str, Any]:
        deadline = time.monotonic() + STARTED_S
        path = self.data / "run.json"
        while time.monotonic() < deadline:
            if path.exists():
                found: dict[str, Any] = json.loads(path.read_text())
                if found["pid"] == self.process.pid:
                    return found
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        raise RuntimeError(f"the daemon did not start: {self.logged()}")

    def logged(self) -> str:
        """All it has said."""
        return (self.data / "log").read_text()

    def port(self, scheme: str) -> int:
        """The port of an IMAP listener."""
        return next(
            int(url.rpartition(":")[2])
            for url in self.run["imap"]
            if url.startswith(scheme + "://")
        )

    def client(self, login: str = "alice", password: str = "device") -> IMAPClient:
        """A client that is logged in."""
        client = IMAPClient("127.0.0.1", self.port("imap"), ssl=False, timeout=ANSWERED_S)
        self._clients.append(client)
        client.login(login, password)
        return client

    def reset_high_water(self) -> None:
        """Lets VmHWM count from what is used now: else the start's own peak would hide growth."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def high_water_octets(self) -> int:
        """VmHWM: the most memory it has had since it was last reset."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024

    def kill(self) -> None:
        """kill -9; again is harmless."""
        self.process.kill()
        self.process.wait()
        self.log.close()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOPPED_S)
        finally:
            self.kill()

    def _end(self) -> None:
        """Nothing of it is left, nor of its clients."""
        self.kill()
        for client in self._clients:
            with suppress(OSError):
                client.shutdown()
