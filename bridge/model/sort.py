"""How what a search finds is put in order and told (RFC 5256, 5957, 4731, 9394)."""

from dataclasses import dataclass
from enum import Enum


class SortKey(Enum):
    """What SORT can compare; the values are the words of the command."""

    ARRIVAL = "ARRIVAL"
    CC = "CC"
    DATE = "DATE"
    DISPLAYFROM = "DISPLAYFROM"
    DISPLAYTO = "DISPLAYTO"
    FROM = "FROM"
    SIZE = "SIZE"
    SUBJECT = "SUBJECT"
    TO = "TO"


@dataclass(frozen=True, slots=True)
class SortCriterion:
    """A key; `reverse` turns its own order about, not that of messages which it finds equal."""

    key: SortKey
    reverse: bool = False


class ThreadAlgorithm(Enum):
    """The values are the words of THREAD and of the capability."""

    ORDEREDSUBJECT = "ORDEREDSUBJECT"
    REFERENCES = "REFERENCES"
    REFS = "REFS"


@dataclass(frozen=True, slots=True)
class Partial:
    """Places [first, last] in what was found, from 1; from -1 backwards where they are negative.

    As the client wrote them: either may be the lower one.
    """

    first: int
    last: int

    def of(self, count: int) -> slice:
        """Which of `count` results these are; an empty slice where there are none."""
        low, high = sorted((self.first, self.last))
        if low < 0:
            low, high = count + 1 + low, count + 1 + high
        return slice(max(low - 1, 0), max(high, 0))


@dataclass(frozen=True, slots=True)
class Returns:
    """What RETURN asks for: of MIN, MAX, COUNT, ALL and SAVE, or a part of ALL."""

    options: frozenset[str]
    partial: Partial | None = None

    @property
    def saves(self) -> bool:
        """Whether what is found is to be remembered for "$" (RFC 5182)."""
        return "SAVE" in self.options
