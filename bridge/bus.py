"""The change bus: a commit publishes hints, sessions that watch the mailbox or account wake.

Everything happens in the reactor thread. A hint carries no content: whoever wakes pulls a delta
from the store, so a hint that is lost, doubled or late only delays.
"""

from collections.abc import Callable, Iterable

from bridge.model.change import Change
from bridge.model.ids import AccountId, MailboxId, ModSeq

Wake = Callable[[ModSeq], None]
Hear = Callable[[tuple[Change, ...]], None]


class Bus:
    """Subscriptions by mailbox."""

    def __init__(self) -> None:
        self._wakes: dict[MailboxId, list[Wake]] = {}
        self._of_accounts: dict[AccountId, list[Hear]] = {}

    def subscribe(self, mailbox_id: MailboxId, wake: Wake) -> Callable[[], None]:
        """Calls `wake` with the newest modseq after each commit that changed the mailbox.

        Returns:
            a function that ends the subscription; calling it again does nothing.
        """
        self._wakes.setdefault(mailbox_id, []).append(wake)

        def unsubscribe() -> None:
            wakes = self._wakes.get(mailbox_id, [])
            if wake in wakes:
                wakes.remove(wake)
            if not wakes:
                self._wakes.pop(mailbox_id, None)

        return unsubscribe

    def subscribe_account(self, account_id: AccountId, hear: Hear) -> Callable[[], None]:
        """Calls `hear` after each commit that changed what is the account's, with its changes.

        Returns:
            a function that ends the subscription; calling it again does nothing.
        """
        self._of_accounts.setdefault(account_id, []).append(hear)

        def unsubscribe() -> None:
            listeners = self._of_accounts.get(account_id, [])
            if hear in listeners:
                listeners.remove(hear)
            if not listeners:
                self._of_accounts.pop(account_id, None)

        return unsubscribe

    def publish(self, changes: Iterable[Change]) -> None:
        """Wakes each subscriber once a mailbox, however many changes one commit made there."""
        newest: dict[MailboxId, ModSeq] = {}
        accounts: dict[AccountId, list[Change]] = {}
        for change in changes:
            accounts.setdefault(change.account_id, []).append(change)
            newest[change.mailbox_id] = max(
                change.modseq, newest.get(change.mailbox_id, change.modseq)
            )
        for mailbox_id, modseq in newest.items():
            for wake in tuple(self._wakes.get(mailbox_id, ())):
                wake(modseq)
        for account_id, theirs in accounts.items():
            for hear in tuple(self._of_accounts.get(account_id, ())):
                hear(tuple(theirs))
