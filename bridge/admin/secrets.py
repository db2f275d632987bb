"""Where an account's secret comes from: a file, a variable or a command, asked at each log-in.

Who may name such a source may have popbridge read any file and run any command; that is the owner
at the command line, never who comes over HTTP (`bridge.admin.origin`).
"""

import logging
import os
import re
import stat
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from bridge.admin.context import InThread
from bridge.errors import SecretError, TokenError, UsageError
from bridge.model.account import Secret, SecretKind, SecretSource

MAX_SECRET_OCTETS = 64 * 1024
"""A larger file is not the password that was meant."""

MAX_COMPLAINT = 300
"""Characters of what a command complains about that an error repeats."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TOKEN = re.compile(r"[!-~]+")
_BLANK = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_ENDED = re.compile(r"invalid_grant|AADSTS70(00|04|08)|expired|revoked", re.IGNORECASE)
_ENDED_WHY = (
    "The log-in behind it has ended. Google ends it after 7 days while the app's publishing status"
    " is Testing, or after 6 months without use; Microsoft after 90 days, or when the password"
    " changes."
)

_log = logging.getLogger("popbridge.secrets")


@dataclass(frozen=True, slots=True)
class Output:
    """What became of a command; what it said is never shown."""

    code: int | None
    """Its exit code, negative for the signal that ended it; None where its time was over."""
    said: bytes = field(default=b"", repr=False)
    complained: bytes = field(default=b"", repr=False)
    too_long: bool = False
    """It was ended because it said more than any password or token has."""


class RunCommand(Protocol):
    """Runs a shell command."""

    async def __call__(self, command: str) -> Output:
        """What becomes of it.

        Raises:
            OSError: it can't be started.
        """
        ...


@dataclass(frozen=True, slots=True)
class FetchedToken(Secret):
    """A token, and the way to another one."""

    fetch_again: Callable[[], Awaitable[Secret]] | None = field(
        default=None, repr=False, compare=False
    )


class SecretFetcher:
    """Fetches secrets that aren't sealed in the store.

    Args:
        run: runs a command.
        in_thread: for files, whose disk may hang.
        environ: where variables are looked up.
    """

    def __init__(self, *, run: RunCommand, in_thread: InThread, environ: Mapping[str, str]) -> None:
        self._run = run
        self._in_thread = in_thread
        self._environ = environ
        self._warned: set[str] = set()

    async def fetch(self, source: SecretSource, login: str) -> Secret:
        """The secret; a token is a `FetchedToken`.

        Args:
            source: any but a sealed one.
            login: whose, for errors and the log.

        Raises:
            SecretError: the file, variable or command gives no password.
            TokenError: the command gives no token.
        """
        match source.kind:
            case SecretKind.FILE:
                return Secret(await self._from_file(source.value, login))
            case SecretKind.ENVIRONMENT:
                return Secret(self._from_environment(source.value, login))
            case SecretKind.COMMAND:
                return Secret(_password(await self._said(source.value, login, SecretError), login))
            case SecretKind.TOKEN_COMMAND:
                token = _token(await self._said(source.value, login, TokenError), login)
                return FetchedToken(token, True, lambda: self.fetch(source, login))
            case SecretKind.SEALED:
                raise ValueError("a sealed password is in the store")

    async def _from_file(self, path: str, login: str) -> str:
        try:
            octets, mode = await self._in_thread(lambda: _read_file(path))
        except OSError as error:
            raise SecretError(
                f"The file {path} with the POP3 password of {login} can't be read:"
                f" {error.strerror or 'it is no plain file'}.",
                "See to it that it is there and that the user popbridge runs as can read it.",
            ) from None
        if mode & 0o004 and path not in self._warned:
            self._warned.add(path)
            _log.warning(
                "Every user of this machine can read the POP3 password in %s: chmod 600 it",
                path,
            )
        text = octets.decode("utf-8", "surrogateescape")
        text = text.removesuffix("\n").removesuffix("\r")
        if not _is_line(text) or len(octets) > MAX_SECRET_OCTETS:
            raise SecretError(
                f"The file {path} with the POP3 password of {login} is empty or has several lines.",
                "It must be exactly one line.",
            )
        return text

    def _from_environment(self, name: str, login: str) -> str:
        text = self._environ.get(name, "")
        if not _is_line(text):
            raise SecretError(
                f"The variable {name} with the POP3 password of {login} is not set, empty or more"
                " than a line.",
                "Set it in the environment popbridge is started from, and restart it.",
            )
        return text

    async def _said(self, command: str, login: str, kind: "type[SecretError | TokenError]") -> str:
        """The first line that the command says, as password and token tools are used."""
        what = "token" if kind is TokenError else "password"
        try:
            output = await self._run(command)
        except OSError as error:
            raise kind(
                f"The {what} command of {login} can't be started: {error.strerror}."
            ) from None
        said = output.said.decode("utf-8", "surrogateescape")
        line = said.partition("\n")[0].removesuffix("\r")
        wrong = _wrong(output, line)
        if wrong:
            complaint = _complaint(output, said)
            raise kind(
                f"The {what} command of {login} {wrong}{complaint}.", _remedy(login, complaint)
            )
        return line


def check_source(source: SecretSource) -> SecretSource:
    """The source, if it can be one.

    Raises:
        UsageError: it can't; whether it gives a secret is another matter.
    """
    value = source.value
    match source.kind:
        case SecretKind.FILE:
            possible = os.path.isabs(value) and "\0" not in value
        case SecretKind.ENVIRONMENT:
            possible = _VARIABLE.fullmatch(value) is not None
        case SecretKind.COMMAND | SecretKind.TOKEN_COMMAND:
            possible = bool(value.strip()) and "\0" not in value
        case SecretKind.SEALED:
            possible = not value
    if not possible:
        raise UsageError(
            f"{value!r} can't be where a password comes from.",
            "Name a file with its whole path, a variable, or a command line.",
        )
    return source


def _read_file(path: str) -> tuple[bytes, int]:
    """What is in it, and its mode; at most one octet more than may be."""
    # Opening a FIFO would wait for somebody to write to it.
    opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(opened, "rb") as file:
        mode = os.fstat(opened).st_mode
        if not stat.S_ISREG(mode):
            raise OSError
        return file.read(MAX_SECRET_OCTETS + 1), mode


def _is_line(text: str) -> bool:
    return bool(text) and not any(sign in text for sign in "\r\n\0")


def _password(line: str, login: str) -> str:
    if not _is_line(line):
        raise SecretError(
            f"The password command of {login} printed what can't be a password.",
            "Have it print the password alone, on one line.",
        )
    return line


def _token(line: str, login: str) -> str:
    token = line.strip()
    if not _TOKEN.fullmatch(token):
        raise TokenError(
            f"The token command of {login} printed what is no token.",
            "It must print an access token alone, as RFC 6750 has it, on its first line.",
        )
    return token


def _wrong(output: Output, line: str) -> str:
    """What is wrong with what a command did; "" where nothing is."""
    if output.too_long:
        return "printed more than any password or token has"
    if output.code is None:
        return "didn't end in time"
    if output.code < 0:
        return f"was ended by signal {-output.code}"
    if output.code:
        return f"failed with exit code {output.code}"
    return "" if line.strip() else "printed nothing"


def _complaint(output: Output, said: str) -> str:
    """The end of what it wrote to standard error, on one line; nothing of what it said."""
    text = output.complained.decode("utf-8", "replace")
    for secret in sorted(filter(None, map(str.strip, said.split("\n"))), key=len, reverse=True):
        text = text.replace(secret, "***")
    text = _BLANK.sub(" ", text).strip().rstrip(".")
    if len(text) > MAX_COMPLAINT:
        text = f"... {text[-MAX_COMPLAINT:]}"
    return f": {text}" if text else ""


def _remedy(login: str, complaint: str) -> str:
    why = f"{_ENDED_WHY} Log in anew with that tool. " if _ENDED.search(complaint) else ""
    return (
        f"{why}`popbridge account show {login}` has the command: run it by hand, as the user that"
        " popbridge runs as."
    )
