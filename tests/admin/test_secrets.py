"""Where secrets come from, what each source says when it has none, and what none ever says."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bridge.admin.secrets import FetchedToken, Output, SecretFetcher, check_source
from bridge.errors import SecretError, TokenError, UsageError
from bridge.model.account import Secret, SecretKind, SecretSource
from tests.sync.fakes import now

T = TypeVar("T")
CANARY = "canary-bird"


class Shell:
    """Says what it was told to, and keeps what it was asked."""

    def __init__(self, *outputs: Output | OSError) -> None:
        self.outputs = list(outputs)
        self.asked: list[str] = []

    async def __call__(self, command: str) -> Output:
        self.asked.append(command)
        output = self.outputs.pop(0)
        if isinstance(output, OSError):
            raise output
        return output


async def in_thread(work: Callable[[], T]) -> T:
    return work()


def fetch(kind: SecretKind, value: str, *outputs: Output | OSError, **environ: str) -> Secret:
    fetcher = SecretFetcher(run=Shell(*outputs), in_thread=in_thread, environ=environ)
    return now(fetcher.fetch(SecretSource(kind, value), "alice"))


def refused(kind: SecretKind, value: str, *outputs: Output | OSError, **environ: str) -> str:
    """What the error says, which never is the secret."""
    error = TokenError if kind is SecretKind.TOKEN_COMMAND else SecretError
    with pytest.raises(error) as raised:
        fetch(kind, value, *outputs, **environ)
    assert CANARY not in str(raised.value)
    assert raised.value.__cause__ is None
    return str(raised.value)


@pytest.mark.parametrize("octets", [b"pass word", b"pass word\n", b"pass word\r\n"])
def test_a_file_is_read_anew_each_time(tmp_path: Path, octets: bytes) -> None:
    path = tmp_path / "password"
    path.write_bytes(octets)
    fetcher = SecretFetcher(run=Shell(), in_thread=in_thread, environ={})
    source = SecretSource(SecretKind.FILE, str(path))
    assert now(fetcher.fetch(source, "alice")) == Secret("pass word")
    path.write_text("another\n")
    assert now(fetcher.fetch(source, "alice")) == Secret("another")


def test_octets_that_are_no_utf_8_stay_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "password").write_bytes(b"gr\xfc\xdfe\n")
    text = fetch(SecretKind.FILE, str(tmp_path / "password")).text
    assert text.encode("utf-8", "surrogateescape") == b"gr\xfc\xdfe"


@pytest.mark.parametrize(
    "octets",
    [b"", b"\n", b"canary-bird\ncanary-bird\n", b"canary-bird\r\n\r\n", b"canary-bird\0"],
)
def test_a_file_that_is_not_one_line(tmp_path: Path, octets: bytes) -> None:
    (tmp_path / "password").write_bytes(octets)
    assert "is empty or has several lines" in refused(SecretKind.FILE, str(tmp_path / "password"))


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert "No such file" in refused(SecretKind.FILE, str(tmp_path / "none"))
    assert "no plain file" in refused(SecretKind.FILE, str(tmp_path / "fifo"))
    assert "can't be read" in refused(SecretKind.FILE, str(tmp_path))
    (tmp_path / "large").write_text("x" * 70_000)
    assert "several lines" in refused(SecretKind.FILE, str(tmp_path / "large"))


def test_a_file_that_all_can_read_is_warned_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "password"
    path.write_text(CANARY)
    path.chmod(0o600)
    fetcher = SecretFetcher(run=Shell(), in_thread=in_thread, environ={})
    source = SecretSource(SecretKind.FILE, str(path))
    with caplog.at_level(logging.INFO):
        now(fetcher.fetch(source, "alice"))
        assert caplog.text == ""
        path.chmod(0o644)
        for _ in range(3):
            assert now(fetcher.fetch(source, "alice")) == Secret(CANARY)
    assert len(caplog.records) == 1
    assert str(path) in caplog.text and "chmod 600" in caplog.text
    assert CANARY not in caplog.text


def test_a_variable() -> None:
    assert fetch(SecretKind.ENVIRONMENT, "POP", POP="secret") == Secret("secret")
    assert "POP with the POP3 password of alice is not set" in refused(
        SecretKind.ENVIRONMENT, "POP"
    )
    assert "more than a line" in refused(SecretKind.ENVIRONMENT, "POP", POP=f"{CANARY}\n")


@pytest.mark.parametrize("said", [b"secret", b"secret\n", b"secret\r\n", b"secret\nuser: alice\n"])
def test_a_command_says_a_password_on_its_first_line(said: bytes) -> None:
    assert fetch(SecretKind.COMMAND, "pass mail", Output(0, said)) == Secret("secret")


FAILED = [
    (Output(1, b"canary-bird", b"gpg: no key\n"), "failed with exit code 1: gpg: no key."),
    (Output(1), "failed with exit code 1."),
    (Output(-15), "was ended by signal 15"),
    (Output(None, b"canary-bird"), "didn't end in time"),
    (Output(None, b"canary-bird", too_long=True), "printed more than any"),
    (Output(0, b"\ncanary-bird\n"), "printed nothing"),
    (OSError(11, "Resource temporarily unavailable"), "can't be started: Resource"),
]


@pytest.mark.parametrize(("output", "says"), FAILED)
@pytest.mark.parametrize("kind", [SecretKind.COMMAND, SecretKind.TOKEN_COMMAND])
def test_a_command_that_gives_nothing(
    kind: SecretKind, output: Output | OSError, says: str
) -> None:
    text = refused(kind, "get-it --client-secret=canary-bird", output)
    assert says in text
    assert text.startswith(
        f"The {'token' if kind is SecretKind.TOKEN_COMMAND else 'password'} command of alice"
    )


def test_a_complaint_is_one_clean_short_line_without_what_was_said() -> None:
    complaint = b"\x1b[31mcurl: canary-bird \x07refused\r\n\tat line 1\n" * 100
    text = refused(SecretKind.COMMAND, "x", Output(1, b"canary-bird\n", complaint))
    assert text.isprintable()
    assert "curl: *** refused at line 1" in text
    assert len(text) < 600


@pytest.mark.parametrize(
    "complaint", [b'{"error": "invalid_grant"}', b"AADSTS700082: x", b"expired"]
)
def test_a_log_in_that_has_ended_is_explained(complaint: bytes) -> None:
    text = refused(SecretKind.TOKEN_COMMAND, "oama", Output(1, b"", complaint))
    assert "7 days" in text and "Log in anew" in text and "account show alice" in text


def test_a_token_and_the_way_to_another() -> None:
    shell = Shell(Output(0, b" ya29.one \n"), Output(0, b"ya29.two"))
    fetcher = SecretFetcher(run=shell, in_thread=in_thread, environ={})
    token: Any = now(fetcher.fetch(SecretSource(SecretKind.TOKEN_COMMAND, "oama"), "alice"))
    assert (token.text, token.is_token) == ("ya29.one", True)
    assert "ya29" not in repr(token)
    assert isinstance(token, FetchedToken) and token.fetch_again is not None
    again: Any = token.fetch_again()
    assert now(again).text == "ya29.two"
    assert shell.asked == ["oama", "oama"]


@pytest.mark.parametrize("said", [b"canary-bird and more", b"canary-bird\x01", b"canary-bird\xff"])
def test_what_is_no_token(said: bytes) -> None:
    assert "printed what is no token" in refused(SecretKind.TOKEN_COMMAND, "x", Output(0, said))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (SecretKind.FILE, "relative"),
        (SecretKind.FILE, "/a\0b"),
        (SecretKind.ENVIRONMENT, "A B"),
        (SecretKind.ENVIRONMENT, ""),
        (SecretKind.COMMAND, "  "),
        (SecretKind.TOKEN_COMMAND, "a\0b"),
        (SecretKind.SEALED, "x"),
    ],
)
def test_what_cannot_be_a_source(kind: SecretKind, value: str) -> None:
    with pytest.raises(UsageError, match="can't be where a password comes from"):
        check_source(SecretSource(kind, value))
