"""A few seeds of each kind; `make torture` does all of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.torture import calls, clock, kills, wire
from tests.torture.house import World
from tests.torture.kills import Tally

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World() as made:
        yield made


@pytest.mark.parametrize("policy", ["keep", "delete"])
def test_no_kill_loses_or_doubles_mail(world: World, policy: str) -> None:
    tally = Tally()
    for seed in range(1_000_000, 1_000_002):
        tally.add(kills.torture(world, seed, policy=policy))
    assert tally.kills + tally.terms == 2 * kills.LIVES
    assert tally.in_session >= tally.kills // 4


@pytest.mark.parametrize("policy", ["keep", "delete"])
def test_no_power_cut_loses_or_doubles_mail(world: World, policy: str) -> None:
    tally = kills.torture(world, 1_000_000, policy=policy, power=True, lives=6)
    assert tally.other["power cuts"] == 6


@pytest.mark.parametrize("how", wire.HOWS)
def test_no_cut_loses_or_doubles_mail(world: World, how: str) -> None:
    seed = 1_000_000 * len(wire.HOWS) + wire.HOWS.index(how)
    assert wire.torture(world, seed, most=8).other[f"offsets {how}"] == 8


@pytest.mark.parametrize("policy", ["keep", "delete"])
def test_no_cut_of_the_daemon_loses_or_doubles_mail(world: World, policy: str) -> None:
    assert wire.through_daemon(world, 1_000_000, policy=policy).other["daemon cuts"] == 6


@pytest.mark.parametrize("mode", calls.MODES)
def test_no_failed_write_loses_or_doubles_mail(world: World, mode: str) -> None:
    seed = 1_000_000 * len(calls.MODES) + calls.MODES.index(mode)
    assert calls.torture(world, seed, most=3).other[f"k: {mode}"] == 3


@pytest.mark.parametrize("jump", range(len(clock.JUMPS_S)))
def test_no_jump_of_the_clock_deletes_or_stops_anything(world: World, jump: int) -> None:
    moment = clock.MOMENTS.index(("idle", "middle", "quit", "start")[jump])
    seed = moment * len(clock.JUMPS_S) + jump
    clock.torture(world, seed, policy=("keep", "delete-after=30d")[jump % 2])


def test_the_shim_counts_what_the_store_writes(world: World) -> None:
    with world.house() as house:
        life = house.start()
        assert life.ready()
        started, synced = house.control.get("calls"), house.control.get("syncs")
        house.deliver([b"Subject: one\r\n\r\nmail\r\n"])
        house.provider.open.set()
        assert life.sync()["fetched"] == 1
        assert house.control.get("calls") > started + 2
        assert house.control.get("syncs") > synced
        life.stop()


def test_every_file_of_the_data_folder_is_written_down(world: World, tmp_path: Path) -> None:
    """What the journal says was written is what is there, so a power cut takes what it says."""
    from random import Random

    from tests.torture.power import PowerCut

    with world.house() as house:
        cut = PowerCut(house, Random(1))
        cut.begin()
        life = house.start(journal=True)
        assert life.ready()
        house.deliver([b"Subject: one\r\n\r\nmail\r\n"])
        house.provider.open.set()
        assert life.sync()["fetched"] == 1
        life.kill()
        life.buried()
        there = {
            str(path): path.read_bytes()
            for path in house.data.rglob("*")
            if path.is_file() and not path.name.endswith("-shm")
        }
        assert cut.replayed() == there
