"""popbridge under what its units allow: by a real systemd, with the units as they are installed."""

import os
import re
import resource
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.client import Client
from tests.deploy.machine import Machine
from tests.e2e.programs import installed
from tests.pop_server import PopServer

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

MESSAGES = 40
"""So many that a worker is started, which the restrictions must let live too."""

METRICS = "http://127.0.0.1:9143/metrics"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """With a daemon that is ready, and account alice at a provider with mail."""
    for program in ("unshare", "nsenter", "setpriv", "systemctl", "journalctl"):
        installed(program)
    if os.geteuid() != 0:
        pytest.skip("only root may make namespaces, mounts and control groups")
    made = Machine(tmp_path_factory.mktemp("machine"))
    try:
        made.ready()
        yield made
    finally:
        made.end()


@pytest.fixture(scope="module")
def provider(machine: Machine) -> Iterator[PopServer]:
    mail = [b"Subject: %d\r\n\r\nbody %d\r\n" % (n, n) for n in range(MESSAGES)]
    with machine.network(), PopServer(mail) as server:
        done = machine.run(
            "popbridge", "account", "add", "alice",
            "--pop3", f"pop3+plain://alice@127.0.0.1:{server.port}",
            "--pop3-password-file", "-", "--password-file", "-",
            text="secret\nsecret\n",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        yield server


def status(machine: Machine) -> dict[str, str]:
    """What the kernel tells of the daemon."""
    text = Path(f"/proc/{machine.ready()}/status").read_text()
    return {
        name: rest.strip() for name, _, rest in (line.partition(":") for line in text.splitlines())
    }


def test_the_restrictions_are_in_force(machine: Machine) -> None:
    found = status(machine)
    assert found["Seccomp"] == "2" and found["NoNewPrivs"] == "1"
    assert {found[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert "0" not in found["Uid"].split()
    daemon = Path(f"/proc/{machine.ready()}")
    for kind in ("user", "mnt", "ipc"):
        assert os.readlink(daemon / "ns" / kind) != os.readlink(f"/proc/{machine.first}/ns/{kind}")
    mounts = [line.split() for line in (daemon / "mountinfo").read_text().splitlines()]
    options = {words[4]: words[5].split(",") for words in mounts}
    assert "ro" in options["/"] and "rw" in options["/var/lib/popbridge"]
    assert any(words[4] == "/proc" and "hidepid=invisible" in words[-1] for words in mounts)
    # 65536, or what whoever started this machine may have.
    files = min(65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    assert f"Max open files {files} {files} files" in " ".join(
        (daemon / "limits").read_text().split()
    )


def test_mail_is_fetched_and_read_over_tls(machine: Machine, provider: PopServer) -> None:
    done = machine.run("popbridge", "sync", "alice")
    assert done.returncode == 0, done.stderr + machine.told()
    client = Client(993, tls=True)
    client.ask(b"SELECT INBOX")
    assert client.ask(b"FETCH 1:* BODY.PEEK[]") > MESSAGES * 30
    client.ask(b"STORE 1 +FLAGS (\\Seen)")
    client.ask(b"LOGOUT")
    client.close()


def test_the_process_is_measured(machine: Machine) -> None:
    with machine.network(), urllib.request.urlopen(METRICS, timeout=60) as answer:
        text = answer.read().decode()
    for name in ("cpu_seconds_total", "resident_memory_bytes", "open_fds", "start_time_seconds"):
        found = re.search(rf"^process_{name} (\S+)$", text, re.M)
        assert found and float(found[1]) > 0, name


def test_it_is_backed_up_reloaded_and_restarted(machine: Machine, provider: PopServer) -> None:
    for words in (
        ("start", "popbridge-backup.service"),
        ("reload", "popbridge.service"),
        ("restart", "popbridge.service"),
    ):
        done = machine.run("systemctl", *words)
        assert done.returncode == 0, done.stderr + machine.told()
    assert machine.run("ls", "/var/lib/popbridge/backup").stdout.split()
    machine.ready()
    client = Client(993, tls=True)
    client.ask(b"NOOP")
    client.close()


def test_a_stop_is_a_good_end(machine: Machine) -> None:
    machine.run("systemctl", "stop", "popbridge.socket", "popbridge.service")
    shown = machine.run("systemctl", "show", "-P", "Result", "popbridge.service")
    assert shown.stdout.split() == ["success"]
    machine.run("systemctl", "start", "popbridge.socket", "popbridge.service")
