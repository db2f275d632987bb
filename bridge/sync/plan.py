"""Which listed messages a sync retrieves: a pure function of listing and ledger.

A listing is evidence, not truth: nothing here can remove a message, and a UIDL that is missing
from the listing changes nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from bridge.model.upstream import (
    Inquiry,
    Known,
    LedgerState,
    Listed,
    Listing,
    Retrieve,
    SyncPlan,
)
from bridge.sync.matching import Doubt, Match, Matching, match
from bridge.sync.suspects import is_due

MAX_MESSAGE_OCTETS = 1 << 30
"""Larger messages stay upstream as *too large*."""

MAX_DOUBTED = 20
"""Messages that one session retrieves because their size changed, and headers that it asks for
because they were away for a short time: where all are, the server is odd and the mail the same."""

SETTLED = frozenset(
    {
        LedgerState.STORED,
        LedgerState.ODD,
        LedgerState.POISONED,
        LedgerState.TOO_LARGE,
        LedgerState.ELSEWHERE,
    }
)
"""States in which a message isn't fetched again."""

WINDOWS = frozenset({250, 300})
"""Numbers of messages at which some providers cut their listings."""


def plan(
    listing: Listing, known: Iterable[Known], *, max_size: int = MAX_MESSAGE_OCTETS
) -> SyncPlan:
    """What to retrieve, as `planned` tells it, as if every suspect were due."""
    return planned(match(listing, known), max_size=max_size)


def planned(
    matching: Matching,
    *,
    max_size: int = MAX_MESSAGE_OCTETS,
    now: datetime | None = None,
    prove: bool = False,
    changed: bool = False,
    pool: Sequence[Known] | None = None,
) -> SyncPlan:
    """What to retrieve, ascending by number; then suspects; then what failed before, alone.

    A message without UIDL is retrieved unless its header and size are those of one that is held:
    for that its header is asked for. So it is for every new UIDL where UIDLs have `changed`.

    Args:
        matching: listing and ledger.
        max_size: octets; what is larger stays upstream.
        now: aware; None takes every suspect for due.
        prove: whether what was recognised by its header alone is retrieved after all.
        changed: whether most UIDLs of the listing are new.
        pool: rows that may be recognised by header and size; None for all that the listing lacks.
    """
    retrieve: list[Retrieve] = []
    inquire: list[Inquiry] = []
    too_large: list[Listed] = []
    superseded: list[int] = []
    pool = matching.left if pool is None else pool
    sizes = {row.size for row in pool if row.full_hash and row.header_hash}
    for listed in matching.new:
        if listed.size > max_size:
            too_large.append(listed)
        elif (changed or listed.uidl is None) and listed.size in sizes:
            inquire.append(Inquiry(listed, None, Retrieve(listed)))
        else:
            retrieve.append(Retrieve(listed))
    doubted, deferred = _doubted(matching)
    for found in matching.matches:
        if found.row.state is LedgerState.TOO_LARGE and max_size < max(
            found.row.size, found.listed.size
        ):
            continue
        if found.doubt is Doubt.SIZE and found.listed.number not in doubted:
            continue
        wanted = _wanted(found, now, prove=prove, ask=found.listed.number in doubted)
        if wanted is not None and found.listed.size > max_size and isinstance(wanted, Retrieve):
            too_large.append(found.listed)
            if wanted.doubted:
                superseded.append(found.row.id)
        elif isinstance(wanted, Inquiry):
            inquire.append(wanted)
        elif wanted is not None:
            retrieve.append(wanted)
    return SyncPlan(
        retrieve=in_order(retrieve),
        too_large=tuple(sorted(too_large, key=lambda listed: listed.number)),
        warnings=tuple(_warnings(matching.listing)),
        inquire=tuple(sorted(inquire, key=lambda inquiry: inquiry.listed.number)),
        superseded=tuple(superseded),
        deferred=deferred,
    )


def in_order(items: Iterable[Retrieve]) -> tuple[Retrieve, ...]:
    """As they are to be retrieved."""
    return tuple(sorted(items, key=lambda item: (item.alone, item.recheck, item.listed.number)))


def _doubted(matching: Matching) -> tuple[frozenset[int], int]:
    """The numbers of those that are looked into for doubts in this session, and how many aren't.

    Where more than a few came back at once after a short time, the listing had flapped.
    """
    by_size = [found for found in matching.matches if found.doubt is Doubt.SIZE]
    returned = [found for found in matching.matches if found.doubt is Doubt.RETURNED]
    chosen = by_size[:MAX_DOUBTED] + (returned if len(returned) <= MAX_DOUBTED else [])
    return frozenset(found.listed.number for found in chosen), len(by_size[MAX_DOUBTED:])


def _wanted(
    found: Match, now: datetime | None, *, prove: bool, ask: bool
) -> Retrieve | Inquiry | None:
    listed, row = found.listed, found.row
    if row.state is LedgerState.ELSEWHERE:
        return None
    if row.state is LedgerState.SUSPECT:
        if not is_due(row, now) and listed.size == row.size:
            return None
        return Retrieve(listed, row.id, alone=row.attempts > 0, recheck=not row.attempts)
    if row.state in (LedgerState.LISTED, LedgerState.TOO_LARGE):
        return Retrieve(listed, row.id, alone=row.attempts > 0)
    again = Retrieve(listed, row.id, alone=row.attempts > 0, doubted=True)
    match found.doubt:
        case Doubt.SIZE:
            return again
        case Doubt.RETURNED_LATE:
            return Inquiry(listed, row, again) if row.header_hash else again
        case Doubt.RETURNED if ask and row.header_hash:
            return Inquiry(listed, row, None)
        case _:
            return again if prove and not row.proven else None


def _warnings(listing: Listing) -> Iterator[str]:
    uidls = [listed.uidl for listed in listing.messages]
    blank = uidls.count(None)
    doubled = len(uidls) - blank - len({uidl for uidl in uidls if uidl is not None})
    if blank:
        yield f"The provider gives no UIDL for {blank} messages; they are told apart by content."
    if doubled:
        yield f"The provider lists {doubled} messages under a UIDL that another one has."
    if len(uidls) in WINDOWS:
        yield (
            f"The provider lists exactly {len(uidls)} messages: it may show a part of the mailbox"
            " only. What it doesn't show stays there."
        )
