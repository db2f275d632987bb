"""What a search, a sort or a thread has found, as the octets to send."""

from collections.abc import Iterable, Mapping, Sequence

from bridge.imap.serialize import string

KEPT_NUMBERS = 1 << 15
"""Of which the written form is kept, once a mailbox is as large: at most 2 MiB."""

_END = -1
_written: list[bytes] = []


def numbers_data(name: bytes, numbers: Sequence[int], modseq: int | None = None) -> bytes:
    """SEARCH (RFC 3501 §7.2.5) or SORT (RFC 5256 §4); the modseq as RFC 7162 §3.1.5 has it."""
    highest = b"" if modseq is None else b" (MODSEQ %d)" % modseq
    return b"* %b%b%b\r\n" % (name, _spaced(numbers), highest)


def _spaced(numbers: Sequence[int]) -> bytes:
    """Each number behind a space.

    Written numbers are kept: to look them up takes half as long as to write them all at once, and
    to copy a run of them a sixth.
    """
    highest = max(numbers, default=0)
    if highest >= KEPT_NUMBERS:
        return b" %d" * len(numbers) % tuple(numbers)
    written = _written
    if highest >= len(written):
        written = _grown(highest)
    if isinstance(numbers, range) and numbers.step == 1:
        return b"".join(written[numbers.start : numbers.stop])
    return b"".join(map(written.__getitem__, numbers))


def _grown(highest: int) -> list[bytes]:
    """The written numbers, now up to `highest` at least."""
    global _written
    size = min(KEPT_NUMBERS, max(2 * len(_written), highest + 1))
    # Other threads may be at it too: a list that is finished takes the place of the last.
    _written = [b" %d" % number for number in range(size)]
    return _written


def esearch(tag: bytes, *, uid: bool, items: Iterable[bytes], source: bytes = b"") -> bytes:
    """ESEARCH (RFC 4466 §2.6.2).

    Args:
        tag: of the command.
        uid: whether it tells UIDs.
        items: search-return-data.
        source: which mailbox it is of, behind a space (RFC 7377 §2.1).
    """
    words = (b"* ESEARCH (TAG %b%b)" % (string(tag), source), *((b"UID",) if uid else ()), *items)
    return b" ".join(words) + b"\r\n"


def set_of(ranges: Iterable[tuple[int, int]]) -> bytes:
    """sequence-set out of inclusive ranges, in their order."""
    return ",".join(str(low) if low == high else f"{low}:{high}" for low, high in ranges).encode(
        "ascii"
    )


def thread_data(
    roots: Sequence[int], children: Mapping[int, Sequence[int]], numbers: Sequence[int]
) -> bytes:
    """THREAD (RFC 5256 §4).

    Args:
        roots: the first messages of the threads.
        children: of those that have any, in order.
        numbers: what to say for each message; what is beyond it is a dummy, which isn't named.
    """
    pieces = ["* THREAD "] if roots else ["* THREAD"]
    ahead = list(reversed(roots))
    while ahead:
        node = ahead.pop()
        if node == _END:
            pieces.append(")")
            continue
        below = children.get(node)
        if below is None:
            pieces.append(f"({numbers[node]})")
            continue
        members = [str(numbers[node])] if node < len(numbers) else []
        # One child after another stands in its parent's list, until there are several.
        while below is not None and len(below) == 1:
            node = below[0]
            members.append(str(numbers[node]))
            below = children.get(node)
        pieces.append("(" + " ".join(members))
        if below is None:
            pieces.append(")")
            continue
        if members:
            pieces.append(" ")
        ahead.append(_END)
        ahead += reversed(below)
    return "".join((*pieces, "\r\n")).encode("ascii")
