"""Whether something is flat: a line through samples, and how sure its slope is."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, median

BLOCKS = 12
"""Samples that follow each other are alike: it is blocks of them that are taken for independent."""


@dataclass(frozen=True, slots=True)
class Slope:
    """Per second; `noise` is twice the standard error."""

    value: float
    noise: float


def slope(samples: Sequence[tuple[float, float]]) -> Slope:
    """The least squares' line through (time, value), of the medians of `BLOCKS` blocks."""
    size = max(1, len(samples) // BLOCKS)
    blocks = [samples[start : start + size] for start in range(0, len(samples) - size + 1, size)]
    points = [(median(at for at, _ in block), median(v for _, v in block)) for block in blocks]
    at, value = fmean(x for x, _ in points), fmean(y for _, y in points)
    spread = sum((x - at) ** 2 for x, _ in points)
    rise = sum((x - at) * (y - value) for x, y in points) / spread
    rest = sum((y - value - rise * (x - at)) ** 2 for x, y in points)
    return Slope(rise, 2 * sqrt(rest / max(1, len(points) - 2) / spread))
