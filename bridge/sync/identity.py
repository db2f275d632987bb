"""Which ledger row a listed message is, as far as a listing alone can tell. Pure."""

from collections import Counter
from collections.abc import Iterable

from bridge.model.upstream import Known, LedgerState, Listed, Listing


class DeletableIdentities:
    """Which rows a listing names beyond doubt, so that a DELE meets the message that is meant.

    A row is named if it is stored and its UIDL isn't blank, if this listing has that UIDL once,
    and no other row that isn't missing has it, and if the size is the one it was listed with.

    Args:
        listing: fresh and complete, of the session that deletes.
        known: every row of the account.
        sizes_trusted: whether the provider's sizes mean anything.
    """

    def __init__(
        self, listing: Listing, known: Iterable[Known], *, sizes_trusted: bool = True
    ) -> None:
        times = Counter(listed.uidl for listed in listing.messages)
        self._listed = {
            listed.uidl: listed
            for listed in listing.messages
            if listed.uidl is not None and times[listed.uidl] == 1
        }
        self._rows = Counter(row.uidl for row in known if row.missing_since is None)
        self._sizes_trusted = sizes_trusted

    def listed(self, row: Known) -> Listed | None:
        """The message of this listing that is the row's, or None: then it must not be deleted."""
        listed = self._listed.get(row.uidl) if row.uidl else None
        if listed is None or row.missing_since is not None or self._rows[row.uidl] != 1:
            return None
        if row.state is not LedgerState.STORED or not row.full_hash:
            return None
        return None if self._sizes_trusted and listed.size != row.size else listed
