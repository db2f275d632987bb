"""Messages on their way in: all that a transaction writes to make some exist, table by table."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import insert

from bridge.model.ids import AccountId, MessageId, Uid
from bridge.model.mailbox import Mailbox
from bridge.model.message import Part, StoredMessage
from bridge.model.search import TEXT_FIELDS
from bridge.store import schema
from bridge.store.base import time_text, utc_text
from bridge.store.blobs import BlobWrites
from bridge.store.correlators import CorrelatorWrites
from bridge.store.messages import MessageReads
from bridge.store.placements import PlacementWrites

_ADD_MESSAGES = insert(schema.message).inline()
_ADD_SHAPES = insert(schema.shape).inline()
_ADD_TEXTS = insert(schema.message_text).inline()
_ADD_FIELDS = insert(schema.field_text).inline()
_AS_THEY_ARE = (
    "sent_s",
    "arrived_s",
    "reply",
    "message_id",
    "subject",
    "from_key",
    "to_key",
    "cc_key",
    "from_display",
    "to_display",
    "ancestry",
    "preview",
)
_HASHES = ("full_hash", "canonical_hash", "body_hash")
_MESSAGE_COLUMNS = (
    *("account_id", "blob_id", "emailid", "threadid", "size"),
    *_HASHES,
    *("internal_date", "sent_date"),
    *_AS_THEY_ARE,
)
_WIRE = ("header", "envelope", "body", "bodystructure")
_SHAPE_COLUMNS = ("message_id", *_WIRE, "parts")
_FIELD_COLUMNS = ("message_id", *map(schema.text_column, TEXT_FIELDS))
_size_and_hashes = attrgetter("size", *_HASHES)
_as_they_are = attrgetter(*_AS_THEY_ARE)
_wire = attrgetter(*_WIRE)


@dataclass(frozen=True, slots=True)
class Arriving:
    """What is to exist: a message, its octets or the number of their stage, and its SAVEDATE."""

    message: StoredMessage
    octets: bytes | int
    now: datetime


@dataclass(frozen=True, slots=True)
class Added:
    """Where a new message stands."""

    uid: Uid
    message_id: MessageId


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
        return self.add_messages(mailbox, [Arriving(message, octets, now)], flags)[0]

    def add_messages(
        self,
        mailbox: Mailbox,
        arriving: Sequence[Arriving],
        flags: frozenset[str] = frozenset(),
    ) -> list[Added]:
        """Makes messages exist, with ascending UIDs and one MODSEQ; a statement or two a table."""
        messages = [one.message for one in arriving]
        blobs = self._write_blobs([one.octets for one in arriving])
        keys = self._write_messages(mailbox.account_id, messages, blobs)
        self._write_shapes(keys, messages)
        saved = [utc_text(one.now) for one in arriving]
        sizes = [message.size for message in messages]
        uids = self._place(mailbox.id, list(zip(keys, sizes, saved, strict=True)), flags)
        return [Added(Uid(uid), key) for uid, key in zip(uids, keys, strict=True)]

    def _write_messages(
        self, account_id: AccountId, messages: Sequence[StoredMessage], blobs: Sequence[int]
    ) -> list[MessageId]:
        tokens = [secrets.token_hex(12) for _ in messages]
        threads = self.correlated(
            account_id,
            [(one.ancestry, "T" + token) for one, token in zip(messages, tokens, strict=True)],
        )
        rows = [
            (
                *(account_id, blob, "M" + token, threadid),
                *_size_and_hashes(message),
                time_text(message.internal_date),
                time_text(message.sent_date),
                *_as_they_are(message),
            )
            for message, blob, token, threadid in zip(messages, blobs, tokens, threads, strict=True)
        ]
        return list(map(MessageId, self.insert_keyed(_ADD_MESSAGES, _MESSAGE_COLUMNS, rows)))

    def _write_shapes(self, keys: Sequence[MessageId], messages: Sequence[StoredMessage]) -> None:
        """What is kept of messages beside their own rows."""
        each = list(zip(keys, messages, strict=True))
        shapes = [(key, *_wire(one), _write_parts(one.parts)) for key, one in each]
        self.insert_all(_ADD_SHAPES, _SHAPE_COLUMNS, shapes)
        texts: list[tuple[Any, ...]] = [(key, one.search_text) for key, one in each]
        self.insert_all(_ADD_TEXTS, ("message_id", "folded"), texts)
        fields = [(key, *one.field_texts) for key, one in each if one.field_texts]
        self.insert_all(_ADD_FIELDS, _FIELD_COLUMNS, fields)


def _write_parts(parts: Sequence[Part]) -> bytes:
    return json.dumps(parts, separators=(",", ":")).encode()
