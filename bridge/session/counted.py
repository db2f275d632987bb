"""Counters of mailboxes as STATUS told them, good for as long as nothing is written.

Clients that don't know NOTIFY ask for the counters of each of their mailboxes every few minutes, on
every device, and mostly nothing has changed since the last one did.
"""

from typing import NamedTuple

from bridge.model.ids import AccountId
from bridge.model.mailbox import MailboxStatus

KEPT = 2000
"""Mailboxes: a household's, or those of an office that are asked for all the time."""


class Asked(NamedTuple):
    """What a client called a mailbox, and whether it means Net-Unicode by it."""

    account_id: AccountId
    name: str
    utf8: bool


class Counters(NamedTuple):
    """What the store has counted; `deleted_size` is None where nobody asked for it."""

    status: MailboxStatus
    deleted_size: int | None


class Counted:
    """What was counted between two writes to the store. One thread's own."""

    def __init__(self) -> None:
        self._writes: int | None = None
        self._counters: dict[Asked, Counters] = {}

    def find(self, writes: int | None, asked: Asked, *, deleted_size: bool) -> Counters | None:
        """What is known of a mailbox, if that still holds.

        Args:
            writes: as `Database.writes` says now.
            asked: the mailbox.
            deleted_size: whether that is wanted too.
        """
        if writes is None or writes != self._writes:
            return None
        found = self._counters.get(asked)
        if found is None or (deleted_size and found.deleted_size is None):
            return None
        return found

    def keep(self, writes: int | None, asked: Asked, counters: Counters) -> None:
        """Keeps what was read; `writes` is what `Database.writes` said before that began."""
        if writes is None:
            return
        if writes != self._writes or len(self._counters) >= KEPT:
            self._writes, self._counters = writes, {}
        self._counters[asked] = counters
