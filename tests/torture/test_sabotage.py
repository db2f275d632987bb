"""The oracle sees each guard that is taken out of the daemon."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.torture import kills, wire
from tests.torture.house import World
from tests.torture.kills import Plan, Tally
from tests.torture.oracle import Broken
from tests.torture.sabotage import APART_S, SABOTAGES

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900)]

ROUNDS = 5


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World() as made:
        yield made


def kill_at(world: World, plan: Plan, *, hides: bool = False) -> None:
    """A daemon without its guard is killed; an honest one must make the best of it."""
    letters = [b"Subject: message %d\r\n\r\n" % n + b"x" * 3000 + b"\r\n" for n in range(12)]
    with world.house(hides=hides) as house:
        house.deliver(letters)
        for _ in range(2):
            kills.one_life(house, plan, Tally())
        guard, world.sabotage = world.sabotage, ""
        try:
            kills.last_life(house)
        finally:
            world.sabotage = guard


def cut_body(world: World) -> None:
    for seed in range(ROUNDS):
        wire.through_daemon(world, seed)


def power_cut(world: World) -> None:
    for seed in range(ROUNDS):
        kills.torture(world, seed, power=True)


ATTEMPTS: dict[str, tuple[str, Callable[[World], None]]] = {
    "quit-early": (
        "lost: .* here 0, expunged 0, upstream 0, sent 1",
        partial(kill_at, plan=Plan("step", step="bye"), hides=True),
    ),
    "dele-unproven": (
        "lost: .* here 0, expunged 0, upstream 0, sent 1",
        partial(kill_at, plan=Plan("step", step="updated")),
    ),
    "two-transactions": (
        "2 times here",
        partial(kill_at, plan=Plan("step", step="complete", which=12, delay_s=APART_S / 2)),
    ),
    "new-uids": ("UIDVALIDITY was", partial(kill_at, plan=Plan("step", step="bye"))),
    "accept-cut": ("shown, but never sent", cut_body),
    "unsynced": ("lost|UIDVALIDITY|UIDs", power_cut),
}


@pytest.mark.parametrize("guard", sorted(SABOTAGES))
def test_a_missing_guard_is_seen(world: World, guard: str) -> None:
    words, torture = ATTEMPTS[guard]
    world.sabotage = guard
    try:
        with pytest.raises(Broken, match=words):
            for _ in range(ROUNDS):
                torture(world)
    finally:
        world.sabotage = ""
