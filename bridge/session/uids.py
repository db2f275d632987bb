"""Sets of UIDs in a few octets each: what a session remembers must not grow as objects do."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator


class UidArray:
    """UIDs in an ascending array: 4 octets each."""

    __slots__ = ("_uids",)

    def __init__(self) -> None:
        self._uids = array("I")

    def __len__(self) -> int:
        return len(self._uids)

    def __iter__(self) -> Iterator[int]:
        return iter(self._uids)

    def __contains__(self, uid: int) -> bool:
        found = bisect_left(self._uids, uid)
        return found < len(self._uids) and self._uids[found] == uid

    def add(self, uids: Iterable[int]) -> None:
        """Adds UIDs."""
        more = {uid for uid in uids if uid not in self}
        if more:
            self._uids = array("I", sorted([*self._uids, *more]))

    def clear(self) -> None:
        """Removes all."""
        self._uids = array("I")


class UidRanges:
    """UIDs in half-open ranges that ascend."""

    __slots__ = ("_ends", "_starts")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def __contains__(self, uid: int) -> bool:
        found = bisect_right(self._starts, uid)
        return found > 0 and uid < self._ends[found - 1]

    def add(self, start: int, end: int) -> None:
        """Adds [start, end)."""
        at = bisect_left(self._ends, start)
        until = bisect_right(self._starts, end)
        if at < until:
            start, end = min(start, self._starts[at]), max(end, self._ends[until - 1])
        self._starts[at:until], self._ends[at:until] = [start], [end]

    def ranges(self) -> Iterator[tuple[int, int]]:
        """The half-open ranges, ascending."""
        return zip(self._starts, self._ends, strict=True)

    def count(self, uids: "array[int]") -> int:
        """How many of ascending `uids` are in the set."""
        return sum(
            bisect_left(uids, end) - bisect_left(uids, start) for start, end in self.ranges()
        )
