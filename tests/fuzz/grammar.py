"""Random sentences of small grammars, and random changes to octets that keep most of their form."""

import re
from collections.abc import Callable, Mapping
from random import Random

Rule = tuple[bytes, ...] | Callable[[Random], bytes]
"""Alternatives in which `$name` stands for another rule, the first one without recursion."""

_REFERENCE = re.compile(rb"\$([a-z][a-z0-9]*)")
_LINE_END = re.compile(rb"\n")
MAX_DEPTH = 14
MAX_OCTETS = 3_000
"""Of an input: what needs more to go wrong is for the tests of slowness and of limits."""


class Grammar:
    """Rules by name."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._rules = {
            name: rule if callable(rule) else [_REFERENCE.split(text) for text in rule]
            for name, rule in rules.items()
        }

    def sentence(self, name: str, rng: Random, depth: int = 0) -> bytes:
        """A random sentence of that rule; deep down each rule takes its first alternative."""
        rule = self._rules[name]
        if callable(rule):
            return rule(rng)
        parts = rule[0] if depth > MAX_DEPTH else rng.choice(rule)
        return b"".join(
            self.sentence(part.decode(), rng, depth + 1) if index % 2 else part
            for index, part in enumerate(parts)
        )


def change(
    octets: bytes, rng: Random, piece: Callable[[Random], bytes], tokens: tuple[bytes, ...]
) -> bytes:
    """The octets with one change: of a line, a few lines, a token, or one of them many times."""
    first, behind = _span(octets, rng)
    match rng.randrange(9):
        case 0:
            return octets[:first] + piece(rng) + octets[first:]
        case 1:
            return octets[:first] + piece(rng) + octets[behind:]
        case 2:
            at = rng.randint(0, len(octets))
            return octets[:at] + rng.choice(tokens) + octets[at:]
        case 3:
            return _other_token(octets, rng, tokens)
        case 4:
            to, _ = _span(octets, rng)
            return octets[:to] + octets[first:behind] + octets[to:]
        case 5:
            return octets[:first] + octets[behind:]
        case 6:
            return octets[:first] + _many(octets[first:behind], rng) + octets[behind:]
        case 7:
            at = rng.randint(0, len(octets))
            return octets[:at] + _many(rng.choice(tokens), rng) + octets[at:]
        case _:
            at = rng.randint(0, len(octets))
            return octets[:at] + bytes((rng.choice(_TELLING),)) + octets[at + rng.randint(0, 1) :]


_TELLING = b"\0\r\n\r\n \t\"\\(){}[]<>*%+~,;:=-&?@.'/0159aZ\x7f\x80\xc3\xa4\xff"


def _span(octets: bytes, rng: Random) -> tuple[int, int]:
    """From one line start to a later one not far away."""
    starts = [0, *(found.end() for found in _LINE_END.finditer(octets)), len(octets)]
    index = rng.randrange(len(starts))
    return starts[index], starts[min(index + rng.randint(1, 3), len(starts) - 1)]


def _other_token(octets: bytes, rng: Random, tokens: tuple[bytes, ...]) -> bytes:
    at = -1
    for _ in range(8):
        old = rng.choice(tokens)
        at = octets.find(old, rng.randint(0, len(octets)))
        if old and at >= 0:
            return octets[:at] + rng.choice(tokens) + octets[at + len(old) :]
    return octets


def _many(octets: bytes, rng: Random) -> bytes:
    times = rng.choice((2, 3, 10, 60, 101, 300))
    return octets * max(1, min(times, MAX_OCTETS // (len(octets) or 1)))
