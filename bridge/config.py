"""The configuration: `popbridge.toml` with its defaults, and what the environment overrides.

A setting is declared once, as a field of its section: default, how it is read and written, and
the note that `config example` shows. Durations and sizes are numbers here (`interval_s`,
`reserve_octets`) and text with a unit in the file (`interval`, `reserve`).
"""

import difflib
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from bridge.errors import ConfigError, UsageError
from bridge.url import (
    EVERY_ADDRESS,
    Listen,
    format_duration,
    format_size,
    parse_duration,
    parse_listen,
    parse_size,
)

__all__ = [
    "Config",
    "ImapConfig",
    "LimitsConfig",
    "Listen",
    "LogConfig",
    "MetricsConfig",
    "StoreConfig",
    "SyncConfig",
    "TlsConfig",
    "WebConfig",
    "example",
    "format_duration",
    "format_size",
    "load",
    "parse_duration",
    "parse_listen",
    "parse_size",
    "show",
]

PREFIX = "POPBRIDGE_"
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class _Key:
    """How one setting gets from the file, or the environment, to its field, and back."""

    note: str
    read: Callable[[object], object]
    write: Callable[[Any], str]
    """Returns TOML."""
    unfold: Callable[[str], object] = str
    """Makes what the file would hold of the text that the environment holds."""


def _text_of(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{value!r} is not {what}.", "Write text in quotes.")
    return value


def _text(note: str, read: Callable[[str], str] = str) -> _Key:
    return _Key(note, lambda value: read(_text_of(value, "text")), json.dumps)


def _choice(note: str, *words: str) -> _Key:
    def read(text: str) -> str:
        if text not in words:
            raise UsageError(f"{text!r} is not possible here.", f"Write {' or '.join(words)}.")
        return text

    return _text(note, read)


def _number(note: str, least: int) -> _Key:
    def read(value: object) -> int:
        # A bool is an int in Python, but nobody means 1 by true.
        if isinstance(value, bool) or not isinstance(value, int):
            raise UsageError(f"{value!r} is not a whole number.", "Write digits without quotes.")
        return _at_least(value, least, str)

    def unfold(text: str) -> object:
        return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else text

    return _Key(note, read, str, unfold)


def _duration(note: str, least: int = 0) -> _Key:
    def read(value: object) -> int:
        return _at_least(parse_duration(_text_of(value, "a duration")), least, format_duration)

    return _Key(note, read, lambda seconds: json.dumps(format_duration(seconds)))


def _size(note: str, least: int = 0) -> _Key:
    def read(value: object) -> int:
        return _at_least(parse_size(_text_of(value, "a size")), least, format_size)

    return _Key(note, read, lambda octets: json.dumps(format_size(octets)))


def _at_least(value: int, least: int, shown: Callable[[int], str]) -> int:
    if value < least:
        raise UsageError(f"{shown(value)} is too little.", f"Write at least {shown(least)}.")
    return value


def _list(note: str, read_one: Callable[[object], Any]) -> _Key:
    def read(value: object) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise UsageError(f"{value!r} is not a list.", 'Write ["…", "…"].')
        return tuple(map(read_one, value))

    def write(values: Iterable[Any]) -> str:
        return json.dumps(list(map(str, values)))

    def unfold(text: str) -> object:
        return [part.strip() for part in text.split(",") if part.strip()]

    return _Key(note, read, write, unfold)


def _names(note: str) -> _Key:
    return _list(note, lambda value: _text_of(value, "a host name").lower())


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listens(note: str, *schemes: str, loopback: tuple[str, ...] = ()) -> _Key:
    def read_one(value: object) -> Listen:
        listen = parse_listen(_text_of(value, "an address to listen on"))
        if listen.scheme not in schemes:
            raise UsageError(
                f"{listen.scheme}:// is not served here.",
                f"Write {' or '.join(f'{scheme}://' for scheme in schemes)}.",
            )
        if listen.scheme in loopback and not all(map(_is_loopback, listen.hosts)):
            raise UsageError(
                f"{listen} would be seen by others without encryption.",
                f"Write {listen.scheme}s:// there, or listen on 127.0.0.1.",
            )
        return listen

    return _list(note, read_one)


def _networks(note: str) -> _Key:
    def read_one(value: object) -> Network:
        try:
            return ip_network(_text_of(value, "a network"))
        except ValueError:
            raise UsageError(
                f"{value!r} is not a network.", "Write one such as 10.0.0.0/8 or fd00::/8."
            ) from None

    return _list(note, read_one)


def _store_url(text: str) -> str:
    if text.startswith("postgres"):
        raise UsageError("PostgreSQL is not offered yet.", "Write sqlite:///popbridge.db.")
    place = text.removeprefix("sqlite:///")
    if place == text or place in ("", ":memory:"):
        raise UsageError(
            f"{text!r} is not the URL of a store.",
            "Write sqlite:/// and a file, for example sqlite:///popbridge.db.",
        )
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreConfig:
    """[store]: where the mail is kept."""

    url: Annotated[str, _text("relative to the data folder", _store_url)] = "sqlite:///popbridge.db"
    undelete_s: Annotated[int, _duration("how long expunged mail can be brought back")] = 2_592_000
    reserve_octets: Annotated[int, _size("below this free space no new fetch begins")] = 500_000_000


_IMAP_LISTEN = (Listen("imap", ("127.0.0.1",), 1143), Listen("imaps", EVERY_ADDRESS, 1993))
_WEB_LISTEN = (Listen("http", ("127.0.0.1",), 8143),)
_METRICS_LISTEN = (Listen("http", ("127.0.0.1",), 9143),)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImapConfig:
    """[imap]: where mail apps connect."""

    listen: Annotated[
        tuple[Listen, ...],
        _listens("* = IPv4 and IPv6; port 0 = any free port", "imap", "imaps"),
    ] = _IMAP_LISTEN
    proxy_listen: Annotated[
        tuple[Listen, ...],
        _listens("where a proxy connects that speaks the PROXY protocol", "imap", "imaps"),
    ] = ()
    trusted_proxies: Annotated[
        tuple[Network, ...], _networks("who else connects there is refused")
    ] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsConfig:
    """[tls]: paths of PEM files, both or neither."""

    certificate: Annotated[str, _text("empty: a private CA and certificate are made")] = ""
    key: Annotated[str, _text("empty, as long as the certificate is")] = ""
    names: Annotated[
        tuple[str, ...], _names("more names and addresses that the private certificate is for")
    ] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WebConfig:
    """[web]: the page."""

    listen: Annotated[
        tuple[Listen, ...],
        _listens("the page; https:// where others reach it", "http", "https", loopback=("http",)),
    ] = _WEB_LISTEN
    names: Annotated[
        tuple[str, ...], _names("more host names that it is reached by, as a proxy's")
    ] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsConfig:
    """[metrics]: what a monitor reads."""

    listen: Annotated[tuple[Listen, ...], _listens("/metrics, /livez, /readyz", "http")] = (
        _METRICS_LISTEN
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncConfig:
    """[sync]: how the providers are polled."""

    interval_s: Annotated[int, _duration("at least 1s; a provider's LOGIN-DELAY wins", least=1)] = (
        300
    )
    demand_after_s: Annotated[
        int, _duration("a client that looks polls the provider if its poll is older")
    ] = 60
    demand_per_hour: Annotated[int, _number("at most so many such polls an account", 0)] = 20
    window: Annotated[int, _number("RETRs in flight where the server allows PIPELINING", 1)] = 50
    connections: Annotated[int, _number("POP3 connections in all", 1)] = 32
    per_host: Annotated[int, _number("POP3 connections to one host; many refuse more", 1)] = 2
    workers: Annotated[
        int, _number("processes that read what is fetched; 0: the daemon itself", 0)
    ] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsConfig:
    """[limits]: what one peer may take."""

    connections_per_account: Annotated[int, _number("a household's devices, many times", 1)] = 50
    connections_before_login: Annotated[int, _number("of all who aren't logged in yet", 1)] = 1_000
    login_s: Annotated[int, _duration("time to log in", least=1)] = 60
    idle_s: Annotated[int, _duration("silence of a client, RFC 9051 asks for 30m", least=1)] = 1_800
    still_here_s: Annotated[int, _duration("an idling client hears so often; 0s: never")] = 120
    append_octets: Annotated[int, _size("one APPEND; told to clients as APPENDLIMIT", 1)] = 2**26
    bad_commands_before_login: Annotated[int, _number("a scanner needs no more", 1)] = 3
    bad_commands: Annotated[int, _number("a client that is this lost won't recover", 1)] = 20
    pop_message_octets: Annotated[int, _size("a larger message stays upstream only", 1)] = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """[log]: what goes to standard error."""

    level: Annotated[
        str, _choice("or debug, warning, error", "debug", "info", "warning", "error")
    ] = "info"
    format: Annotated[str, _choice("or json", "text", "json")] = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All settings; `Config()` is the defaults."""

    store: StoreConfig = field(default_factory=StoreConfig)
    imap: ImapConfig = field(default_factory=ImapConfig)
    tls: TlsConfig = field(default_factory=TlsConfig)
    web: WebConfig = field(default_factory=WebConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    sync: SyncConfig = field(default_factory=SyncConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    log: LogConfig = field(default_factory=LogConfig)


def _keys_of(section: type) -> dict[str, tuple[str, _Key]]:
    """Returns, by the key in the file, the field and how it is read."""
    hints = get_type_hints(section, include_extras=True)
    return {
        name.removesuffix("_s").removesuffix("_octets"): (name, hint.__metadata__[0])
        for name, hint in hints.items()
    }


_SECTION_TYPES: dict[str, Any] = get_type_hints(Config)
_SECTIONS = {name: _keys_of(section) for name, section in _SECTION_TYPES.items()}
_Given = dict[tuple[str, str], tuple[object, str]]
"""By section and key: the value, and in words where it stands."""


def load(path: Path | None, environ: Mapping[str, str]) -> Config:
    """Returns the defaults, changed by the file, if there is one, and then by the environment.

    Raises:
        ConfigError: unreadable file, bad TOML, unknown section or key, or a value that can't be.
    """
    given = (_from_file(path) if path is not None else {}) | _from_environment(environ)
    sections: dict[str, Any] = {name: _section(name, given) for name in _SECTIONS}
    config = Config(**sections)
    if bool(config.tls.certificate) != bool(config.tls.key):
        raise ConfigError(
            "[tls] names only one of certificate and key.",
            "Name both files, or neither to have a private certificate made.",
        )
    return config


def example() -> str:
    """Returns a `popbridge.toml` with every setting at its default and a note to each."""
    return (
        "# Every setting has the value it has without this file.\n"
        "# POPBRIDGE_SECTION_KEY in the environment overrides (lists by commas);\n"
        "# POPBRIDGE_SECTION_KEY_FILE names a file to read the value from.\n" + show(Config())
    )


def show(config: Config) -> str:
    """Returns a `popbridge.toml` from which `load` makes this configuration."""
    sections = []
    for part in fields(config):
        value = getattr(config, part.name)
        lines = [
            f"{f'{name} = {key.write(getattr(value, attribute))}':<41} # {key.note}\n"
            for name, (attribute, key) in _SECTIONS[part.name].items()
        ]
        sections.append("".join([f"\n[{part.name}]\n", *lines]))
    return "".join(sections)


def _section(name: str, given: _Given) -> object:
    made = {}
    for key, (attribute, how) in _SECTIONS[name].items():
        if (name, key) not in given:
            continue
        value, where = given[name, key]
        try:
            made[attribute] = how.read(value)
        except UsageError as wrong:
            raise ConfigError(f"{where}: {wrong.text}", wrong.remedy) from None
    return _SECTION_TYPES[name](**made)


def _from_file(path: Path) -> _Given:
    given: _Given = {}
    for section, table in _toml(path).items():
        if section not in _SECTIONS:
            raise _unknown(
                section, f"section [{section}]" if isinstance(table, dict) else section, path
            )
        if not isinstance(table, dict):
            raise ConfigError(
                f"{section} in {path} is a section, not a key.",
                f"Write [{section}] on a line of its own and its keys below.",
            )
        for key, value in table.items():
            if key not in _SECTIONS[section]:
                raise _unknown(key, f"[{section}] {key}", path, section)
            given[section, key] = (value, f"[{section}] {key} in {path}")
    return given


def _toml(path: Path) -> dict[str, Any]:
    try:
        # Some editors begin a file with a byte order mark.
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as wrong:
        raise ConfigError(
            f"{path} can't be read: {wrong.strerror}.", "Check its owner and its mode."
        ) from None
    except UnicodeDecodeError as wrong:
        line = wrong.object.count(b"\n", 0, wrong.start) + 1
        raise ConfigError(f"Line {line} of {path} is not UTF-8.", "Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as wrong:
        reason = str(wrong).replace("at end of document", "at the end, on its last line")
        raise ConfigError(
            f"{path} is not TOML: {reason}.", "Compare that line with popbridge config example."
        ) from None


def _unknown(word: str, shown: str, path: Path, section: str = "") -> ConfigError:
    """Returns the error for a key, or a section, that there is none of: it names the nearest."""
    homes = [f"[{name}]" for name, keys in _SECTIONS.items() if word in keys]
    if homes:
        nearest = f"{word} belongs below {' or '.join(homes)}."
    elif section:
        nearest = f"The nearest key is {_nearest(word, _SECTIONS[section])}."
    else:
        nearest = f"The nearest section is [{_nearest(word, _SECTIONS)}]."
    return ConfigError(f"There is no {shown}, which {path} sets.", nearest)


def _nearest(word: str, words: Iterable[str]) -> str:
    return difflib.get_close_matches(word, words, n=1, cutoff=0.0)[0]


def _from_environment(environ: Mapping[str, str]) -> _Given:
    variables = {
        f"{PREFIX}{section}_{key}".upper(): (section, key, how)
        for section, keys in _SECTIONS.items()
        for key, (_, how) in keys.items()
    }
    sections = tuple(f"{PREFIX}{section}_".upper() for section in _SECTIONS)
    given: _Given = {}
    for variable in sorted(name for name in environ if name.startswith(sections)):
        name = variable if variable in variables else variable.removesuffix("_FILE")
        if name not in variables:
            raise _unknown_variable(variable, variables)
        section, key, how = variables[name]
        if (section, key) in given:
            raise ConfigError(f"{name} and {variable} are both set.", "Unset one of them.")
        text = environ[variable] if name == variable else _secret(variable, environ[variable])
        given[section, key] = (how.unfold(text), variable)
    return given


def _unknown_variable(variable: str, known: Iterable[str]) -> ConfigError:
    section = "_".join(variable.split("_")[:2]) + "_"
    nearest = _nearest(variable, [name for name in known if name.startswith(section)])
    return ConfigError(
        f"There is no setting for {variable}, which the environment holds.",
        f"The nearest is {nearest}.",
    )


def _secret(variable: str, path: str) -> str:
    """Returns what the file holds, without the line end that editors add."""
    try:
        return Path(path).read_text("utf-8").removesuffix("\n").removesuffix("\r")
    except OSError as wrong:
        reason = wrong.strerror
    except ValueError:
        reason = "it is not UTF-8 text"
    raise ConfigError(
        f"{path}, which {variable} names, can't be read: {reason}.",
        "Check path, owner and mode of the file.",
    )
