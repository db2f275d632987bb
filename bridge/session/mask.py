"""What a search asks of messages that a view has: all of them in a few steps.

See `bridge.query.evaluate` for what a mask is.
"""

from bisect import bisect_left
from collections.abc import Iterable
from itertools import compress

from bridge.model.flags import RECENT
from bridge.model.numset import NumSet
from bridge.query.evaluate import Mask, Stored
from bridge.session.view import View


class InView:
    """The messages at positions [start, stop) of a view; flags and numbers can be asked for."""

    def __init__(self, view: View, among: range) -> None:
        self.view = view
        self.uids = view.uids[among.start : among.stop]
        self._start, self._stop = among.start, among.stop

    @property
    def every(self) -> Mask:
        """All of them, but for those that are expunged and not yet announced."""
        uids, vanished = self.uids, self.view.vanished
        found = bytearray(b"\1" * len(uids))
        for uid in vanished:
            at = bisect_left(uids, uid)
            if at < len(uids) and uids[at] == uid:
                found[at] = 0
        return _mask(found)

    def positions(self, mask: Mask) -> list[int]:
        """Where those of a mask stand in the view."""
        return list(compress(range(self._start, self._stop), self._octets(mask)))

    def uids_of(self, mask: Mask) -> list[int]:
        """The UIDs of those of a mask."""
        return list(compress(self.uids, self._octets(mask)))

    def at(self, positions: Iterable[int]) -> Mask:
        """Those at positions of the view."""
        found = bytearray(self._stop - self._start)
        for position in positions:
            found[position - self._start] = 1
        return _mask(found)

    def among_uids(self, uids: Iterable[int]) -> Mask:
        """Those whose UID is one of `uids`, which may have others."""
        return _mask(bytes(map(set(uids).__contains__, self.uids)))

    def with_flag(self, flag: str) -> Mask:
        """As `Messages.with_flag`."""
        if flag == RECENT.lower():
            return self._in_ranges(self.view.recent.ranges())
        return _mask(self.view.have_flag(flag, self._start, self._stop))

    def numbered(self, numbers: NumSet, *, uid: bool) -> Mask:
        """As `Messages.numbered`."""
        view = self.view
        ranges = numbers.resolve(view.last_uid if uid else view.count)
        if uid:
            return self._in_ranges((low, high + 1) for low, high in ranges)
        size = self._stop - self._start
        return _filled(size, ((low - 1 - self._start, high - self._start) for low, high in ranges))

    def changed(self, modseq: int) -> Mask:
        """As `Messages.changed`."""
        modseqs = self.view.modseqs(self._start, self._stop)
        return _mask(bytes([one >= modseq for one in modseqs]))

    def stored(self, key: Stored, among: Mask) -> Mask:
        """As `Messages.stored`."""
        raise AssertionError("the store has to be asked for that")

    def _in_ranges(self, ranges: Iterable[tuple[int, int]]) -> Mask:
        """Those whose UID is in half-open ranges."""
        uids = self.uids
        ends = ((bisect_left(uids, low), bisect_left(uids, end)) for low, end in ranges)
        return _filled(len(uids), ends)

    def _octets(self, mask: Mask) -> bytes:
        return mask.to_bytes(self._stop - self._start, "little")


def _filled(size: int, runs: Iterable[tuple[int, int]]) -> Mask:
    """Those of `size` messages that are in half-open runs, which may lie outside."""
    found = bytearray(size)
    for start, end in runs:
        first, last = max(start, 0), min(end, size)
        if first < last:
            found[first:last] = b"\1" * (last - first)
    return _mask(found)


def _mask(octets: bytes | bytearray) -> Mask:
    return int.from_bytes(octets, "little")
