"""A password that is taken back while a real daemon serves it, and afterwards."""

import json
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest
from imapclient import IMAPClient
from imapclient.exceptions import LoginError

from tests.e2e.daemon import ANSWERED_S, Daemon, add_account, configure, popbridge

pytestmark = pytest.mark.e2e


def command(data: Path, *words: str) -> Any:
    done: subprocess.CompletedProcess[str] = popbridge(data, *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def secure(daemon: Daemon, password: str) -> IMAPClient:
    context = ssl.create_default_context(cafile=daemon.data / "tls/ca.pem")
    client = IMAPClient(
        "localhost", daemon.port("imaps"), ssl=True, ssl_context=context, timeout=ANSWERED_S
    )
    client.login("alice", password)
    return client


def test_a_device_that_is_revoked_is_logged_out_at_once(tmp_path: Path) -> None:
    configure(tmp_path)
    add_account(tmp_path, 1)
    # By itself: no daemon runs.
    made = command(tmp_path, "device", "add", "alice", "phone")
    daemon = Daemon(tmp_path)
    other, phone = daemon.client(), daemon.client("alice", made["password"])
    phone.select_folder("INBOX")
    phone.idle()
    tls = secure(daemon, made["password"])
    listed = {one["name"]: one for one in command(tmp_path, "device", "list", "alice")}
    assert (listed["phone"]["connected"], listed["first"]["connected"]) == (2, 1)
    assert command(tmp_path, "device", "revoke", "alice", "phone", "--yes")["name"] == "phone"
    for client in (phone, tls):
        said = client.socket().makefile("rb").read()
        assert said == b"* BYE [EXPIRED] The password of this device was taken back\r\n"
        client.shutdown()
    with pytest.raises(LoginError, match="AUTHENTICATIONFAILED"):
        daemon.client("alice", made["password"])
    other.noop()
    assert daemon.stop() == 0
    # What the daemon knew of the last use outlived it.
    (first,) = command(tmp_path, "device", "list", "alice")
    assert (first["name"], first["connected"]) == ("first", 0)
    assert first["last_used"] is not None
