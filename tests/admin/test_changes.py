"""`set_account` and `show_account` over a real store."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bridge.admin.changes import AccountChanges, set_account, show_account
from bridge.admin.operations import perform
from bridge.errors import RejectedPasswordError, SecretError, UnknownLoginError, UsageError
from bridge.model.account import Secret, SecretSource
from bridge.model.profile import Habits, Profile
from bridge.store.engine import open_store
from tests.admin.owner import NOW, Owner
from tests.sync.fakes import ACCOUNT


@pytest.fixture
def admin(tmp_path: Path) -> Iterator[Any]:
    store = open_store(tmp_path / "db", on_commit=lambda changes: None, clock_s=lambda: 1.0)
    store.write(lambda tx: tx.add_account(ACCOUNT))
    yield Owner(store)
    store.close()


def change(admin: Any, **changes: Any) -> dict[str, Any]:
    return asyncio.run(set_account(admin, ACCOUNT.login.upper(), AccountChanges(**changes)))


def test_what_is_set_is_shown_and_the_rest_stays(admin: Any) -> None:
    before = asyncio.run(show_account(admin, ACCOUNT.login))
    steps: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"quota_octets": 5_000}, {"quota": 5_000}),
        ({"interval_s": 60}, {"interval": 60}),
        ({"withheld": ["condstore", "QUOTA"]}, {"withheld": ["CONDSTORE", "QUOTA"]}),
        ({"trace_s": 1800}, {"trace_until": "2026-11-24T12:30:00Z"}),
        ({"paused": True}, {"paused": True}),
        ({"policy": "keep"}, {}),
        ({"quota_octets": 0}, {"quota": 0}),
        ({"quota_octets": None}, {"quota": None}),
        ({"interval_s": None}, {"interval": None}),
        ({"withheld": ["imap4rev2", "+uidonly"]}, {"withheld": ["+UIDONLY", "IMAP4rev2"]}),
        ({"withheld": []}, {"withheld": []}),
        ({"trace_s": 0}, {"trace_until": None}),
        ({"paused": False}, {"paused": False}),
    ]
    expected = dict(before)
    for changes, shown in steps:
        expected |= shown
        assert change(admin, **changes) == {**expected, "found": None}
        assert asyncio.run(show_account(admin, ACCOUNT.login)) == expected
    assert admin.changed == len(steps)
    assert expected == before
    assert before["mailboxes"] == 6
    assert "sealed_password" not in repr(before)


def test_a_trace_that_is_over_is_not_shown(admin: Any) -> None:
    change(admin, trace_s=60)
    assert admin.account().trace_until == NOW + timedelta(seconds=60)
    admin.clock = lambda: NOW + timedelta(seconds=60)
    assert asyncio.run(show_account(admin, ACCOUNT.login))["trace_until"] is None


def test_a_new_password_is_tried_first(admin: Any) -> None:
    change(admin, pop3_password="new")
    assert admin.tried == [Secret("new")]
    sealed = admin.account().sealed_password
    assert admin.sealer.open(sealed, f"pop3 {ACCOUNT.login}") == b"new"
    admin.refuses = True
    with pytest.raises(RejectedPasswordError):
        change(admin, pop3_password="wrong", quota_octets=1)
    assert admin.account().sealed_password == sealed
    assert admin.account().quota_octets is None
    change(admin, pop3_password="later", check=False)
    assert admin.tried == [Secret("new"), Secret("wrong")]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"pop3": "imap://a@b"}, "not the URL"),
        ({"pop3": "pop3+plain://a@pop.example"}, "for anyone to read"),
        ({"tls": {"minimum": "2"}}, "Choose of 1.0"),
        ({"secret_source": {"kind": "psychic", "value": ""}}, "no such place"),
        ({"secret_source": {"kind": "file", "value": "x"}}, "can't be where"),
        ({"secret_source": {"kind": "env", "value": "A"}, "pop3_password": "x"}, "one POP3"),
        ({"withheld": ["IMAP4REV1"]}, "IMAP4REV1"),
        ({"withheld": ["QUOTA", "NONSENSE"]}, "Choose of APPENDLIMIT, BINARY, CHILDREN,"),
        ({"policy": "burn"}, "is not a policy"),
        ({"trace_s": 86_400 * 31}, "at most 30d"),
    ],
)
def test_what_cannot_be(admin: Any, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        change(admin, **changes)
    assert admin.changed == 0


def test_by_name_as_the_command_line_asks(admin: Any) -> None:
    asked = {"login": ACCOUNT.login, "changes": {"paused": True}}
    found: Any = asyncio.run(perform(admin, "account set", asked, lambda progress: None))
    assert found.pop("found") is None
    shown = perform(admin, "account show", {"login": ACCOUNT.login}, lambda progress: None)
    assert asyncio.run(shown) == found
    with pytest.raises(UnknownLoginError):
        asyncio.run(perform(admin, "account show", {"login": "nobody"}, lambda progress: None))


URL = "pop3s://alice@other.example"
FILE = {"kind": "file", "value": "/secret"}


def listed(tx: Any) -> Profile:
    """A profile that a sync has filled in."""
    account = tx.account(ACCOUNT.login)
    profile = Profile(
        account_id=account.id,
        habits=Habits(mechanism="APOP", capa=False, pipelining=False),
        wrong_sizes=3,
        stat=(5, 100),
        last_uidl=b"x",
        listed_at=NOW,
        frozen_since=NOW,
        frozen_reason="vanished",
    )
    tx.save_profile(profile)
    return profile


def profile(admin: Any) -> Profile:
    found: Profile = admin.store.read(lambda tx: tx.profile(admin.account().id))
    return found


def test_a_mailbox_that_moved_keeps_its_account_and_is_learned_anew(admin: Any) -> None:
    admin.store.write(listed)
    before = admin.account()
    shown = change(admin, pop3=URL)
    after = admin.account()
    assert (after.id, after.upstream.host) == (before.id, "other.example")
    assert shown["pop3"] == URL
    assert admin.tried == [Secret("sealed")]
    assert shown["found"] == (
        "Logged in with SCRAM-SHA-256 over TLS; 3 messages, 1.5 MB; the server is Test."
    )
    assert profile(admin) == Profile(
        account_id=before.id,
        habits=Habits(mechanism="SCRAM-SHA-256"),
        implementation="Test",
        frozen_since=NOW,
        frozen_reason="vanished",
    )


def test_another_way_to_the_same_mailbox_forgets_only_how_to_log_in(admin: Any) -> None:
    known = admin.store.write(listed)
    change(admin, tls={"minimum": "1.3"}, check=False)
    assert admin.tried == []
    assert profile(admin) == replace(known, habits=replace(known.habits, mechanism=None))
    assert admin.account().upstream.tls.minimum == "1.3"
    change(admin, tls={"minimum": None}, check=False)
    assert admin.account().upstream == ACCOUNT.upstream


def test_a_source_is_asked_at_once_and_the_sealed_password_forgotten(admin: Any) -> None:
    with pytest.raises(SecretError):
        change(admin, secret_source=FILE)
    assert admin.account().sealed_password == ACCOUNT.sealed_password
    admin.secret_of["/secret"] = "from file"
    shown = change(admin, secret_source=FILE)
    assert shown["secret"] == FILE
    assert admin.tried == [Secret("from file")]
    assert admin.account().sealed_password == b""
    assert "from file" not in repr(shown)
    change(admin, pop3_password="typed")
    assert admin.account().secret_source == SecretSource()
    assert show(admin)["secret"] == {"kind": "sealed", "value": ""}


def show(admin: Any) -> dict[str, Any]:
    return asyncio.run(show_account(admin, ACCOUNT.login))


def test_what_does_not_concern_the_log_in_tries_none(admin: Any) -> None:
    change(admin, policy="delete", interval_s=5, paused=True, tls={}, pop3=None)
    change(admin, tls={"minimum": "1.2"})
    assert admin.tried == []


def test_what_is_weak_or_odd_is_shown(admin: Any) -> None:
    change(admin, pop3="pop3s://a@pop.gmail.com", tls={"legacy_ciphers": True}, check=False)
    text = " ".join(show(admin)["warnings"])
    assert "count as broken" in text
    assert "recent%3A" in text
    change(admin, pop3="pop3s://recent%3Aa@pop.gmail.com", check=False)
    assert "recent%3A" not in " ".join(show(admin)["warnings"])
    change(admin, pop3="pop3s://a@pop3.web.de", interval_s=60, check=False)
    assert "WEB.DE allows a log-in every 15m only" in " ".join(show(admin)["warnings"])
