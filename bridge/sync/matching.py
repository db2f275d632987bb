"""Which ledger row each listed message is, and how sure that is. Pure.

A UIDL that was listed without a break, with the same size, is the message it was. One that was
away, or has another size, may have been given to another message (RFC 1939 §7 forbids it, servers
do it): that is to be seen from the header or the octets.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto

from bridge.model.upstream import Known, LedgerState, Listed, Listing

YOUNG = timedelta(days=1)
"""A UIDL that was away for less, in a listing that was cut or empty, hasn't been given away."""


class Doubt(Enum):
    """Why a UIDL might stand for another message than its row's."""

    NONE = auto()
    RETURNED = auto()
    """It was away for a short time."""
    RETURNED_LATE = auto()
    """It was away for long."""
    SIZE = auto()
    """Its size is another."""


@dataclass(frozen=True, slots=True)
class Match:
    """A listed message and the row that has its UIDL."""

    listed: Listed
    row: Known
    doubt: Doubt


@dataclass(frozen=True, slots=True)
class Matching:
    """A listing beside the ledger: each message is in `matches` or `new`, each row in `matches`
    or `left`; all in order of their numbers."""

    listing: Listing
    matches: tuple[Match, ...]
    new: tuple[Listed, ...]
    left: tuple[Known, ...]
    certain: int = 0
    """Messages that are beyond doubt, and in neither."""
    undeleted: int = 0
    """How many of them were never deleted from here."""

    @property
    def steady(self) -> bool:
        """Whether anything is listed that was listed the last time."""
        return self.certain > 0 or any(one.row.missing_since is None for one in self.matches)


def match(
    listing: Listing,
    known: Iterable[Known],
    *,
    now: datetime | None = None,
    sizes_trusted: bool = True,
    after_empty: bool = False,
) -> Matching:
    """Pairs listed messages with rows by UIDL, one to one.

    A UIDL that is listed several times is matched with as many rows; each further occurrence is
    a message of its own, for two messages listed together are always two.

    Args:
        listing: a complete one.
        known: every row of the account.
        now: aware; None holds every absence for short.
        sizes_trusted: whether the provider's sizes mean anything.
        after_empty: whether the last listing was empty, which leaves no trace in the rows.
    """
    rows: defaultdict[bytes, list[Known]] = defaultdict(list)
    every = sorted(known, key=lambda row: row.id)
    for row in every:
        if row.uidl:
            rows[row.uidl].append(row)
    listed_as: defaultdict[bytes, list[Listed]] = defaultdict(list)
    new: list[Listed] = []
    for listed in sorted(listing.messages, key=lambda message: message.number):
        (listed_as[listed.uidl] if listed.uidl and listed.uidl in rows else new).append(listed)
    matches: list[Match] = []
    for uidl, messages in listed_as.items():
        pairs, more = _pair(messages, rows[uidl], sizes_trusted=sizes_trusted)
        new += more
        for listed, row in pairs:
            doubt = _doubt(listed, row, now, sizes_trusted=sizes_trusted, after_empty=after_empty)
            matches.append(Match(listed, row, doubt))
    taken = {match.row.id for match in matches}
    return Matching(
        listing,
        tuple(sorted(matches, key=lambda match: match.listed.number)),
        tuple(sorted(new, key=lambda listed: listed.number)),
        tuple(row for row in every if row.id not in taken),
    )


def are_numbers(listing: Listing) -> bool:
    """Whether every UIDL is the message's number: so they are where a server makes them up anew
    each time, and in an honest server's new mailbox too."""
    return bool(listing.messages) and all(
        listed.uidl == b"%d" % listed.number for listed in listing.messages
    )


def nameless(listing: Listing) -> Listing:
    """The listing without its UIDLs, where they don't stand for messages."""
    return Listing(tuple(replace(listed, uidl=None) for listed in listing.messages))


def _pair(
    messages: Sequence[Listed], rows: Sequence[Known], *, sizes_trusted: bool
) -> tuple[list[tuple[Listed, Known]], list[Listed]]:
    """(pairs, messages that are left), equal sizes first."""
    if len(messages) == 1 == len(rows):
        return [(messages[0], rows[0])], []
    waiting = deque(sorted(rows, key=_preference))
    pairs: list[tuple[Listed, Known]] = []
    others = list(messages)
    if sizes_trusted:
        by_size: defaultdict[int, deque[Known]] = defaultdict(deque)
        for row in waiting:
            by_size[row.size].append(row)
        others = []
        for listed in messages:
            if by_size[listed.size]:
                pairs.append((listed, by_size[listed.size].popleft()))
            else:
                others.append(listed)
        taken = {row.id for _, row in pairs}
        waiting = deque(row for row in waiting if row.id not in taken)
    pairs += zip(others, waiting, strict=False)
    return pairs, others[len(waiting) :]


def _preference(row: Known) -> tuple[bool, int, int]:
    """What is still listed comes before what went, the latest of which is the likeliest."""
    missing = row.missing_since is not None
    return missing, -row.generation if missing else row.generation, row.id


def _doubt(
    listed: Listed,
    row: Known,
    now: datetime | None,
    *,
    sizes_trusted: bool,
    after_empty: bool,
) -> Doubt:
    away = row.missing_since
    if not row.full_hash or row.state in (LedgerState.SUSPECT, LedgerState.POISONED):
        # There is nothing to compare with, or it will be compared anyway.
        return Doubt.NONE
    by_size = row.state is not LedgerState.ODD or away is not None
    if sizes_trusted and by_size and listed.size != row.size:
        return Doubt.SIZE
    if away is not None:
        young = now is None or timedelta() <= now - away < YOUNG
        return Doubt.RETURNED if young else Doubt.RETURNED_LATE
    return Doubt.RETURNED if after_empty else Doubt.NONE


def vanished(matching: Matching) -> Iterator[Known]:
    """The rows whose UIDLs were listed the last time and are not in this listing.

    Of an empty listing only what was deleted from here: it is the least evidence there can be.
    """
    for row in matching.left:
        told = matching.listing.messages or row.dele_at is not None
        if told and row.uidl and row.missing_since is None:
            yield row
