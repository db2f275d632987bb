import dataclasses
import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.config import (
    Config,
    LimitsConfig,
    Listen,
    StoreConfig,
    SyncConfig,
    example,
    load,
    show,
)
from bridge.errors import ConfigError, Exit

COUNTS = st.integers(1, 10**6)


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "popbridge.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def refusal(path: Path | None, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path, environ or {})
    assert caught.value.exit == Exit.CONFIG
    assert caught.value.text.endswith(".")
    assert caught.value.remedy.endswith(".")
    return str(caught.value)


def test_without_a_file_everything_is_at_its_default(tmp_path: Path) -> None:
    assert load(None, {}) == load(tmp_path / "none.toml", {}) == Config()
    assert load(write(tmp_path, ""), {}) == Config()


def test_the_defaults_are_those_promised() -> None:
    config = Config()
    assert config.store == StoreConfig(
        url="sqlite:///popbridge.db", undelete_s=30 * 86400, reserve_octets=500 * 10**6
    )
    assert config.imap.listen == (
        Listen("imap", ("127.0.0.1",), 1143),
        Listen("imaps", ("0.0.0.0", "::"), 1993),
    )
    assert (config.tls.certificate, config.tls.key) == ("", "")
    assert config.web.listen == (Listen("http", ("127.0.0.1",), 8143),)
    assert config.metrics.listen == (Listen("http", ("127.0.0.1",), 9143),)
    assert config.sync == SyncConfig(
        interval_s=300,
        demand_after_s=60,
        demand_per_hour=20,
        window=50,
        connections=32,
        per_host=2,
    )
    assert config.limits == LimitsConfig(
        connections_per_account=50,
        login_s=60,
        idle_s=1800,
        append_octets=64 * 2**20,
        bad_commands_before_login=3,
        bad_commands=20,
        pop_message_octets=2**30,
    )
    assert (config.log.level, config.log.format) == ("info", "text")


def test_the_example_is_the_defaults_in_full(tmp_path: Path) -> None:
    assert load(write(tmp_path, example()), {}) == Config()
    parsed = tomllib.loads(example())
    for section in dataclasses.fields(Config):
        keys = dataclasses.fields(getattr(Config(), section.name))
        assert len(parsed[section.name]) == len(keys)
    assert all(len(line) <= 110 for line in example().splitlines())


def test_the_file_changes_what_it_names(tmp_path: Path) -> None:
    text = (
        '[store]\nundelete = "1h"\n[imap]\nlisten = ["imap://[::1]:0"]\n[sync]\nwindow = 1\n'
        '[tls]\ncertificate = "a.pem"\nkey = "b.pem"\n[web]\nlisten = []\n[log]\nformat = "json"\n'
    )
    config = load(write(tmp_path, text), {})
    assert config.store == StoreConfig(undelete_s=3600)
    assert config.imap.listen == (Listen("imap", ("::1",), 0),)
    assert config.sync == SyncConfig(window=1)
    assert (config.tls.certificate, config.tls.key) == ("a.pem", "b.pem")
    assert config.web.listen == ()
    assert config.log.format == "json"


def test_a_byte_order_mark_is_no_error(tmp_path: Path) -> None:
    path = write(tmp_path, b"\xef\xbb\xbf[sync]\r\nwindow = 7\r\n")
    assert load(path, {}).sync.window == 7


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[sync]\nintervall = '5m'", ["[sync] intervall", "The nearest key is interval."]),
        ("[sync]\nconection = 1", ["nearest key is connections."]),
        ("[sync]\nzzzzzz = 1", ["[sync] zzzzzz", "nearest key is"]),
        ("[sink]\nwindow = 1", ["section [sink]", "nearest section is [sync]."]),
        ("interval = '5m'", ["interval belongs below [sync]."]),
        ("[web]\nlevel = 'info'", ["[web] level", "level belongs below [log]."]),
        ("sync = 5", ["sync in", "Write [sync]"]),
        ("[sync]\nwindow = '50'", ["[sync] window in", "'50' is not a whole number", "quotes"]),
        ("[sync]\nwindow = true", ["True is not a whole number"]),
        ("[sync]\nwindow = 0", ["0 is too little", "at least 1"]),
        ("[sync]\nwindow = 1.5", ["1.5 is not a whole number"]),
        ("[sync]\ninterval = 300", ["300 is not a duration", "quotes"]),
        ("[sync]\ninterval = '0s'", ["0s is too little", "at least 1s"]),
        ("[sync]\ninterval = '5x'", ["'5x' is not a duration", "5m"]),
        ("[store]\nreserve = '5'", ["'5' is not a size", "500MB"]),
        ("[store]\nurl = 'postgresql://db/x'", ["[store] url", "not offered yet"]),
        ("[store]\nurl = 'mysql://db/x'", ["not the URL of a store"]),
        ("[store]\nurl = 'sqlite:///'", ["not the URL of a store"]),
        ("[store]\nurl = 'sqlite:///:memory:'", ["not the URL of a store"]),
        ("[imap]\nlisten = 'imap://*:143'", ["is not a list"]),
        ("[imap]\nlisten = ['http://*:80']", ["http:// is not served here", "imaps://"]),
        ("[imap]\nlisten = ['*:143']", ["not an address to listen on"]),
        ("[imap]\nlisten = [143]", ["143 is not an address to listen on"]),
        ("[web]\nlisten = ['imap://*:80']", ["imap:// is not served here", "http://"]),
        ("[web]\nlisten = ['http://*:80']", ["without encryption", "https://"]),
        ("[web]\nlisten = ['http://192.168.1.5']", ["without encryption", "127.0.0.1"]),
        ("[web]\nnames = 'x'", ["is not a list"]),
        ("[tls]\ncertificate = 'a.pem'", ["only one of certificate and key"]),
        ("[tls]\nkey = 'a.pem'", ["only one of certificate and key"]),
        ("[log]\nlevel = 'loud'", ["'loud' is not possible", "debug or info"]),
        ("[log]\nlevel = 3", ["3 is not text"]),
    ],
)
def test_what_cannot_be_is_refused_in_words(tmp_path: Path, text: str, says: list[str]) -> None:
    message = refusal(write(tmp_path, text))
    for words in says:
        assert words in message
    if "certificate" not in message:
        assert "popbridge.toml" in message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"[sync]\nwindow 5\n", "line 2"),
        (b"[sync]\nwindow =", "last line"),
        (b"[sync]\n\n[sync]\n", "line 3"),
        (b"[log]\nlevel = '\xff'\n", "Line 2"),
    ],
)
def test_bad_toml_names_file_and_line(tmp_path: Path, text: bytes, line: str) -> None:
    path = write(tmp_path, text)
    message = refusal(path)
    assert str(path) in message
    assert line in message


def test_an_unreadable_file_is_a_configuration_error(tmp_path: Path) -> None:
    assert "can't be read" in refusal(tmp_path)


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "[sync]\nwindow = 5\nper_host = 9\n[log]\nlevel = 'no such level'\n")
    environ = {
        "POPBRIDGE_SYNC_WINDOW": "6",
        "POPBRIDGE_SYNC_DEMAND_AFTER": "2m",
        "POPBRIDGE_IMAP_LISTEN": "imap://*:143, imaps://[::1]:993",
        "POPBRIDGE_WEB_LISTEN": "",
        "POPBRIDGE_LOG_LEVEL": "debug",
    }
    config = load(path, environ)
    assert config.sync == SyncConfig(window=6, per_host=9, demand_after_s=120)
    assert [str(listen) for listen in config.imap.listen] == ["imap://*:143", "imaps://[::1]:993"]
    assert config.web.listen == ()
    assert config.log.level == "debug"


def test_a_variable_can_name_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"sqlite:////srv/mail.db\r\n")
    config = load(None, {"POPBRIDGE_STORE_URL_FILE": str(secret)})
    assert config.store.url == "sqlite:////srv/mail.db"
    assert "POPBRIDGE_STORE_URL_FILE" in refusal(
        None, {"POPBRIDGE_STORE_URL_FILE": str(tmp_path / "none")}
    )
    secret.write_bytes(b"\xff")
    assert "UTF-8" in refusal(None, {"POPBRIDGE_STORE_URL_FILE": str(secret)})
    both = {"POPBRIDGE_STORE_URL_FILE": str(secret), "POPBRIDGE_STORE_URL": "sqlite:///x"}
    assert "both set" in refusal(None, both)


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("POPBRIDGE_SYNC_INTERVALL", "5m", "nearest is POPBRIDGE_SYNC_INTERVAL."),
        ("POPBRIDGE_LIMITS_BAD_COMMAND", "5", "nearest is POPBRIDGE_LIMITS_BAD_COMMANDS."),
        ("POPBRIDGE_SYNC_NONE_FILE", "x", "POPBRIDGE_SYNC_NONE_FILE"),
        ("POPBRIDGE_SYNC_WINDOW", "many", "POPBRIDGE_SYNC_WINDOW: 'many' is not a whole number"),
        ("POPBRIDGE_SYNC_WINDOW", "-1", "-1 is too little"),
        ("POPBRIDGE_SYNC_WINDOW", "", "'' is not a whole number"),
        ("POPBRIDGE_SYNC_INTERVAL", "", "'' is not a duration"),
    ],
)
def test_a_wrong_variable_is_named(variable: str, value: str, says: str) -> None:
    assert says in refusal(None, {variable: value})


def test_variables_of_others_are_none_of_ours() -> None:
    environ = {
        "POPBRIDGE_DATA": "/data",
        "POPBRIDGE_CONFIG": "x",
        "POPBRIDGE_CI": "1",
        "POPBRIDGE_OTHER_THING": "x",
        "SYNC_WINDOW": "x",
    }
    assert load(None, environ | {"PATH": os.defpath}) == Config()


@given(
    sync=st.builds(SyncConfig, interval_s=COUNTS, demand_after_s=COUNTS, window=COUNTS),
    limits=st.builds(LimitsConfig, append_octets=COUNTS, idle_s=COUNTS, bad_commands=COUNTS),
)
def test_a_configuration_survives_being_shown(
    tmp_path_factory: pytest.TempPathFactory, sync: SyncConfig, limits: LimitsConfig
) -> None:
    config = Config(sync=sync, limits=limits)
    path = tmp_path_factory.getbasetemp() / "shown.toml"
    path.write_text(show(config))
    assert load(path, {}) == config


def test_the_page_is_served_to_others_by_https_alone(tmp_path: Path) -> None:
    text = (
        "[web]\nlisten = ['http://[::1]:1', 'http://localhost:1', 'https://*:1']\nnames = ['A.B']"
    )
    found = load(write(tmp_path, text), {}).web
    assert [listen.scheme for listen in found.listen] == ["http", "http", "https"]
    assert found.names == ("a.b",)
