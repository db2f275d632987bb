"""What a POP3 server lists, what we know of it, and what a sync will do."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from bridge.model.ids import MessageId


class LedgerState(Enum):
    """A ledger row's life; docs/promises.md says what the words mean."""

    LISTED = "listed"
    STORED = "stored"
    SUSPECT = "suspect"
    ODD = "odd"
    POISONED = "poisoned"
    TOO_LARGE = "too_large"
    ELSEWHERE = "elsewhere"
    """Another program has fetched it: it isn't fetched again, nor proven held, nor ever deleted."""


IN_DOUBT = (LedgerState.SUSPECT, LedgerState.ODD, LedgerState.POISONED, LedgerState.TOO_LARGE)
"""What an owner should hear of."""


class EventKind(Enum):
    """What happened to an upstream message that is out of the ordinary (see `LedgerEvent`)."""

    SUSPECTED = "suspected"
    RECHECKED = "rechecked"
    CONFIRMED = "confirmed"
    ODD = "odd"
    POISONED = "poisoned"
    RENAMED = "renamed"
    RETURNED = "returned"
    REUSED = "reused"
    REPLACED = "replaced"
    DELETED = "deleted"
    DELETE_UNDONE = "delete_undone"
    IMPORTED = "imported"


@dataclass(frozen=True, slots=True)
class LedgerEvent:
    """An entry of a message's story; `detail` is words for people."""

    at: datetime
    kind: EventKind
    detail: str


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
    canonical_hash: bytes = b""
    body_hash: bytes = b""
    attempts: int
    rechecks: int = 0
    """Times that a suspect was retrieved again and not confirmed."""
    retry_at: datetime | None = None
    """When it is retrieved again at the earliest; None: at the next chance."""
    stored_at: datetime | None = None
    missing_since: datetime | None = None
    """The first complete listing that lacked its UIDL; None while it is listed."""
    dele_at: datetime | None = None
    """When a DELE for it was last answered with +OK and the session with QUIT."""
    deles: int = 0
    """How often that was."""
    expunged_at: datetime | None = None
    """When clients expunged it from its last mailbox; None while it is in one."""
    header_hash: bytes = b""
    """SHA-256 of its header as `sync.headers` normalises it; b"" where it isn't known."""
    proven: bool = True
    """Whether its octets were retrieved under the UIDL that it has now. One that was recognised
    by header and size alone is never deleted upstream."""
    octets: int | None = None
    """How many are stored; None where it isn't held."""
    reason: str | None = None
    """Why it is in doubt or failed."""


@dataclass(frozen=True, slots=True)
class Retrieve:
    """Fetch `listed`; `alone` when earlier tries failed. `known_id` is its ledger row, if any.

    `doubted`: the row is settled, and this may be another message that has got its UIDL.
    `recheck`: the row's message is held and suspect.
    """

    listed: Listed
    known_id: int | None = None
    alone: bool = False
    doubted: bool = False
    recheck: bool = False


@dataclass(frozen=True, slots=True)
class Inquiry:
    """Ask for the header of `listed`: if it is the row's, so is the message, else retrieve it.

    Without a row, any row will do that the listing lacks.
    """

    listed: Listed
    row: Known | None
    otherwise: Retrieve | None
    """None: without an answer it is taken for the row's message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPlan:
    """What one POP session will do, in order. No action here can remove a local message."""

    retrieve: tuple[Retrieve, ...] = field(default=())
    too_large: tuple[Listed, ...] = field(default=())
    warnings: tuple[str, ...] = field(default=())
    inquire: tuple[Inquiry, ...] = field(default=())
    superseded: tuple[int, ...] = field(default=())
    """Rows whose UIDL now names a message that is too large."""
    deferred: int = 0
    """Messages that are in doubt and left to later sessions."""
