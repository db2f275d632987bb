"""What an account's policy wants deleted, read from the store in one snapshot."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from bridge.model.account import Account
from bridge.model.policy import Policy
from bridge.model.profile import Profile
from bridge.model.upstream import Known, Listing
from bridge.store.tx import ReadTx
from bridge.sync.retention import Due, due, expunged_at_once, presumed
from bridge.url import read_policy

MANY = 20
"""From so many messages on, that most of them are missing means that UIDLs have changed."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is due, and what speaks against deleting it."""

    policy: Policy
    profile: Profile
    due: tuple[Due, ...] = ()
    at_once: int = 0
    """Messages that clients expunged at once, where that looks like a mishap; else 0."""
    reset: bool = False
    """Whether most of the messages that should be listed aren't."""


def policy_of(tx: ReadTx, account: Account) -> Policy | None:
    """The policy that the account has now; None if it is gone."""
    found = tx.account(account.login)
    return None if found is None or found.id != account.id else read_policy(found.policy)


def wanted(
    tx: ReadTx,
    account: Account,
    policy: Policy,
    *,
    listing: Listing | None,
    now: datetime,
    profile: Profile | None = None,
) -> Wanted:
    """What is due by a policy.

    Args:
        tx: a snapshot.
        account: whose mailbox.
        policy: its own, or one that it may get.
        listing: what its provider lists, or None: then what it should list by the ledger.
        now: aware UTC.
        profile: what is taken to be known of the provider; None: what is.
    """
    known, profile = tx.known(account.id), profile or tx.profile(account.id)
    seen = presumed(known) if listing is None else listing
    days: Sequence[date] = tx.poll_days(account.id) if policy.delete_after_s else ()
    approved = tx.retention(account.id).approved_at
    return Wanted(
        policy,
        profile,
        due(policy, seen, known, now=now, profile=profile, poll_days=days),
        expunged_at_once(seen, known, profile=profile, approved=approved) if policy.mirror else 0,
        _is_reset(known, seen),
    )


def _is_reset(known: Sequence[Known], seen: Listing) -> bool:
    """What was deleted from here is no wonder to miss."""
    there = [
        listed.uidl for listed in presumed(row for row in known if row.dele_at is None).messages
    ]
    uidls = {listed.uidl for listed in seen.messages}
    missing = sum(uidl not in uidls for uidl in there)
    return len(there) >= MANY and missing * 2 > len(there)
