"""When systemd's watchdog is pinged, and what is only degraded."""

from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from bridge.app import daemon as daemon_module
from bridge.app.daemon import Daemon
from bridge.errors import StoreError
from bridge.metrics import Metrics
from bridge.net.loop import ReactorLoop


class Reads:
    """A store whose reads succeed, fail or hang."""

    def __init__(self) -> None:
        self.answer: Callable[[], Coroutine[Any, Any, object]] = self._well

    async def read(self, work: object) -> object:
        return await self.answer()

    async def _well(self) -> object:
        return ()

    async def fail(self) -> object:
        raise StoreError("The disk is gone.")

    async def hang(self) -> object:
        return await Deferred()


class House:
    """A daemon without listeners, and what systemd hears."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock, self.reads, self.heard = Clock(), Reads(), 0
        self.metrics = Metrics("1.2.3", "3.51.3")
        loop = ReactorLoop(self.clock)
        core: Any = SimpleNamespace(
            reactor=self.clock, loop=loop, database=self.reads, metrics=self.metrics,
            unwritable=None,
        )  # fmt: skip
        self.daemon = Daemon(core)
        monkeypatch.setenv("WATCHDOG_USEC", "60000000")
        monkeypatch.delenv("WATCHDOG_PID", raising=False)
        monkeypatch.setattr(daemon_module.sdnotify, "notify", self._notify)

    def _notify(self, message: str, environ: object) -> bool:
        assert message == "WATCHDOG=1"
        self.heard += 1
        return True


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    return House(monkeypatch)


def test_a_daemon_that_can_read_says_so_twice_a_minute(house: House) -> None:
    house.daemon._watch()
    assert house.heard == 1
    house.clock.advance(30)
    house.clock.advance(30)
    assert house.heard == 3


@pytest.mark.parametrize("way", ["fail", "hang"])
def test_one_that_cannot_says_nothing_until_it_can(house: House, way: str) -> None:
    house.daemon._watch()
    well, house.reads.answer = house.reads.answer, getattr(house.reads, way)
    house.clock.advance(30)
    house.clock.advance(30)
    assert house.heard == 1
    house.reads.answer = well
    house.clock.advance(30)
    assert house.heard == 2


def test_a_store_that_cannot_be_written_is_degraded_and_alive(house: House) -> None:
    assert house.daemon._degraded() == []
    house.metrics.store_failed("BR-STORE-02")
    assert "can't be written" in house.daemon._degraded()[0]
    house.daemon._watch()
    assert house.heard == 1
    house.metrics.committed(1, 0.001)
    assert house.daemon._degraded() == []
