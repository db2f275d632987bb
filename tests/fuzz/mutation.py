"""The inputs of a target: random sentences of its grammar, and changes to inputs that exist."""

from random import Random
from types import ModuleType

from tests.fuzz.common import CONTROL_OCTETS
from tests.fuzz.grammar import MAX_OCTETS, change


def generate(module: ModuleType, rng: Random) -> bytes:
    """An input out of nothing."""
    octets: bytes = module.piece(rng)
    for _ in range(rng.choice((0, 0, 0, 1, 2, 5))):
        octets = change(octets, rng, module.piece, module.TOKENS)
    return rng.randbytes(CONTROL_OCTETS) + octets[:MAX_OCTETS]


def mutate(module: ModuleType, octets: bytes, rng: Random) -> bytes:
    """The input changed a little; now and then it is only cut differently."""
    control, wire = octets[:CONTROL_OCTETS], octets[CONTROL_OCTETS:]
    if rng.random() < 0.15:
        return rng.randbytes(CONTROL_OCTETS) + wire
    return control.ljust(CONTROL_OCTETS, b"\0") + change(wire, rng, module.piece, module.TOKENS)
