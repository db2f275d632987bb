"""What `make torture` does: units of work by kind and seed, and how many of each make a whole."""

from collections.abc import Callable
from functools import partial

from tests.torture import calls, clock, kills, wire
from tests.torture.house import World
from tests.torture.kills import Tally
from tests.torture.provider import QUIRKS

Unit = Callable[[World, int], Tally]

KINDS: dict[str, Unit] = {
    "kills": kills.torture,
    "kills-delete": partial(kills.torture, policy="delete"),
    "quirks": partial(kills.torture, quirks=True),
    "quirks-delete": partial(kills.torture, policy="delete", quirks=True),
    "power": partial(kills.torture, power=True),
    "power-delete": partial(kills.torture, policy="delete", power=True),
    "wire": wire.torture,
    "wire-delete": partial(wire.torture, policy="delete"),
    "daemon-wire": wire.through_daemon,
    "calls": calls.torture,
    "calls-delete": partial(calls.torture, policy="delete"),
    "clock": clock.torture,
    "clock-delete-after": partial(clock.torture, policy="delete-after=30d"),
}

WHOLE = {
    "kills": 120,
    "kills-delete": 120,
    "quirks": 2 * len(QUIRKS),
    "quirks-delete": 2 * len(QUIRKS),
    "power": 30,
    "power-delete": 30,
    "wire": len(wire.HOWS),
    "wire-delete": len(wire.HOWS),
    "daemon-wire": 30,
    "calls": len(calls.MODES),
    "calls-delete": len(calls.MODES),
    "clock": len(clock.JUMPS_S) * len(clock.MOMENTS),
    "clock-delete-after": len(clock.JUMPS_S) * len(clock.MOMENTS),
}
"""Seeds of each kind that make a whole: with them more than 2,000 kills, every octet, every k."""

KILLS = 2000
