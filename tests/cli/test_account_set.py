"""`account show|set|pause|resume`: what is asked of the operations, and what is printed."""

import io
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_commands import Cli

SHOWN = {
    "login": "alice",
    "pop3": "pop3s://alice@pop.example:995",
    "policy": "keep",
    "interval": None,
    "paused": False,
    "quota": None,
    "used": 1_234_567,
    "messages": 12,
    "mailboxes": 6,
    "devices": ["first"],
    "withheld": [],
    "trace_until": None,
    "secret": {"kind": "sealed", "value": ""},
    "tls": {
        "minimum": "1.2",
        "pins": [],
        "ca": None,
        "certificate": None,
        "key": None,
        "legacy_ciphers": False,
    },
    "warnings": [],
}


@pytest.fixture
def cli(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    made = Cli(tmp_path / "data", capsys)
    made.answers |= {"account set": SHOWN, "account show": SHOWN}
    made.answers["account policy"] = {"deletes": False, "changes": False}
    monkeypatch.setattr(import_module("bridge.cli.account_set"), "call", made.call)
    monkeypatch.setattr(import_module("bridge.cli.account_set"), "converse", made.converse)
    return made


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        (["--quota", "5GB"], {"quota_octets": 5_000_000_000}),
        (["--quota", "none"], {"quota_octets": None}),
        (["--quota", "0B"], {"quota_octets": 0}),
        (["--interval", "2m"], {"interval_s": 120}),
        (["--interval", "default"], {"interval_s": None}),
        (["--policy", "keep"], {"policy": "keep"}),
        (["--withhold", "CONDSTORE, QUOTA"], {"withheld": ["CONDSTORE", "QUOTA"]}),
        (["--withhold", "none"], {"withheld": []}),
        (["--trace", "on"], {"trace_s": 86_400}),
        (["--trace", "off"], {"trace_s": 0}),
        (["--trace", "30m"], {"trace_s": 1800}),
        (["--quota", "1GB", "--trace", "off"], {"quota_octets": 10**9, "trace_s": 0}),
    ],
)
def test_what_set_asks_for(cli: Cli, words: list[str], changes: dict[str, Any]) -> None:
    code, out, err = cli("account", "set", "alice", *words)
    assert (code, err) == (0, "")
    assert out.startswith("login:     alice\n")
    before = (
        [("account policy", {"login": "alice", "policy": "keep"})] if "policy" in changes else []
    )
    *asked_before, (operation, asked) = cli.calls
    assert (asked_before, operation) == (before, "account set")
    assert asked == {"login": "alice", "changes": {**changes, "check": True}}


def test_a_password_from_standard_input(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"new secret\n")))
    code, out, _ = cli("account", "set", "alice", "--pop3-password-file", "-", "--no-check")
    assert code == 0
    assert cli.calls[0][1]["changes"] == {"pop3_password": "new secret", "check": False}
    assert "secret" not in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "Nothing was named"),
        (["--no-check"], "Nothing was named"),
        (["--quota", "5"], "not a size"),
        (["--quota", "much"], "not a size"),
        (["--interval", "0s"], "at least 1s"),
        (["--interval", "none"], "not a duration"),
        (["--policy", "burn"], "is not a policy"),
        (["--trace", "yes"], "not a duration"),
        (["--pop3-password-file", "/none"], "/none"),
    ],
)
def test_what_cannot_be_set(cli: Cli, words: list[str], says: str) -> None:
    code, out, err = cli("account", "set", "alice", *words)
    assert (code, out) == (64, "")
    assert says in err
    assert cli.calls == []


def test_show(cli: Cli) -> None:
    assert cli("account", "show", "alice", "--json") == (0, json.dumps(SHOWN) + "\n", "")
    assert cli("account", "show", "alice")[1] == (
        "login:     alice\n"
        "pop3:      pop3s://alice@pop.example:995\n"
        "password:  kept here, sealed\n"
        "policy:    keep\n"
        "polls:     as configured\n"
        "holds:     12 messages in 6 mailboxes\n"
        "used:      1.2 MB, no quota\n"
        "devices:   first\n"
    )
    more = {"withheld": ["ID", "QUOTA"], "trace_until": "2026-11-25T12:00:00Z"}
    cli.answers["account show"] = {**SHOWN, **more, "quota": 5_000_000_000, "interval": 600}
    out = cli("account", "show", "alice")[1]
    assert "polls:     every 10m\n" in out
    assert "used:      1.2 MB, quota 5GB\n" in out
    assert out.endswith("withheld:  ID, QUOTA\ntrace:     until 2026-11-25T12:00:00Z\n")
    cli.answers["account show"] = {**SHOWN, "paused": True}
    assert "polls:     paused\n" in cli("account", "show", "alice")[1]


def test_pause_and_resume(cli: Cli) -> None:
    assert cli("account", "pause", "alice") == (0, "Paused alice.\n", "")
    assert cli("account", "resume", "alice") == (0, "Resumed alice.\n", "")
    assert cli("account", "pause", "alice", "--json")[1] == json.dumps(SHOWN) + "\n"
    assert [asked["changes"] for _, asked in cli.calls] == [
        {"paused": True},
        {"paused": False},
        {"paused": True},
    ]
