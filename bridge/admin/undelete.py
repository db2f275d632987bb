"""Bringing back what clients expunged."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from bridge.admin.accounts import find_account
from bridge.admin.context import Admin

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)

BATCH = 200
"""Messages that come back in one write: a client's next command must not wait for all of them."""


async def undelete(admin: Admin, login: str, since_s: int | None) -> dict[str, object]:
    """Brings back what clients expunged in the last `since_s` seconds, or all that is still here.

    Again is harmless: what is back isn't expunged any more.

    Returns:
        login, count, and `mailboxes`: how many by name.

    Raises:
        UnknownLoginError: there is no such account.
    """
    account, now = await find_account(admin, login), admin.clock()
    since = EARLIEST if since_s is None else now - timedelta(seconds=since_s)
    found: Counter[str] = Counter()
    while some := await admin.database.write(
        lambda tx: tx.undelete(account.id, since, now, BATCH), ingest=True
    ):
        found += some
    return {
        "login": account.login,
        "count": found.total(),
        "mailboxes": dict(sorted(found.items())),
    }
