"""kill -9 and SIGTERM at each step of a POP session, at each call that writes, and at any time."""

import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from threading import Timer
from typing import Any

from tests.torture.house import STOP_S, WAIT_S, House, Life, World, chance_of
from tests.torture.mail import letters
from tests.torture.power import PowerCut
from tests.torture.provider import QUIRKS, STEPS
from tests.torture.shim import Moment

LIVES = 8
SESSION_S = 0.15
"""About as long as a session takes: instants are chosen from it."""

DELAYS_S = (0.0, 0.0, 0.0, 0.001, 0.004, 0.02)
"""Between a step and the kill: what was sent is then on its way, read, or being worked on."""

CALLS = 30
SYNCS = 4
"""Syncs after which all that can be fetched must be."""


@dataclass(frozen=True, slots=True)
class Plan:
    """When a life ends.

    `when` is step, instant, call or start; `which` counts steps of that name, or calls.
    """

    when: str
    step: str = ""
    which: int = 1
    delay_s: float = 0.0
    moment: Moment = Moment.BEFORE
    sign: signal.Signals = signal.SIGKILL

    @classmethod
    def drawn(cls, chance: Random, steps: tuple[str, ...] = STEPS) -> "Plan":
        """Steps mostly, then instants of a session, then calls, and sometimes the start."""
        (when,) = chance.choices(("step", "instant", "call", "start"), (10, 5, 5, 2))
        sign = signal.SIGTERM if chance.random() < 0.15 else signal.SIGKILL
        if when == "step":
            return cls(
                when,
                step=chance.choice(steps),
                which=chance.choice((1, 1, 1, 2, 3, 5)),
                delay_s=chance.choice(DELAYS_S),
                sign=sign,
            )
        if when == "call":
            return cls(when, which=chance.randint(1, CALLS), moment=chance.choice(list(Moment)))
        if when == "start":
            return cls(when, delay_s=chance.uniform(0, 0.3))
        return cls(when, delay_s=chance.uniform(0, SESSION_S), sign=sign)


@dataclass(slots=True)
class Tally:
    """What was done."""

    kills: int = 0
    terms: int = 0
    in_session: int = 0
    looks: int = 0
    steps: "Counter[str]" = field(default_factory=Counter)
    other: "Counter[str]" = field(default_factory=Counter)

    def __post_init__(self) -> None:
        # As JSON brings them.
        self.steps, self.other = Counter(self.steps), Counter(self.other)

    def form(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {name: getattr(self, name) for name in self.__slots__}

    def add(self, other: "Tally") -> None:
        """Adds up."""
        self.kills += other.kills
        self.terms += other.terms
        self.in_session += other.in_session
        self.looks += other.looks
        self.steps += other.steps
        self.other += other.other


def torture(
    world: World,
    seed: int,
    *,
    policy: str = "keep",
    power: bool = False,
    quirks: bool = False,
    lives: int = LIVES,
) -> Tally:
    """Some lives of one store, each ended by force, then one in which all must come right."""
    chance, tally = chance_of(f"{'power' if power else 'kills'} {policy}", seed), Tally()
    secure, hides = chance.random() < 0.3, chance.random() < 0.5
    quirk = QUIRKS[seed % len(QUIRKS)] if quirks else ""
    never = {"stat"} if policy != "keep" else {"stat", "dele"}
    steps = tuple(step for step in STEPS if step not in never and (step != "stls" or secure))
    number = 0
    # A provider that hides what it has shown, and is asked for it again and again, hides it.
    hides = hides and not quirk
    secure = secure and quirk != "no CAPA"
    with world.house(policy, secure=secure, hides=hides, quirk=quirk) as house:
        cut = PowerCut(house, chance) if power else None
        for _ in range(lives):
            fresh = letters(chance, chance.choice((0, 2, 3, 6, 9, 12)), number, large=0.02)
            number += len(fresh)
            house.deliver(fresh)
            if cut is not None:
                cut.begin()
            one_life(house, Plan.drawn(chance, steps), tally, power=power)
            if cut is not None:
                cut.happen()
                tally.other["power cuts"] += 1
        last_life(house, ordered=not quirk)
        tally.looks = house.oracle.looks
        tally.other["deleted upstream"] += house.provider.deleted
    if quirk:
        tally.other[f"lives with {quirk}"] += lives
    return tally


def one_life(house: House, plan: Plan, tally: Tally, *, power: bool = False) -> None:
    """A life that ends as planned, beginning with a look at what the one before has left."""
    provider, broken = house.provider, house.provider.broken
    life = house.start(journal=power)
    if plan.when == "start":
        if not life.died(plan.delay_s):
            life.kill()
    elif life.ready():
        house.oracle.look(life.look(), provider.upstream())
        _arm(house, life, plan)
        life.ask_sync()
        provider.open.set()
        if life.synced() is not None and plan.when != "instant":
            # It never came to what was planned.
            life.kill(plan.sign)
    else:
        raise AssertionError(f"it did not start: {house.logged()}")
    code = life.buried(STOP_S + 5 if plan.sign == signal.SIGTERM else WAIT_S)
    provider.on_step = lambda name, number: None
    if plan.sign == signal.SIGTERM:
        assert code == 0, f"exit {code}: {house.logged()}"
        tally.terms += 1
    else:
        assert code == -signal.SIGKILL, f"exit {code}: {house.logged()}"
        tally.kills += 1
        tally.in_session += provider.broken > broken
    tally.steps[plan.step or plan.when] += 1
    refuse_faults(house.logged())


def _arm(house: House, life: Life, plan: Plan) -> None:
    match plan.when:
        case "step":

            def reached(name: str, number: int) -> None:
                if (name, number) == (plan.step, plan.which):
                    time.sleep(plan.delay_s)
                    life.kill(plan.sign)

            house.provider.on_step = reached
        case "instant":
            Timer(plan.delay_s, life.kill, [plan.sign]).start()
        case "call":
            house.control.die(house.control.get("calls") + plan.which, plan.moment)


def last_life(house: House, *, ordered: bool = True, **shim: int) -> dict[str, Any]:
    """A life that nothing disturbs, and its last look."""
    house.provider.heal()
    life = house.start(**shim)
    assert life.ready(), f"it did not start: {house.logged()}"
    house.oracle.look(life.look(), house.provider.upstream())
    house.provider.open.set()
    for _ in range(SYNCS):
        result = life.sync()
    assert result["error"] is None, result
    seen = life.look()
    house.oracle.look(seen, house.provider.upstream(), final=True)
    if ordered:
        house.oracle.order(seen)
    life.stop()
    refuse_faults(house.logged())
    return result


def refuse_faults(log: str) -> None:
    """A traceback is a fault of the program, whatever happened to it."""
    assert "Traceback" not in log and "BR-BUG" not in log, log
