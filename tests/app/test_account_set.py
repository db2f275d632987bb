"""`account set` on a daemon that runs: what it changes at once, and what a restart keeps."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from imapclient.exceptions import IMAPClientError

from tests.app.test_daemon import running
from tests.e2e.daemon import Daemon, add_account, configure, popbridge
from tests.pop_server import PopServer

pytestmark = pytest.mark.e2e

MAIL = [b"Subject: canary-subject\r\n\r\ncanary-body %d\r\n" % n for n in range(3)]


def command(data: Path, *words: str, text: str | None = None) -> Any:
    done = popbridge(data, "account", *words, "--json", text=text)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def use(daemon: Daemon) -> None:
    client = daemon.client()
    client.select_folder("INBOX")
    found = client.search(["SUBJECT", "canary-subject"])
    assert len(found) == 3
    client.fetch(found, ["ENVELOPE", "BODY[]"])
    client.append("Sent", b"Subject: canary-sent\r\n\r\ncanary\r\n")
    client.logout()


def offered(daemon: Daemon) -> tuple[bytes, ...]:
    client = daemon.client()
    client.logout()
    return tuple(client.capabilities())


def test_a_trace_over_a_restart(tmp_path: Path) -> None:
    configure(tmp_path)
    with PopServer(MAIL) as server:
        add_account(tmp_path, server.port)
        path = tmp_path / "trace" / "alice-1.log"
        with running(tmp_path) as daemon:
            assert popbridge(tmp_path, "sync", "alice").returncode == 0
            use(daemon)
            assert not path.exists()
            assert command(tmp_path, "set", "alice", "--trace", "30m")["trace_until"] is not None
            use(daemon)
        # The daemon has ended: all that it wrote is there.
        first = path.read_text()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert "FETCH" in first and "APPEND" in first
        with running(tmp_path) as daemon:
            use(daemon)
        second = path.read_text()
        assert second.startswith(first) and len(second) > len(first)
        assert "canary" not in second.lower() and "device" not in second
        with running(tmp_path) as daemon:
            assert command(tmp_path, "set", "alice", "--trace", "off")["trace_until"] is None
            use(daemon)
        assert path.read_text() == second
        assert popbridge(tmp_path, "account", "remove", "alice", "--yes").returncode == 0
        assert not path.exists()


def test_quota_and_what_is_withheld(tmp_path: Path) -> None:
    configure(tmp_path)
    with PopServer([]) as server:
        add_account(tmp_path, server.port)
        with running(tmp_path) as daemon:
            client = daemon.client()
            shown = command(
                tmp_path, "set", "alice", "--quota", "1KiB", "--withhold", "CONDSTORE,MOVE"
            )
            assert (shown["quota"], shown["withheld"]) == (1024, ["CONDSTORE", "MOVE"])
            assert client.get_quota("INBOX")[0].limit == 1
            client.append("Sent", b"x" * 1000)
            with pytest.raises(IMAPClientError, match="OVERQUOTA"):
                client.append("Sent", b"x" * 100)
            assert b"MOVE" in client.capabilities()
            client.logout()
            assert b"MOVE" not in offered(daemon)
        with running(tmp_path) as daemon:
            assert b"CONDSTORE" not in offered(daemon)
            command(tmp_path, "set", "alice", "--quota", "none", "--withhold", "none")
            assert b"CONDSTORE" in offered(daemon)
            client = daemon.client()
            client.append("Sent", b"x" * 100)
            client.logout()


def test_pause_resume_and_a_new_password(tmp_path: Path) -> None:
    configure(tmp_path, interval="1s")
    with PopServer(MAIL) as server:
        add_account(tmp_path, server.port)
        # Without a daemon it is the same.
        assert command(tmp_path, "pause", "alice")["paused"] is True
        with running(tmp_path) as daemon:
            client = daemon.client()
            # A look asks for a poll, but of one that is paused.
            client.folder_status("INBOX", ["MESSAGES"])
            client.logout()
            assert server.sessions == 0
            assert command(tmp_path, "resume", "alice")["paused"] is False
            assert popbridge(tmp_path, "sync", "alice").returncode == 0
            refused = popbridge(
                tmp_path, "account", "set", "alice", "--pop3-password-file", "-", text="wrong\n"
            )
            assert refused.returncode == 77, refused.stderr
            assert "wrong" not in refused.stderr.split("BR-AUTH-01")[0]
            command(tmp_path, "set", "alice", "--pop3-password-file", "-", text="secret\n")
            assert popbridge(tmp_path, "sync", "alice").returncode == 0
        assert command(tmp_path, "show", "alice")["messages"] == 3
