"""`account add`: what a log-in finds is remembered and told."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.admin.accounts import NewAccount, add_account
from bridge.errors import (
    LoginExistsError,
    ProtocolError,
    RejectedPasswordError,
    SecretError,
    UsageError,
)
from bridge.model.account import SecretKind, SecretSource
from bridge.model.profile import Habits, Profile
from bridge.store.engine import open_store
from tests.admin.owner import Owner

URL = "pop3s://alice@pop.example"


@pytest.fixture
def admin(tmp_path: Path) -> Iterator[Any]:
    store = open_store(tmp_path / "db", on_commit=lambda changes: None, clock_s=lambda: 1.0)
    yield Owner(store)
    store.close()


def add(admin: Any, **new: Any) -> dict[str, Any]:
    asked = {"login": "Alice", "pop3": URL, "pop3_password": "secret", **new}
    return asyncio.run(add_account(admin, NewAccount(**asked)))


def profile(admin: Any) -> Profile:
    found: Profile = admin.store.read(lambda tx: tx.profile(admin.account().id))
    return found


def test_what_was_found_is_remembered_and_told(admin: Any) -> None:
    admin.habits = Habits(mechanism="APOP", capa=False)
    admin.expire_days, admin.login_delay_s, admin.bare_lf = 30, 300, True
    admin.first_uidl = None
    told = add(admin)
    assert profile(admin) == Profile(
        account_id=admin.account().id,
        habits=admin.habits,
        implementation="Test",
        expire_days=30,
        login_delay_s=300,
        bare_lf=True,
    )
    assert (told["login"], len(told["password"])) == ("alice", 29)
    assert told["found"] == (
        "Logged in with APOP over TLS; 3 messages, 1.5 MB; the server is Test; keeps mail 30 days"
        " (EXPIRE); asks for at least 5m between log-ins (LOGIN-DELAY)."
    )
    warnings = " ".join(told["warnings"])
    for words in ("has no UIDL", "LF alone", "30 days old"):
        assert words in warnings


def test_a_server_that_fails_after_the_log_in_is_no_obstacle(admin: Any) -> None:
    admin.fails_after_login = ProtocolError("Gone.")
    assert add(admin)["found"] == ("Logged in with SCRAM-SHA-256 over TLS; the server is Test.")
    assert admin.aborted
    assert profile(admin).habits == admin.habits


def test_an_empty_mailbox_says_nothing_of_uidl(admin: Any) -> None:
    admin.messages, admin.first_uidl = 0, None
    assert add(admin)["warnings"] == []


def test_unchecked_nobody_is_asked(admin: Any) -> None:
    told = add(admin, check=False, password="mine")
    assert (told["found"], told["password"], admin.tried) == (None, None, [])
    assert profile(admin) == Profile(account_id=admin.account().id)


def test_a_source_is_kept_and_no_password(admin: Any) -> None:
    source = {"kind": "file", "value": "/secret"}
    with pytest.raises(SecretError):
        add(admin, pop3_password=None, secret_source=source)
    assert admin.account() is None
    admin.secret_of["/secret"] = "from file"
    add(admin, pop3_password=None, secret_source=source, tls={"minimum": "1.3"})
    account = admin.account()
    assert account.secret_source == SecretSource(SecretKind.FILE, "/secret")
    assert (account.sealed_password, account.upstream.tls.minimum) == (b"", "1.3")
    assert admin.upstreams[0].tls.minimum == "1.3"


def test_a_refused_password_leaves_nothing(admin: Any) -> None:
    admin.refuses = True
    with pytest.raises(RejectedPasswordError):
        add(admin)
    assert admin.account() is None
    assert len(admin.tried) == 1


@pytest.mark.parametrize(
    ("new", "says"),
    [
        ({"pop3_password": None}, "needs one POP3 password"),
        ({"secret_source": {"kind": "env", "value": "A"}}, "needs one POP3 password"),
        ({"tls": {"minimum": "9"}}, "Choose of"),
        ({"pop3": "pop3+plain://a@pop.example"}, "for anyone to read"),
        ({"withheld": ["IMAP4REV1"]}, "can be withheld"),
        ({"policy": "burn"}, "not a policy"),
        ({"login": "a b"}, "can't be a login"),
    ],
)
def test_what_cannot_be(admin: Any, new: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        add(admin, **new)
    assert admin.tried == []


def test_a_login_is_there_once(admin: Any) -> None:
    add(admin)
    with pytest.raises(LoginExistsError):
        add(admin, login="ALICE")
    assert len(admin.tried) == 1
