"""What of the ledger needs an owner's eye, and how much each provider holds."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, select

from bridge.model.ids import AccountId
from bridge.model.upstream import IN_DOUBT, LedgerState
from bridge.store import schema
from bridge.store.base import Reads, moment

_L = schema.ledger.c
_E = schema.ledger_event.c
_ROWS = (
    select(
        _L.uidl,
        _L.state,
        _L.size,
        _L.reason,
        _L.attempts,
        _L.first_seen,
        select(func.max(_E.at)).where(_E.ledger_id == _L.id).scalar_subquery(),
    )
    .where(
        _L.account_id == bindparam("account"),
        _L.state.in_([state.value for state in IN_DOUBT]),
        _L.missing_since.is_(None),
    )
    .order_by(_L.id.desc())
    .limit(bindparam("most"))
)
_UPSTREAM = (
    select(_L.account_id, func.sum(_L.size))
    .where(_L.missing_since.is_(None))
    .group_by(_L.account_id)
)


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A message that is listed and in doubt, or that can't be fetched."""

    uidl: bytes
    state: LedgerState
    size: int
    reason: str | None
    attempts: int
    since: datetime | None


def doubtful(tx: Reads, account_id: AccountId, most: int) -> list[Doubtful]:
    """The account's, newest first."""
    return [
        Doubtful(uidl, LedgerState(state), size, reason, attempts, moment(last or seen))
        for uidl, state, size, reason, attempts, seen, last in tx.all(
            _ROWS, account=account_id, most=most
        )
    ]


def upstream_octets(tx: Reads) -> dict[int, int]:
    """By account, octets of what its provider listed the last time."""
    return {account: int(octets or 0) for account, octets in tx.all(_UPSTREAM)}
