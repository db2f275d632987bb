"""Which messages are to be deleted at the provider: a pure function of listing, ledger and policy.

What is due here is still to be proven held (`sync.deleting`) before anything is deleted.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from bridge.model.policy import Policy, period, volume
from bridge.model.profile import Profile
from bridge.model.upstream import Known, LedgerState, Listed, Listing
from bridge.sync.identity import DeletableIdentities

DAY = timedelta(days=1)
MIRROR_AFTER = DAY
"""What clients expunge stays upstream for so long, so that a mishap can be noticed."""

MIRROR_MANY = "mirror_many"
"""Why deleting is frozen where clients expunged most of a mailbox at once."""

MIRROR_LEAST = 20
"""Of fewer messages than this it is not held for a mishap when most are expunged at once."""

MIRROR_WINDOW = timedelta(hours=1)

WRONG_SIZES = 20
"""Of a provider whose sizes were wrong so often none is looked at."""

PATIENT_DELES = 3
"""After so many in vain DELE is sent once a day: some providers only pretend to delete."""


@dataclass(frozen=True, slots=True)
class Due:
    """A message that the policy wants deleted; `reason` is words that follow "it"."""

    row: Known
    listed: Listed
    reason: str


def due(
    policy: Policy,
    listing: Listing,
    known: Iterable[Known],
    *,
    now: datetime,
    profile: Profile,
    poll_days: Sequence[date] = (),
) -> tuple[Due, ...]:
    """What is to go, oldest first.

    Args:
        policy: the account's.
        listing: a complete one; numbers in the answer hold in its POP session.
        known: the account's ledger.
        now: aware UTC.
        profile: what is known of the provider; nothing goes while it says that deleting is frozen.
        poll_days: the days on which polls succeeded, ascending: no age counts more days than
            there were such days, so that a clock that jumps deletes nothing.
    """
    if not policy.deletes or not may_delete(profile):
        return ()
    rows = tuple(known)
    shrunk = _shrunk(policy, listing, rows) if policy.shrinks else {}
    found = []
    for row, listed in _held(listing, rows, profile):
        if not _waits(row, now):
            reason = _reason(policy, row, now, poll_days) or shrunk.get(listed.number)
            if reason is not None:
                found.append(Due(row, listed, reason))
    return tuple(found)


def due_nameless(
    policy: Policy, row: Known, *, now: datetime, poll_days: Sequence[date] = ()
) -> bool:
    """Whether a message without UIDL is due, by the rules that need no listing to name it."""
    by_itself = replace(policy, mirror=False)
    return _is_held(row) and _reason(by_itself, row, now, poll_days) is not None


def may_delete(profile: Profile) -> bool:
    """Whether anything may be deleted at this provider now."""
    return not (profile.frozen_since or profile.bare_lf or profile.uidls_unstable)


def presumed(known: Iterable[Known]) -> Listing:
    """What the provider lists as far as the ledger tells, for when nobody has asked it."""
    present = (row for row in known if row.uidl and row.missing_since is None)
    rows = sorted(present, key=lambda row: row.id)
    return Listing(tuple(Listed(n, row.uidl, row.size) for n, row in enumerate(rows, 1)))


def expunged_at_once(
    listing: Listing, known: Iterable[Known], *, profile: Profile, approved: datetime | None
) -> int:
    """How many messages clients expunged within an hour, if that looks like a mishap; else 0.

    It does where they were more than half of all that were held and listed, and those at least
    `MIRROR_LEAST`.

    Args:
        listing, known, profile: as for `due`.
        approved: when the owner last said that what had been expunged may go.
    """
    rows = [row for row, _ in _held(listing, tuple(known), profile)]
    live = sum(row.expunged_at is None for row in rows)
    times = sorted(
        row.expunged_at
        for row in rows
        if row.expunged_at is not None and (approved is None or row.expunged_at > approved)
    )
    for first, begun in enumerate(times):
        within = bisect_right(times, begun + MIRROR_WINDOW) - first
        there = live + len(times) - first
        if there >= MIRROR_LEAST and within * 2 > there:
            return within
    return 0


def clock_jumped(last: datetime | None, now: datetime, elapsed_s: float | None) -> bool:
    """Whether the wall clock can't be trusted to tell ages now.

    Args:
        last: when the last poll succeeded.
        now: by the same clock.
        elapsed_s: seconds between the two by a clock that nobody sets; None where none ran.
    """
    if last is None:
        return False
    passed_s = (now - last).total_seconds()
    return passed_s < 0 or abs(passed_s - (elapsed_s or 0)) > DAY.total_seconds()


def _held(
    listing: Listing, known: Sequence[Known], profile: Profile
) -> Iterator[tuple[Known, Listed]]:
    """Each message that is held beyond doubt, and the one line of the listing that means it."""
    trusted = profile.wrong_sizes < WRONG_SIZES
    identities = DeletableIdentities(listing, known, sizes_trusted=trusted)
    for row in sorted(known, key=lambda row: row.id):
        listed = identities.listed(row) if _is_held(row) else None
        if listed is not None:
            yield row, listed


def _is_held(row: Known) -> bool:
    """Whether its octets are here beyond doubt, as far as the ledger tells."""
    stored = row.state is LedgerState.STORED and row.message_id is not None
    return stored and row.proven and row.stored_at is not None and bool(row.full_hash)


def _waits(row: Known, now: datetime) -> bool:
    """Whether deleting it again has to wait."""
    if row.dele_at is None or row.deles < PATIENT_DELES:
        return False
    return timedelta(0) <= now - row.dele_at < DAY


def _reason(policy: Policy, row: Known, now: datetime, poll_days: Sequence[date]) -> str | None:
    """Why the message itself is due, if it is."""
    assert row.stored_at is not None
    age_s = (now - row.stored_at).total_seconds()
    if policy.delete:
        return "is held here"
    if policy.delete_after_s is not None and age_s >= policy.delete_after_s:
        first = bisect_right(poll_days, row.stored_at.date())
        days = bisect_right(poll_days, now.date()) - first
        if days >= policy.delete_after_s // DAY.total_seconds():
            return f"has been held here for {period(age_s)}"
    if policy.mirror and row.expunged_at is not None and now - row.expunged_at >= MIRROR_AFTER:
        ago = period((now - row.expunged_at).total_seconds())
        return f"was deleted in a mail program {ago} ago"
    return None


def _shrunk(policy: Policy, listing: Listing, known: Sequence[Known]) -> Mapping[int, str]:
    """Why messages are too many, by number: those at the old end of what is listed.

    The order is that in which they were first seen, for some providers list the newest first;
    what was never seen is newest of all.
    """
    seen = {row.uidl: row.id for row in sorted(known, key=lambda row: row.id) if row.uidl}
    newest_first = sorted(
        listing.messages,
        key=lambda listed: (seen.get(listed.uidl or b"", float("inf")), listed.number),
        reverse=True,
    )
    reasons: dict[int, str] = {}
    octets = 0
    for place, listed in enumerate(newest_first):
        octets += listed.size
        if policy.keep_newest is not None and place >= policy.keep_newest:
            reasons[listed.number] = f"is not among the newest {policy.keep_newest}"
        elif policy.keep_below is not None and octets > policy.keep_below:
            reasons[listed.number] = f"is older than the newest {volume(policy.keep_below)}"
    return reasons
