"""Which listed messages a sync retrieves: a pure function of listing and ledger.

A listing is evidence, not truth: nothing here can remove a message, and a UIDL that is missing
from the listing changes nothing.
"""

from collections import defaultdict, deque
from collections.abc import Iterable

from bridge.model.upstream import Known, LedgerState, Listed, Listing, Retrieve, SyncPlan

MAX_MESSAGE_OCTETS = 1 << 30
"""Larger messages stay upstream as *too large*."""

SETTLED = frozenset(
    {LedgerState.STORED, LedgerState.ODD, LedgerState.POISONED, LedgerState.TOO_LARGE}
)
"""States in which a message isn't fetched again."""


def plan(
    listing: Listing, known: Iterable[Known], *, max_size: int = MAX_MESSAGE_OCTETS
) -> SyncPlan:
    """What to retrieve, ascending by number; then suspects; then what failed before, alone.

    A UIDL that is listed several times is matched with as many ledger rows as bear it, in the
    order of their generations; each further occurrence is a message of its own, for two messages
    listed together are always two. A message without UIDL is retrieved every time: only its
    octets can tell whether it is known.
    """
    rows = _by_uidl(known)
    fresh: list[Retrieve] = []
    suspects: list[Retrieve] = []
    alone: list[Retrieve] = []
    too_large: list[Listed] = []
    for listed in sorted(listing.messages, key=lambda message: message.number):
        row = rows[listed.uidl].popleft() if listed.uidl and rows[listed.uidl] else None
        if row is not None and row.state in SETTLED:
            continue
        if listed.size > max_size:
            too_large.append(listed)
        elif row is None:
            fresh.append(Retrieve(listed))
        elif row.attempts:
            alone.append(Retrieve(listed, row.id, alone=True))
        elif row.state is LedgerState.SUSPECT:
            suspects.append(Retrieve(listed, row.id))
        else:
            fresh.append(Retrieve(listed, row.id))
    return SyncPlan(
        retrieve=(*fresh, *suspects, *alone),
        too_large=tuple(too_large),
        warnings=tuple(_warnings(listing)),
    )


def _by_uidl(known: Iterable[Known]) -> "defaultdict[bytes, deque[Known]]":
    rows: defaultdict[bytes, deque[Known]] = defaultdict(deque)
    for row in sorted(known, key=lambda row: (row.generation, row.id)):
        rows[row.uidl].append(row)
    return rows


def _warnings(listing: Listing) -> Iterable[str]:
    uidls = [listed.uidl for listed in listing.messages]
    blank = uidls.count(None)
    doubled = len(uidls) - blank - len({uidl for uidl in uidls if uidl is not None})
    if blank:
        yield f"The provider gives no UIDL for {blank} messages; they are told apart by content."
    if doubled:
        yield f"The provider lists {doubled} messages under a UIDL that another one has."
