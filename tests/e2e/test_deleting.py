"""Deleting upstream as users run it: Debian's Dovecot and the scripted server, kills, policies."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.daemon import Daemon, add_account, configure, popbridge
from tests.e2e.dovecot import Dovecot, need_dovecot
from tests.leftovers import end_behind_the_test
from tests.pop_server import PopServer

pytestmark = pytest.mark.e2e

ENDED_S = 120


def mail(number: int, size: int = 300) -> bytes:
    head = f"Subject: message {number}\r\nFrom: bob@example.org\r\n\r\n".encode()
    return head + b"x" * (size - len(head) - 2) + b"\r\n"


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    need_dovecot()
    server = Dovecot()
    for number in range(10):
        server.deliver(mail(number), number)
    yield server
    server.stop()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    configure(tmp_path / "data")
    return tmp_path / "data"


def synced(data: Path, *options: str) -> dict[str, Any]:
    done = popbridge(data, "sync", "alice", "--json", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    [one] = json.loads(done.stdout)
    result: dict[str, Any] = one
    return result


def set_policy(data: Path, policy: str) -> None:
    done = popbridge(data, "account", "set", "alice", "--policy", policy, "--yes")
    assert done.returncode == 0, done.stderr


def status(data: Path) -> dict[str, Any]:
    [one] = json.loads(popbridge(data, "status", "--json").stdout)["accounts"]
    result: dict[str, Any] = one
    return result


def there(dovecot: Dovecot) -> int:
    return sum(len(os.listdir(dovecot.maildir / name)) for name in ("new", "cur"))


def test_policies_on_dovecot(dovecot: Dovecot, data: Path) -> None:
    add_account(data, dovecot.port)
    assert synced(data)["fetched"] == 10
    assert there(dovecot) == 10

    set_policy(data, "keep-newest=8")
    plan = synced(data, "--dry-run")
    assert [one["reason"] for one in plan["would_delete"]] == ["is not among the newest 8"] * 2
    assert there(dovecot) == 10
    assert synced(data)["deleted"] == 2
    assert there(dovecot) == 8

    dovecot.deliver(mail(10), 10)
    assert [one["held"] for one in synced(data, "--dry-run")["would_delete"]] == [True]
    result = synced(data)
    assert (result["fetched"], result["deleted"]) == (1, 1)

    set_policy(data, "keep-below=1500B")
    assert synced(data)["deleted"] == 3
    assert there(dovecot) == 5

    set_policy(data, "keep")
    assert synced(data)["deleted"] == 0
    set_policy(data, "delete")
    assert synced(data)["deleted"] == 5
    assert there(dovecot) == 0
    last = synced(data)
    assert (last["listed"], last["fetched"], last["deleted"]) == (0, 0, 0)
    found = status(data)
    assert found["messages"] == 11
    assert found["upstream"]["deleted"] == 11
    assert found["upstream"]["delete_due"] == 0


class Trap(list[str]):
    """A log that kills a process when a line comes in a session that deletes."""

    def __init__(self, line: str) -> None:
        self.line = line
        self.process: subprocess.Popen[bytes] | None = None
        self._deletes = False

    def append(self, line: str) -> None:
        super().append(line)
        self._deletes = self._deletes or line.startswith("DELE ")
        if self._deletes and line == self.line and self.process is not None:
            self.process.kill()
            self.process.wait()


@pytest.mark.parametrize(("line", "left"), [("DELE 1", 5), ("DELE 5", 5), ("QUIT", 0)])
def test_a_kill_while_deleting_loses_nothing(data: Path, line: str, left: int) -> None:
    """After a kill at QUIT the server has deleted, and only its next listing tells."""
    with PopServer([mail(number) for number in range(5)]) as server:
        add_account(data, server.port)
        assert synced(data)["fetched"] == 5
        set_policy(data, "delete")
        server.log = trap = Trap(line)
        command = [sys.executable, "-m", "bridge", "--data", str(data), "sync", "alice"]
        trap.process = process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end_behind_the_test(lambda: ended(process))
        assert process.wait(ENDED_S) == -signal.SIGKILL
        trap.process = None
        wait_until(lambda: len(server.messages) == left)
        assert status(data)["upstream"]["deleted"] == 0
        assert synced(data)["deleted"] == left
        assert server.messages == []
        assert status(data)["messages"] == 5


def ended(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_daemon_that_is_stopped_while_it_deletes(data: Path) -> None:
    """SIGTERM while answers to DELE are awaited: no QUIT, nothing is deleted, and it ends."""
    with PopServer([mail(number) for number in range(5)]) as server:
        add_account(data, server.port)
        assert synced(data)["fetched"] == 5
        set_policy(data, "delete")
        stopped = threading.Event()
        server.log = Stalls("DELE 3", stopped)
        daemon = Daemon(data)
        asks = subprocess.Popen(
            [sys.executable, "-m", "bridge", "--data", str(data), "sync", "alice"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end_behind_the_test(lambda: ended(asks))
        wait_until(lambda: "DELE 3" in server.log)
        assert daemon.stop() == 0
        asks.wait(ENDED_S)
        stopped.set()
        assert "QUIT" not in server.log[server.log.index("DELE 5") :]
        assert len(server.messages) == 5
        assert synced(data)["deleted"] == 5


class Stalls(list[str]):
    """A log that keeps the server from answering a line until an event."""

    def __init__(self, line: str, until: threading.Event) -> None:
        self.line = line
        self.until = until

    def append(self, line: str) -> None:
        super().append(line)
        if line == self.line:
            self.until.wait(ENDED_S)


def test_a_policy_that_deletes_is_asked_for(data: Path) -> None:
    with PopServer([mail(number) for number in range(5)]) as server:
        add_account(data, server.port)
        synced(data)
        refused = popbridge(data, "account", "set", "alice", "--policy", "delete,keep-newest=2")
        assert refused.returncode == 64
        assert "Now 5 messages would go" in refused.stderr and "--yes" in refused.stderr
        assert status(data)["policy"] == "keep"
        url = f"pop3+plain://alice@127.0.0.1:{server.port}"
        add = ("account", "add", "bob", "--pop3", url, "--policy", "mirror")
        refused = popbridge(data, *add, "--pop3-password-file", "-", text="secret\n")
        assert refused.returncode == 64
        assert "Nothing is held yet" in refused.stderr
        added = popbridge(data, *add, "--yes", "--pop3-password-file", "-", text="secret\n")
        assert added.returncode == 0, added.stderr


def dumped(data: Path) -> list[str]:
    """All that the store holds, but for how often it was opened."""
    with closing(sqlite3.connect(data / "popbridge.db")) as store:
        return [line for line in store.iterdump() if not line.startswith('INSERT INTO "counter"')]


def test_a_dry_run_changes_nothing(data: Path) -> None:
    with PopServer([mail(number) for number in range(3)]) as server:
        add_account(data, server.port)
        synced(data)
        set_policy(data, "delete")
        server.messages.append(mail(9))
        before = dumped(data)
        plan = synced(data, "--dry-run")
        assert [one["held"] for one in plan["would_delete"]] == [True, True, True, False]
        assert (plan["fetched"], plan["deleted"]) == (1, 0)
        assert dumped(data) == before
        assert len(server.messages) == 4


def test_mirror_freezes_and_thaws_by_command_and_undelete_brings_back(data: Path) -> None:
    with PopServer([mail(number) for number in range(24)]) as server:
        add_account(data, server.port)
        synced(data)
        set_policy(data, "mirror")
        daemon = Daemon(data)
        client = daemon.client()
        client.select_folder("INBOX")
        client.delete_messages(list(range(1, 15)))
        client.expunge()
        assert synced(data)["deleted"] == 0
        found = status(data)
        assert found["state"] == "frozen"
        assert "within an hour" in found["frozen"]["cause"]
        assert "--thaw" in found["frozen"]["remedy"]
        assert "frozen since" in popbridge(data, "status").stdout

        back = popbridge(data, "undelete", "alice", "--since", "1h", "--json")
        assert json.loads(back.stdout) == {
            "login": "alice",
            "count": 14,
            "mailboxes": {"INBOX": 14},
        }
        client.noop()
        assert client.search("ALL") == list(range(15, 39))

        refused = popbridge(data, "account", "set", "alice", "--thaw")
        assert refused.returncode == 64
        thawed = popbridge(data, "account", "set", "alice", "--thaw", "--yes")
        assert thawed.returncode == 0, thawed.stderr
        synced(data)
        assert (status(data)["state"], status(data)["frozen"]) == ("ok", None)
        assert len(server.messages) == 24
        client.logout()
        assert daemon.stop() == 0
