"""Options of `account add` and `account set` that say how to log in, and `account apply`."""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_account_set import SHOWN
from tests.cli.test_commands import URL, Cli

PIN = "ab" * 32


@pytest.fixture
def cli(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    made = Cli(tmp_path / "data", capsys)
    made.answers = {
        "account add": {"login": "alice", "password": None, "found": "Logged in.", "warnings": []},
        "account set": SHOWN,
        "account apply": {"changes": [], "warnings": []},
    }
    for name in ("account", "account_set"):
        monkeypatch.setattr(import_module(f"bridge.cli.{name}"), "call", made.call)
    for name in ("account_set", "account_apply"):
        monkeypatch.setattr(import_module(f"bridge.cli.{name}"), "converse", made.converse)
    monkeypatch.setattr(sys, "stdin", None)
    return made


def asked(cli: Cli, *words: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What `account add` and then `account set` ask for with these options."""
    assert cli("account", "add", "alice", *URL, *words)[0] == 0
    assert cli("account", "set", "alice", *words)[0] == 0
    (_, added), (_, was_set) = cli.calls
    changes = dict(was_set["changes"])
    assert changes.pop("check") is True
    names = ("pop3_password", "secret_source", "tls")
    return {name: added[name] for name in names if name in added}, changes


@pytest.mark.parametrize(
    ("words", "source"),
    [
        (["--pop3-password-env", "POP"], {"kind": "env", "value": "POP"}),
        (["--pop3-password-command", "pass a"], {"kind": "command", "value": "pass a"}),
        (["--oauth-token-command", "oama a"], {"kind": "token-command", "value": "oama a"}),
    ],
)
def test_where_the_secret_is(cli: Cli, words: list[str], source: dict[str, str]) -> None:
    expected = {"secret_source": source}
    assert asked(cli, *words) == (expected, expected)


def test_a_file_is_sealed_or_read_again(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pop").write_text("secret\n")
    monkeypatch.chdir(tmp_path)
    sealed = {"pop3_password": "secret"}
    assert asked(cli, "--pop3-password-file", "pop") == (sealed, sealed)
    cli.calls.clear()
    again = {"secret_source": {"kind": "file", "value": str(tmp_path / "pop")}}
    assert asked(cli, "--pop3-password-file", "pop", "--reread") == (again, again)


SECRET = ["--pop3-password-env", "POP"]


@pytest.mark.parametrize(
    ("words", "tls"),
    [
        (["--tls-minimum", "1.0"], {"minimum": "1.0"}),
        (["--tls-minimum", "default"], {"minimum": None}),
        (["--tls-pin", PIN, "--tls-pin", f"sha256:{PIN}"], {"pins": [PIN, f"sha256:{PIN}"]}),
        (["--tls-pin", "default"], {"pins": None}),
        (["--tls-ca", "ca.pem"], {"ca": "{}/ca.pem"}),
        (["--tls-ca", "default"], {"ca": None}),
        (
            ["--tls-certificate", "ca.pem", "--tls-key", "ca.pem"],
            {"certificate": "{}/ca.pem", "key": "{}/ca.pem"},
        ),
        (["--tls-certificate", "default"], {"certificate": None, "key": None}),
        (["--tls-legacy-ciphers"], {"legacy_ciphers": True}),
        (["--no-tls-legacy-ciphers"], {"legacy_ciphers": False}),
    ],
)
def test_tls(
    cli: Cli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    tls: dict[str, Any],
) -> None:
    (tmp_path / "ca.pem").write_text("PEM")
    monkeypatch.chdir(tmp_path)
    expected = {k: v.format(tmp_path) if isinstance(v, str) else v for k, v in tls.items()}
    added, was_set = asked(cli, *SECRET, *words)
    assert added["tls"] == was_set["tls"] == expected


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--pop3-password-env", "A", "--oauth-token-command", "b"], "can't both be right"),
        (["--reread"], "needs a file"),
        (["--reread", "--pop3-password-file", "-"], "needs a file"),
        (["--reread", "--pop3-password-file", "/none"], "/none"),
        ([*SECRET, "--tls-ca", "/none"], "/none can't be read"),
        ([*SECRET, "--tls-certificate", "/"], "can't be read"),
    ],
)
def test_what_cannot_be(cli: Cli, words: list[str], says: str) -> None:
    for command in (["account", "add", "alice", *URL], ["account", "set", "alice"]):
        code, out, err = cli(*command, *words)
        assert (code, out, cli.calls) == (64, "", [])
        assert says in err


def test_another_url(cli: Cli) -> None:
    assert cli("account", "set", "alice", "--pop3", "pop3s://a@b", "--no-check")[0] == 0
    assert cli.calls[0][1]["changes"] == {"pop3": "pop3s://a@b", "check": False}
    assert cli("account", "set", "alice", "--pop3", "pop3+plain://a@b")[0] == 64
    words = ["--pop3", "pop3+plain://a@b", "--allow-cleartext"]
    assert cli("account", "set", "alice", *words)[0] == 0
    assert cli.calls[1][1]["changes"]["allow_cleartext"] is True
    assert cli("account", "set", "alice", "--allow-cleartext")[0] == 64


def test_what_was_found_and_what_is_weak_go_to_stderr(cli: Cli) -> None:
    warned = {"warnings": ["It is weak."], "found": "Logged in with APOP."}
    cli.answers["account add"] = {"login": "alice", "password": "made", **warned}
    code, out, err = cli("account", "add", "alice", *URL, *SECRET, "--json")
    assert (code, json.loads(out)) == (0, {"login": "alice", "password": "made"})
    assert err == "Logged in with APOP.\nWarning: It is weak.\n"
    cli.answers["account set"] = {**SHOWN, **warned}
    _, out, err = cli("account", "set", "alice", "--tls-minimum", "1.0", "--json")
    assert json.loads(out) == {**SHOWN, "warnings": ["It is weak."]}
    assert err == "Logged in with APOP.\nWarning: It is weak.\n"
    assert cli("account", "set", "alice", "--quota", "1GB")[2] == "Logged in with APOP.\n"


def test_show_tells_the_source_and_tls(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli.answers["account show"] = {
        **SHOWN,
        "secret": {"kind": "token-command", "value": "oama access a"},
        "tls": {**SHOWN["tls"], "minimum": "1.0", "pins": [PIN], "legacy_ciphers": True},  # type: ignore[dict-item]
        "warnings": ["It is weak."],
    }
    out = cli("account", "show", "alice")[1]
    assert "password:  an OAuth token from a command at each log-in: oama access a\n" in out
    assert f"tls:       1.0 or newer, pinned to sha256:{PIN}, legacy ciphers\n" in out
    assert out.endswith("warning:   It is weak.\n")


CHANGED: dict[str, Any] = {
    "login": "bob",
    "change": "change",
    "texts": ["interval 5m -> 1m", "quota none -> 1GB"],
    "deletes": False,
    "password": None,
}
ADDED = {**CHANGED, "login": "alice", "change": "add", "texts": ["pop3 x"], "password": "made"}
REMOVED = {**CHANGED, "login": "carol", "change": "remove", "texts": []}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("IMAP", "imap secret")
    (tmp_path / "imap").write_text("from file\n")
    path = tmp_path / "accounts.toml"
    path.write_text(
        '[accounts.alice]\npop3 = "pop3s://a@b"\npassword_env = "IMAP"\n'
        '[accounts.bob]\npop3 = "pop3s://b@b"\npassword_file = "imap"\n'
    )
    return str(path)


def test_apply_asks_first_and_prints_a_line_for_each(cli: Cli, file: str) -> None:
    cli.answers["account apply"] = {"changes": [ADDED, CHANGED], "warnings": ["bob: Weak."]}
    code, out, err = cli("account", "apply", file)
    assert (code, err) == (0, "Warning: bob: Weak.\n")
    assert out == (
        "alice: added: pop3 x; its IMAP password, shown this once: made\n"
        "bob: changed: interval 5m -> 1m; quota none -> 1GB\n"
    )
    assert [arguments["dry_run"] for _, arguments in cli.calls] == [True, False]
    assert cli.calls[1][1]["accounts"] == [
        {"login": "alice", "pop3": "pop3s://a@b", "password": "imap secret"},
        {"login": "bob", "pop3": "pop3s://b@b", "password": "from file"},
    ]


def test_apply_with_nothing_to_change(cli: Cli, file: str) -> None:
    assert cli("account", "apply", file) == (0, "There is nothing to change.\n", "")
    assert len(cli.calls) == 1
    told = json.loads(cli("account", "apply", file, "--json")[1])
    assert told == {"changes": [], "applied": False}


def test_apply_with_a_dry_run(cli: Cli, file: str) -> None:
    cli.answers["account apply"] = {"changes": [CHANGED, REMOVED], "warnings": []}
    code, out, err = cli("account", "apply", file, "--prune", "--dry-run")
    assert (code, err) == (0, "Nothing was changed.\n")
    assert out == ("bob: would change: interval 5m -> 1m; quota none -> 1GB\ncarol: would remove\n")
    assert [arguments["dry_run"] for _, arguments in cli.calls] == [True]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (REMOVED, "removes carol with all mail"),
        ({**CHANGED, "deletes": True}, "begins to delete mail at the provider of bob"),
    ],
)
def test_apply_wants_yes_for_what_cannot_be_taken_back(
    cli: Cli, file: str, change: dict[str, Any], says: str
) -> None:
    cli.answers["account apply"] = {"changes": [change], "warnings": []}
    code, out, err = cli("account", "apply", file, "--prune")
    assert (code, out) == (64, "")
    assert says in err and "--yes" in err
    assert len(cli.calls) == 1
    assert cli("account", "apply", file, "--prune", "--yes")[0] == 0
    assert len(cli.calls) == 3


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        (None, 64, "can't be read"),
        ('[accounts.a]\npop = "x"', 65, "The nearest is pop3"),
        ('[accounts.a]\npop3 = "x"\npassword_file = "none"', 65, "can't be read from"),
        ('[accounts.a]\npop3 = "x"\npassword_env = "NO_SUCH"', 65, "no variable NO_SUCH"),
        ("\udcff", 65, "is not UTF-8"),
    ],
)
def test_files_that_cannot_be(
    cli: Cli, tmp_path: Path, text: str | None, code: int, says: str
) -> None:
    path = tmp_path / "accounts.toml"
    if text is not None:
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
    done, out, err = cli("account", "apply", str(path))
    assert (done, out, cli.calls) == (code, "", [])
    assert says in err
