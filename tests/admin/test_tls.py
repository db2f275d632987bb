"""TLS per account: what can be asked for, how it is kept, and what is said of it."""

from typing import Any

import pytest

from bridge.admin.tls import parse_pin, tls_form, tls_warnings, weaknesses, with_tls
from bridge.errors import UsageError
from bridge.model.account import Security, TlsOptions, Upstream

PIN = "ab" * 32
UPSTREAM = Upstream(host="pop.example", port=995, user="alice", security=Security.IMPLICIT)
PLAIN = Upstream(host="pop.example", port=110, user="alice", security=Security.PLAIN)


def test_what_is_named_changes_and_the_rest_stays() -> None:
    asked: dict[str, object] = {
        "minimum": "1.0",
        "pins": [f"SHA256:{PIN.upper()}", ":".join(["cd"] * 32)],
        "ca": "/ca.pem",
        "certificate": "/me.pem",
        "key": "/me.key",
        "legacy_ciphers": True,
    }
    upstream = with_tls(UPSTREAM, asked)
    assert upstream.tls == TlsOptions(
        minimum="1.0",
        pins=frozenset((PIN, "cd" * 32)),
        authorities="/ca.pem",
        certificate="/me.pem",
        key="/me.key",
        legacy_ciphers=True,
    )
    assert with_tls(UPSTREAM, tls_form(upstream.tls)) == upstream
    assert with_tls(upstream, {}) == upstream
    assert with_tls(upstream, {"minimum": None}).tls.minimum == "1.2"
    assert with_tls(upstream, dict.fromkeys(asked)) == UPSTREAM
    assert with_tls(PLAIN, dict.fromkeys(asked)) == PLAIN


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"minimum": "1.4"}, "Choose of 1.0, 1.1, 1.2, 1.3"),
        ({"minimum": "SSLv3"}, "Choose of"),
        ({"pins": ["ab" * 31]}, "64 hexadecimal digits"),
        ({"pins": "ab" * 32}, "a list"),
        ({"ca": "relative.pem"}, "whole path"),
        ({"key": "/me.key"}, "Name both"),
        ({"legacy_ciphers": "yes"}, "true or false"),
        ({"cyphers": True}, "Choose of minimum, pins"),
    ],
)
def test_what_cannot_be(changes: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        with_tls(UPSTREAM, changes)


def test_without_tls_there_is_nothing_to_set() -> None:
    with pytest.raises(UsageError, match=r"pop3\+plain has no TLS"):
        with_tls(PLAIN, {"minimum": "1.3"})


@pytest.mark.parametrize(
    "text",
    [PIN, PIN.upper(), f"sha256:{PIN}", ":".join(["AB"] * 32), f"SHA256 Fingerprint={PIN}"],
)
def test_pins_in_every_way_they_are_written(text: str) -> None:
    assert parse_pin(text) == PIN


@pytest.mark.parametrize(
    ("changes", "weak", "says"),
    [
        ({}, False, ""),
        ({"minimum": "1.3"}, False, ""),
        ({"minimum": "1.1"}, True, "TLS 1.1 is let pass"),
        ({"legacy_ciphers": True}, True, "count as broken"),
        ({"pins": [PIN]}, False, "alone: names and authorities"),
        ({"ca": "/ca.pem"}, False, "an authority of /ca.pem"),
        ({"certificate": "/me.pem"}, False, "client certificate in /me.pem"),
    ],
)
def test_each_is_loud(changes: dict[str, Any], weak: bool, says: str) -> None:
    upstream = with_tls(UPSTREAM, changes)
    assert says in " ".join(tls_warnings(upstream))
    assert len(tls_warnings(upstream)) == bool(says)
    assert len(weaknesses(upstream)) == weak


def test_clear_text_is_loud_where_it_leaves_this_machine() -> None:
    assert "for anyone to read" in weaknesses(PLAIN)[0]
    here = Upstream(host="127.0.0.1", port=110, user="alice", security=Security.PLAIN)
    assert weaknesses(here) == []
