"""Options of `account add` and `account set` that say how to log in upstream."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from bridge.cli.secret import read_secret
from bridge.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT = "default"
"""What puts an option back to its default."""

_SOURCES = {
    "pop3_password_env": "env",
    "pop3_password_command": "command",
    "oauth_token_command": "token-command",
}
_SECRETS = ("pop3_password_file", "reread", *_SOURCES)
_TLS = {
    "tls_minimum": "minimum",
    "tls_pin": "pins",
    "tls_ca": "ca",
    "tls_certificate": "certificate",
    "tls_key": "key",
    "tls_legacy_ciphers": "legacy_ciphers",
}
_OPTIONS = (
    click.option("--pop3-password-file", metavar="F", help="A file, or - for standard input."),
    click.option(
        "--reread", is_flag=True, help="Read F at each log-in, instead of keeping it sealed here."
    ),
    click.option("--pop3-password-env", metavar="NAME", help="A variable of the daemon's."),
    click.option("--pop3-password-command", metavar="CMD", help="A shell command that prints it."),
    click.option(
        "--oauth-token-command", metavar="CMD", help="One that prints an OAuth access token."
    ),
    click.option("--tls-minimum", metavar="1.2", help="Oldest TLS: 1.0, 1.1, 1.2 or 1.3."),
    click.option(
        "--tls-pin",
        metavar="SHA256",
        multiple=True,
        help="The server's certificate, in place of names and authorities; may be repeated.",
    ),
    click.option("--tls-ca", metavar="FILE", help="Authorities, in place of the system's."),
    click.option("--tls-certificate", metavar="FILE", help="A client certificate to show."),
    click.option("--tls-key", metavar="FILE", help="Its key, if it isn't in the same file."),
    click.option(
        "--tls-legacy-ciphers/--no-tls-legacy-ciphers",
        default=None,
        help="Let ciphers and keys pass that count as broken.",
    ),
    click.option("--allow-cleartext", is_flag=True, help="Let pop3+plain leave this machine."),
)


def log_in_options(command: F) -> F:
    """Gives a command these options; `read_log_in` reads them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def read_log_in(options: dict[str, Any], *, ask: bool) -> dict[str, Any]:
    """What they say, as `NewAccount` and `AccountChanges` name it; only what was said.

    Args:
        options: of the command; those that are read here are taken out.
        ask: whether to ask for the password where no option tells where it is.

    Raises:
        UsageError: they contradict each other, or a file can't be read.
    """
    tls = _tls({name: options.pop(name) for name in _TLS})
    named = {name: options.pop(name) for name in _SECRETS}
    found: dict[str, Any] = {"tls": tls} if tls else {}
    if options.pop("allow_cleartext"):
        found["allow_cleartext"] = True
    return found | _secret(named, ask=ask)


def _secret(named: Mapping[str, Any], *, ask: bool) -> dict[str, Any]:
    file, reread = named["pop3_password_file"], named["reread"]
    given = [name for name in ("pop3_password_file", *_SOURCES) if named[name] is not None]
    if len(given) > 1:
        first, second = (f"--{name.replace('_', '-')}" for name in given[:2])
        raise UsageError(f"{first} and {second} can't both be right.", "Name one of them.")
    if reread and (file is None or file == "-"):
        raise UsageError("--reread needs a file to read again.", "Name it: --pop3-password-file F")
    if reread:
        # Whatever is wrong with the file is better told now.
        read_secret(file, "POP3 password", ask=False)
        return {"secret_source": {"kind": "file", "value": _absolute(file)}}
    if given and given[0] in _SOURCES:
        kind, value = _SOURCES[given[0]], named[given[0]]
        return {"secret_source": {"kind": kind, "value": value}}
    password = read_secret(file, "POP3 password", ask=ask)
    return {} if password is None else {"pop3_password": password}


def _tls(named: Mapping[str, Any]) -> dict[str, Any]:
    """By the names of `bridge.admin.tls.tls_form`; None is the default."""
    said: dict[str, Any] = {}
    for option, name in _TLS.items():
        value = named[option]
        if option == "tls_pin":
            if value:
                said[name] = None if DEFAULT in value else list(value)
        elif value == DEFAULT:
            said[name] = None
        elif option in ("tls_ca", "tls_certificate", "tls_key") and value is not None:
            said[name] = _file(value)
        elif value is not None:
            said[name] = value
    if "certificate" in said and said["certificate"] is None:
        said.setdefault("key", None)
    return said


def _file(path: str) -> str:
    found = _absolute(path)
    if not os.access(found, os.R_OK) or Path(found).is_dir():
        raise UsageError(f"The file {path} can't be read.", "Name a PEM file.")
    return found


def _absolute(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))
