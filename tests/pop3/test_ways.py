from typing import Any

import pytest

from bridge.pop3.ways import Known, keeps_secret, reveals, ways

ALL = ("LOGIN", "PLAIN", "CRAM-MD5", "GSSAPI", "SCRAM-SHA-1", "SCRAM-SHA-256", "XOAUTH2")


def order(*sasl: str, **known: Any) -> list[str]:
    defaults: dict[str, Any] = {
        "remembered": None,
        "is_token": False,
        "is_secure": True,
        "has_timestamp": False,
    }
    return list(ways(Known(sasl=sasl, **(defaults | known))))


def test_the_order_under_tls() -> None:
    assert order(*ALL, has_timestamp=True) == [
        "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "CRAM-MD5", "LOGIN", "USER",
    ]  # fmt: skip


def test_the_order_in_clear_text() -> None:
    assert order(*ALL, is_secure=False, has_timestamp=True) == [
        "SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "APOP", "USER", "PLAIN", "LOGIN",
    ]  # fmt: skip


def test_what_is_not_told_comes_last() -> None:
    assert order() == ["USER", "PLAIN", "CRAM-MD5", "LOGIN"]
    assert order("LOGIN") == ["LOGIN", "USER", "PLAIN", "CRAM-MD5"]
    assert order(is_secure=False) == ["USER", "CRAM-MD5", "PLAIN", "LOGIN"]


def test_a_token() -> None:
    assert order(*ALL, is_token=True) == ["XOAUTH2", "OAUTHBEARER"]
    assert order("OAUTHBEARER", is_token=True) == ["OAUTHBEARER", "XOAUTH2"]
    assert order(is_token=True) == ["XOAUTH2", "OAUTHBEARER"]
    assert order(is_token=True, remembered="OAUTHBEARER") == ["OAUTHBEARER", "XOAUTH2"]
    assert order(is_token=True, remembered="PLAIN") == ["XOAUTH2", "OAUTHBEARER"]


def test_the_remembered_way_comes_first() -> None:
    assert order(*ALL, remembered="LOGIN")[:2] == ["LOGIN", "SCRAM-SHA-256"]
    assert order(*ALL, remembered="USER")[0] == "USER"
    assert order("PLAIN", remembered="SCRAM-SHA-1")[:2] == ["SCRAM-SHA-1", "PLAIN"]
    assert order("PLAIN", remembered="NTLM") == order("PLAIN")
    assert order("PLAIN", remembered="XOAUTH2") == order("PLAIN")
    assert "APOP" not in order("PLAIN", remembered="APOP")
    assert "APOP" not in order("PLAIN", remembered="APOP", is_secure=False)


@pytest.mark.parametrize("remembered", ["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "APOP"])
def test_no_silent_step_back_to_clear_text(remembered: str) -> None:
    found = order(*ALL, remembered=remembered, is_secure=False, has_timestamp=True)
    assert found == [remembered] + [
        way
        for way in ("SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "APOP")
        if way != remembered
    ]  # fmt: skip
    assert order(remembered=remembered)[-1] in ("LOGIN", "USER")


def test_what_reveals() -> None:
    assert [way for way in (*ALL, "USER", "APOP") if reveals(way)] == [
        "LOGIN", "PLAIN", "XOAUTH2", "USER",
    ]  # fmt: skip
    known = Known(sasl=(), remembered=None, is_token=False, is_secure=False, has_timestamp=False)
    assert not keeps_secret(known)
