"""What a complete listing says beside the ledger: worked out in a reader's thread, then written."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bridge.model.account import Account
from bridge.model.policy import Policy
from bridge.model.profile import Profile
from bridge.model.upstream import EventKind, Known, Listing, SyncPlan
from bridge.store.tx import ReadTx, WriteTx
from bridge.sync.freeze import UIDLS_CHANGED, tripped
from bridge.sync.inquiry import Recognised
from bridge.sync.matching import Doubt, Matching, are_numbers, match, nameless, vanished
from bridge.sync.plan import planned
from bridge.sync.record import Recorder
from bridge.sync.retention import due_nameless
from bridge.sync.shortcut import shortcut
from bridge.sync.suspects import WAITS, WRONG_SIZES
from bridge.url import read_policy

FRESH = timedelta(hours=1)
"""A listing that is older says nothing: messages may come and go in the middle of a mailbox."""

SLICE = 500
"""Rows that are changed in one write: a client's next command must not wait for a mailbox."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A listing beside the ledger."""

    matching: Matching
    plan: SyncPlan
    recorder: Recorder
    profile: Profile
    """With what the listing says of the provider."""
    all_gone: bool
    """Whether nothing that was listed the last time is listed now, though other messages are."""
    pool: tuple[Known, ...]
    """Rows that may be recognised by header and size."""


def weigh(
    tx: ReadTx,
    account: Account,
    profile: Profile,
    listing: Listing,
    *,
    now: datetime,
    max_size: int,
    hides: bool,
) -> Evidence:
    """What a complete listing says.

    Args:
        tx: where the ledger is read.
        account: whose mailbox was listed.
        profile: what is known of the provider.
        listing: complete.
        now: aware UTC.
        max_size: octets; what is larger stays upstream.
        hides: whether the provider lists no more what was retrieved, so that absence is no wonder.
    """
    matching = _matched(tx, account, profile, listing, now)
    unstable = are_numbers(listing) and (
        profile.uidls_unstable or any(one.doubt is Doubt.SIZE for one in matching.matches)
    )
    profile = replace(profile, uidls_unstable=unstable)
    if unstable:
        matching = match(nameless(listing), tx.known(account.id), now=now)
    reason = None if unstable or hides else tripped(matching)
    if reason is not None and profile.frozen_since is None:
        profile = replace(profile, frozen_since=now, frozen_reason=reason)
    changed = profile.frozen_reason == UIDLS_CHANGED
    recorder = Recorder(
        account.id,
        matching,
        wrong_sizes=profile.wrong_sizes,
        message_ids=tx.ledger_message_ids(account.id) if changed else None,
    )
    policy = read_policy(account.policy)
    pool = _pool(tx, account, policy, matching, now, changed=changed)
    plan = planned(
        matching, max_size=max_size, now=now, prove=policy.deletes, changed=changed, pool=pool
    )
    gone = any(row.uidl and row.missing_since is None for row in matching.left)
    all_gone = gone and not matching.steady and bool(listing.messages)
    return Evidence(matching, plan, recorder, profile, all_gone, pool)


def _matched(
    tx: ReadTx, account: Account, profile: Profile, listing: Listing, now: datetime
) -> Matching:
    """The listing beside the ledger, of which only what may matter is read as a whole."""
    sizes_trusted = profile.wrong_sizes < WRONG_SIZES
    after_empty = profile.stat is not None and profile.stat[0] == 0
    if after_empty:
        known = tx.known(account.id)
        return match(listing, known, now=now, sizes_trusted=sizes_trusted, after_empty=True)
    lines = tx.known_lines(account.id, unproven=not read_policy(account.policy).deletes)
    cut = shortcut(listing, lines, sizes_trusted=sizes_trusted)
    # What is away matters where a message may be it.
    rows = sorted((*cut.rows, *cut.away)) if cut.listing.messages else cut.rows
    matching = match(cut.listing, tx.known_of(rows), now=now, sizes_trusted=sizes_trusted)
    return replace(matching, listing=listing, certain=cut.certain, undeleted=cut.undeleted)


def _pool(
    tx: ReadTx,
    account: Account,
    policy: Policy,
    matching: Matching,
    now: datetime,
    *,
    changed: bool,
) -> tuple[Known, ...]:
    """Where a policy deletes, what it may delete has to be retrieved: no header proves it."""
    if not policy.deletes:
        return matching.left
    if changed:
        return ()
    days = tx.poll_days(account.id)
    return tuple(
        row
        for row in matching.left
        if row.proven and not due_nameless(policy, row, now=now, poll_days=days)
    )


def settled(tx: ReadTx, account: Account, now: datetime) -> bool:
    """Whether nothing waits to be retrieved, as far as the ledger knows."""
    return not tx.ledger_due(account.id, now, now + WAITS[-1])


def slices(rows: Sequence[int]) -> Iterator[Sequence[int]]:
    """`rows`, a few hundred at a time."""
    for start in range(0, len(rows), SLICE):
        yield rows[start : start + SLICE]


def gone_and_back(
    matching: Matching, recognised: Sequence[Recognised], superseded: Sequence[int]
) -> tuple[list[int], list[int]]:
    """(rows that are missing from now on, rows that are listed again) as the listing alone says."""
    found = {one.row.id for one in recognised}
    gone = [row.id for row in vanished(matching) if row.id not in found]
    back = [
        one.row.id
        for one in matching.matches
        if one.row.missing_since is not None
        and (one.row.id in found or one.doubt in (Doubt.NONE, Doubt.RETURNED))
    ]
    return [*gone, *superseded], back


def recognise(tx: WriteTx, account: Account, found: Sequence[Recognised], now: datetime) -> None:
    """Notes messages that were recognised by header and size."""
    for one in found:
        row, listed = one.row, one.listed
        if row.uidl == (listed.uidl or b"") and not _was_long_away(row, now):
            continue
        tx.ledger_match(account.id, row, listed, proven=False)
        if row.uidl == listed.uidl:
            tx.ledger_note(row.id, EventKind.RETURNED, "told by its header and size", now)
        elif row.uidl and listed.uidl:
            before = row.uidl.decode("ascii", "backslashreplace")
            detail = f"listed as {before} before, told by its header and size"
            tx.ledger_note(row.id, EventKind.RENAMED, detail, now)


def _was_long_away(row: Known, now: datetime) -> bool:
    away = row.missing_since
    return away is not None and not timedelta() <= now - away < timedelta(days=1)
