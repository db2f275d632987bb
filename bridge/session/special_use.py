"""Special uses that clients give to mailboxes (RFC 6154 §3, §4)."""

from collections.abc import Iterable

from bridge.model.ids import AccountId
from bridge.model.mailbox import SPECIAL_USE
from bridge.session.reply import No
from bridge.store.tx import ReadTx

_KNOWN = {use.lower(): use for use in SPECIAL_USE.values()}
"""\\All and \\Flagged would be mailboxes that show what is in others: there are none."""


def special_uses(
    tx: ReadTx, account: AccountId, asked: Iterable[str], *, of: str, code: str
) -> str | None:
    """The uses as a mailbox keeps them; None for none.

    A use has one mailbox: it doesn't move by itself, since other clients keep their mail by it.

    Args:
        tx: to look for who has them.
        account: whose mailboxes count.
        asked: as a client wrote them.
        of: the mailbox that is to have them; what it has already it may keep.
        code: the response code of a refusal.

    Raises:
        No: one isn't supported, or another mailbox has it.
    """
    uses = []
    for one in asked:
        known = _KNOWN.get(one.lower())
        if known is None:
            raise No(f"{one[:40]} is no use that a mailbox can have here", code)
        uses.append(known)
    wanted = " ".join(sorted(set(uses)))
    for mailbox in tx.mailboxes(account) if uses else ():
        taken = set((mailbox.special_use or "").split()) & set(uses)
        if taken and mailbox.name != of:
            raise No(f"Another mailbox is for {min(taken)} already", code)
    return wanted or None
