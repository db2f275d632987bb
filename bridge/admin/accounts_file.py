"""Reads what `account apply` is given: accounts as TOML. Pure; it opens none of the files named."""

import difflib
import os
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from bridge.errors import AccountsFileError, UsageError
from bridge.url import parse_duration, parse_policy, parse_size, parse_smtp_url, smtp_url

Spec = dict[str, Any]
"""An account as `bridge.admin.apply` takes it: `NewAccount`'s names, and `password_from`."""

_Reader = Callable[[Any, Path], tuple[str, Any]]


def read_accounts(text: str, folder: Path) -> list[Spec]:
    """The accounts that a file describes, in its order.

    Args:
        text: TOML.
        folder: what relative paths in it start from.

    Raises:
        AccountsFileError: it is no TOML, has an unknown key, or a value can't be.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise AccountsFileError(
            f"The file is no TOML: {error}.", "Correct that place, then apply it again."
        ) from None
    try:
        _check_keys(document, ("accounts",))
        accounts = _table(document.get("accounts", {}))
    except UsageError as error:
        raise AccountsFileError(error.text, error.remedy) from None
    return [_account(login, table, folder) for login, table in accounts.items()]


def _account(login: str, table: Any, folder: Path) -> Spec:
    spec: Spec = {"login": login}
    key = ""
    try:
        _check_keys(_table(table), _KEYS)
        for group in _ONE_OF:
            _check_one_of(table, group)
        if "pop3" not in table:
            raise UsageError("It has no pop3.", 'Write pop3 = "pop3s://user@host".')
        for key, value in table.items():
            name, read = _KEYS[key](value, folder)
            spec[name] = read
    except UsageError as error:
        where = f'accounts."{login}"' + (f".{key}" if key else "")
        raise AccountsFileError(f"{where}: {error.text}", error.remedy) from None
    return spec


def _check_keys(table: Mapping[str, Any], keys: Iterable[str]) -> None:
    for key in table:
        if key not in keys:
            nearest = difflib.get_close_matches(key, list(keys), n=1, cutoff=0.0)[0]
            raise UsageError(f"There is no key {key!r}.", f"The nearest is {nearest}.")


def _check_one_of(table: Mapping[str, Any], group: Iterable[str]) -> None:
    given = [key for key in group if key in table]
    if len(given) > 1:
        raise UsageError(f"It has both {given[0]} and {given[1]}.", "Write one of them.")


def _table(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{value!r} is not a table.", 'Write [accounts."alice"] above its keys.')
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{value!r} is not a text.", "Write it in quotes.")
    return value


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise UsageError(f"{value!r} is not a list.", 'Write ["A", "B"].')
    return [_text(one) for one in value]


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"{value!r} is neither true nor false.", "Write true or false.")
    return value


def _path(value: Any, folder: Path) -> str:
    return os.path.abspath(folder / os.path.expanduser(_text(value)))


def _interval(value: Any) -> int:
    seconds = parse_duration(_text(value))
    if seconds < 1:
        raise UsageError("An interval of 0 is too little.", "Write at least 1s.")
    return seconds


def _tls(value: Any, folder: Path) -> tuple[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{value!r} is not a table.", "Write tls.minimum, tls.pins and so on.")
    _check_keys(value, _TLS)
    return "tls", {name: _TLS[name](one, folder) for name, one in value.items()}


def _source(kind: str, name: str = "secret_source") -> _Reader:
    def read(value: Any, folder: Path) -> tuple[str, Any]:
        where = _path(value, folder) if kind == "file" else _text(value)
        return name, {"kind": kind, "value": where}

    return read


_TLS: dict[str, Callable[[Any, Path], Any]] = {
    "minimum": lambda value, folder: _text(value),
    "pins": lambda value, folder: _texts(value),
    "ca": _path,
    "certificate": _path,
    "key": _path,
    "legacy_ciphers": lambda value, folder: _truth(value),
}

_KEYS: dict[str, _Reader] = {
    "pop3": lambda value, folder: ("pop3", _text(value)),
    "pop3_password_file": _source("file"),
    "pop3_password_env": _source("env"),
    "pop3_password_command": _source("command"),
    "oauth_token_command": _source("token-command"),
    "password_file": _source("file", "password_from"),
    "password_env": _source("env", "password_from"),
    "policy": lambda value, folder: ("policy", parse_policy(_text(value))),
    "interval": lambda value, folder: ("interval_s", _interval(value)),
    "quota": lambda value, folder: ("quota_octets", parse_size(_text(value))),
    "withhold": lambda value, folder: ("withheld", _texts(value)),
    "paused": lambda value, folder: ("paused", _truth(value)),
    "smtp": lambda value, folder: ("smtp", smtp_url(parse_smtp_url(_text(value)))),
    "allow_cleartext": lambda value, folder: ("allow_cleartext", _truth(value)),
    "tls": _tls,
}

_ONE_OF = (
    ("pop3_password_file", "pop3_password_env", "pop3_password_command", "oauth_token_command"),
    ("password_file", "password_env"),
)
