"""One sync now, and what a sync would do."""

from collections.abc import Callable, Sequence
from functools import partial

from bridge.admin.accounts import find_account
from bridge.admin.context import Admin
from bridge.admin.frozen import frozen_form
from bridge.admin.policies import would_delete
from bridge.errors import BridgeError
from bridge.model.account import Account
from bridge.model.upstream import Listing, SyncPlan
from bridge.store.tx import ReadTx
from bridge.sync.plan import plan
from bridge.sync.runner import PROGRESS_TIMEOUT_S, Progress, SyncResult

Report = Callable[[dict[str, object]], None]


async def sync(
    admin: Admin, logins: Sequence[str], report: Report, *, dry_run: bool = False
) -> list[dict[str, object]]:
    """Syncs the accounts named, or all, side by side: none waits for a slow provider of another.

    Args:
        admin: what to work with.
        logins: none means all that aren't paused.
        report: told of progress.
        dry_run: only tell what would be fetched and deleted.

    Returns:
        per account login, listed, fetched, octets, deleted, seconds, and error or None, with
        its exit code; of a dry run also `would_delete` and `frozen`.

    Raises:
        UnknownLoginError: a login is none.
    """
    accounts = await _accounts(admin, logins)
    one = _dry_run if dry_run else partial(_sync, report=report)
    return await admin.together(one(admin, account) for account in accounts)


async def _accounts(admin: Admin, logins: Sequence[str]) -> list[Account]:
    """Those named, each once, or all that aren't paused."""
    if logins:
        named = [await find_account(admin, login) for login in logins]
        return list({account.id: account for account in named}.values())
    everyone = await admin.database.read(lambda tx: tx.accounts())
    return [account for account in everyone if not account.paused]


async def _sync(admin: Admin, account: Account, report: Report) -> dict[str, object]:
    try:
        result = await admin.syncs.sync_now(
            account.id, lambda progress: report(_progress(progress))
        )
    except BridgeError as error:
        return {**_blank(account.login), "error": error_form(error)}
    return _result(result)


async def _dry_run(admin: Admin, account: Account) -> dict[str, object]:
    def read(tx: ReadTx) -> tuple[SyncPlan, list[dict[str, object]], dict[str, object] | None]:
        planned = plan(listing, tx.known(account.id), max_size=admin.max_message_octets)
        going = would_delete(tx, account, listing, planned, admin.clock())
        return planned, going, frozen_form(account, tx.profile(account.id))

    try:
        listing = await _listing(admin, account)
        planned, going, frozen = await admin.database.read(read)
    except BridgeError as error:
        return {**_blank(account.login), "error": error_form(error)}
    return {
        **_blank(account.login),
        "listed": len(listing.messages),
        "fetched": len(planned.retrieve),
        "octets": sum(one.listed.size for one in planned.retrieve),
        "error": None,
        "would_delete": going,
        "frozen": frozen,
    }


async def _listing(admin: Admin, account: Account) -> Listing:
    secret = await admin.secret(account)
    session = await admin.connector.connect(account.upstream, secret, PROGRESS_TIMEOUT_S)
    try:
        return await session.listing()
    finally:
        session.abort()


def _blank(login: str) -> dict[str, object]:
    return {"login": login, "listed": None, "fetched": 0, "octets": 0, "deleted": 0, "seconds": 0}


def _progress(progress: Progress) -> dict[str, object]:
    return {
        "login": progress.login,
        "to_fetch": progress.to_fetch,
        "fetched": progress.fetched,
        "octets": progress.octets,
    }


def _result(result: SyncResult) -> dict[str, object]:
    return {
        "login": result.login,
        "listed": result.listed,
        "fetched": result.fetched,
        "octets": result.octets,
        "deleted": result.deleted,
        "seconds": round(result.seconds, 3),
        "error": None if result.error is None else error_form(result.error),
    }


def error_form(error: BridgeError) -> dict[str, object]:
    """An error as JSON shows it; `exit` is the command line's exit code."""
    return {
        "code": error.code,
        "text": error.text,
        "remedy": error.remedy,
        "exit": int(error.exit),
    }
