"""What mail apps are told, in every form, as their readers read it."""

import json
import plistlib
from dataclasses import replace
from typing import Any

import pytest
import segno

from bridge.errors import UsageError
from bridge.onboarding.card import card, form
from bridge.onboarding.client import (
    Authority,
    ClientSettings,
    Protection,
    Server,
    choose_address,
    servers_at,
)
from bridge.onboarding.code import payload, picture, text
from bridge.onboarding.profile import profile
from bridge.url import parse_smtp_url

TLS, STARTTLS = Protection.TLS, Protection.STARTTLS
SETTINGS = ClientSettings(
    login="alice",
    address="alice@isp.example",
    name="Alice <&>",
    imap=(Server("home.local", 1993, TLS), Server("home.local", 1143, STARTTLS)),
    submission=parse_smtp_url("smtps://alice@isp.example@smtp.isp.example"),
    fingerprint="AB:CD",
    authority=Authority(b"\x30\x00DER", "EF:01", "/data/tls/ca.pem"),
)
PLAIN = replace(SETTINGS, authority=None, submission=None, name="", address=None)


@pytest.mark.parametrize(
    ("urls", "host", "found", "public"),
    [
        (["imap://0.0.0.0:143", "imaps://[::]:993"], None, ["mine:993", "mine:143"], True),
        (["imaps://0.0.0.0:993", "imaps://[::]:993"], None, ["mine:993"], True),
        (["imap://127.0.0.1:143", "imaps://*:993"], None, ["mine:993"], True),
        (["imap://127.0.0.1:143", "imaps://[::1]:993"], None, ["::1:993", "127.0.0.1:143"], False),
        (["imaps://localhost:993"], "bridge.example", ["bridge.example:993"], False),
        (["imaps://192.0.2.1:993"], None, ["192.0.2.1:993"], True),
        (["imaps://*:0"], None, [], False),
    ],
)
def test_where_apps_connect(
    urls: list[str], host: str | None, found: list[str], public: bool
) -> None:
    servers, reachable = servers_at(urls, host, "mine")
    assert [f"{one.host}:{one.port}" for one in servers] == found
    assert reachable is public


def test_an_address_is_one_that_looks_like_it() -> None:
    assert choose_address("alice", "@x", "x@", "a@b", "c@d") == "a@b"
    assert choose_address("alice") is None


def test_a_card_is_for_people() -> None:
    said = card(SETTINGS)
    for word in ("home.local", "1993", "SSL/TLS", "1143", "STARTTLS", "smtp.isp.example", "465"):
        assert word in said
    assert "popbridge sends no mail" in said
    assert "/data/tls/ca.pem" in said and "EF:01" in said
    assert max(map(len, said.splitlines())) <= 100
    said = card(PLAIN)
    assert "account set alice --smtp" in said and "authority" not in said


def test_json_is_for_programs() -> None:
    assert json.loads(json.dumps(form(SETTINGS))) == {
        "login": "alice",
        "address": "alice@isp.example",
        "imap": [
            {"host": "home.local", "port": 1993, "security": "SSL/TLS"},
            {"host": "home.local", "port": 1143, "security": "STARTTLS"},
        ],
        "smtp": {
            "host": "smtp.isp.example",
            "port": 465,
            "security": "SSL/TLS",
            "login": "alice@isp.example",
        },
        "certificate": {
            "fingerprint": "AB:CD",
            "authority": "/data/tls/ca.pem",
            "authority_fingerprint": "EF:01",
        },
    }
    assert form(PLAIN)["smtp"] is None


def test_a_profile_has_the_account_and_the_authority() -> None:
    found: dict[str, Any] = plistlib.loads(profile(SETTINGS))
    assert (found["PayloadType"], found["PayloadVersion"]) == ("Configuration", 1)
    mail, root = found["PayloadContent"]
    assert mail["PayloadType"] == "com.apple.mail.managed"
    assert mail["EmailAccountType"] == "EmailTypeIMAP"
    assert mail["EmailAccountName"] == "Alice <&>"
    assert mail["EmailAddress"] == "alice@isp.example"
    assert mail["IncomingMailServerHostName"] == "home.local"
    assert mail["IncomingMailServerPortNumber"] == 1993
    assert mail["IncomingMailServerUsername"] == "alice"
    assert mail["OutgoingMailServerHostName"] == "smtp.isp.example"
    assert mail["OutgoingMailServerPortNumber"] == 465
    assert mail["OutgoingMailServerUsername"] == "alice@isp.example"
    assert (mail["IncomingMailServerUseSSL"], mail["OutgoingMailServerUseSSL"]) == (True, True)
    assert not any("Password" in key and isinstance(mail[key], str) for key in mail)
    assert (root["PayloadType"], root["PayloadContent"]) == (
        "com.apple.security.root",
        b"\x30\x00DER",
    )
    uuids = {one["PayloadUUID"] for one in (found, mail, root)}
    assert len(uuids) == 3


def test_a_profile_that_is_made_again_takes_the_place_of_the_old_one() -> None:
    moved = replace(SETTINGS, imap=(Server("new.local", 993, TLS),), password="secret")
    one, two, other = (
        plistlib.loads(profile(settings))
        for settings in (SETTINGS, moved, replace(SETTINGS, login="bob"))
    )
    for name in ("PayloadUUID", "PayloadIdentifier"):
        assert one[name] == two[name] != other[name]
        assert one["PayloadContent"][0][name] == two["PayloadContent"][0][name]
    assert two["PayloadContent"][0]["IncomingPassword"] == "secret"


def test_a_profile_without_a_private_authority() -> None:
    found = plistlib.loads(profile(replace(SETTINGS, authority=None)))
    assert [one["PayloadType"] for one in found["PayloadContent"]] == ["com.apple.mail.managed"]


def test_a_code_says_what_thunderbird_reads() -> None:
    assert json.loads(payload(SETTINGS)) == [
        1,
        [1, 1],
        [0, "home.local", 1993, 3, 1, "alice"],
        [[[0, "smtp.isp.example", 465, 3, 1, "alice@isp.example"],
          ["alice@isp.example", "Alice <&>"]]],
    ]  # fmt: skip
    starttls = replace(
        SETTINGS,
        imap=SETTINGS.imap[1:],
        submission=parse_smtp_url("smtp://a@smtp.isp.example"),
        password="pä",
        name="",
    )
    found = json.loads(payload(starttls))
    assert found[2] == [0, "home.local", 1143, 2, 1, "alice", "", "pä"]
    assert found[3][0][0][:4] == [0, "smtp.isp.example", 587, 2]
    assert found[3][0][1] == ["alice@isp.example", "alice@isp.example"]


def test_a_code_is_drawn() -> None:
    drawn = segno.make(payload(SETTINGS), error="m", micro=False, encoding="utf-8")
    assert picture(SETTINGS, "png").startswith(b"\x89PNG")
    assert b"<svg" in picture(SETTINGS, "svg")
    # Two rows of modules a line, and four modules of quiet around.
    assert len(text(SETTINGS).splitlines()) == (drawn.symbol_size()[1] + 1) // 2


@pytest.mark.parametrize("make", [payload, profile])
@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"submission": None}, "account set alice --smtp"),
        ({"address": None}, "--address"),
    ],
)
def test_forms_that_apps_would_refuse_are_not_made(
    make: Any, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        make(replace(SETTINGS, **changes))


def test_what_a_form_cannot_say() -> None:
    with pytest.raises(UsageError, match="implicit TLS"):
        profile(replace(SETTINGS, imap=SETTINGS.imap[1:]))
    with pytest.raises(UsageError, match="ASCII"):
        payload(replace(SETTINGS, address="zoë@isp.example"))
