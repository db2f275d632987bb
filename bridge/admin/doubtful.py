"""The messages that need an owner's eye, each with what to do; and how much is held where."""

from bridge.admin.accounts import find_account
from bridge.admin.context import Admin
from bridge.admin.findings import uidl_text
from bridge.admin.times import time_form
from bridge.model.upstream import LedgerState
from bridge.store.doubtful import doubtful, upstream_octets
from bridge.store.tx import ReadTx

MOST = 100
"""More are no help to anybody."""

WORDS = {
    LedgerState.SUSPECT: (
        "It came shorter than listed, or without a header; it is held and shown.",
        "Nothing: it is fetched again to be sure.",
    ),
    LedgerState.ODD: (
        "It stayed odd however often it was fetched; it is held here and kept at the provider.",
        "Look at it in the provider's webmail, and delete it there if it is no mail.",
    ),
    LedgerState.POISONED: (
        "The provider can't hand it out, so it isn't here; it stays at the provider.",
        "Open it in the provider's webmail; forward or delete it there.",
    ),
    LedgerState.TOO_LARGE: (
        "It is larger than [limits] pop_message allows, so it stays at the provider.",
        "Get it by the provider's webmail, or raise the limit and restart popbridge.",
    ),
}


async def doubtful_messages(admin: Admin, login: str) -> list[dict[str, object]]:
    """Of the account, newest first, at most `MOST`: uidl, state, size, since, text, reason, remedy.

    Raises:
        UnknownLoginError: there is none.
    """
    account = await find_account(admin, login)
    found = await admin.database.read(lambda tx: doubtful(tx, account.id, MOST))
    return [
        {
            "uidl": uidl_text(one.uidl),
            "state": one.state.value,
            "size": one.size,
            "since": time_form(one.since),
            "attempts": one.attempts,
            "reason": one.reason,
            "text": WORDS[one.state][0],
            "remedy": WORDS[one.state][1],
        }
        for one in found
    ]


async def storage(admin: Admin) -> dict[str, dict[str, object]]:
    """By login, octets held `here`, and `upstream` by the last listing (None before one)."""

    def read(tx: ReadTx) -> dict[str, dict[str, object]]:
        listed = upstream_octets(tx)
        return {
            account.login: {
                "here": tx.quota(account.id).used_octets,
                "upstream": listed.get(account.id),
            }
            for account in tx.accounts()
        }

    return await admin.database.read(read)
