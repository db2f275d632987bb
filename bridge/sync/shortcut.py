"""What needs no second look in a listing: of a hundred thousand messages, nearly all. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bridge.model.upstream import Listed, Listing

Line = tuple[int, bytes, int, int, int, int]
"""As `LedgerReads.known_lines` gives it."""


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A listing without what is beyond doubt.

    `rows` are the numbers of the other rows that were listed the last time, and `away` of those
    that weren't, ascending; `undeleted` counts what is beyond doubt and was never deleted upstream.
    """

    listing: Listing
    rows: tuple[int, ...]
    away: tuple[int, ...]
    certain: int
    undeleted: int


def shortcut(listing: Listing, lines: Sequence[Line], *, sizes_trusted: bool) -> Shortcut:
    """The messages whose UIDL is unique in listing and ledger, and whose size is what it was."""
    times = Counter(line[1] for line in lines)
    settled = {line[1]: line for line in lines if line[3] and times[line[1]] == 1}
    listed_times = Counter(listed.uidl for listed in listing.messages)
    rest: list[Listed] = []
    taken: set[int] = set()
    undeleted = 0
    for listed in listing.messages:
        line = settled.get(listed.uidl or b"")
        same = line is not None and (not sizes_trusted or line[2] == listed.size)
        if line is None or not same or listed_times[listed.uidl] > 1:
            rest.append(listed)
        else:
            taken.add(line[0])
            undeleted += line[5]
    others = sorted(line[:1] + line[4:5] for line in lines if line[0] not in taken)
    return Shortcut(
        Listing(tuple(rest)),
        tuple(row for row, there in others if there),
        tuple(row for row, there in others if not there),
        len(taken),
        undeleted,
    )
