"""A whole life of popbridge: no secret and nothing of any mail is in its log or its metrics."""

import imaplib
import json
import re
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e.daemon import Daemon, popbridge
from tests.failures.surfaces import Page, scraped
from tests.pop_server import HOST, Faults, PopServer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

CONFIG = """
[store]
reserve = "0B"
[imap]
listen = ["imap://127.0.0.1:0"]
[web]
listen = ["http://127.0.0.1:0"]
[metrics]
listen = ["http://127.0.0.1:0"]
[sync]
interval = "1h"
[log]
level = "info"
format = "{form}"
"""
LOGIN = "canary-login@canary-address.example"
POP_USER = "canary-user"
POP_PASSWORD = "canary-pop-password"
WRONG = "canary-wrong-password"
CANARY = re.compile("canary", re.IGNORECASE)
MAIL = [
    b"From: Canary-Name <canary-from@canary-address.example>\r\nTo: <canary-to@example>\r\n"
    b"Subject: canary-subject %d\r\nMessage-ID: <canary-id-%d@example>\r\n"
    b'Content-Disposition: attachment; filename="canary-file.pdf"\r\n\r\ncanary-body\r\n' % (n, n)
    for n in range(3)
]
ODD = b"canary-headerless and shorter than it was listed"


def lived(data: Path, server: PopServer, form: str) -> tuple[str, str, list[str]]:
    """(log, what commands and metrics said, secrets) of a daemon that met all there is."""
    data.mkdir()
    (data / "popbridge.toml").write_text(CONFIG.format(form=form))
    added = popbridge(
        data, "account", "add", LOGIN, "--pop3",
        f"pop3+plain://{POP_USER}@{HOST}:{server.port}", "--pop3-password-file", "-",
        "--no-check", "--json", text=f"{POP_PASSWORD}\n",
    )  # fmt: skip
    device = json.loads(added.stdout)["password"]
    daemon = Daemon(data)
    page = Page(data, daemon.run["web"][0])
    assert popbridge(data, "sync").returncode == 0
    said = [added.stderr]
    talk(daemon.port("imap"), device)
    server.faults = Faults(reject_login=True, rejection=b"[AUTH] no such luck")
    said.append(popbridge(data, "sync").stderr)
    server.faults = Faults(cut_at=frozenset({"LIST"}))
    said.append(popbridge(data, "sync").stderr)
    server.faults = Faults(refuse_retr=frozenset({5}))
    server.messages.append(MAIL[0].replace(b"canary-id-0", b"canary-id-9"))
    said.append(popbridge(data, "sync").stderr)
    shown = page.get(f"/accounts/{LOGIN}")
    token = re.search(r'name="csrf" value="([^"]*)"', shown)
    assert token is not None
    # A link that was used, one that never was; and a password that the provider refuses.
    page.ask("POST", "/sign-in", page.link.partition("?")[2], Origin=daemon.run["web"][0])
    said.append(popbridge(data, "backup", str(data / "backup")).stderr)
    metrics = scraped(daemon.run["metrics"][0])
    assert daemon.stop() == 0
    secrets = [
        device, device.replace("-", ""), page.cookie.partition("=")[2],
        page.link.partition("link=")[2], token[1],
    ]  # fmt: skip
    # Who asks by a login may be told of it.
    return daemon.logged(), "".join(said[1:]).replace(LOGIN, "") + metrics, secrets


def talk(port: int, device: str) -> None:
    """Log-ins right and wrong, searches, an APPEND, and commands that can't be."""
    for login, password in ((LOGIN, WRONG), (f"x{LOGIN}", device), (LOGIN, device)):
        client = imaplib.IMAP4(HOST, port, timeout=120)
        with suppress(imaplib.IMAP4.error):
            client.login(login, password)
            break
        client.shutdown()
    client.select()
    client.search(None, "SUBJECT", "canary-subject")
    client.search(None, "BODY", '"canary-body"')
    client.append('"canary-mailbox"', "", "", MAIL[0])
    client.create('"canary-mailbox"')
    client.append('"canary-mailbox"', "(canary-keyword)", "", MAIL[1])
    client.fetch("1:*", "(ENVELOPE BODYSTRUCTURE BODY[])")
    with suppress(imaplib.IMAP4.error):
        client.xatom("CANARY-COMMAND", "canary-argument")
    client.logout()


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_canary_is_in_log_or_metrics(tmp_path: Path, form: str) -> None:
    with PopServer([*MAIL, ODD], user=POP_USER, password=POP_PASSWORD) as server:
        logged, told, secrets = lived(tmp_path / "data", server, form)
    for text in (logged, told):
        assert not CANARY.search(text), [line for line in text.splitlines() if CANARY.search(line)]
        for secret in secrets:
            assert len(secret) > 8 and secret not in text
    # It did log: what was fetched, who was refused, what failed.
    if form == "json":
        lines = list(map(json.loads, logged.splitlines()))
        events = {line["event"]: line for line in lines}
        assert {"sync-fetched", "login-refused", "sync-failed"} <= events.keys()
        assert events["sync-fetched"]["account"] == events["sync-failed"]["account"] == 1
        assert events["login-refused"]["session"] >= 1
        assert all(line["time"] and line["level"] and line["message"] for line in lines)
    else:
        assert "account 1: 4 messages were fetched" in logged
        assert re.search(r"session \d+: A log-in from 127\.0\.0\.1 was refused", logged)
