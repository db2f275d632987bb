"""The daemon under systemd and behind a proxy, and what a health check says of it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.daemon import Daemon, add_account, configure, popbridge
from tests.e2e.ports import free_port
from tests.e2e.programs import installed

pytestmark = pytest.mark.e2e

WAIT_S = 120
ACTIVATE = """
import os, sys
first, names = int(sys.argv[1]), sys.argv[2].split(":")
for n in range(len(names)):
    os.dup2(first + n, 3 + n, inheritable=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(names)))
os.environ.update(LISTEN_FDNAMES=":".join(names))
os.execv(sys.executable, [sys.executable, "-m", "bridge", *sys.argv[3:]])
"""


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def start(data: Path, passed: socket.socket, name: str) -> "subprocess.Popen[bytes]":
    high = 40
    os.dup2(passed.fileno(), high)
    try:
        return subprocess.Popen(
            [sys.executable, "-c", ACTIVATE, str(high), name, "--data", str(data), "run"],
            pass_fds=(high,),
            stderr=subprocess.PIPE,
        )
    finally:
        os.close(high)


def ended(process: "subprocess.Popen[bytes]") -> tuple[int, bytes]:
    try:
        said = process.communicate(timeout=WAIT_S)[1]
    finally:
        process.kill()
    return process.returncode, said


def greeting(port: int, octets: bytes = b"") -> bytes:
    with socket.create_connection(("127.0.0.1", port), WAIT_S) as client:
        client.sendall(octets)
        try:
            return client.makefile("rb").readline()
        except ConnectionResetError:
            return b""


def test_a_restart_refuses_nobody(tmp_path: Path, listening: socket.socket) -> None:
    configure(tmp_path)
    port = listening.getsockname()[1]
    for _ in range(2):
        # Nobody accepts yet, and nobody is refused.
        with socket.create_connection(("127.0.0.1", port), WAIT_S) as early:
            process = start(tmp_path, listening, "imap")
            try:
                assert early.makefile("rb").readline().startswith(b"* OK")
                assert greeting(port).startswith(b"* OK")
            finally:
                process.send_signal(signal.SIGTERM)
                code, said = ended(process)
        assert code == 0, said
        assert f"imap://127.0.0.1:{port}".encode() in said
        assert said.count(b"imap://") == 1


def test_a_socket_with_a_strange_name_is_refused(tmp_path: Path, listening: socket.socket) -> None:
    configure(tmp_path)
    code, said = ended(start(tmp_path, listening, "smtp"))
    assert code == 78
    assert b"'smtp'" in said and b"FileDescriptorName=" in said


def test_a_health_check(tmp_path: Path) -> None:
    configure(tmp_path)
    done = popbridge(tmp_path, "healthcheck")
    assert (done.returncode, done.stdout) == (75, "")
    assert "No popbridge runs" in done.stderr
    daemon = Daemon(tmp_path)
    done = popbridge(tmp_path, "healthcheck", http_proxy="http://127.0.0.1:1")
    assert (done.returncode, done.stdout) == (0, "popbridge is ready\n"), done.stderr
    daemon.kill()
    done = popbridge(tmp_path, "healthcheck")
    assert done.returncode == 75
    assert "doesn't answer" in done.stderr


def proxied(data: Path) -> int:
    configure(data)
    port = free_port()
    text = (data / "popbridge.toml").read_text()
    line = f'[imap]\nproxy_listen = ["imap://127.0.0.1:{port}"]'
    (data / "popbridge.toml").write_text(text.replace("[imap]", line))
    return port


def test_behind_a_proxy_the_clients_address_decides(tmp_path: Path) -> None:
    port = proxied(tmp_path)
    daemon = Daemon(tmp_path)
    assert str(port) not in " ".join(daemon.run["imap"])
    far = greeting(port, b"PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n")
    near = greeting(port, b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n")
    assert b"LOGINDISABLED" in far and b"AUTH=PLAIN" not in far
    assert b"LOGINDISABLED" not in near and b"AUTH=PLAIN" in near
    assert greeting(port, b"a LOGIN alice secret\r\n") == b""
    assert daemon.stop() == 0


def test_haproxy_passes_the_clients_address_on(tmp_path: Path) -> None:
    haproxy = installed("haproxy")
    data = tmp_path / "data"
    port, front = proxied(data), free_port()
    add_account(data, 1)
    daemon = Daemon(data)
    config = tmp_path / "haproxy.cfg"
    config.write_text(
        "defaults\n  timeout connect 60s\n  timeout client 35m\n  timeout server 35m\n"
        f"listen imap\n  bind 127.0.0.1:{front}\n  mode tcp\n"
        f"  server b1 127.0.0.1:{port} send-proxy-v2\n"
    )
    running = subprocess.Popen([haproxy, "-db", "-q", "-f", str(config)])
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", front), WAIT_S).close()
                break
            except ConnectionRefusedError:
                assert running.poll() is None
        client = socket.create_connection(("127.0.0.1", front), WAIT_S, ("127.0.0.9", 0))
        with client, client.makefile("rb") as lines:
            assert lines.readline().startswith(b"* OK")
            client.sendall(b"a LOGIN alice wrong\r\nb LOGIN alice device\r\n")
            assert lines.readline().startswith(b"a NO")
            assert lines.readline().startswith(b"b OK")
    finally:
        running.terminate()
        running.wait(WAIT_S)
    assert "A log-in from 127.0.0.9 was refused" in daemon.logged()
