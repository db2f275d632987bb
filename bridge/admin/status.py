"""What `status` says of the daemon and of each account."""

from collections.abc import Mapping

from bridge import __version__
from bridge.admin.context import Admin
from bridge.admin.frozen import frozen_form
from bridge.admin.problems import Problem, account_problems
from bridge.admin.times import time_form as time_form
from bridge.model.account import Account, AccountState, SyncStatus
from bridge.model.upstream import IN_DOUBT, LedgerState
from bridge.store.doubtful import doubtful
from bridge.store.tx import ReadTx

_COUNTED = (
    ("suspect", LedgerState.SUSPECT),
    ("odd", LedgerState.ODD),
    ("poisoned", LedgerState.POISONED),
    ("too_large", LedgerState.TOO_LARGE),
)


async def status(admin: Admin) -> dict[str, object]:
    """Version, daemon and accounts, ordered by login; times are RFC 3339 UTC or None.

    `daemon` is None here: a daemon that performs this puts in how it is itself.
    """

    def read(tx: ReadTx) -> list[dict[str, object]]:
        return [_account(admin, tx, account) for account in tx.accounts()]

    return {
        "version": __version__,
        "daemon": None,
        "accounts": await admin.database.read(read),
    }


def problems_of(
    tx: ReadTx, account: Account, known: SyncStatus, counts: Mapping[LedgerState, int]
) -> list[Problem]:
    """What is wrong with an account, given its ledger's rows by state."""
    poisoned = []
    if counts.get(LedgerState.POISONED):
        most = sum(counts.get(state, 0) for state in IN_DOUBT)
        found = doubtful(tx, account.id, most)
        poisoned = [one for one in found if one.state is LedgerState.POISONED]
    return account_problems(account, known, tx.profile(account.id), poisoned)


def _account(admin: Admin, tx: ReadTx, account: Account) -> dict[str, object]:
    known = admin.as_told(account.login, tx.sync_status(account.id))
    counts = tx.counts(account.id)
    frozen = frozen_form(account, tx.profile(account.id))
    return {
        "login": account.login,
        "number": account.id,
        "state": state_of(account, known, frozen=frozen is not None).value,
        "policy": account.policy,
        "last_success": time_form(known.last_success),
        "last_attempt": time_form(known.last_attempt),
        "next_attempt": time_form(known.next_attempt),
        "messages": tx.message_count(account.id),
        "upstream": _upstream(tx, account, known, counts),
        "frozen": frozen,
        "error": _error(known),
        "problems": [one.form() for one in problems_of(tx, account, known, counts)],
    }


def state_of(account: Account, known: SyncStatus, *, frozen: bool) -> AccountState:
    """What an account is in, given its syncs' status and whether its deleting is frozen."""
    if account.paused:
        return AccountState.PAUSED
    if frozen and known.state is AccountState.OK:
        return AccountState.FROZEN
    return known.state


def _upstream(
    tx: ReadTx, account: Account, known: SyncStatus, counts: Mapping[LedgerState, int]
) -> dict[str, int | None]:
    names = ("listed", "pending", *(name for name, _ in _COUNTED), "delete_due", "deleted")
    if known.listed is None:
        return dict.fromkeys(names)
    return {
        "listed": known.listed,
        "pending": known.pending,
        **{name: counts.get(state, 0) for name, state in _COUNTED},
        "delete_due": known.delete_due or 0,
        "deleted": tx.deleted_count(account.id),
    }


def _error(known: SyncStatus) -> dict[str, str | None] | None:
    if known.error_code is None:
        return None
    return {
        "code": known.error_code,
        "text": known.error_text,
        "remedy": known.error_remedy,
        "since": time_form(known.error_since),
    }
