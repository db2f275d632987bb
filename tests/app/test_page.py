"""What the page knows of devices' use."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bridge.admin.devices import add_device, revoke_device
from bridge.app.page import StatusPage
from bridge.config import Config
from bridge.model.account import Device
from bridge.store.engine import open_store
from tests.admin.owner import NOW
from tests.web.house import PageOwner, done


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[PageOwner]:
    store = open_store(tmp_path / "db", on_commit=lambda changes: None, clock_s=lambda: 1.0)
    yield PageOwner(store)
    store.close()


def page_of(owner: PageOwner) -> StatusPage:
    core: Any = SimpleNamespace(loop=SimpleNamespace(now=lambda: NOW), database=owner.database)
    nothing: Any = None
    return StatusPage(core, Config().web, None, lambda: None, lambda: None, nothing, nothing)


def device(owner: PageOwner, name: str) -> Device:
    account = owner.account("alice")
    return next(
        one for one in owner.store.read(lambda tx: tx.devices(account.id)) if one.name == name
    )


def test_a_devices_last_use_is_its_own(owner: PageOwner) -> None:
    owner.add("alice")
    page = page_of(owner)
    done(add_device(owner, "alice", "phone"))  # type: ignore[arg-type]
    page.used(device(owner, "phone"))
    assert done(page.last_used("alice")) == {"phone": NOW}
    assert done(page.last_used("nobody")) == {}
    done(revoke_device(owner, "alice", "phone"))  # type: ignore[arg-type]
    done(add_device(owner, "alice", "phone"))  # type: ignore[arg-type]
    assert done(page.last_used("alice")) == {}, "another device with its name"
