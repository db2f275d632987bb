"""Sets of sequence numbers or UIDs as a client writes them (RFC 9051 §9 "sequence-set")."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

STAR = 1 << 32
"""Stands for "*": larger than any number of the protocol (32 bits)."""


@dataclass(frozen=True, slots=True)
class NumSet:
    """Inclusive ranges in the client's order; an end may be `STAR`.

    `saved` stands for "$", the messages that a search has saved (RFC 5182): it has no ranges, and
    only a session knows what it means.
    """

    ranges: tuple[tuple[int, int], ...]
    saved: bool = False

    def resolve(self, largest: int) -> tuple[tuple[int, int], ...]:
        """Ascending, disjoint ranges with "*" read as `largest`; not clipped to it.

        `5:*` with largest 3 is 3:5, because a range's ends may come in any order
        (RFC 9051 §9 "seq-range"), so a client that asks for UIDNEXT:* gets the last message.
        """
        if len(self.ranges) == 1:
            low, high = self.ranges[0]
            ends = (largest if low == STAR else low), (largest if high == STAR else high)
            return ((min(ends), max(ends)),)
        flat = sorted(
            (min(low, high), max(low, high))
            for low, high in (
                (largest if a == STAR else a, largest if b == STAR else b) for a, b in self.ranges
            )
        )
        merged: list[tuple[int, int]] = []
        for low, high in flat:
            if merged and low <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(merged[-1][1], high))
            else:
                merged.append((low, high))
        return tuple(merged)

    @classmethod
    def of(cls, numbers: Iterable[int]) -> "NumSet":
        """The smallest set holding `numbers`, ascending."""
        return cls(tuple(compact(sorted(set(numbers)))))

    def __bytes__(self) -> bytes:
        """The set as the wire writes it."""
        if self.saved:
            return b"$"
        return b",".join(
            _number(low) if low == high else _number(low) + b":" + _number(high)
            for low, high in self.ranges
        )


def compact(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Inclusive ranges that cover ascending, distinct `numbers`."""
    start = last = None
    for number in numbers:
        if last is None or start is None:
            start = last = number
        elif number == last + 1:
            last = number
        else:
            yield start, last
            start = last = number
    if start is not None and last is not None:
        yield start, last


def _number(value: int) -> bytes:
    return b"*" if value == STAR else b"%d" % value
