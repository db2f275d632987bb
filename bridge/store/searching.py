"""What a search asks of the store: one statement a key, that finds in all of a mailbox at once.

SQLite looks at a row in a tenth of a microsecond, and other threads run meanwhile.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, assert_never

from sqlalchemy import ColumnElement, Executable, bindparam, case, func, or_, select

from bridge.model.ids import MailboxId
from bridge.model.search import TEXT_FIELDS, Date, ObjectId, Saved, Size, Within
from bridge.store import schema
from bridge.store.columns import ColumnReads

_P, _M, _T = schema.placement.c, schema.message.c, schema.field_text.c
_IN = (
    _P.mailbox_id == bindparam("mailbox"),
    _P.uid.between(bindparam("low"), bindparam("high")),
)
_AFTER_ANY_TIME = "~"
"""Behind a day in ISO 8601 it comes after all moments of that day, in any zone."""


class SearchReads(ColumnReads):
    """Queries of SEARCH. All are given ascending UIDs, and may answer with others between them."""

    def numbered(
        self,
        mailbox_id: MailboxId,
        uids: Sequence[int],
        key: Size | Date | Saved | Within | ObjectId,
        now: datetime,
    ) -> list[int]:
        """The UIDs of messages whose size, date or id matches."""
        match key:
            case Size():
                return self._found(_SIZES[key.larger], mailbox_id, uids, octets=key.octets)
            case Date() | Saved():
                day = key.day.isoformat()
                values = {"day": day, "end": day + _AFTER_ANY_TIME}
                names = _DATE_VALUES[key.relation]
                given = {name: values[name] for name in names}
                moment = "saved" if isinstance(key, Saved) else "sent" if key.sent else "internal"
                statement = _DATES[key.relation, moment]
                return self._found(statement, mailbox_id, uids, **given)
            case ObjectId():
                return self._found(_WITH_ID[key.item], mailbox_id, uids, value=key.value)
            case Within():
                target = int(now.timestamp()) - key.seconds
                return self._found(_WITHIN[key.older], mailbox_id, uids, target=target)
            case _:
                assert_never(key)

    def with_field(
        self, mailbox_id: MailboxId, uids: Sequence[int], name: bytes, wanted: bytes
    ) -> tuple[list[int], list[int]]:
        """(the UIDs of messages one of whose fields reads so, those of which that isn't known).

        Args:
            mailbox_id: where they are.
            uids: ascending.
            name: one of `TEXT_FIELDS`.
            wanted: folded, without NUL; b"" asks for the field's presence.
        """
        given = {"wanted": wanted} if wanted else {}
        found: list[int] = []
        unknown: list[int] = []
        for low, high in self._spans(uids):
            row = self.one(
                _FIELDS[name, bool(wanted)], mailbox=mailbox_id, low=low, high=high, **given
            )
            assert row is not None
            found += _read(row[0])
            unknown += _read(row[1])
        return found, unknown

    def _found(
        self, statement: Executable, mailbox_id: MailboxId, uids: Sequence[int], **values: Any
    ) -> list[int]:
        found: list[int] = []
        for low, high in self._spans(uids):
            row = self.one(statement, mailbox=mailbox_id, low=low, high=high, **values)
            assert row is not None
            found += _read(row[0])
        return found

    def _spans(self, uids: Sequence[int]) -> list[tuple[int, int]]:
        if uids[-1] - uids[0] < 2 * len(uids):
            # To read what little lies between costs less than to find out where it does.
            return [(uids[0], uids[-1])]
        return self._runs_of(uids)


def _read(written: str | None) -> Iterator[int]:
    """UIDs that a statement has put into one text.

    A row for each would have a busy process wait for its turn at each.
    """
    return map(int, written.split(",")) if written else iter(())


def _of_message(condition: ColumnElement[bool]) -> Executable:
    source = schema.placement.join(schema.message, _M.id == _P.message_id)
    return select(func.group_concat(_P.uid)).select_from(source).where(*_IN, condition)


def _of_field(name: bytes, present: bool) -> Executable:
    """Joined from outside: a message without texts is one to look at oneself."""
    source = schema.placement.outerjoin(schema.field_text, _T.message_id == _P.message_id)
    column = _T[schema.text_column(name)]
    holds = func.instr(column, bindparam("wanted")) > 0 if present else column.is_not(None)
    known = _T.message_id.is_not(None)
    return (
        select(func.group_concat(case((known, _P.uid))), func.group_concat(case((~known, _P.uid))))
        .select_from(source)
        .where(*_IN, or_(holds, ~known))
    )


def _of_day(moment: ColumnElement[Any], relation: str) -> Executable:
    """Days are compared as they are written: times and zones don't count (RFC 9051 §6.4.4)."""
    match relation:
        case "BEFORE":
            return _of_message(moment < bindparam("day"))
        case "ON":
            return _of_message(moment.between(bindparam("day"), bindparam("end")))
        case _:
            return _of_message(moment >= bindparam("day"))


_SIZES = {
    True: _of_message(_M.size > bindparam("octets")),
    False: _of_message(_M.size < bindparam("octets")),
}
_DATE_VALUES = {"BEFORE": ("day",), "ON": ("day", "end"), "SINCE": ("day",)}
_MOMENTS = {"internal": _M.internal_date, "sent": _M.sent_date, "saved": _P.savedate}
_DATES = {
    (relation, name): _of_day(moment, relation)
    for relation in _DATE_VALUES
    for name, moment in _MOMENTS.items()
}
_WITH_ID = {
    "EMAILID": _of_message(_M.emailid == bindparam("value")),
    "THREADID": _of_message(_M.threadid == bindparam("value")),
}
_WITHIN = {
    True: _of_message(_M.arrived_s <= bindparam("target")),
    False: _of_message(_M.arrived_s >= bindparam("target")),
}
_FIELDS = {
    (name, wanted): _of_field(name, wanted) for name in TEXT_FIELDS for wanted in (False, True)
}
