"""The fail2ban filter on lines that the daemon itself has written."""

import re
import socket
import subprocess
from pathlib import Path

import pytest

from tests.e2e.daemon import Daemon, add_account, configure
from tests.e2e.programs import installed

FILTER = Path(__file__).parents[2] / "deploy" / "fail2ban" / "popbridge.conf"
WAIT_S = 120


@pytest.mark.e2e
@pytest.mark.parametrize("form", ["text", "json"])
def test_fail2ban_finds_the_guesser(tmp_path: Path, form: str) -> None:
    program = installed("fail2ban-regex")
    configure(tmp_path)
    add_account(tmp_path, 1)
    daemon = Daemon(tmp_path, POPBRIDGE_LOG_FORMAT=form)
    address = ("127.0.0.1", daemon.port("imap"))
    with socket.create_connection(address, WAIT_S, ("127.0.0.9", 0)) as client:
        lines = client.makefile("rb")
        lines.readline()
        client.sendall(b"a LOGIN alice wrong\r\nb LOGIN alice wrong\r\nc LOGIN alice device\r\n")
        while not lines.readline().startswith(b"c "):
            pass
    assert daemon.stop() == 0
    (tmp_path / "only").write_text(daemon.logged())
    done = subprocess.run(
        [program, "--print-all-matched", str(tmp_path / "only"), str(FILTER)],
        capture_output=True, text=True, timeout=WAIT_S,
    )  # fmt: skip
    assert re.search(r"Failregex: 2 total", done.stdout), done.stdout + done.stderr
    assert re.search(r"\b2 matched\b", done.stdout)
    assert "127.0.0.9" in done.stdout
