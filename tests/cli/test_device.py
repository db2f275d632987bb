"""`popbridge device`: what is asked of the operations, and what is printed."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import UsageError
from tests.cli.test_commands import Cli

PHONE = {
    "name": "phone", "made": "2026-11-24T12:00:00Z", "last_used": "2026-12-01T12:00:00Z",
    "connected": 0,
}  # fmt: skip
NEW = {"name": "new", "made": None, "last_used": None, "connected": 0}
MADE = {"login": "alice", "name": "phone", "password": "abcd-efgh"}


@pytest.fixture
def cli(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    made = Cli(tmp_path / "data", capsys)
    made.answers |= {
        "device add": MADE,
        "device list": [PHONE, NEW],
        "device revoke": {"login": "alice", "name": "phone"},
    }
    module: Any = import_module("bridge.cli.device")
    monkeypatch.setattr(module, "call", made.call)
    monkeypatch.setattr(module, "converse", made.converse)
    return made


def test_add_prints_the_password_once(cli: Cli) -> None:
    code, out, err = cli("device", "add", "alice", "phone")
    assert (code, out) == (
        0,
        "Added phone to alice.\nIts password, shown this once: abcd-efgh\n",
    )
    assert "popbridge settings alice" in err
    assert cli("device", "add", "alice", "--json") == (0, json.dumps(MADE) + "\n", "")
    assert [asked["name"] for _, asked in cli.calls] == ["phone", None]


def test_list(cli: Cli) -> None:
    assert cli("device", "list", "alice")[1] == (
        "phone\t2026-11-24T12:00:00Z\t2026-12-01T12:00:00Z\nnew\t-\tnever\n"
    )
    assert json.loads(cli("device", "list", "alice", "--json")[1]) == [PHONE, NEW]
    cli.answers["device list"] = [{**PHONE, "connected": 2}]
    assert cli("device", "list", "alice")[1].endswith("\tconnected now\n")
    cli.answers["device list"] = []
    assert "popbridge device add alice" in cli("device", "list", "alice")[2]


def test_revoke_says_what_it_does_and_asks(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    code, _, err = cli("device", "revoke", "alice", "phone")
    assert code == 64
    assert "phone of alice (last used 2026-12-01T12:00:00Z) can't log in" in err
    assert "Say --yes" in err
    assert [name for name, _ in cli.calls] == ["device list"]
    module: Any = import_module("bridge.cli.device")
    monkeypatch.setattr(module, "has_terminal", lambda: True)
    for agreed, out in ((False, ""), (True, "Revoked phone.\n")):
        monkeypatch.setattr(module, "confirmed", lambda question, agreed=agreed: agreed)
        assert cli("device", "revoke", "alice", "phone")[:2] == (0, out)
    cli.answers["device list"] = [NEW]
    assert "the last one" in cli("device", "revoke", "alice", "new")[2]


def test_revoke_without_asking(cli: Cli) -> None:
    assert cli("device", "revoke", "alice", "phone", "--yes") == (0, "Revoked phone.\n", "")
    assert [name for name, _ in cli.calls] == ["device revoke"]
    cli.answers["device revoke"] = UsageError("alice has no device 'x'.", "There are 'phone'.")
    code, _, err = cli("device", "revoke", "alice", "x")
    assert (code, err) == (
        64,
        "popbridge: BR-USAGE-01 alice has no device 'x'. There are 'phone'.\n",
    )
