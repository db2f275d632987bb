"""Whether a message will be deleted upstream, and why or why not."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from bridge.admin.status import time_form
from bridge.model.account import Account
from bridge.model.policy import describe
from bridge.model.upstream import Known, LedgerState
from bridge.store.tx import ReadTx
from bridge.sync.retention import due, may_delete, presumed
from bridge.url import read_policy


def fate(
    tx: ReadTx, account: Account, row: Known, known: Sequence[Known], now: datetime
) -> Iterator[str]:
    """Sentences about what the account's policy does with the message of a ledger row.

    Args:
        tx: profile and poll days are read from it.
        account: whose policy counts.
        row: the message's.
        known: every row of the account.
        now: aware.
    """
    if row.missing_since is not None:
        return
    policy, profile = read_policy(account.policy), tx.profile(account.id)
    yield f"Policy {account.policy}: {describe(policy)}"
    if not policy.deletes:
        return
    if not may_delete(profile):
        since = "" if profile.frozen_since is None else f" since {time_form(profile.frozen_since)}"
        yield f"Nothing is deleted at this provider now: that is frozen{since}."
        return
    days = tx.poll_days(account.id)
    found = due(policy, presumed(known), known, now=now, profile=profile, poll_days=days)
    reason = next((one.reason for one in found if one.row.id == row.id), None)
    if reason is not None:
        yield f"It is due for it {reason}; before it is deleted its octets are read and compared."
    else:
        yield f"It is not deleted now: {_why_not(row, known)}."


def _why_not(row: Known, known: Sequence[Known]) -> str:
    """What keeps a message upstream, though the policy may delete others."""
    if not row.uidl:
        return "without UIDL it can't be named in a listing"
    if row.state is not LedgerState.STORED:
        return f"it is {row.state.value.replace('_', ' ')}"
    if row.message_id is None:
        return "its octets are purged, so that nothing proves it held"
    if not row.proven:
        return "it was recognised by its header alone, so that nothing proves it held"
    if sum(one.uidl == row.uidl and one.missing_since is None for one in known) > 1:
        return "another message has the same UIDL"
    if row.dele_at is not None:
        return "it was deleted in vain lately"
    return "the policy doesn't ask for it yet"
