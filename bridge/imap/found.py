"""What a search, a sort or a thread has found, as the octets to send."""

from collections.abc import Iterable, Mapping, Sequence

from bridge.imap.serialize import string

_END = -1


def numbers_data(name: bytes, numbers: Sequence[int], modseq: int | None = None) -> bytes:
    """SEARCH (RFC 3501 §7.2.5) or SORT (RFC 5256 §4); the modseq as RFC 7162 §3.1.5 has it."""
    highest = b"" if modseq is None else b" (MODSEQ %d)" % modseq
    # All at once, which takes half as long as one after the other.
    text = b" %d" * len(numbers) % tuple(numbers)
    return b"* %b%b%b\r\n" % (name, text, highest)


def esearch(tag: bytes, *, uid: bool, items: Iterable[bytes]) -> bytes:
    """ESEARCH (RFC 4466 §2.6.2); `items` are search-return-data."""
    words = (b"* ESEARCH (TAG %b)" % string(tag), *((b"UID",) if uid else ()), *items)
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
