"""Accounts for every message that a provider lists, and for every one that is known of it."""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum

from bridge.admin.context import Admin
from bridge.admin.findings import Finding, Kind
from bridge.admin.syncing import error_form
from bridge.errors import BridgeError, UpstreamError
from bridge.model.account import Account
from bridge.model.upstream import Known, LedgerState, Listing
from bridge.store import checks
from bridge.store.tx import ReadTx
from bridge.sync.runner import PROGRESS_TIMEOUT_S


class Listed(Enum):
    """What a message that the provider lists is to us."""

    HELD = "held"
    EXPUNGED = "expunged"
    SUSPECT = "suspect"
    ODD = "odd"
    POISONED = "poisoned"
    TOO_LARGE = "too_large"
    ELSEWHERE = "elsewhere"
    """Fetched by another program, as an import told."""
    PENDING = "pending"
    """Not fetched yet."""
    AMBIGUOUS = "ambiguous"
    """Listed without UIDL: only its octets can tell whether it is held."""
    UNACCOUNTED = "unaccounted"
    """The ledger takes it for held, and it isn't."""


class Gone(Enum):
    """What became of a message that the provider doesn't list."""

    DELETED = "deleted"
    """We deleted it there."""
    HELD = "held"
    """Held here; it went without us."""
    EXPUNGED = "expunged"
    """Expunged here; it went without us."""
    NEVER_HELD = "never_held"
    """It went before it could be fetched."""
    ELSEWHERE = "elsewhere"
    """Fetched by another program."""
    UNACCOUNTED = "unaccounted"


_STATES = {
    LedgerState.LISTED: Listed.PENDING,
    LedgerState.STORED: Listed.HELD,
    LedgerState.SUSPECT: Listed.SUSPECT,
    LedgerState.ODD: Listed.ODD,
    LedgerState.POISONED: Listed.POISONED,
    LedgerState.TOO_LARGE: Listed.TOO_LARGE,
    LedgerState.ELSEWHERE: Listed.ELSEWHERE,
}
_HOLDING = frozenset({LedgerState.STORED, LedgerState.SUSPECT, LedgerState.ODD})


@dataclass(slots=True)
class Balance:
    """Both sides, counted: each listed message and each ledger row is in exactly one number."""

    listed: Counter[Listed] = field(default_factory=Counter)
    gone: Counter[Gone] = field(default_factory=Counter)
    unaccounted: list[tuple[Known, bool]] = field(default_factory=list)
    """Rows that take for held what isn't, and whether they are listed."""


def balance(listing: Listing, known: Iterable[Known]) -> Balance:
    """Matches a complete listing with the ledger.

    A UIDL that is listed several times takes as many rows as bear it; rows that were there at the
    last listing come first, and of them the latest.
    """
    rows: defaultdict[bytes, deque[Known]] = defaultdict(deque)
    for row in sorted(known, key=_freshness):
        rows[row.uidl].append(row)
    made = Balance()
    nameless = 0
    for listed in listing.messages:
        if not listed.uidl:
            made.listed[Listed.AMBIGUOUS] += 1
            nameless += 1
        elif rows[listed.uidl]:
            made.listed[_of_listed(rows[listed.uidl].popleft(), made)] += 1
        else:
            made.listed[Listed.PENDING] += 1
    # Rows without UIDL that may be what is listed without one are ambiguous on that side already.
    for _ in range(min(nameless, len(rows[b""]))):
        rows[b""].popleft()
    for left in rows.values():
        for row in left:
            made.gone[_of_gone(row, made)] += 1
    return made


def _freshness(row: Known) -> tuple[bool, int]:
    return row.missing_since is not None, -row.generation


def _of_listed(row: Known, made: Balance) -> Listed:
    if row.state in _HOLDING:
        if row.expunged_at is not None:
            return Listed.EXPUNGED
        if row.message_id is None:
            made.unaccounted.append((row, True))
            return Listed.UNACCOUNTED
    return _STATES[row.state]


def _of_gone(row: Known, made: Balance) -> Gone:
    if row.state in _HOLDING and row.expunged_at is None and row.message_id is None:
        made.unaccounted.append((row, False))
        return Gone.UNACCOUNTED
    if row.dele_at is not None:
        return Gone.DELETED
    if row.state not in _HOLDING:
        elsewhere = row.state is LedgerState.ELSEWHERE
        return Gone.ELSEWHERE if elsewhere else Gone.NEVER_HELD
    return Gone.EXPUNGED if row.expunged_at is not None else Gone.HELD


async def reconcile(
    admin: Admin, account: Account, add: Callable[[Finding], None]
) -> dict[str, object]:
    """Takes a complete listing and accounts for all of it; nothing is retrieved or deleted.

    Args:
        admin: what to work with.
        account: whose provider.
        add: told of each message that isn't accounted for.

    Returns:
        login, listed (how many; None where no listing came), messages (by `Listed`, only what
        there is), gone (by `Gone`) and error, with its exit code, or None.
    """
    try:
        last = await admin.database.read(lambda tx: checks.ledger_last(tx, account.id))
        listing = await _listing(admin, account)
        made = await admin.database.read(lambda tx: _balance(tx, account, listing, last))
    except BridgeError as error:
        shown = {"listed": None, "messages": {}, "gone": {}, "error": error_form(error)}
        return {"login": account.login, **shown}
    for row, listed in made.unaccounted:
        what = "the ledger takes it for held, and it isn't"
        add(
            Finding(
                kind=Kind.UNACCOUNTED, what=what, login=account.login, uidl=row.uidl, listed=listed
            )
        )
    return {
        "login": account.login,
        "listed": len(listing.messages),
        "messages": {kind.value: made.listed[kind] for kind in Listed if made.listed[kind]},
        "gone": {kind.value: made.gone[kind] for kind in Gone if made.gone[kind]},
        "error": None,
    }


def _balance(tx: ReadTx, account: Account, listing: Listing, last: int) -> Balance:
    """Against the ledger as it is now: what came since the listing can't be missing in it."""
    uidls = {listed.uidl for listed in listing.messages}
    known = tx.known(account.id)
    return balance(listing, (row for row in known if row.id <= last or row.uidl in uidls))


async def _listing(admin: Admin, account: Account) -> Listing:
    secret = await admin.secret(account)
    profile = await admin.database.read(lambda tx: tx.profile(account.id))
    session = await admin.connector.connect(
        account.upstream, secret, PROGRESS_TIMEOUT_S, profile.habits
    )
    try:
        listing = await session.listing()
    except BaseException:
        session.abort()
        raise
    try:
        await session.quit()
    except UpstreamError:
        # Nothing was retrieved or marked: the answer changes nothing.
        session.abort()
    return listing
