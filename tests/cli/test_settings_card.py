"""`popbridge settings`: what it takes from where, what it warns of, and what it writes."""

import io
import json
import plistlib
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from bridge.net.runfile import RunFile, write_run_file
from bridge.net.tls import ensure_certificate, fingerprint
from tests.cli.test_commands import Cli

SHOWN = {
    "login": "alice",
    "pop3": "pop3s://alice@isp.example@pop.isp.example",
    "smtp": "smtps://alice@isp.example@smtp.isp.example",
}


@pytest.fixture
def cli(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    made = Cli(tmp_path / "data", capsys)
    made.data.mkdir()
    made.answers["account show"] = SHOWN
    module: Any = import_module("bridge.cli.settings_card")
    monkeypatch.setattr(module, "call", made.call)
    monkeypatch.setattr("socket.gethostname", lambda: "home")
    return made


def certify(cli: Cli) -> Path:
    return ensure_certificate(cli.data, (), datetime.now(UTC)).certificate


def test_the_configured_listeners_are_told_before_a_start(cli: Cli) -> None:
    code, out, err = cli("settings", "alice")
    assert code == 0
    assert "home" in out and "1993" in out and "1143" not in out, "the other is on loopback"
    assert err == "Warning: there is no certificate yet; the first start makes it.\n"


def test_the_listeners_that_are_open_count(cli: Cli) -> None:
    certificate = certify(cli)
    urls = ("imap://127.0.0.1:2143", "imaps://127.0.0.1:2993")
    run = RunFile(1, "1", urls, (), (), "control")
    write_run_file(cli.data / "run.json", run)
    code, out, err = cli("settings", "alice", "--format", "json")
    found = json.loads(out)
    assert (code, [one["port"] for one in found["imap"]]) == (0, [2993, 2143])
    assert found["certificate"]["fingerprint"] == fingerprint(certificate)
    assert found["address"] == "alice@isp.example"
    assert "other devices can't connect" in err


def test_a_name_that_the_certificate_is_not_for_is_warned_of(cli: Cli) -> None:
    certify(cli)
    assert cli("settings", "alice")[2] == ""
    assert "isn't for 192.0.2.7" in cli("settings", "alice", "--host", "192.0.2.7")[2]
    ensure_certificate(cli.data, ("192.0.2.7",), datetime.now(UTC))
    assert cli("settings", "alice", "--host", "192.0.2.7")[2] == ""


def test_a_profile_and_a_password_for_its_owner_only(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certify(cli)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"device-secret\n")))
    file = tmp_path / "alice.mobileconfig"
    file.write_text("old")
    file.chmod(0o644)
    words = ["--format", "mobileconfig", "--password-file", "-", "--output", str(file)]
    code, out, err = cli("settings", "alice", *words)
    assert (code, out) == (0, "")
    assert "Certificate Trust Settings" in err
    mail, root = plistlib.loads(file.read_bytes())["PayloadContent"]
    assert mail["IncomingPassword"] == "device-secret"
    assert root["PayloadContent"].startswith(b"\x30")
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_code_as_text_and_as_a_picture(cli: Cli, tmp_path: Path) -> None:
    code, out, err = cli("settings", "alice", "--format", "qr")
    assert (code, "▀" in out, "Thunderbird" in err) == (0, True, True)
    for name, begin in (("a.png", b"\x89PNG"), ("a.svg", b"<?xml")):
        code, out, _ = cli("settings", "alice", "--format", "qr", "--output", str(tmp_path / name))
        assert (code, out) == (0, "")
        assert (tmp_path / name).read_bytes().startswith(begin)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--format", "card", "--password-file", "-"], "Only a profile or QR code"),
        (["--format", "qr", "--output", "x.jpg"], "ends in .svg or .png"),
        (["--format", "qr", "--address", "zoë@isp.example"], "ASCII"),
    ],
)
def test_what_cannot_be(cli: Cli, words: list[str], says: str) -> None:
    code, _, err = cli("settings", "alice", *words)
    assert (code, says in err) == (64, True), err


def test_an_account_without_an_outgoing_server(cli: Cli) -> None:
    cli.answers["account show"] = {**SHOWN, "smtp": None}
    assert "account set alice --smtp" in cli("settings", "alice")[1]
    assert "account set alice --smtp" in cli("settings", "alice", "--format", "qr")[2]
