"""What a search asks of messages that a view has: all of them in a few steps.

See `bridge.query.evaluate` for what a mask is.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import compress

from bridge.model.flags import RECENT
from bridge.model.numset import NumSet
from bridge.query.evaluate import Mask, Stored
from bridge.session.view import View

_LOOK_UP = 8
"""To look one number up takes as long as to pass over so many."""


class InView:
    """The messages at positions [start, stop) of a view; flags and numbers can be asked for."""

    def __init__(self, view: View, among: range) -> None:
        self.view = view
        self.uids = view.uids[among.start : among.stop]
        self._start, self._stop = among.start, among.stop

    @property
    def every(self) -> Mask:
        """All of them, but for those that are expunged and not yet announced."""
        size = len(self.uids)
        if not len(self.view.vanished):
            return _filled(size, [(0, size)])
        return _filled(size, [(0, size)]) ^ self.among_uids(list(self.view.vanished))

    def positions(self, mask: Mask) -> Sequence[int]:
        """Where those of a mask stand in the view, ascending."""
        octets = self.octets(mask)
        first, end = octets.find(1), octets.rfind(1) + 1
        if end - first == octets.count(1):
            # The newest, or all of them, as is often so.
            return range(self._start + first, self._start + end)
        return list(compress(range(self._start, self._stop), octets))

    def uids_of(self, mask: Mask) -> Sequence[int]:
        """The UIDs of those of a mask, ascending."""
        octets = self.octets(mask)
        return list(compress(self.uids, octets)) if 0 in octets else self.uids

    def among_uids(self, uids: Sequence[int]) -> Mask:
        """Those whose UID is one of `uids`, which may have others."""
        known = self.uids
        if len(uids) * _LOOK_UP > len(known):
            return _mask(bytes(map(set(uids).__contains__, known)))
        found = bytearray(len(known))
        for uid in uids:
            at = bisect_left(known, uid)
            if at < len(known) and known[at] == uid:
                found[at] = 1
        return _mask(found)

    def with_flag(self, flag: str) -> Mask:
        """As `Messages.with_flag`."""
        if flag == RECENT.lower():
            return self._in_ranges(self.view.recent.ranges())
        return _mask(self.view.have_flag(flag, self._start, self._stop))

    def numbered(self, numbers: NumSet, *, uid: bool) -> Mask:
        """As `Messages.numbered`."""
        view = self.view
        if numbers.saved:
            return self.among_uids(view.saved)
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

    def octets(self, mask: Mask) -> bytes:
        """A mask's octets."""
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
