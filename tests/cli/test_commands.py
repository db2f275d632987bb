"""The command line with an operation of our own behind it: what it asks for and what it prints."""

import asyncio
import io
import json
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from bridge import config
from bridge.cli import settings
from bridge.cli.main import run_command
from bridge.errors import ConfigError, StoreError

CALLERS = ("account", "status", "sync")
URL = ["--pop3", "pop3s://alice@pop.example"]


class Cli:
    """Runs commands; `answers` are what operations return, `calls` what they were asked."""

    def __init__(self, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.data = data
        self.answers: dict[str, Any] = {}
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self.progress: list[dict[str, object]] = []
        self._capsys = capsys

    def call(
        self, found: object, operation: str, arguments: Mapping[str, Any], *report: Any
    ) -> Any:
        self.calls.append((operation, arguments))
        for one in self.progress:
            report[0](one)
        answer = self.answers[operation]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def converse(self, settings: object, name: str, talk: Any) -> Any:
        async def ask(operation: str, arguments: Mapping[str, Any]) -> Any:
            return self.call(settings, operation, arguments)

        return asyncio.run(talk(ask))

    def __call__(self, *words: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        code = run_command(["--data", str(self.data), *words])
        out, err = self._capsys.readouterr()
        return code, out, err


@pytest.fixture
def cli(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    made = Cli(tmp_path / "data", capsys)
    for name in CALLERS:
        monkeypatch.setattr(import_module(f"bridge.cli.{name}"), "call", made.call)
    monkeypatch.setattr(import_module("bridge.cli.account"), "converse", made.converse)
    monkeypatch.delenv("POPBRIDGE_DEBUG", raising=False)
    return made


SERVED = "`popbridge run` serves it to mail apps at imap://127.0.0.1:1143 and imaps://*:1993.\n"


def typed(monkeypatch: pytest.MonkeyPatch, octets: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(octets)))


def test_both_passwords_from_standard_input_pop3_first(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, "pöp \r\nimap\nmore\n".encode())
    cli.answers["account add"] = {"login": "alice", "password": None}
    options = ["--pop3-password-file", "-", "--password-file", "-", "--interval", "2m"]
    assert cli("account", "add", "Alice", *URL, *options) == (0, "Added alice.\n", SERVED)
    ((_, asked),) = cli.calls
    assert asked == {
        "login": "Alice",
        "pop3": "pop3s://alice@pop.example",
        "pop3_password": "pöp ",
        "password": "imap",
        "policy": "keep",
        "interval_s": 120,
        "allow_cleartext": False,
        "check": True,
    }


def test_passwords_from_files_and_a_made_one_shown(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "pop").write_text("secret\n")
    cli.answers["account add"] = {"login": "alice", "password": "abcd-efgh"}
    words = ["account", "add", "alice", *URL, "--pop3-password-file", str(tmp_path / "pop")]
    code, out, err = cli(*words, "--no-check", "--allow-cleartext")
    assert (code, err) == (0, SERVED)
    assert out == "Added alice.\nIts IMAP password, shown this once: abcd-efgh\n"
    assert cli.calls[0][1]["password"] is None
    assert cli.calls[0][1]["check"] is False
    assert cli(*words, "--json") == (0, '{"login": "alice", "password": "abcd-efgh"}\n', "")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["account", "add", "al ice", *URL], "can't be a login"),
        (["account", "add", "alice", "--pop3", "imap://a@b"], "not the URL of a POP3 mailbox"),
        (["account", "add", "alice", "--pop3", "pop3s://a:secret@b"], "may not carry a password"),
        (["account", "add", "alice", *URL, "--policy", "keep,delete"], "can't be joined"),
        (["account", "add", "alice", *URL, "--policy", "keep-newest=0"], "would delete everything"),
        (["account", "add", "alice", *URL, "--policy", "x"], "not a policy"),
        (["account", "add", "alice", *URL, "--interval", "0s"], "at least 1s"),
        (["account", "add", "alice", *URL, "--interval", "soon"], "not a duration"),
        (["account", "add", "alice", "--pop3", "pop3+plain://a@pop.example"], "--allow-cleartext"),
        (["account", "add", "alice", *URL], "no terminal to ask on"),
        (["account", "add", "alice", *URL, "--pop3-password-file", "/none"], "/none"),
        (["account", "add", "alice", *URL, "--pop3-password-file", "-"], "is empty"),
        (["account", "add", "alice"], "--pop3"),
        (["nonsense"], "nonsense"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_done(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, words: list[str], says: str
) -> None:
    typed(monkeypatch, b"")
    code, out, err = cli(*words)
    assert (code, out, cli.calls) == (64, "", [])
    assert err.startswith("popbridge: BR-USAGE-01 ")
    assert err.count("\n") == 1
    assert says in err
    assert "secret" not in err
    assert not cli.data.exists()


def test_removing_says_what_it_destroys_and_wants_yes(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, b"")
    cli.answers["account describe"] = {"login": "alice", "messages": 7, "mailboxes": 6}
    cli.answers["account remove"] = {"login": "alice"}
    code, out, err = cli("account", "remove", "alice")
    assert (code, out) == (64, "")
    assert "7 messages in 6 mailboxes of alice" in err
    assert "--yes" in err
    assert [name for name, _ in cli.calls] == ["account describe"]
    assert cli("account", "remove", "alice", "--yes") == (0, "Removed alice.\n", "")
    assert cli("account", "remove", "alice", "--yes", "--json")[1] == '{"login": "alice"}\n'


def one(login: str, exit_code: int = 0) -> dict[str, Any]:
    error = {"code": "BR-X", "text": "Bad.", "remedy": "Look.", "exit": exit_code}
    return {
        "login": login, "listed": 3, "fetched": 2, "octets": 1_500_000, "deleted": 0,
        "seconds": 0.5, "error": error if exit_code else None,
    }  # fmt: skip


def test_a_sync_has_the_exit_code_of_the_worst_account(cli: Cli) -> None:
    cli.answers["sync"] = [one("a"), one("b", 77), one("c", 69)]
    code, out, err = cli("sync")
    assert (code, err) == (77, "")
    assert out.splitlines() == [
        "a: fetched 2 of 3 messages listed, 1.5 MB",
        "b: BR-X Bad. Look.",
        "c: BR-X Bad. Look.",
    ]
    told = json.loads(cli("sync", "--json")[1])
    assert told[1]["error"] == {"code": "BR-X", "text": "Bad.", "remedy": "Look."}
    assert told[0] == one("a")


def test_a_dry_run_says_would(cli: Cli) -> None:
    cli.answers["sync"] = [one("a")]
    assert cli("sync", "a", "--dry-run")[1] == "a: would fetch 2 of 3 messages listed, 1.5 MB\n"
    assert cli.calls[0][1] == {"logins": ["a"], "dry_run": True}


@pytest.mark.parametrize("terminal", [False, True])
def test_progress(cli: Cli, monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    cli.answers["sync"] = [one("a")]
    cli.progress = [
        {"login": "a", "to_fetch": 100, "fetched": n, "octets": n * 10_000} for n in range(101)
    ]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    _, _, err = cli("sync")
    if terminal:
        assert err.startswith("\r\x1b[Ka: 0 of 100 messages, 0.0 MB\r\x1b[Ka: 1 of 100")
        assert err.endswith("a: 100 of 100 messages, 1.0 MB\n")
    else:
        assert err.splitlines()[0] == "a: 0 of 100 messages, 0.0 MB"
        assert len(err.splitlines()) == 11
        assert "\r" not in err


def test_an_error_of_several_lines_is_one(cli: Cli) -> None:
    cli.answers["status"] = StoreError("It is\nbroken.", "Mend it.")
    assert cli("status") == (73, "", "popbridge: BR-STORE-03 It is broken. Mend it.\n")


def test_a_fault_is_told_and_raised_on_demand(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli.answers["status"] = ZeroDivisionError("x")
    code, out, err = cli("status")
    assert (code, out, err.count("\n")) == (70, "", 1)
    assert "POPBRIDGE_DEBUG=1" in err
    monkeypatch.setenv("POPBRIDGE_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        cli("status")


def test_an_interrupt_is_no_fault(cli: Cli) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(import_module("bridge.cli.status"), "call", _interrupted)
        assert cli("status") == (130, "", "\npopbridge: interrupted.\n")


def _interrupted(*args: object) -> None:
    raise KeyboardInterrupt


def test_the_example_is_the_defaults_and_what_applies_is_shown(cli: Cli, tmp_path: Path) -> None:
    code, out, _ = cli("config", "example")
    (tmp_path / "example.toml").write_text(out)
    assert (code, config.load(tmp_path / "example.toml", {})) == (0, config.Config())
    cli.data.mkdir()
    (cli.data / "popbridge.toml").write_text('[sync]\ninterval = "7m"\n')
    assert 'interval = "7m"' in cli("config", "show")[1]
    assert str(cli.data / "popbridge.toml") in cli("config", "check")[1]


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"POPBRIDGE_DATA": "/a", "STATE_DIRECTORY": "/b"}, "/a"),
        ({"STATE_DIRECTORY": "/b:/c", "XDG_DATA_HOME": "/d"}, "/b"),
        ({"XDG_DATA_HOME": "/d"}, "/d/popbridge"),
        ({}, "~/.local/share/popbridge"),
    ],
)
def test_where_the_data_are(
    environ: dict[str, str], folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "SYSTEM_DATA", Path("/nowhere"))
    assert settings.find_data(environ) == Path(folder)
    assert settings.load(None, None, environ).data == Path(folder).expanduser()


def test_folders_that_nobody_has_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no home folder"):
        settings.load(Path("~nobody-of-that-name/data"), None, {})
    with pytest.raises(ConfigError, match="There is no configuration file"):
        settings.load(tmp_path, tmp_path / "none.toml", {})
    with pytest.raises(ConfigError, match="can't be read"):
        settings.load(tmp_path, tmp_path, {})
