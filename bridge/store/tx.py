"""The two handles a unit of work is given: one that reads, one that writes as well."""

from datetime import datetime

from bridge.model.account import Account
from bridge.model.mailbox import INBOX, SPECIAL_USE
from bridge.store.accounts import AccountReads, AccountWrites
from bridge.store.annotations import AnnotationReads, AnnotationWrites
from bridge.store.ledger import LedgerReads, LedgerWrites
from bridge.store.messages import MessageReads
from bridge.store.profiles import ProfileReads, ProfileWrites
from bridge.store.purge import ExpungedReads, ExpungedWrites
from bridge.store.retention import RetentionReads, RetentionWrites
from bridge.store.searching import SearchReads


class ReadTx(
    AccountReads,
    AnnotationReads,
    LedgerReads,
    MessageReads,
    SearchReads,
    ProfileReads,
    ExpungedReads,
    RetentionReads,
):
    """One snapshot of the store."""


class WriteTx(
    AccountWrites,
    AnnotationWrites,
    LedgerWrites,
    ExpungedWrites,
    ProfileWrites,
    RetentionWrites,
    ReadTx,
):
    """One member of a commit."""

    def add_account(self, account: Account) -> Account:
        """Adds the account with its INBOX and the special mailboxes, all subscribed."""
        added = self.insert_account(account)
        for name, use in ((INBOX, None), *SPECIAL_USE.items()):
            self.create_mailbox(added.id, name, use)
            self.subscribe(added.id, name)
        return added

    def tidy(self, purge_before: datetime | None = None) -> bool:
        """Deletes a slice of what nobody can reach any more; whether there was any.

        Args:
            purge_before: what clients expunged before then nobody can reach; None spares it.
        """
        if self.tidy_blob() or self.tidy_account():
            return True
        return purge_before is not None and self.purge(purge_before)
