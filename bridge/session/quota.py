"""The limit on what an account may hold, where clients add to it (RFC 9208 §4.3.1).

Mail that is fetched is never refused for it: what a provider has would be lost there.
"""

from bridge.model.ids import AccountId
from bridge.session.reply import No
from bridge.store.tx import ReadTx


def require_room(tx: ReadTx, account: AccountId, octets: int) -> None:
    """Makes sure that the account may hold so many octets more than it does.

    Raises:
        No: it may not.
    """
    quota = tx.quota(account)
    if quota.limit_octets is not None and quota.used_octets + octets > quota.limit_octets:
        text = (
            "The account would be over its quota: delete messages and expunge them, or ask for more"
        )
        raise No(text, "OVERQUOTA", limit="quota")
