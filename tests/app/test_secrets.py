"""Secrets from files and commands with a daemon that runs; none of them is ever shown."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.app.test_daemon import running
from tests.e2e.daemon import Daemon, add_account, configure, popbridge
from tests.pop_server import HOST, PopServer

pytestmark = pytest.mark.e2e

CANARY = "canary-Z2VoZWlt"
MAIL = [b"Subject: one\r\n\r\nbody\r\n"]
OAUTH = ["UIDL", "TOP", "PIPELINING", "SASL XOAUTH2", "RESP-CODES", "AUTH-RESP-CODE"]


def url(server: PopServer) -> str:
    return f"pop3+plain://alice@{HOST}:{server.port}"


def command(data: Path, *words: str, code: int = 0, text: str | None = None) -> str:
    done = popbridge(data, *words, text=text)
    assert done.returncode == code, done.stderr
    assert CANARY not in done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


def alice(data: Path) -> Any:
    return json.loads(command(data, "status", "--json"))["accounts"][0]


def all_that_can_be_seen(data: Path, daemon: Daemon) -> str:
    """The daemon's log, what commands tell as JSON, and every process's command line."""
    seen = [daemon.logged()]
    for words in (["status"], ["account", "list"], ["account", "show", "alice"]):
        seen.append(command(data, *words, "--json"))
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            seen.append(path.read_text("utf-8", "replace"))
        except OSError:
            continue
    return "\n".join(seen)


def test_a_token_command_that_fails_and_then_works(tmp_path: Path) -> None:
    configure(tmp_path)
    token = tmp_path / "token"
    with PopServer(MAIL, capabilities=OAUTH, token=CANARY) as server:
        get = f"cat {token} && echo refreshed >&2"
        words = ["--pop3", url(server), "--oauth-token-command", get, "--password-file", "-"]
        refused = command(tmp_path, "account", "add", "alice", *words, code=77, text="device\n")
        assert "BR-AUTH-02 The token command of alice failed with exit code 1: cat: " in refused
        assert server.sessions == 0
        command(tmp_path, "account", "add", "alice", *words, "--no-check", text="device\n")
        with running(tmp_path) as daemon:
            failed = command(tmp_path, "sync", "alice", code=77)
            assert failed == ""
            found = alice(tmp_path)
            assert (found["state"], found["error"]["code"]) == ("needs_password", "BR-AUTH-02")
            assert "account show alice" in found["error"]["remedy"]
            token.write_text(CANARY)
            assert "fetched 1 of 1" in command(tmp_path, "sync", "alice")
            assert alice(tmp_path)["state"] == "ok"
            token.write_text("old")
            sessions = server.sessions
            command(tmp_path, "sync", "alice", code=77)
            # The command gave the same token again, so it was offered once.
            assert server.sessions == sessions + 1
            assert alice(tmp_path)["error"]["code"] == "BR-AUTH-02"
            seen = all_that_can_be_seen(tmp_path, daemon)
        assert CANARY not in seen + daemon.logged()


def test_a_password_file_that_changes(tmp_path: Path) -> None:
    configure(tmp_path)
    secret = tmp_path / "secret"
    secret.write_text(f"{CANARY}\n")
    secret.chmod(0o600)
    with PopServer(MAIL, password=CANARY) as server:
        words = ["--pop3", url(server), "--pop3-password-file", str(secret), "--reread"]
        command(
            tmp_path, "account", "add", "alice", *words, "--password-file", "-", text="device\n"
        )
        with running(tmp_path) as daemon:
            command(tmp_path, "sync", "alice")
            secret.write_text("changed")
            command(tmp_path, "sync", "alice", code=77)
            assert alice(tmp_path)["error"]["code"] == "BR-AUTH-01"
            secret.unlink()
            command(tmp_path, "sync", "alice", code=77)
            assert alice(tmp_path)["error"]["code"] == "BR-AUTH-03"
            secret.write_text(CANARY)
            command(tmp_path, "sync", "alice")
            assert alice(tmp_path)["state"] == "ok"
            seen = all_that_can_be_seen(tmp_path, daemon)
        assert CANARY not in seen + daemon.logged()


def test_fault_41_a_mailbox_that_moves_is_not_fetched_again(tmp_path: Path) -> None:
    configure(tmp_path)
    uidls = [b"u1"]
    with PopServer(MAIL, uidls=uidls) as old, PopServer(MAIL, uidls=uidls) as new:
        add_account(tmp_path, old.port)
        with running(tmp_path) as daemon:
            command(tmp_path, "sync", "alice")
            client = daemon.client()
            before = client.select_folder("INBOX")
            moved = f"pop3+plain://alice@localhost:{new.port}"
            shown = json.loads(
                command(tmp_path, "account", "set", "alice", "--pop3", moved, "--json")
            )
            assert shown["pop3"] == moved
            assert "fetched 0 of 1" in command(tmp_path, "sync", "alice")
            after = client.select_folder("INBOX")
            client.logout()
    assert not any("RETR" in line for line in new.log)
    assert new.sessions >= 2
    for name in (b"EXISTS", b"UIDVALIDITY", b"UIDNEXT"):
        assert before[name] == after[name]


def test_weak_protection_is_said_at_start(tmp_path: Path) -> None:
    configure(tmp_path)
    add_account(tmp_path, 1)
    command(tmp_path, "account", "pause", "alice")
    weak = ["--tls-minimum", "1.0", "--tls-legacy-ciphers", "--no-check"]
    command(tmp_path, "account", "set", "alice", "--pop3", "pop3s://a@pop.invalid", *weak)
    with running(tmp_path) as daemon:
        logged = daemon.logged()
    said = "account 1: The way to the provider is weakly protected:"
    assert f"{said} TLS 1.0 is let pass for pop.invalid" in logged
    assert f"{said} Ciphers and keys that count as broken" in logged


def test_accounts_from_a_file(tmp_path: Path) -> None:
    configure(tmp_path)
    with PopServer(MAIL, password=CANARY) as server:
        (tmp_path / "pop").write_text(CANARY)
        (tmp_path / "imap").write_text("device\n")
        file = tmp_path / "accounts.toml"
        file.write_text(
            f'[accounts.alice]\npop3 = "{url(server)}"\n'
            'pop3_password_file = "pop"\npassword_file = "imap"\n'
        )
        with running(tmp_path) as daemon:
            assert command(tmp_path, "account", "apply", str(file)).startswith("alice: added: ")
            again = command(tmp_path, "account", "apply", str(file))
            assert again == "There is nothing to change.\n"
            command(tmp_path, "sync", "alice")
            client = daemon.client()
            assert client.select_folder("INBOX")[b"EXISTS"] == 1
            client.logout()
            file.write_text("")
            refused = command(tmp_path, "account", "apply", str(file), "--prune", code=64)
            assert "removes alice with all mail" in refused
            removed = command(tmp_path, "account", "apply", str(file), "--prune", "--yes")
            assert removed == "alice: removed\n"
        assert json.loads(command(tmp_path, "account", "list", "--json")) == []
        assert CANARY not in daemon.logged()
