"""What targets share: how octets are cut, and how much an object holds on to."""

import re
from collections.abc import Iterator
from enum import Enum
from itertools import pairwise
from random import Random

_LINE_END = re.compile(rb"\n")
CONTROL_OCTETS = 4
"""Before what is read: the seed of cuts and decisions."""


def split(octets: bytes) -> tuple[Random, bytes]:
    """Chance that depends on the first octets alone, and the octets to be read."""
    return Random(int.from_bytes(octets[:CONTROL_OCTETS], "big")), octets[CONTROL_OCTETS:]


def chunks(octets: bytes, rng: Random) -> Iterator[bytes]:
    """The octets cut at random: single octets, a few large pieces, or many of any size."""
    size = len(octets)
    match rng.randrange(4):
        case 0 if size <= 300:
            cuts = list(range(1, size))
        case 1:
            cuts = [rng.randint(0, size) for _ in range(rng.randint(1, 3))]
        case 2:
            # At line ends and just before and behind them, where readers look ahead.
            ends = [found.start() for found in _LINE_END.finditer(octets)]
            cuts = [at + rng.randint(-1, 3) for at in ends[:40]]
        case _:
            cuts = [rng.randint(0, size) for _ in range(min(size // 3, 30))]
    edges = sorted({min(max(cut, 0), size) for cut in cuts} | {0, size})
    for start, end in pairwise(edges):
        yield octets[start:end]


def held(root: object) -> int:
    """Octets and characters in all that hangs on an object, each counted once."""
    seen: set[int] = set()
    waiting, total = [root], 0
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, Enum | type):
            continue
        seen.add(id(one))
        if isinstance(one, bytes | bytearray | str):
            total += len(one)
        elif isinstance(one, list | tuple | set | frozenset):
            waiting.extend(one)
        elif isinstance(one, dict):
            waiting.extend(one.values())
        elif type(one).__module__.startswith("bridge."):
            waiting.extend(_attributes(one))
    return total


def _attributes(one: object) -> Iterator[object]:
    yield from getattr(one, "__dict__", {}).values()
    for kind in type(one).__mro__:
        names = getattr(kind, "__slots__", ())
        for name in (names,) if isinstance(names, str) else names:
            if hasattr(one, name):
                yield getattr(one, name)
