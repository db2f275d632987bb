"""A password for each device, over a real store."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge import crypto
from bridge.admin.accounts import remove_account
from bridge.admin.apply import apply_accounts
from bridge.admin.changes import AccountChanges, set_account, show_account
from bridge.admin.devices import MAX_DEVICES
from bridge.admin.operations import perform
from bridge.errors import UnknownLoginError, UsageError
from bridge.store.engine import open_store
from tests.admin.owner import Owner
from tests.sync.fakes import ACCOUNT

LOGIN = ACCOUNT.login


@pytest.fixture
def admin(tmp_path: Path) -> Iterator[Any]:
    store = open_store(tmp_path / "db", on_commit=lambda changes: None, clock_s=lambda: 1.0)
    store.write(lambda tx: tx.add_account(ACCOUNT))
    yield Owner(store)
    store.close()


def asked(admin: Any, operation: str, **arguments: Any) -> Any:
    named = {"login": LOGIN, **arguments}
    return asyncio.run(perform(admin, operation, named, lambda progress: None))


def test_each_device_has_a_password_and_a_name(admin: Any) -> None:
    names = [asked(admin, "device add", name=name)["name"] for name in (" my  phone ", None, None)]
    assert names == ["my phone", "device", "device 2"]
    made = asked(admin, "device add", name="laptop")
    devices = admin.store.read(lambda tx: tx.devices(admin.account().id))
    laptop = next(one for one in devices if one.name == "laptop")
    assert crypto.verify(laptop.verifier, made["password"], admin.key)
    assert asked(admin, "device list")[-1] == {
        "name": "my phone", "made": "2026-11-24T12:00:00Z", "last_used": None, "connected": 0,
    }  # fmt: skip


def test_names_that_cannot_be(admin: Any) -> None:
    asked(admin, "device add", name="phone")
    for name, says in (("phone", "already"), ("", "1 to 50"), ("x" * 51, "1 to 50")):
        with pytest.raises(UsageError, match=says):
            asked(admin, "device add", name=name)
    for _ in range(MAX_DEVICES - 1):
        asked(admin, "device add")
    with pytest.raises(UsageError, match="has 50 devices"):
        asked(admin, "device add")
    with pytest.raises(UnknownLoginError):
        asked(admin, "device add", login="nobody")


def test_revoking_tells_who_serves_its_sessions(admin: Any) -> None:
    asked(admin, "device add", name="phone")
    asked(admin, "device add", name="laptop")
    with pytest.raises(UsageError) as wrong:
        asked(admin, "device revoke", name="fone")
    assert str(wrong.value) == (
        f"{LOGIN} has no device 'fone'. Did you mean 'phone'? There are 'laptop', 'phone'."
    )
    assert admin.devices.told == []
    asked(admin, "device revoke", name="phone")
    assert admin.devices.told == [LOGIN]
    for name, says in (("phone", "There is 'laptop'."), ("zzz", "There is 'laptop'.")):
        with pytest.raises(UsageError, match=says):
            asked(admin, "device revoke", name=name)
    asked(admin, "device revoke", name="laptop")
    with pytest.raises(UsageError, match="none any more"):
        asked(admin, "device revoke", name="laptop")


def test_another_password_and_an_account_that_goes_are_told_too(admin: Any) -> None:
    spec = {"login": LOGIN, "pop3": "pop3s://a@pop.example", "pop3_password": "p"}

    def apply(*specs: dict[str, Any]) -> None:
        asyncio.run(apply_accounts(admin, specs, prune=True, dry_run=False))

    apply({**spec, "password": "one"})
    assert admin.devices.told == [LOGIN]
    apply({**spec, "password": "one"})
    assert admin.devices.told == [LOGIN]
    apply()
    assert admin.devices.told == [LOGIN] * 2
    admin.store.write(lambda tx: tx.add_account(ACCOUNT))
    asyncio.run(remove_account(admin, LOGIN))
    assert admin.devices.told == [LOGIN] * 3


def test_where_apps_send_by_is_kept(admin: Any) -> None:
    def set_smtp(url: str | None) -> Any:
        return asyncio.run(set_account(admin, LOGIN, AccountChanges(smtp=url)))["smtp"]

    assert asyncio.run(show_account(admin, LOGIN))["smtp"] is None
    assert set_smtp("smtps://a@b@smtp.example:465") == "smtps://a@b@smtp.example"
    asyncio.run(set_account(admin, LOGIN, AccountChanges(paused=True)))
    assert asyncio.run(show_account(admin, LOGIN))["smtp"] == "smtps://a@b@smtp.example"
    with pytest.raises(UsageError, match="send by"):
        set_smtp("smtp.example")
    assert set_smtp(None) is None
    assert admin.tried == [], "the provider isn't asked"
