"""The daemon as a process: what it leaves and takes away, its signals, and how it stops."""

import json
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
import trustme
from imapclient import IMAPClient
from imapclient.exceptions import LoginError

from bridge import __version__
from tests.e2e.daemon import Daemon, add_account, configure, popbridge
from tests.pop_server import HOST, Faults, PopServer

pytestmark = pytest.mark.e2e

STOP_S = 10
UNTIL_S = 120
MAIL = [b"Subject: canary-subject\r\n\r\ncanary-body %d\r\n" % n for n in range(3)]


@contextmanager
def running(data: Path, **env: str) -> Iterator[Daemon]:
    daemon = Daemon(data, **env)
    try:
        yield daemon
    finally:
        daemon.stop()


def stop_in_time(daemon: Daemon, number: signal.Signals = signal.SIGTERM) -> None:
    daemon.log.close()
    began = time.monotonic()
    daemon.process.send_signal(number)
    assert daemon.process.wait(120) == 0, daemon.logged()
    assert time.monotonic() - began < STOP_S
    assert not (daemon.data / "run.json").exists()
    assert not (daemon.data / "control").exists()


def until_logged(daemon: Daemon, words: str) -> str:
    deadline = time.monotonic() + UNTIL_S
    while time.monotonic() < deadline:
        if words in (text := daemon.logged()):
            return text
        time.sleep(0.01)
    raise AssertionError(f"never said {words!r}: {daemon.logged()}")


def scrape(daemon: Daemon, page: str = "/metrics") -> str:
    with urlopen(daemon.run["metrics"][0] + page, timeout=UNTIL_S) as answer:
        return str(answer.read().decode())


def served(daemon: Daemon) -> bytes:
    """The certificate that a client is shown."""
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((HOST, daemon.port("imaps")), UNTIL_S) as plain,
        trusting.wrap_socket(plain) as tls,
    ):
        return tls.getpeercert(True) or b""


def test_run_json_is_as_promised_and_goes(tmp_path: Path) -> None:
    configure(tmp_path)
    daemon = Daemon(tmp_path)
    run = json.loads((tmp_path / "run.json").read_text())
    assert list(run) == ["pid", "version", "imap", "web", "metrics", "control"]
    assert (run["pid"], run["version"], run["web"]) == (daemon.process.pid, __version__, [])
    assert [url.rpartition(":")[0] for url in run["imap"]] == [f"imap://{HOST}", f"imaps://{HOST}"]
    assert run["metrics"][0].startswith(f"http://{HOST}:")
    assert run["control"] == str(tmp_path / "control")
    assert scrape(daemon, "/livez") == "ok\n"
    assert scrape(daemon, "/readyz") == "ready\n"
    stop_in_time(daemon)


def test_what_it_makes_is_for_its_owner(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    configure(data)
    before = {path.name for path in data.iterdir()}
    with running(data):
        made = {path.name: stat.S_IMODE(path.stat().st_mode) for path in data.iterdir()}
    made = {name: mode for name, mode in made.items() if name not in before | {"log"}}
    assert made.pop("run.json") == 0o644
    assert made.pop("tls") == 0o700
    assert {"popbridge.db", "popbridge.db-wal", "key", "lock", "control"} <= made.keys()
    assert set(made.values()) == {0o600}
    assert popbridge(tmp_path / "new" / "data", "status").returncode == 0
    assert stat.S_IMODE((tmp_path / "new" / "data").stat().st_mode) == 0o700


def test_systemd_is_told_all_along(tmp_path: Path) -> None:
    """Ten words wait at most for a test that isn't reading; the daemon drops what would be more."""
    configure(tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(UNTIL_S)
        env = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"}
        with running(tmp_path, **env) as daemon:
            assert systemd.recv(100) == b"READY=1"
            assert [systemd.recv(100) for _ in range(3)] == [b"WATCHDOG=1"] * 3
            daemon.process.send_signal(signal.SIGHUP)
            seen = [systemd.recv(100)]
            while b"READY=1" not in seen:
                seen.append(systemd.recv(100))
            assert any(one.startswith(b"RELOADING=1\nMONOTONIC_USEC=") for one in seen)
            daemon.process.send_signal(signal.SIGTERM)
            while systemd.recv(100) != b"STOPPING=1":
                pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_idle_and_deaf_clients_do_not_hold_up_a_stop(
    tmp_path: Path, number: signal.Signals
) -> None:
    configure(tmp_path)
    big = b"Subject: big\r\n\r\n" + b"x" * 76 * 400_000 + b"\r\n"
    with PopServer([big]) as server:
        add_account(tmp_path, server.port)
        daemon = Daemon(tmp_path)
        assert popbridge(tmp_path, "sync").returncode == 0
    idling, deaf = daemon.client(), daemon.client()
    idling.select_folder("INBOX")
    idling.idle()
    deaf.select_folder("INBOX")
    deaf._imap.send(b"z UID FETCH 1 BODY[]\r\n")
    stop_in_time(daemon, number)
    assert (b"BYE", b"The", b"server", b"is", b"shutting", b"down") in idling.idle_check(
        timeout=UNTIL_S
    )
    for client in (idling, deaf):
        client.shutdown()


def test_a_stalled_provider_does_not_hold_up_a_stop(tmp_path: Path) -> None:
    configure(tmp_path, interval="1s")
    with PopServer(MAIL, faults=Faults(stall_after_octets=30)) as server:
        add_account(tmp_path, server.port)
        daemon = Daemon(tmp_path)
        while server.sessions == 0:
            time.sleep(0.01)
        stop_in_time(daemon)


def test_a_silent_name_server_does_not_hold_up_a_stop(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(
        "import pathlib, socket, time\n"
        "real = socket.getaddrinfo\n"
        "def lookup(host, *args, **named):\n"
        "    if host == 'pop.invalid':\n"
        f"        pathlib.Path({str(tmp_path / 'asked')!r}).touch()\n"
        "        time.sleep(60)\n"
        "    return real(host, *args, **named)\n"
        "socket.getaddrinfo = lookup\n"
    )
    data = tmp_path / "data"
    configure(data)
    done = popbridge(
        data, "account", "add", "alice", "--pop3", "pop3s://alice@pop.invalid",
        "--pop3-password-file", "-", "--no-check", text="secret\n",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    daemon = Daemon(data, PYTHONPATH=str(tmp_path / "site"))
    while not (tmp_path / "asked").exists():
        time.sleep(0.01)
    stop_in_time(daemon)


def test_what_a_killed_daemon_leaves_is_in_nobodys_way(tmp_path: Path) -> None:
    configure(tmp_path)
    first = Daemon(tmp_path)
    first.kill()
    assert (tmp_path / "run.json").exists()
    assert (tmp_path / "control").exists()
    done = popbridge(tmp_path, "status", "--json")
    assert (done.returncode, json.loads(done.stdout)["accounts"]) == (0, [])
    with running(tmp_path) as second:
        assert json.loads((tmp_path / "run.json").read_text())["pid"] == second.process.pid
        assert popbridge(tmp_path, "status").returncode == 0


def test_a_long_path_has_its_control_socket_elsewhere(tmp_path: Path) -> None:
    data = tmp_path / ("d" * 100)
    configure(data)
    (tmp_path / "run").mkdir()
    with running(data, RUNTIME_DIRECTORY=str(tmp_path / "run")) as daemon:
        control = Path(daemon.run["control"])
        assert control.parent.parent == tmp_path / "run"
        assert stat.S_IMODE(control.parent.stat().st_mode) == 0o700
        done = popbridge(data, "account", "list", "--json")
        assert (done.returncode, done.stdout) == (0, "[]\n")
    assert list((tmp_path / "run").iterdir()) == []


def test_a_daemon_without_run_json_is_found(tmp_path: Path) -> None:
    configure(tmp_path)
    with running(tmp_path):
        (tmp_path / "run.json").unlink()
        assert popbridge(tmp_path, "status").returncode == 0


def test_ipv6(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
    (tmp_path / "popbridge.toml").write_text(
        '[imap]\nlisten = ["imap://[::1]:0", "imaps://*:0"]\n[metrics]\nlisten = ["http://[::1]:0"]\n'
    )
    with running(tmp_path) as daemon:
        one, four, six = daemon.run["imap"]
        assert one.startswith("imap://[::1]:")
        assert four.startswith("imaps://0.0.0.0:")
        assert six == four.replace("0.0.0.0", "[::]")
        with socket.create_connection(("::1", int(one.rpartition(":")[2])), UNTIL_S) as client:
            assert b"AUTH=PLAIN" in client.recv(1000)
        assert scrape(daemon, "/livez") == "ok\n"


class Reloading:
    """A daemon with a certificate of ours, and its configuration to be changed."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.authority = trustme.CA()
        self.renew()

    def renew(self) -> None:
        made = self.authority.issue_cert(HOST)
        made.private_key_pem.write_to_path(self.data / "tls.key")
        made.cert_chain_pems[0].write_to_path(self.data / "tls.pem")

    def configure(self, level: str = "info", interval: str = "1h", more: str = "") -> None:
        (self.data / "popbridge.toml").write_text(
            f'[imap]\nlisten = ["imap://{HOST}:0", "imaps://{HOST}:0"{more}]\n'
            f'[metrics]\nlisten = []\n[store]\nreserve = "0B"\n'
            f'[tls]\ncertificate = "tls.pem"\nkey = "tls.key"\n'
            f'[log]\nlevel = "{level}"\n[sync]\ninterval = "{interval}"\n'
        )


@pytest.fixture
def reloading(tmp_path: Path) -> Reloading:
    made = Reloading(tmp_path)
    made.configure()
    return made


def test_sighup_loads_a_renewed_certificate(reloading: Reloading) -> None:
    with running(reloading.data) as daemon:
        old = served(daemon)
        reloading.renew()
        daemon.process.send_signal(signal.SIGHUP)
        until_logged(daemon, "certificates and sync settings are loaded again")
        assert served(daemon) != old
        new = served(daemon)
        (reloading.data / "tls.key").write_text("no key")
        daemon.process.send_signal(signal.SIGHUP)
        until_logged(daemon, "The certificate served before goes on serving.")
        assert served(daemon) == new
        assert daemon.logged().count("certificates and sync settings are loaded again") == 1


def test_sighup_says_what_needs_a_restart(reloading: Reloading) -> None:
    with running(reloading.data) as daemon:
        reloading.configure(level="warning", more=f', "imap://{HOST}:0"')
        daemon.process.send_signal(signal.SIGHUP)
        text = until_logged(daemon, "[imap] has changed: restart popbridge to use it")
        assert text.count("has changed") == 1
        assert "loaded again" not in text


def test_sighup_takes_over_the_sync_settings(reloading: Reloading) -> None:
    with PopServer(MAIL) as server, running(reloading.data) as daemon:
        add_account(reloading.data, server.port)
        assert popbridge(reloading.data, "sync").returncode == 0
        polled = server.sessions
        reloading.configure(interval="1s")
        daemon.process.send_signal(signal.SIGHUP)
        until_logged(daemon, "are loaded again")
        deadline = time.monotonic() + UNTIL_S
        while server.sessions < polled + 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert server.sessions >= polled + 2
        assert "has changed" not in daemon.logged()


def test_a_bad_configuration_at_sighup_changes_nothing(reloading: Reloading) -> None:
    with running(reloading.data) as daemon:
        (reloading.data / "popbridge.toml").write_text("[log]\nlevle = 1\n")
        daemon.process.send_signal(signal.SIGHUP)
        text = until_logged(daemon, "Nothing was loaded again")
        assert "BR-CONFIG-01" in text
        assert "The nearest key is level." in text
        reloading.configure()
        daemon.process.send_signal(signal.SIGHUP)
        until_logged(daemon, "certificates and sync settings are loaded again")


def test_metrics_know_accounts_that_come_and_go(tmp_path: Path) -> None:
    configure(tmp_path)
    with running(tmp_path) as daemon, PopServer(MAIL) as server:
        assert 'popbridge_accounts{state="new"} 0.0' in scrape(daemon)
        add_account(tmp_path, server.port)
        assert popbridge(tmp_path, "sync").returncode == 0
        text = scrape(daemon)
        assert 'popbridge_accounts{state="ok"} 1.0' in text
        assert "popbridge_messages_fetched_total 3.0" in text
        assert "popbridge_message_durable_delay_seconds_count 3.0" in text
        assert "popbridge_messages_duplicate_total 0.0" in text
        assert "popbridge_store_free_bytes 0.0" not in text
        assert "popbridge_unhandled_errors_total 0.0" in text
        assert "process_resident_memory_bytes" in text
        assert popbridge(tmp_path, "account", "remove", "alice", "--yes").returncode == 0
        assert 'account="' not in scrape(daemon)


def test_the_last_success_is_that_of_before_the_restart(tmp_path: Path) -> None:
    configure(tmp_path)
    with PopServer(MAIL) as server:
        add_account(tmp_path, server.port)
        assert popbridge(tmp_path, "sync").returncode == 0
    told = json.loads(popbridge(tmp_path, "status", "--json").stdout)["accounts"][0]
    with running(tmp_path) as daemon:
        text = scrape(daemon)
    (line,) = (x for x in text.splitlines() if x.startswith("popbridge_upstream_last_success_ti"))
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(float(line.split()[1])))
    assert stamp == told["last_success"]


def test_no_secret_and_no_mail_reach_the_log(tmp_path: Path) -> None:
    configure(tmp_path)
    with ExitStack() as stack:
        daemon = stack.enter_context(running(tmp_path, POPBRIDGE_LOG_LEVEL="debug"))
        server = stack.enter_context(PopServer(MAIL, password="canary-pop"))
        done = popbridge(
            tmp_path, "account", "add", "alice", "--pop3",
            f"pop3+plain://alice@{HOST}:{server.port}", "--pop3-password-file", "-",
            "--password-file", "-", text="canary-pop\ncanary-imap\n",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert popbridge(tmp_path, "sync").returncode == 0
        with daemon.client(password="canary-imap") as client:
            client.select_folder("INBOX")
            assert b"canary-body 0" in client.fetch([1], ["BODY[]"])[1][b"BODY[]"]
            client.search(["SUBJECT", "canary-subject"])
        with (
            IMAPClient(HOST, daemon.port("imap"), ssl=False, timeout=UNTIL_S) as client,
            pytest.raises(LoginError),
        ):
            client.login("alice", "canary-wrong")
        server.password = "canary-new"
        assert popbridge(tmp_path, "sync").returncode == 77
    text = daemon.logged()
    assert "account 1: " in text and "alice" not in text
    assert "canary" not in text


PROCESS = """
import os, sys
from bridge.cli.main import run_command
assert run_command(sys.argv[1:]) == 0
print(sys.getswitchinterval(), oct(os.umask(0)))
"""


def test_the_process_is_prepared(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROCESS, "--data", str(tmp_path), "status"],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.stdout == "0.0005 0o77\n", done.stderr


def test_it_is_the_same_command_by_both_names() -> None:
    script = Path(sys.executable).with_name("popbridge")
    by_module = subprocess.run(
        [sys.executable, "-m", "bridge", "--help"], capture_output=True, text=True, timeout=300
    )
    by_name = subprocess.run([script, "--help"], capture_output=True, text=True, timeout=300)
    assert by_module.returncode == 0
    assert by_module.stdout == by_name.stdout
    assert by_module.stdout.startswith("Usage: popbridge ")


QUICK = """
import sys
from bridge.cli.main import run_command
assert run_command(sys.argv[1:]) == 0
print([name for name in ("sqlalchemy", "twisted", "cryptography") if name in sys.modules])
"""


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["config", "check"]])
def test_what_needs_no_store_loads_none(tmp_path: Path, words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", QUICK, "--data", str(tmp_path), *words],
        capture_output=True, text=True, timeout=300, env=dict(os.environ),
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
