"""What a client that comes back hasn't heard of (RFC 7162 §3.2.5, §3.2.6)."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence

from bridge.imap.found import set_of
from bridge.model.numset import NumSet, compact
from bridge.session.view import View
from bridge.store.tx import ReadTx

Ranges = Sequence[tuple[int, int]]
"""Inclusive, ascending."""


def known_uids(view: View, known: NumSet | None, sample: tuple[NumSet, NumSet] | None) -> Ranges:
    """The UIDs that a client may know and wants to hear of.

    Args:
        view: the mailbox as the client is told that it is.
        known: what it says that it knows; None for all that ever were.
        sample: sequence numbers with the UIDs that they had when it left. Where one still has it,
            as many messages are before it as were then, so none of them is gone.
    """
    first, last = 1, view.mailbox.uidnext - 1
    if sample is not None:
        first = _last_match(view.uids, *sample) + 1
    ranges = ((1, last),) if known is None else known.resolve(last)
    clipped = ((max(low, first), min(high, last)) for low, high in ranges)
    return [(low, high) for low, high in clipped if low <= high]


def vanished_earlier(tx: ReadTx, view: View, among: Ranges, since: int) -> bytes:
    """VANISHED (EARLIER) with those of the UIDs that were expunged after `since`, or b"".

    Where that isn't remembered any more, with all of them that the mailbox hasn't: so nothing that
    is gone stays with the client, and nothing that is there is said to be gone. What is expunged
    and still has its place in the view is told of later, without EARLIER.
    """
    if not among:
        return b""
    expunged = tx.expunged_between(view.mailbox.id, since, view.mailbox.highest_modseq)
    if expunged is None:
        gone = [gap for low, high in among for gap in _gaps(view.uids, low, high)]
    else:
        waiting = set(view.vanished)
        gone = list(compact(uid for uid in _within(expunged, among) if uid not in waiting))
    return b"* VANISHED (EARLIER) %b\r\n" % set_of(gone) if gone else b""


def _last_match(uids: Sequence[int], numbers: NumSet, known: NumSet) -> int:
    """The highest of the known UIDs that stands where the client says, or 0."""
    found = 0
    for number, uid, count in _pairs(numbers, known):
        # How far UIDs are ahead of their numbers never falls: one place in a run can be looked up.
        ahead, last = uid - number, min(number + count - 1, len(uids))
        at = bisect_right(range(last), ahead, number - 1, key=lambda p: uids[p] - p - 1)
        if at >= number and uids[at - 1] - at == ahead:
            found = uids[at - 1]
    return found


def _pairs(numbers: NumSet, uids: NumSet) -> Iterator[tuple[int, int, int]]:
    """Runs of both sets side by side: the first number, its UID, and how many follow each other."""
    numbered, identified = list(numbers.ranges), list(uids.ranges)
    while numbered and identified:
        (number, last_number), (uid, last_uid) = numbered.pop(0), identified.pop(0)
        count = min(last_number - number, last_uid - uid) + 1
        yield number, uid, count
        if number + count <= last_number:
            numbered.insert(0, (number + count, last_number))
        if uid + count <= last_uid:
            identified.insert(0, (uid + count, last_uid))


def _within(uids: Sequence[int], among: Ranges) -> Iterable[int]:
    for low, high in among:
        yield from uids[bisect_left(uids, low) : bisect_right(uids, high)]


def _gaps(uids: Sequence[int], low: int, high: int) -> Iterator[tuple[int, int]]:
    """Ranges of what is in [low, high] and not in `uids`."""
    for uid in uids[bisect_left(uids, low) : bisect_right(uids, high)]:
        if uid > low:
            yield low, uid - 1
        low = uid + 1
    if low <= high:
        yield low, high
