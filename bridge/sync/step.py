"""A message that arrived, and what it turned out to be."""

from dataclasses import dataclass
from datetime import datetime

from bridge.model.message import StoredMessage
from bridge.model.upstream import Known, Retrieve
from bridge.sync.headers import is_internal


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A message that was retrieved to its end; `body` is octets or a stage's number."""

    item: Retrieve
    message: StoredMessage
    body: bytes | int
    now: datetime
    extends: bool = False
    """Whether it begins with the octets of the suspect that it was retrieved for."""

    @property
    def uidl(self) -> bytes:
        """As the ledger has it, blank for none."""
        return self.item.listed.uidl or b""

    @property
    def hashes(self) -> tuple[bytes, bytes, bytes]:
        """As the ledger takes them."""
        message = self.message
        return message.full_hash, message.canonical_hash, message.body_hash

    def same(self, row: Known) -> bool:
        """Whether it is the row's message but for what servers change on the way."""
        message = self.message
        if not row.full_hash:
            return False
        return message.full_hash == row.full_hash or message.canonical_hash == row.canonical_hash


@dataclass(frozen=True, slots=True)
class Step:
    """What is written for a message: `row` is the ledger row that it turned out to be, if any.

    `row` is None for a new message. `own` is the row that it was retrieved for, if any, and
    `at_once` says that this session has retrieved the suspect before.
    """

    arrived: Arrived
    row: Known | None
    own: Known | None = None
    at_once: bool = False

    @property
    def is_new(self) -> bool:
        """Whether the message wasn't held before."""
        return self.row is None and not self.is_internal

    @property
    def is_internal(self) -> bool:
        """Whether it is the server's own record of the mailbox, which nobody is shown."""
        return is_internal(self.arrived.message.header)
