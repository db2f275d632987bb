"""Which messages of a view flags and numbers decide for: all of a mailbox in a few steps.

A mask has an octet for each message, 1 where it matches, and is one large number, so that AND, OR
and NOT of twenty thousand messages are one operation each.
"""

from bisect import bisect_left, bisect_right
from functools import reduce
from itertools import compress
from operator import and_
from typing import assert_never

from bridge.model.flags import RECENT
from bridge.model.numset import NumSet
from bridge.model.search import (
    All,
    And,
    Date,
    HasFlag,
    Header,
    ModSeqAtLeast,
    Not,
    Numbers,
    Or,
    SearchKey,
    Size,
    Text,
    Within,
)
from bridge.session.view import View


def positions_of(view: View, key: SearchKey, among: range) -> list[int]:
    """The positions in `among` that match a key which flags and numbers decide."""
    mask = _Masks(view, among).of(key)
    return list(compress(among, mask.to_bytes(len(among), "little")))


class _Masks:
    """Masks of the messages at positions [start, stop)."""

    def __init__(self, view: View, among: range) -> None:
        self._view = view
        self._start, self._stop = among.start, among.stop
        self._all = int.from_bytes(b"\1" * len(among), "little")

    def of(self, key: SearchKey) -> int:
        """The mask of what matches `key`."""
        match key:
            case All():
                return self._all
            case HasFlag():
                has = self._recent() if key.flag.lower() == RECENT.lower() else self._flag(key.flag)
                return has if key.present else has ^ self._all
            case Numbers():
                return self._numbers(key.numbers, uid=key.uid)
            case ModSeqAtLeast():
                modseqs = map(self._view.modseq, range(self._start, self._stop))
                return _mask(bytes(modseq >= key.modseq for modseq in modseqs))
            case Not():
                return self.of(key.key) ^ self._all
            case Or():
                return self.of(key.left) | self.of(key.right)
            case And():
                return reduce(and_, map(self.of, key.keys), self._all)
            case Size() | Date() | Within() | Header() | Text():
                raise AssertionError("the store has to be asked for that")
            case _:
                assert_never(key)

    def _flag(self, flag: str) -> int:
        return _mask(self._view.have_flag(flag.lower(), self._start, self._stop))

    def _recent(self) -> int:
        view = self._view
        if not view.recent_count:
            return 0
        return _mask(bytes(uid in view.recent for uid in view.uids[self._start : self._stop]))

    def _numbers(self, numbers: NumSet, *, uid: bool) -> int:
        view, size = self._view, self._stop - self._start
        found = bytearray(size)
        for low, high in numbers.resolve(view.last_uid if uid else view.count):
            if uid:
                first, end = bisect_left(view.uids, low), bisect_right(view.uids, high)
            else:
                first, end = low - 1, high
            first, end = max(first - self._start, 0), min(end - self._start, size)
            if first < end:
                found[first:end] = b"\1" * (end - first)
        return _mask(found)


def _mask(octets: bytes | bytearray) -> int:
    return int.from_bytes(octets, "little")
