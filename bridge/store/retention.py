"""What deleting at the provider goes by, and what became of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import bindparam, delete, func, insert, or_, select, update

from bridge.model.ids import AccountId
from bridge.model.policy import Policy
from bridge.model.upstream import LedgerState
from bridge.store import schema
from bridge.store.base import Reads, Writes, moment, time_text, utc_text

_L, _D, _R = schema.ledger.c, schema.poll_day.c, schema.retention.c
_DAYS = select(_D.day).where(_D.account_id == bindparam("account")).order_by(_D.day)
_HAS_DAY = select(_D.day).where(_D.account_id == bindparam("account"), _D.day == bindparam("on"))
_ADD_DAY = insert(schema.poll_day)
_OF = select(_R.polled_at, _R.approved_at).where(_R.account_id == bindparam("account"))
_FORGET = delete(schema.retention).where(_R.account_id == bindparam("account"))
_KEEP = insert(schema.retention)
_DELETED = (
    update(schema.ledger)
    .where(_L.id == bindparam("row"))
    .values(dele_at=bindparam("now"), deles=_L.deles + 1)
)
_COUNT = select(func.count()).where(
    _L.account_id == bindparam("account"),
    _L.dele_at.is_not(None),
    or_(_L.missing_since.is_not(None), _L.dele_at >= bindparam("listed")),
)


_PRESENT = (
    _L.account_id == bindparam("account"),
    _L.missing_since.is_(None),
    _L.uidl != b"",
)
_CANDIDATE = (
    select(_L.id)
    .select_from(schema.ledger.outerjoin(schema.message, schema.message.c.id == _L.message_id))
    .where(
        *_PRESENT,
        _L.state == LedgerState.STORED.value,
        _L.message_id.is_not(None),
        _L.proven,
        or_(
            _L.dele_at.is_(None),
            _L.deles < bindparam("patience"),
            _L.dele_at <= bindparam("day_ago"),
            _L.dele_at > bindparam("now"),
        ),
    )
    .limit(1)
)
_OLD = _CANDIDATE.where(_L.stored_at <= bindparam("stored"))
_EXPUNGED = _CANDIDATE.where(schema.message.c.expunged_at.is_not(None))
_THERE = select(func.count(), func.coalesce(func.sum(_L.size), 0)).where(*_PRESENT)


@dataclass(frozen=True, slots=True)
class Retention:
    """When the last poll succeeded, and when the owner last approved of what was expunged."""

    polled_at: datetime | None = None
    approved_at: datetime | None = None


class RetentionReads(Reads):
    """Queries about deleting."""

    def retention(self, account_id: AccountId) -> Retention:
        """What is known; nothing before the first poll."""
        row = self.one(_OF, account=account_id)
        return Retention() if row is None else Retention(moment(row[0]), moment(row[1]))

    def poll_days(self, account_id: AccountId) -> Sequence[date]:
        """The days (UTC) on which polls succeeded, ascending."""
        return [date.fromisoformat(day) for (day,) in self.all(_DAYS, account=account_id)]

    def may_be_due(
        self, account_id: AccountId, policy: Policy, now: datetime, patience: int
    ) -> bool:
        """Whether the policy may want anything: where not, nobody has to look at every message.

        Args:
            account_id, policy: whose and what.
            now: aware UTC.
            patience: after so many deletes in vain a message is tried once a day.
        """
        values = {
            "account": account_id,
            "patience": patience,
            "now": utc_text(now),
            "day_ago": utc_text(now - timedelta(days=1)),
        }
        if policy.delete and self.one(_CANDIDATE, **values):
            return True
        if policy.mirror and self.one(_EXPUNGED, **values):
            return True
        if policy.delete_after_s is not None:
            stored = utc_text(now - timedelta(seconds=policy.delete_after_s))
            if self.one(_OLD, **values, stored=stored):
                return True
        return policy.shrinks and self._is_too_much(account_id, policy)

    def _is_too_much(self, account_id: AccountId, policy: Policy) -> bool:
        row = self.one(_THERE, account=account_id)
        count, octets = (0, 0) if row is None else row
        return (policy.keep_newest is not None and count > policy.keep_newest) or (
            policy.keep_below is not None and octets > policy.keep_below
        )

    def deleted_count(self, account_id: AccountId) -> int:
        """Messages that were deleted upstream and that no listing has shown since."""
        listed = self.one(
            select(schema.profile.c.listed_at).where(schema.profile.c.account_id == account_id)
        )
        since = moment(listed[0]) if listed else None
        row = self.one(_COUNT, account=account_id, listed="" if since is None else utc_text(since))
        return 0 if row is None else int(row[0])


class RetentionWrites(Writes, RetentionReads):
    """Changes to it."""

    def save_retention(self, account_id: AccountId, retention: Retention) -> None:
        """Replaces what is known."""
        self.do(_FORGET, account=account_id)
        self.do(
            _KEEP,
            account_id=account_id,
            polled_at=time_text(retention.polled_at),
            approved_at=time_text(retention.approved_at),
        )

    def approve_expunges(self, account_id: AccountId, now: datetime) -> None:
        """Notes that the owner has said that what clients expunged until now may go upstream."""
        self.save_retention(account_id, replace(self.retention(account_id), approved_at=now))

    def add_poll_day(self, account_id: AccountId, day: date) -> None:
        """Notes that a poll succeeded on that day."""
        text = day.isoformat()
        if self.one(_HAS_DAY, account=account_id, on=text) is None:
            self.do(_ADD_DAY, account_id=account_id, day=text)

    def ledger_deleted(self, rows: Iterable[int], now: datetime) -> None:
        """Notes that their DELE was answered with +OK, and the QUIT behind it too."""
        at = utc_text(now)
        self.do_all(_DELETED, [{"row": row, "now": at} for row in rows])
