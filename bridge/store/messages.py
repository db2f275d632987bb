"""Messages as FETCH shows them: rows, with what was worked out of them on the way in."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Executable, bindparam, select

from bridge.model.ids import MailboxId, MessageId, ModSeq, Uid
from bridge.model.message import MessageRow, Part
from bridge.store import schema
from bridge.store.base import moment
from bridge.store.blobs import BlobReads
from bridge.store.columns import ColumnReads
from bridge.store.placements import flags_of

_P = schema.placement.c
_M = schema.message.c
_SHAPES = ("header", "envelope", "body", "bodystructure", "parts")
_ROW = (
    _P.uid,
    _P.message_id,
    _P.modseq,
    schema.flagset.c.flags,
    _M.size,
    _M.internal_date,
    _P.savedate,
    _M.emailid,
    _M.sent_date,
)
_FROM_PLACED = schema.placement.join(schema.flagset, schema.flagset.c.id == _P.flagset_id).join(
    schema.message, _M.id == _P.message_id
)
_HEADER = (
    select(_M.internal_date, schema.shape.c.header)
    .select_from(schema.message.join(schema.shape))
    .where(_M.id == bindparam("message"))
)


class MessageReads(BlobReads, ColumnReads):
    """Queries about messages."""

    def rows(
        self, mailbox_id: MailboxId, uids: Sequence[int], columns: frozenset[str] = frozenset()
    ) -> list[MessageRow]:
        """The messages with those ascending UIDs; expunged ones too, until they are purged.

        Args:
            mailbox_id: where they are.
            uids: a UID that never was is left out of the answer.
            columns: of header, envelope, body, bodystructure and parts, what is wanted.
        """
        shapes = tuple(name for name in _SHAPES if name in columns)
        statement = _rows_statement(shapes)
        return [_row(row, shapes) for row in self._by_uid(statement, mailbox_id, uids)]

    def message_header(self, message_id: MessageId) -> tuple[datetime, bytes] | None:
        """The internal date and header of a message, wherever it is; None if it is gone."""
        row = self.one(_HEADER, message=message_id)
        return None if row is None else (datetime.fromisoformat(row[0]), row[1])

    def _by_uid(
        self, statement: Executable, mailbox_id: MailboxId, uids: Sequence[int]
    ) -> Iterator[tuple[Any, ...]]:
        wanted = set(uids)
        for rows in self._between(statement, mailbox_id, uids):
            for row in rows:
                if row[0] in wanted:
                    yield row


@cache
def _rows_statement(shapes: tuple[str, ...]) -> Executable:
    source = _FROM_PLACED
    if shapes:
        source = source.join(schema.shape, schema.shape.c.message_id == _P.message_id)
    return (
        select(*_ROW, *(schema.shape.c[name] for name in shapes))
        .select_from(source)
        .where(
            _P.mailbox_id == bindparam("mailbox"),
            _P.uid.between(bindparam("low"), bindparam("high")),
        )
        .order_by(_P.uid)
    )


def _row(row: tuple[Any, ...], shapes: tuple[str, ...]) -> MessageRow:
    uid, message_id, modseq, flags, size, date, savedate, emailid, sent = row[: len(_ROW)]
    wide = dict(zip(shapes, row[len(_ROW) :], strict=True))
    if "parts" in wide:
        wide["parts"] = tuple(Part(*fields) for fields in json.loads(wide["parts"]))
    return MessageRow(
        uid=Uid(uid),
        message_id=MessageId(message_id),
        modseq=ModSeq(modseq),
        flags=flags_of(flags),
        size=size,
        internal_date=datetime.fromisoformat(date),
        savedate=datetime.fromisoformat(savedate),
        emailid=emailid,
        sent_date=moment(sent),
        **wide,
    )
