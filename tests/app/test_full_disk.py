"""A real full disk, of a size chosen so that each write in turn is the one that finds no room."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
from imapclient import IMAPClient

from tests.e2e.daemon import Daemon, add_account, configure, popbridge
from tests.pop_server import HOST, PopServer

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900)]

STEP = 120 << 10
ROOM = 4 << 20
MAIL = [b"Subject: %d\r\n\r\n" % n + b"x" * 70 * 300 + b"\r\n" for n in range(5)]


class Disk:
    """A file system in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", folder],
            capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            pytest.skip(f"no tmpfs can be mounted: {done.stderr.strip()}")

    def resize(self, octets: int) -> None:
        """Page by page; less than what is used already isn't possible."""
        options = f"remount,size={octets}"
        subprocess.run(["mount", "-o", options, self.folder], check=True)

    def used(self) -> int:
        found = shutil.disk_usage(self.folder)
        return found.used

    def fill(self) -> None:
        """To the last octet, but for what files that exist already have allotted."""
        self.resize(max(self.used(), 4096))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(tmp_path / "disk")
    yield made
    subprocess.run(["umount", "-l", made.folder], check=True)


def room_left(result: "subprocess.CompletedProcess[str]") -> bool:
    """Whether it went well; if not, it was for want of room, told in one line."""
    if result.returncode == 0:
        return True
    assert result.returncode == 73, (result.stdout, result.stderr)
    # A sync tells of its progress, too.
    said = [x for x in (result.stdout + result.stderr).splitlines() if " messages, " not in x]
    assert len(said) == 1, said
    assert "BR-STORE-0" in said[0]
    return False


def test_an_account_is_added_or_not_wherever_the_room_ends(disk: Disk) -> None:
    data = disk.folder / "data"
    failed = 0
    for size in range(STEP, ROOM, STEP):
        disk.resize(size)
        done = popbridge(
            data, "account", "add", "alice", "--pop3", f"pop3+plain://alice@{HOST}",
            "--pop3-password-file", "-", "--password-file", "-", "--no-check",
            text="secret\ndevice\n",
        )  # fmt: skip
        if room_left(done):
            break
        failed += 1
        disk.resize(ROOM)
        listed = popbridge(data, "account", "list", "--json")
        assert (listed.returncode, listed.stdout) == (0, "[]\n"), listed.stderr
        shutil.rmtree(data)
    assert failed > 1
    disk.resize(ROOM)
    assert "alice" in popbridge(data, "account", "list").stdout


def test_a_sync_loses_and_doubles_nothing_wherever_the_room_ends(
    disk: Disk, tmp_path: Path
) -> None:
    start, data = tmp_path / "start", disk.folder / "data"
    configure(start)
    failed = 0
    with PopServer(MAIL) as server:
        add_account(start, server.port)
        shutil.copytree(start, data)
        least = disk.used()
        for size in range(least, ROOM, 2 * STEP):
            disk.resize(ROOM)
            shutil.rmtree(data)
            shutil.copytree(start, data)
            disk.resize(size)
            if room_left(popbridge(data, "sync")):
                break
            failed += 1
            status = popbridge(data, "status", "--json")
            assert status.returncode in (0, 73)
            disk.resize(ROOM)
            again = popbridge(data, "sync", "--json")
            assert again.returncode == 0, again.stdout
            (one,) = json.loads(popbridge(data, "status", "--json").stdout)["accounts"]
            assert (one["state"], one["messages"], one["error"]) == ("ok", 5, None)
            assert (one["upstream"]["listed"], one["upstream"]["pending"]) == (5, 0)
    assert failed > 1


@pytest.mark.parametrize("ending", [Daemon.kill, Daemon.stop])
def test_mail_is_read_on_a_full_disk_after_a_restart(
    disk: Disk, ending: Callable[[Daemon], object]
) -> None:
    """Promise 8."""
    data = disk.folder / "data"
    configure(data)
    with PopServer(MAIL) as server:
        add_account(data, server.port)
        first = Daemon(data)
        assert popbridge(data, "sync").returncode == 0
        server.messages.append(b"Subject: new\r\n\r\nnew\r\n")
        ending(first)
        disk.fill()
        with ready(data) as (port, web), IMAPClient(HOST, port, ssl=False, timeout=120) as client:
            client.login("alice", "device")
            client.select_folder("INBOX")
            found = client.fetch([1, 2, 3, 4, 5], ["BODY[]"])
            assert [found[uid][b"BODY[]"] for uid in sorted(found)] == MAIL
            told = popbridge(data, "status", "--json")
            assert told.returncode == 0, told.stderr
            assert json.loads(told.stdout)["accounts"][0]["messages"] == 5
            added = popbridge(
                data, "account", "add", "bob", "--pop3", f"pop3+plain://bob@{HOST}",
                "--pop3-password-file", "-", "--no-check", text="secret\n",
            )  # fmt: skip
            assert not room_left(added)
            assert not room_left(popbridge(data, "sync"))
            # A restart would help nobody: it says so, and stays ready.
            assert answered(web, "/readyz").startswith(
                "ready\ndegraded: The store can't be written"
            )
            assert "popbridge_store_writable 0.0" in answered(web, "/metrics")
            asked = popbridge(data, "healthcheck", POPBRIDGE_METRICS_LISTEN=web)
            assert asked.returncode == 0 and "degraded" in asked.stdout, asked.stderr
            disk.resize(ROOM)
            assert popbridge(data, "sync").returncode == 0
            assert answered(web, "/readyz") == "ready\n"
            disk.fill()


def answered(web: str, page: str) -> str:
    with urlopen(web + page, timeout=120) as answer:
        return str(answer.read().decode())


@contextmanager
def ready(data: Path) -> Iterator[tuple[int, str]]:
    """`popbridge run`, which can't write run.json; its IMAP port, and where its metrics are.

    SIGTERM ends it in time.
    """
    with subprocess.Popen(
        [sys.executable, "-m", "bridge", "--data", str(data), "run"],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if found := re.search(r"is ready: imap://127\.0\.0\.1:(\d+) .*(http://\S+)", line):
                break
        else:
            raise AssertionError("".join(said))
        try:
            yield int(found[1]), found[2]
        finally:
            process.terminate()
            try:
                assert process.wait(60) == 0
            finally:
                process.kill()
