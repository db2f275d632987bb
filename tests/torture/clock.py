"""The wall clock jumps by years and by a day, at each step of a session and between sessions."""

import time
from datetime import datetime

from tests.torture.house import House, Life, World, chance_of
from tests.torture.kills import Tally, last_life, refuse_faults
from tests.torture.mail import letters
from tests.torture.provider import STEPS

DAY = 86400
JUMPS_S = (-3652 * DAY, 3652 * DAY, -25 * 3600, 25 * 3600)
MOMENTS = ("start", "idle", *(step for step in STEPS if step not in ("stls", "stat", "dele")))
POLLS = 2
"""A polling daemon must have begun so many more sessions."""

WAIT_S = 120
WRITTEN = datetime(2026, 10, 2)
"""The day in the Date field of all mail."""


def torture(world: World, seed: int, *, policy: str = "keep") -> Tally:
    """One jump there and back."""
    chance, tally = chance_of(f"clock {policy}", seed), Tally()
    jump_s, moment = JUMPS_S[seed % len(JUMPS_S)], MOMENTS[seed // len(JUMPS_S) % len(MOMENTS)]
    with world.house(policy, interval="1s") as house:
        house.deliver(letters(chance, 5))
        life = house.start()
        _everything(house, life)
        before = dates(life)
        if moment == "start":
            life.stop()
            house.control.set(clock_ns=jump_s * 10**9)
            life = house.start()
            assert life.ready(), house.logged()
        elif moment == "idle":
            house.control.set(clock_ns=jump_s * 10**9)
        else:
            _jump_at(house, moment, jump_s)
        house.deliver(letters(chance, 4, 5))
        house.provider.open.set()
        _polls_go_on(house)
        after = dates(life)
        assert before.items() <= after.items(), f"dates changed: {before} {after}"
        if jump_s > 0:
            odd = {uid: date for uid, date in after.items() if date.date() != WRITTEN.date()}
            assert not odd, f"dates follow the clock: {odd}"
        house.oracle.look(life.look(), house.provider.upstream(), final=True)
        house.control.set(clock_ns=0)
        _polls_go_on(house)
        assert dates(life) == after, "dates changed when the clock came back"
        life.stop()
        refuse_faults(house.logged())
        last_life(house)
        # Nothing here is older than a minute: whatever is deleted was deleted by the clock.
        assert house.provider.deleted == 0, f"{house.provider.deleted} messages deleted upstream"
        tally.looks = house.oracle.looks
    tally.other[f"clock jumps at {moment}"] += 1
    return tally


def _everything(house: House, life: Life) -> None:
    assert life.ready(), house.logged()
    house.provider.open.set()
    # Mail that looks like answers out of step may need a second one, without pipelining.
    results = [life.sync() for _ in range(2)]
    assert results[-1]["error"] is None, results


def _jump_at(house: House, moment: str, jump_s: int) -> None:
    def reached(name: str, number: int) -> None:
        if name == moment:
            house.control.set(clock_ns=jump_s * 10**9)

    house.provider.on_step = reached


def _polls_go_on(house: House) -> None:
    provider = house.provider
    sessions = provider.sessions
    deadline = time.monotonic() + WAIT_S
    with provider.changed:
        while provider.sessions < sessions + POLLS:
            left = deadline - time.monotonic()
            assert left > 0, f"only {provider.sessions - sessions} polls: {house.logged()}"
            provider.changed.wait(left)
    provider.on_step = lambda name, number: None


def dates(life: Life) -> dict[int, datetime]:
    """Each UID's INTERNALDATE."""
    with life.client() as client:
        client.normalise_times = False
        client.select_folder("INBOX", readonly=True)
        answer = client.fetch(client.search(), ["INTERNALDATE"])
        return {uid: items[b"INTERNALDATE"] for uid, items in answer.items()}
