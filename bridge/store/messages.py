"""Messages: what was worked out of them on the way in, and the rows that FETCH shows."""

import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Executable, bindparam, insert, select

from bridge.model.ids import MailboxId, MessageId, ModSeq, Uid
from bridge.model.mailbox import Mailbox
from bridge.model.message import MessageRow, Part, StoredMessage
from bridge.model.search import TEXT_FIELDS
from bridge.store import schema
from bridge.store.base import moment, time_text, utc_text
from bridge.store.blobs import BlobReads, BlobWrites
from bridge.store.columns import ColumnReads
from bridge.store.correlators import CorrelatorWrites
from bridge.store.placements import PlacementWrites, flags_of

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
_ADD_MESSAGE = insert(schema.message)
_ADD_SHAPE = insert(schema.shape)
_ADD_TEXT = insert(schema.message_text)
_ADD_FIELDS = insert(schema.field_text)
_FIELD_COLUMNS = tuple(map(schema.text_column, TEXT_FIELDS))
_AS_THEY_ARE = (
    "size",
    "full_hash",
    "canonical_hash",
    "body_hash",
    "message_id",
    "ancestry",
    "subject",
    "reply",
    "from_key",
    "to_key",
    "cc_key",
    "from_display",
    "to_display",
    "sent_s",
    "arrived_s",
    "preview",
)


@dataclass(frozen=True, slots=True)
class Added:
    """Where a new message stands."""

    uid: Uid
    message_id: MessageId


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


class MessageWrites(BlobWrites, CorrelatorWrites, PlacementWrites, MessageReads):
    """Changes to messages."""

    def add_message(
        self,
        mailbox: Mailbox,
        message: StoredMessage,
        octets: bytes | int,
        *,
        now: datetime,
        flags: frozenset[str] = frozenset(),
    ) -> Added:
        """Makes a message exist: octets, or the number of a stage, with UID and MODSEQ."""
        key = self._write_message(mailbox, message, self._write_blob(octets))
        uid = self._place(mailbox.id, key, flags, message.size, utc_text(now))
        return Added(uid, key)

    def _write_message(self, mailbox: Mailbox, message: StoredMessage, blob: int) -> MessageId:
        token = secrets.token_hex(12)
        key = self.insert(
            _ADD_MESSAGE,
            account_id=mailbox.account_id,
            blob_id=blob,
            emailid="M" + token,
            threadid=self.correlated(mailbox.account_id, message.ancestry, "T" + token),
            internal_date=time_text(message.internal_date),
            sent_date=time_text(message.sent_date),
            **{name: getattr(message, name) for name in _AS_THEY_ARE},
        )
        self.do(
            _ADD_SHAPE,
            message_id=key,
            parts=_write_parts(message.parts),
            **{
                name: getattr(message, name)
                for name in ("header", "envelope", "body", "bodystructure")
            },
        )
        self.do(_ADD_TEXT, message_id=key, folded=message.search_text)
        if message.field_texts:
            texts = dict(zip(_FIELD_COLUMNS, message.field_texts, strict=True))
            self.do(_ADD_FIELDS, message_id=key, **texts)
        return MessageId(key)


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


def _write_parts(parts: Sequence[Part]) -> bytes:
    rows = [[getattr(part, name) for name in Part.__slots__] for part in parts]
    return json.dumps(rows, separators=(",", ":")).encode()
