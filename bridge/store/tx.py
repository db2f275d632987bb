"""The two handles a unit of work is given: one that reads, one that writes as well."""

from bridge.model.account import Account
from bridge.model.mailbox import INBOX, SPECIAL_USE
from bridge.store.accounts import AccountReads, AccountWrites
from bridge.store.ledger import LedgerReads, LedgerWrites
from bridge.store.messages import MessageReads, MessageWrites


class ReadTx(AccountReads, LedgerReads, MessageReads):
    """One snapshot of the store."""


class WriteTx(AccountWrites, LedgerWrites, MessageWrites, ReadTx):
    """One member of a commit."""

    def add_account(self, account: Account) -> Account:
        """Adds the account with its INBOX and the special mailboxes, all subscribed."""
        added = self.insert_account(account)
        for name, use in ((INBOX, None), *SPECIAL_USE.items()):
            self.create_mailbox(added.id, name, use)
            self.subscribe(added.id, name)
        return added
