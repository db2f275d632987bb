"""What a POP3 server lists, what we know of it, and what a sync will do."""

from dataclasses import dataclass, field
from enum import Enum

from bridge.model.ids import MessageId


class LedgerState(Enum):
    """A ledger row's life (DESIGN: suspect, odd, poisoned, too large)."""

    LISTED = "listed"
    STORED = "stored"
    SUSPECT = "suspect"
    ODD = "odd"
    POISONED = "poisoned"
    TOO_LARGE = "too_large"


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of UIDL and LIST. `number` holds in one POP session only; `size` in octets.

    `uidl` is None where the server gave none.
    """

    number: int
    uidl: bytes | None
    size: int


@dataclass(frozen=True, slots=True)
class Listing:
    """A whole listing, ascending by number. Partial or unparsable ones never become a value."""

    messages: tuple[Listed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A ledger row as the plan sees it."""

    id: int
    uidl: bytes
    generation: int
    state: LedgerState
    size: int
    message_id: MessageId | None
    full_hash: bytes
    attempts: int


@dataclass(frozen=True, slots=True)
class Retrieve:
    """Fetch `listed`; `alone` when earlier tries failed. `known_id` is its ledger row, if any."""

    listed: Listed
    known_id: int | None = None
    alone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPlan:
    """What one POP session will do, in order. No action here can remove a local message."""

    retrieve: tuple[Retrieve, ...] = field(default=())
    too_large: tuple[Listed, ...] = field(default=())
    warnings: tuple[str, ...] = field(default=())
