"""The k-th write or sync fails, for every k until a run is clean; and a disk that is full after
every number of octets."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from tests.torture.house import House, World, chance_of
from tests.torture.kills import Tally, last_life, refuse_faults
from tests.torture.mail import letters
from tests.torture.oracle import Oracle
from tests.torture.power import PowerCut
from tests.torture.provider import Listed
from tests.torture.shim import ALWAYS

MODES = ("EIO", "ENOSPC", "ENOSPC from there on", "EIO, then a power cut", "room")
ROOM_STEP = 4096
REFUSALS = (69, 73, 75, 78)
"""Exit codes of a daemon that could not start, and said why."""


@dataclass(frozen=True, slots=True)
class Base:
    """A store that holds some mail, from which each attempt begins."""

    data: Path
    oracle: Oracle
    maildrop: list[Listed]
    fresh: list[bytes]
    hides: bool
    policy: str


@contextmanager
def base(world: World, scenario: int, policy: str) -> Iterator[Base]:
    """The base of a scenario: five messages are held, some more will come."""
    chance = chance_of("calls", scenario)
    hides, folder = bool(scenario % 2), world.folder / "base"
    with world.house(policy, hides=hides) as house:
        house.deliver(letters(chance, 5))
        last_life(house)
        shutil.copytree(house.data, folder, ignore=shutil.ignore_patterns("control"))
        fresh = letters(chance, 4, 5)
        made = Base(folder, house.oracle, list(world.provider.maildrop), fresh, hides, policy)
    try:
        yield made
    finally:
        shutil.rmtree(folder)


@contextmanager
def attempt(world: World, start: Base) -> Iterator[House]:
    """A house as the base is, with fresh mail upstream."""
    with world.house(start.policy, hides=start.hides) as house:
        shutil.rmtree(house.data)
        shutil.copytree(start.data, house.data)
        house.oracle = deepcopy(start.oracle)
        house.provider.maildrop = list(start.maildrop)
        house.deliver(start.fresh)
        yield house


def torture(world: World, seed: int, *, policy: str = "keep", most: int | None = None) -> Tally:
    """Every k of a scenario in one mode; with `most`, so many of them."""
    scenario, mode = seed // len(MODES), MODES[seed % len(MODES)]
    tally, number = Tally(), 0
    with base(world, scenario, policy) as start:
        chosen = None
        if most is not None:
            last = _count(world, start, mode)
            chosen = sorted(chance_of("k", seed).sample(range(1, last + 1), min(most, last)))
        while chosen is None or chosen:
            number = number + 1 if chosen is None else chosen.pop(0)
            try:
                clean = _fail(world, start, mode, number, tally)
            except AssertionError as error:
                raise type(error)(f"{mode}, number {number}: {error}") from error
            if clean and chosen is None:
                break
            tally.other[f"k: {mode}"] += 1
    return tally


def _count(world: World, start: Base, mode: str) -> int:
    """How many calls there are to fail, or steps of room to give."""
    with attempt(world, start) as house:
        plenty = 1 << 40
        life = house.start(limited=1, room=plenty)
        assert life.ready(), house.logged()
        house.provider.open.set()
        life.sync()
        if mode == "room":
            return (plenty - house.control.get("room")) // ROOM_STEP
        calls = house.control.get("calls")
        assert house.control.get("syncs") > 0 and calls > 20, "the shim sees no calls"
        return calls


def _shim(mode: str, number: int) -> dict[str, int]:
    if mode == "room":
        return {"room": ROOM_STEP * (number - 1), "limited": 1}
    code = errno.EIO if mode.startswith("EIO") else errno.ENOSPC
    calls = ALWAYS if mode.endswith("on") else 1
    return {"fail_errno": code, "fail_calls": calls, "fail_at": number}


def _fail(world: World, start: Base, mode: str, number: int, tally: Tally) -> bool:
    """One run; whether nothing failed in it."""
    with attempt(world, start) as house:
        cut = PowerCut(house, chance_of(mode, number)) if "power" in mode else None
        if cut is not None:
            cut.begin()
        life = house.start(journal=cut is not None, **_shim(mode, number))
        if life.ready():
            house.oracle.look(life.look(), house.provider.upstream())
            house.provider.open.set()
            life.sync()
            house.oracle.look(life.look(), house.provider.upstream())
            house.control.quiet()
            life.sync()
            house.oracle.look(life.look(), house.provider.upstream())
            life.kill()
            life.buried()
        else:
            code = life.buried()
            assert code in REFUSALS, f"exit {code}: {house.logged()}"
            tally.other["refused to start"] += 1
        failed = house.control.get("failed")
        refuse_faults(house.logged())
        if cut is not None:
            cut.happen()
        house.control.quiet()
        last_life(house)
        tally.looks += house.oracle.looks
        tally.kills += 1
    return failed == 0
