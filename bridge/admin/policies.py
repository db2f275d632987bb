"""What a policy would delete upstream, before it may; and the end of a freeze."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bridge.admin.accounts import find_account
from bridge.admin.context import Admin
from bridge.admin.frozen import frozen_form
from bridge.admin.times import time_form
from bridge.mime import headers, words
from bridge.model.account import Account
from bridge.model.ids import MessageId
from bridge.model.policy import describe
from bridge.model.upstream import Known, LedgerState, Listing, SyncPlan
from bridge.store.tx import ReadTx, WriteTx
from bridge.sync.retention import Due, due
from bridge.sync.wanted import wanted
from bridge.url import format_policy, read_policy

EXAMPLES = 3


async def preview_policy(admin: Admin, login: str, policy: str) -> dict[str, object]:
    """What would be deleted upstream if the account had this policy now, by the last listing.

    Returns:
        login, policy, `changes` (whether it is another than now), `deletes` (whether it ever
        deletes), words, count, octets, oldest, newest (internal dates or None), reasons (words
        with how many), examples, frozen (None, or since, cause and remedy).

    Raises:
        UnknownLoginError: there is no such account.
        UsageError: it is no policy.
    """
    account, wished, now = await find_account(admin, login), read_policy(policy), admin.clock()

    def read(tx: ReadTx) -> dict[str, object]:
        # What would go is asked, not whether anything may.
        profile = replace(tx.profile(account.id), frozen_since=None)
        found = wanted(tx, account, wished, listing=None, now=now, profile=profile)
        return {
            "login": account.login,
            "policy": format_policy(wished),
            "changes": read_policy(account.policy) != wished,
            "deletes": wished.deletes,
            "words": describe(wished),
            **_summary(tx, found.due),
            "frozen": frozen_form(account, tx.profile(account.id)),
        }

    return await admin.database.read(read)


async def thaw(admin: Admin, login: str) -> dict[str, object]:
    """Ends a freeze: what clients have expunged by now may go upstream too.

    Returns:
        login, and `thawed`: whether deleting was frozen.

    Raises:
        UnknownLoginError: there is no such account.
    """
    account, now = await find_account(admin, login), admin.clock()

    def write(tx: WriteTx) -> bool:
        profile = tx.profile(account.id)
        tx.approve_expunges(account.id, now)
        if profile.frozen_since is None:
            return False
        tx.save_profile(replace(profile, frozen_since=None, frozen_reason=None))
        return True

    thawed = await admin.database.write(write)
    await admin.syncs.accounts_changed()
    return {"login": account.login, "thawed": thawed}


def would_delete(
    tx: ReadTx, account: Account, listing: Listing, plan: SyncPlan, now: datetime
) -> list[dict[str, object]]:
    """What a sync would delete upstream: of what is held, and of what it would fetch before."""
    policy = read_policy(account.policy)
    if not policy.deletes:
        return []
    held = wanted(tx, account, policy, listing=listing, now=now)
    if held.at_once or held.reset:
        return []
    before = {one.listed.number for one in held.due}
    known = [*tx.known(account.id), *_as_fetched(plan, now)]
    later = due(
        policy,
        listing,
        known,
        now=now,
        profile=held.profile,
        poll_days=tx.poll_days(account.id),
    )
    return [
        {
            "uidl": (one.listed.uidl or b"").decode("ascii", "backslashreplace"),
            "size": one.listed.size,
            "reason": one.reason,
            "held": one.listed.number in before,
        }
        for one in later
    ]


def _as_fetched(plan: SyncPlan, now: datetime) -> list[Known]:
    """The rows that the messages to be retrieved would have."""
    return [
        Known(
            id=(1 << 62) + item.listed.number,
            uidl=item.listed.uidl or b"",
            generation=0,
            state=LedgerState.STORED,
            size=item.listed.size,
            message_id=MessageId(0),
            full_hash=b"new",
            attempts=0,
            stored_at=now,
        )
        for item in plan.retrieve
        if item.known_id is None
    ]


def _summary(tx: ReadTx, found: Sequence[Due]) -> dict[str, object]:
    dates = []
    for one in (found[0], found[-1]) if found else ():
        header = None if one.row.message_id is None else tx.message_header(one.row.message_id)
        dates.append(None if header is None else time_form(header[0]))
    return {
        "count": len(found),
        "octets": sum(one.listed.size for one in found),
        "oldest": dates[0] if dates else None,
        "newest": dates[-1] if dates else None,
        "reasons": dict(Counter(one.reason for one in found).most_common()),
        "examples": [_example(tx, one) for one in found[:EXAMPLES]],
    }


def _example(tx: ReadTx, one: Due) -> dict[str, object]:
    found = None if one.row.message_id is None else tx.message_header(one.row.message_id)
    date, header = (None, b"") if found is None else found
    values = headers.values(header, b"subject")
    subject = words.decode(headers.unfolded(values[0])) if values else ""
    return {
        "date": time_form(date),
        "subject": "".join(c for c in " ".join(subject.split()) if c.isprintable())[:80],
        "size": one.listed.size,
        "reason": one.reason,
    }
