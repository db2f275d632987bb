"""A store under torture: its folder, the provider behind it, and the daemon's lives in it."""

import json
import os
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import trustme
from imapclient import IMAPClient

from tests.e2e.daemon import popbridge
from tests.torture.oracle import Oracle, Seen
from tests.torture.provider import HOST, Provider
from tests.torture.shim import Control, library

ROOT = Path(__file__).parents[2]
WAIT_S = 120
STOP_S = 10
"""SIGTERM stops within as many seconds."""

CONFIG = """
[store]
reserve = "0B"
[imap]
listen = ["imap://127.0.0.1:0"]
[web]
listen = []
[metrics]
listen = []
[sync]
interval = "{interval}"
demand_after = "1h"
"""


class World:
    """What all houses of a process share: the zygote, the provider, and folders to begin with."""

    def __init__(self, sabotage: str = "") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="torture-", dir=memory()))
        self.sabotage = sabotage
        self._templates: dict[tuple[str, bool, str], Path] = {}
        authority = trustme.CA()
        self.roots = self.folder / "roots.pem"
        authority.cert_pem.write_to_path(self.roots)
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("localhost").configure_cert(self.context)
        self.provider = Provider()
        self.houses = 0

    def __enter__(self) -> "World":
        self.provider.__enter__()
        self._zygote = subprocess.Popen(
            [sys.executable, "-m", "tests.torture.zygote"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "LD_PRELOAD": str(library()), "SSL_CERT_FILE": str(self.roots)},
        )
        assert self._zygote.stdout is not None
        assert self._zygote.stdout.readline() == "ready\n", "the zygote did not start"
        return self

    def __exit__(self, *raised: object) -> None:
        assert self._zygote.stdin is not None and self._zygote.stdout is not None
        self._zygote.stdin.close()
        self._zygote.wait(WAIT_S)
        self._zygote.stdout.close()
        self.provider.__exit__()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, **asked: Any) -> int:
        """The zygote's answer."""
        assert self._zygote.stdin is not None and self._zygote.stdout is not None
        self._zygote.stdin.write(json.dumps(asked) + "\n")
        self._zygote.stdin.flush()
        return int(self._zygote.stdout.readline())

    def template(self, policy: str, *, secure: bool, interval: str) -> Path:
        """A folder with an account at the provider, which no daemon has seen."""
        key = policy, secure, interval
        if key not in self._templates:
            data = self.folder / f"template-{len(self._templates)}"
            data.mkdir()
            (data / "popbridge.toml").write_text(CONFIG.format(interval=interval))
            port = self.provider.port
            url = (
                f"pop3://alice@localhost:{port}" if secure else f"pop3+plain://alice@{HOST}:{port}"
            )
            chosen = () if policy == "keep" else ("--policy", policy, "--yes")
            done = popbridge(
                data, "account", "add", "alice", "--pop3", url, "--pop3-password-file", "-",
                "--password-file", "-", "--no-check", *chosen, text="secret\ndevice\n",
                timeout=600,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            self._templates[key] = data
        return self._templates[key]

    @contextmanager
    def house(
        self,
        policy: str = "keep",
        *,
        secure: bool = False,
        hides: bool = False,
        quirk: str = "",
        interval: str = "1h",
    ) -> "Iterator[House]":
        """A new store; the provider's maildrop is empty."""
        self.provider.reset(hides=hides, quirk=quirk)
        self.provider.context = self.context if secure else None
        self.houses += 1
        folder = self.folder / f"house-{self.houses}"
        folder.mkdir()
        shutil.copytree(self.template(policy, secure=secure, interval=interval), folder / "data")
        house = House(self, folder)
        try:
            yield house
        finally:
            house.close()
            shutil.rmtree(folder, ignore_errors=True)


class House:
    """One store, from its first life to its last."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.provider = world.provider
        self.folder = folder
        self.data = folder / "data"
        self.journal = folder / "journal"
        self.log = folder / "log"
        self.oracle = Oracle()
        self.control = Control(folder / "control")
        self.life: Life | None = None

    def deliver(self, letters: list[bytes]) -> None:
        """The provider accepts these."""
        for octets in letters:
            self.oracle.accept(octets)
            self.provider.accept(octets)

    def start(self, *, journal: bool = False, **shim: int) -> "Life":
        """A new life; the provider keeps it waiting until its gate is opened."""
        self.provider.open.clear()
        self.control.set(calls=0, syncs=0, failed=0)
        self.control.quiet()
        self.control.set(**shim)
        self.log.write_text("")
        pid = self.world.ask(
            data=str(self.data),
            control=str(self.control.path),
            journal=str(self.journal) if journal else None,
            log=str(self.log),
            sabotage=self.world.sabotage,
        )
        self.life = Life(self, pid)
        return self.life

    def logged(self) -> str:
        """What the last life has said."""
        return self.log.read_text(errors="replace")

    def close(self) -> None:
        """Ends what runs."""
        if self.life is not None and self.life.alive:
            self.life.kill()
            self.life.buried()
        self.provider.hang_up()
        self.control.close()


class Life:
    """A daemon from its birth to its death."""

    def __init__(self, house: House, pid: int) -> None:
        self.house = house
        self.pid = pid
        self._fd = os.pidfd_open(pid)
        self._asked: socket.socket | None = None
        self.code: int | None = None
        self.port = 0

    @property
    def alive(self) -> bool:
        """Whether it hasn't been buried."""
        return self.code is None

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Sends a signal."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._fd, number)

    def ready(self) -> bool:
        """Waits until it serves; False: it died before."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            said = self.house.logged()
            if "is ready: " in said and said.endswith("\n"):
                address = said.partition("is ready: imap://127.0.0.1:")[2].split()[0]
                self.port = int(address)
                return True
            if self.died(0.002):
                return False
        raise AssertionError(f"not ready: {said}")

    def died(self, seconds: float) -> bool:
        """Whether it is dead, or dies within this time."""
        return bool(select.select([self._fd], [], [], seconds)[0])

    def buried(self, seconds: float = WAIT_S) -> int:
        """Waits for its death, and for the provider to notice; its exit code."""
        if self.code is None:
            assert self.died(seconds), f"still alive: {self.house.logged()}"
            self.code = self.house.world.ask(wait=self.pid)
            os.close(self._fd)
            if self._asked is not None:
                self._asked.close()
            self.house.provider.until_idle()
        return self.code

    def stop(self) -> None:
        """SIGTERM, which it obeys in time."""
        self.kill(signal.SIGTERM)
        code = self.buried(STOP_S + 5)
        assert code == 0, f"exit {code}: {self.house.logged()}"

    def look(self) -> Seen:
        """INBOX as a client sees it."""
        with self.client() as client:
            return look(client)

    @contextmanager
    def client(self) -> "Iterator[IMAPClient]":
        """A client that is logged in."""
        client = IMAPClient(HOST, self.port, ssl=False, use_uid=True, timeout=WAIT_S)
        try:
            client.login("alice", "device")
            yield client
            client.logout()
        finally:
            client.shutdown() if client._imap.state != "LOGOUT" else None

    def ask_sync(self) -> None:
        """Asks for a sync as the command does."""
        self._asked = socket.socket(socket.AF_UNIX)
        self._asked.settimeout(WAIT_S)
        # One that was killed meanwhile answers nothing.
        with suppress(ConnectionError):
            self._asked.connect(str(self.house.data / "control"))
            self._asked.sendall(b'{"operation": "sync", "arguments": {"logins": ["alice"]}}\n')

    def synced(self) -> dict[str, Any] | None:
        """What the sync came to; None: the daemon died over it."""
        assert self._asked is not None
        answer = b""
        with suppress(OSError):
            while piece := self._asked.recv(65536):
                answer += piece
        self._asked.close()
        self._asked = None
        last = answer.splitlines()[-1] if answer else b""
        if not last.startswith(b'{"result"'):
            assert b'"error"' not in last, last
            return None
        result: dict[str, Any] = json.loads(last)["result"][0]
        return result

    def sync(self) -> dict[str, Any]:
        """A sync, to its end."""
        self.ask_sync()
        result = self.synced()
        assert result is not None, f"died in a sync: {self.house.logged()}"
        return result


def look(client: IMAPClient) -> Seen:
    """INBOX, seen without a trace."""
    selected = client.select_folder("INBOX", readonly=True)
    answer = client.fetch(client.search(), ["BODY.PEEK[]"]) if selected[b"EXISTS"] else {}
    assert len(answer) == selected[b"EXISTS"]
    return Seen(selected[b"UIDVALIDITY"], {uid: items[b"BODY[]"] for uid, items in answer.items()})


def memory() -> str | None:
    """Where files cost no disk, if there is such a place: the shim says what is synced."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def chance_of(kind: str, seed: int) -> Random:
    """The same for the same kind and seed."""
    return Random(f"{kind} {seed}")
