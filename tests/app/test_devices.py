"""What a daemon knows of devices' use, and what of it the store keeps."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bridge.admin.devices import add_device, list_devices, revoke_device
from bridge.app.devices import Devices
from bridge.errors import StoreFullError
from bridge.model.account import Device
from bridge.store.engine import open_store
from tests.admin.owner import NOW, Owner
from tests.sync.fakes import ACCOUNT


class Time:
    """A loop that only knows the time."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at


class Guest:
    """A session that remembers what it was dismissed with."""

    said = ""

    def dismiss(self, text: str, code: str) -> None:
        self.said = f"[{code}] {text}"


class Served(Owner):
    """An owner whose mail apps are served."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.time: Any = Time()
        self.served = self.devices = Devices(self.database, self.time)  # type: ignore[assignment]

    def device(self, name: str) -> Device:
        found = self.store.read(lambda tx: tx.devices(self.account().id))
        return next(one for one in found if one.name == name)

    def run(self, operation: Any, *arguments: Any) -> Any:
        return asyncio.run(operation(self, ACCOUNT.login, *arguments))

    def listed(self, name: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = self.run(list_devices)
        return next(one for one in found if one["name"] == name)


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Served]:
    store = open_store(tmp_path / "db", on_commit=lambda changes: None, clock_s=lambda: 1.0)
    store.write(lambda tx: tx.add_account(ACCOUNT))
    made = Served(store)
    made.run(add_device, "phone")
    made.run(add_device, "laptop")
    yield made
    store.close()


def keep(owner: Served, **at_least: Any) -> None:
    asyncio.run(owner.served.keep(**at_least))


def test_a_devices_last_use_is_its_own(owner: Served) -> None:
    assert owner.listed("phone")["last_used"] is None
    owner.served.used(owner.device("phone"))
    assert owner.listed("phone")["last_used"] == "2026-11-24T12:00:00Z"
    assert owner.listed("laptop")["last_used"] is None
    keep(owner)
    owner.run(revoke_device, "phone")
    owner.run(add_device, "phone")
    assert owner.listed("phone")["last_used"] is None, "another device with its name"


def test_it_is_kept_once_an_hour_and_at_the_end(owner: Served) -> None:
    def kept() -> datetime | None:
        return owner.device("phone").last_used

    owner.served.used(owner.device("phone"))
    assert kept() is None, "a log-in writes nothing"
    keep(owner)
    assert kept() == NOW
    for minutes in (5, 59):
        owner.time.at = NOW + timedelta(minutes=minutes)
        owner.served.used(owner.device("phone"))
        keep(owner)
        assert kept() == NOW
    assert owner.listed("phone")["last_used"] == "2026-11-24T12:59:00Z"
    keep(owner, at_least=timedelta(0))
    assert kept() == NOW + timedelta(minutes=59)
    owner.time.at = NOW + timedelta(hours=3)
    keep(owner)
    assert kept() == NOW + timedelta(minutes=59), "nobody has used it since"
    again = Devices(owner.database, owner.time)
    assert again.last_used(owner.device("phone")) == kept()


def test_a_full_disk_keeps_only_that_from_the_store(owner: Served) -> None:
    async def full(work: Any) -> None:
        raise StoreFullError("The disk is full.", "Make room.")

    write, owner.database.write = owner.database.write, full  # type: ignore[method-assign, assignment]
    owner.served.used(owner.device("phone"))
    keep(owner)
    assert owner.listed("phone")["last_used"] == "2026-11-24T12:00:00Z"
    owner.database.write = write  # type: ignore[method-assign]
    keep(owner)
    assert owner.device("phone").last_used == NOW


def test_who_is_connected_is_used_now_and_was_until_it_left(owner: Served) -> None:
    phone, guests = owner.device("phone"), (Guest(), Guest())
    for guest in guests:
        owner.served.presence.enter(guest, phone)
    owner.time.at += timedelta(days=2)
    assert owner.listed("phone") | {"made": None} == {
        "name": "phone", "made": None, "last_used": "2026-11-26T12:00:00Z", "connected": 2,
    }  # fmt: skip
    for guest in guests:
        owner.served.presence.leave(guest, phone.account_id)
    owner.time.at += timedelta(days=2)
    assert owner.listed("phone")["last_used"] == "2026-11-26T12:00:00Z"
    assert owner.listed("phone")["connected"] == 0


def test_only_sessions_of_the_device_end(owner: Served) -> None:
    phone, laptop = Guest(), Guest()
    owner.served.presence.enter(phone, owner.device("phone"))
    owner.served.presence.enter(laptop, owner.device("laptop"))
    before = owner.served.presence.revocations
    owner.run(revoke_device, "phone")
    assert phone.said == "[EXPIRED] The password of this device was taken back"
    assert laptop.said == ""
    account_id = owner.account().id
    assert owner.served.presence.revoked_since(account_id, before)
    assert not owner.served.presence.revoked_since(account_id, before + 1)


def test_all_end_with_their_account(owner: Served) -> None:
    phone = Guest()
    owner.served.presence.enter(phone, owner.device("phone"))
    account = owner.account()
    owner.store.write(lambda tx: tx.remove_account(account.id))
    asyncio.run(owner.served.changed(account))
    assert phone.said == "[CONTACTADMIN] This account was removed"
