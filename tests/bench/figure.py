"""One line of the table: what was measured, beside what, and whether that is good enough."""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class Unit(Enum):
    """What a figure counts, as the table shows it."""

    MS = "ms"
    S = "s"
    OCTETS = "octets"
    KIB = "KiB"
    MIB = "MiB"


class Line(Protocol):
    """A line of the table."""

    @property
    def name(self) -> str:
        """The work."""
        ...

    @property
    def cells(self) -> tuple[str, ...]:
        """Work, size, ours, the peer's, ratio, bar, verdict."""
        ...


@dataclass(frozen=True, slots=True)
class Figure:
    """Ours and, where there is one, the peer's, both in `unit`.

    Args:
        name: the work.
        size: messages, accounts or connections; the name says which.
        ours: what popbridge needs.
        peer: what the peer needs.
        unit: of both.
        bar: the most that is good enough, None where nothing was asked for.
        relative: whether the bar is a multiple of the peer's figure, or one in `unit`.
    """

    name: str
    size: int
    ours: float
    peer: float | None
    unit: Unit
    bar: float | None = None
    relative: bool = False

    @property
    def ratio(self) -> float | None:
        """Ours as a multiple of the peer's."""
        return self.ours / self.peer if self.peer else None

    @property
    def verdict(self) -> str:
        """Whether the bar is met, and if not by how much it is missed."""
        return verdict(self.ratio if self.relative else self.ours, self.bar)

    @property
    def cells(self) -> tuple[str, ...]:
        """As `Line.cells`."""
        counted = "x" if self.relative else self.unit.value
        bar = "-" if self.bar is None else f"{self.bar:g} {counted}"
        return (
            self.name,
            f"{self.size:,}",
            shown(self.ours, self.unit),
            shown(self.peer, self.unit),
            "-" if self.ratio is None else f"{self.ratio:.2f}",
            bar,
            self.verdict,
        )


def verdict(found: float | None, bar: float | None) -> str:
    """Whether `found` is no more than `bar`."""
    if bar is None:
        return "no bar"
    if found is None:
        return "no peer"
    return "met" if found <= bar else f"missed {found / bar:.1f} times"


def shown(value: float | None, unit: Unit) -> str:
    """A value with its unit."""
    return "-" if value is None else f"{value:,.1f} {unit.value}"


def percentile(values: list[float], share: float) -> float:
    """The value below which that share of all is."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
