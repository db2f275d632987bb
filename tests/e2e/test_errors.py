"""Every failure is one sentence with a remedy and its exit code, and leaves nothing half-made."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.e2e.daemon import Daemon, configure, popbridge
from tests.e2e.ports import free_port
from tests.pop_client import context
from tests.pop_server import HOST, Faults, PopServer

pytestmark = pytest.mark.e2e

LINE = re.compile(r"popbridge: BR-[A-Z]+-\d\d [^\n]+[.!] [^\n]+\.\n")
MAIL = [b"Subject: %d\r\n\r\nbody %d\r\n" % (n, n) for n in range(3)]
Done = "subprocess.CompletedProcess[str]"


@pytest.fixture(params=[False, True], ids=["alone", "daemon"])
def data(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A data folder, without a daemon and with one."""
    folder = tmp_path / "data"
    configure(folder)
    daemon = Daemon(folder) if request.param else None
    yield folder
    if daemon is not None:
        assert daemon.stop() == 0


def refused(done: Done, code: str, exit_code: int, *words: str) -> None:
    """It failed as the contract says: nothing on stdout, one line on stderr."""
    assert done.stdout == ""
    assert LINE.fullmatch(done.stderr), done.stderr
    assert done.stderr.startswith(f"popbridge: {code} ")
    assert done.returncode == exit_code
    for word in words:
        assert word in done.stderr


def add(data: Path, url: str, *options: str, login: str = "alice", pop3: str = "secret") -> Done:
    return popbridge(
        data, "account", "add", login, "--pop3", url, "--pop3-password-file", "-",
        "--password-file", "-", *options, text=f"{pop3}\ndevice\n",
    )  # fmt: skip


def plain(server: PopServer) -> str:
    return f"pop3+plain://alice@{HOST}:{server.port}"


def accounts(data: Path) -> list[str]:
    done = popbridge(data, "account", "list", "--json")
    assert done.returncode == 0, done.stderr
    return [one["login"] for one in json.loads(done.stdout)]


def status(data: Path) -> dict[str, Any]:
    done = popbridge(data, "status", "--json")
    assert done.returncode == 0, done.stderr
    (one,) = json.loads(done.stdout)["accounts"]
    assert isinstance(one, dict)
    return one


@contextmanager
def wrong_password() -> Iterator[str]:
    with PopServer(MAIL, faults=Faults(reject_login=True)) as server:
        yield plain(server)


@contextmanager
def unknown_host() -> Iterator[str]:
    yield "pop3s://alice@pop.invalid"


@contextmanager
def bad_certificate() -> Iterator[str]:
    with PopServer(MAIL, tls=context(trustme.CA(), HOST)) as server:
        yield f"pop3s://alice@{HOST}:{server.port}"


@contextmanager
def refused_connection() -> Iterator[str]:
    yield f"pop3+plain://alice@{HOST}:{free_port()}"


@contextmanager
def mailbox_in_use() -> Iterator[str]:
    with PopServer(MAIL, faults=Faults(in_use=True)) as server:
        yield plain(server)


UPSTREAM = [
    pytest.param(wrong_password, "BR-AUTH-01", 77, HOST, id="wrong password"),
    pytest.param(unknown_host, "BR-POP-02", 69, "pop.invalid", id="unknown host"),
    pytest.param(bad_certificate, "BR-POP-04", 69, HOST, id="bad certificate"),
    pytest.param(refused_connection, "BR-POP-03", 75, HOST, id="refused connection"),
    pytest.param(mailbox_in_use, "BR-POP-07", 75, HOST, id="mailbox in use"),
]


@pytest.mark.parametrize(("provider", "code", "exit_code", "word"), UPSTREAM)
def test_an_account_that_cannot_log_in_is_not_added(
    data: Path, provider: Callable[[], Any], code: str, exit_code: int, word: str
) -> None:
    with provider() as url:
        refused(add(data, url), code, exit_code, word)
        assert accounts(data) == []
        done = add(data, url, "--no-check")
    assert (done.returncode, done.stdout) == (0, "Added alice.\n")
    assert accounts(data) == ["alice"]


@pytest.mark.parametrize(("provider", "code", "exit_code", "word"), UPSTREAM)
def test_a_sync_that_fails_is_told_and_stands_in_the_status(
    data: Path, provider: Callable[[], Any], code: str, exit_code: int, word: str
) -> None:
    with PopServer(MAIL) as good, provider() as url:
        assert add(data, url, "--no-check").returncode == 0
        assert add(data, plain(good), login="bob").returncode == 0
        done = popbridge(data, "sync", "--json")
        named = popbridge(data, "sync", "bob")
    assert done.returncode == exit_code
    assert named.returncode == 0
    bad, well = json.loads(done.stdout)
    assert bad.keys() == {"login", "listed", "fetched", "octets", "deleted", "seconds", "error"}
    assert (bad["login"], bad["listed"], bad["fetched"]) == ("alice", None, 0)
    assert bad["error"].keys() == {"code", "text", "remedy"}
    assert bad["error"]["code"] == code
    assert word in bad["error"]["text"]
    assert (well["login"], well["listed"], well["error"]) == ("bob", 3, None)
    found = popbridge(data, "status", "--json")
    assert found.returncode == 0
    alice, bob = json.loads(found.stdout)["accounts"]
    assert alice["state"] == ("needs_password" if exit_code == 77 else "retrying")
    assert alice["error"].pop("since").endswith("Z")
    assert alice["error"] == bad["error"]
    assert set(alice["upstream"].values()) == {None}
    assert (bob["state"], bob["messages"], bob["error"]) == ("ok", 3, None)


def test_the_same_error_in_words(data: Path) -> None:
    with wrong_password() as url:
        assert add(data, url, "--no-check").returncode == 0
        done = popbridge(data, "sync")
    assert done.returncode == 77
    assert done.stdout.startswith(f"alice: BR-AUTH-01 {HOST} rejected the user name or password")
    assert done.stdout.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_a_login_that_there_is_and_one_that_there_is_not(data: Path) -> None:
    with PopServer(MAIL) as server:
        assert add(data, plain(server)).returncode == 0
        refused(add(data, plain(server), login="ALICE"), "BR-LOGIN-02", 73, "alice")
        refused(popbridge(data, "sync", "alice", "carol"), "BR-LOGIN-01", 65, "carol")
        refused(popbridge(data, "account", "remove", "carol", "--yes"), "BR-LOGIN-01", 65, "carol")
    assert accounts(data) == ["alice"]


@pytest.mark.parametrize("text", ["[imap]\nlisten_on = []\n", "[imapp]\nlisten = []\n"])
@pytest.mark.parametrize(
    "command", [["run"], ["sync"], ["status"], ["account", "list"], ["config", "check"]]
)
def test_an_unknown_key_names_the_nearest(tmp_path: Path, text: str, command: list[str]) -> None:
    (tmp_path / "popbridge.toml").write_text(text)
    nearest = "listen" if "listen_on" in text else "[imap]"
    refused(popbridge(tmp_path, *command), "BR-CONFIG-01", 78, f"is {nearest}.")
    assert [path.name for path in tmp_path.iterdir()] == ["popbridge.toml"]


@pytest.mark.parametrize("count", [1, 2])
def test_every_port_for_mail_in_use(tmp_path: Path, count: int) -> None:
    with socket.create_server((HOST, 0)) as other, socket.create_server((HOST, 0)) as another:
        taken = [each.getsockname()[1] for each in (other, another)][:count]
        listen = ", ".join(f'"imap://127.0.0.1:{port}"' for port in taken)
        (tmp_path / "popbridge.toml").write_text(
            f"[imap]\nlisten = [{listen}]\n[metrics]\nlisten = []\n"
            '[web]\nlisten = ["http://127.0.0.1:0"]\n'
        )
        refused(popbridge(tmp_path, "run"), "BR-LISTEN-01", 69, str(taken[0]), HOST, "another port")
    assert not (tmp_path / "run.json").exists()
    assert not (tmp_path / "control").exists()
    # The lock is free and the store sound.
    assert accounts(tmp_path) == []


def test_a_second_daemon_names_the_first(tmp_path: Path) -> None:
    configure(tmp_path)
    first = Daemon(tmp_path)
    try:
        named = f"popbridge run (pid {first.process.pid})"
        refused(popbridge(tmp_path, "run"), "BR-STORE-01", 75, named)
        assert json.loads((tmp_path / "run.json").read_text())["pid"] == first.process.pid
        assert accounts(tmp_path) == []
    finally:
        assert first.stop() == 0


def test_a_data_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for command in (["run"], ["status"]):
        refused(popbridge(tmp_path / "file", *command), "BR-STORE-03", 73, "file")
        refused(popbridge(tmp_path / "file" / "below", *command), "BR-STORE-03", 73, "below")


def test_a_store_that_is_none(tmp_path: Path) -> None:
    configure(tmp_path)
    (tmp_path / "popbridge.db").write_bytes(
        b"this is no database, but a text of some length\n" * 99
    )
    for command in (["run"], ["status"], ["sync"]):
        done = popbridge(tmp_path, *command)
        refused(done, "BR-STORE-06", 65, "damaged")


@pytest.mark.parametrize("command", [["account", "add", "alice"], ["nonsense"], ["sync", "--what"]])
def test_usage(tmp_path: Path, command: list[str]) -> None:
    refused(popbridge(tmp_path, *command), "BR-USAGE-01", 64, "popbridge --help")


def test_a_fault_of_popbridge_is_one_line_and_a_traceback_on_demand(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(
        "import bridge.cli.settings as s\n"
        "def load(*a): raise ZeroDivisionError('a\\nb')\n"
        "s.load = load\n"
    )
    path = {"PYTHONPATH": str(tmp_path / "site")}
    refused(popbridge(tmp_path, "status", **path), "BR-BUG-01", 70, "ZeroDivisionError")
    done = popbridge(tmp_path, "status", POPBRIDGE_DEBUG="1", **path)
    assert done.returncode == 1
    assert "Traceback" in done.stderr


@pytest.mark.parametrize("command", [["config", "example"], ["status", "--json"]])
def test_output_that_cannot_be_written(tmp_path: Path, command: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "bridge", "--data", str(tmp_path), *command],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=300,
        )  # fmt: skip
    assert done.returncode == 73
    assert LINE.fullmatch(done.stderr), done.stderr


def test_a_reader_that_hangs_up_is_no_fault(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "bridge", "--data", str(tmp_path), "config", "example"],
        stdout=writing, stderr=subprocess.PIPE, text=True, timeout=300,
    )  # fmt: skip
    os.close(writing)
    assert done.returncode == 1
    assert done.stderr == ""
