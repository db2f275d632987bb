"""The order of SORT (RFC 5256 §3)."""

from collections.abc import Iterable, Sequence
from typing import Any


def ordered(found: Sequence[int], by: Sequence[tuple[Sequence[Any], bool]]) -> list[int]:
    """Ascending positions in the order of the criteria, then as they come.

    Args:
        found: positions, ascending.
        by: for each criterion, the first deciding first, the values by position and whether their
            order is reversed. Positions that it finds equal keep theirs, reversed or not.
    """
    order = list(found)
    for values, reverse in reversed(by):
        order.sort(key=values.__getitem__, reverse=reverse)
    return order


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Numbers in any order as ranges that ascend, in that order (RFC 5267 §3.2)."""
    found: list[tuple[int, int]] = []
    start = last = -1
    for number in numbers:
        if number != last + 1:
            found.append((start, last))
            start = number
        last = number
    found.append((start, last))
    return found[1:]
