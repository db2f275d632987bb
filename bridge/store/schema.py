"""The tables. Everything that comes from mail or POP is octets; times are ISO 8601 text.

A blob is a message's octets in chunk rows; while `sealed` is 0 it is a stage that nobody can see.
A placement is a message in a mailbox; expunged, it stays as the tombstone of its uid, so that a
session that hasn't been told can still read it.
"""

from sqlalchemy import (
    BLOB,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

CHUNK_OCTETS = 256 * 1024
"""Any slice is one short read; a partial read of one large BLOB row would walk its whole chain."""

metadata = MetaData()


def _id() -> Column[int]:
    return Column("id", Integer, primary_key=True)


def _ref(name: str, table: str, *, key: bool = False) -> Column[int]:
    target = ForeignKey(f"{table}.id", ondelete="CASCADE")
    return Column(name, Integer, target, primary_key=key, nullable=False)


counter = Table(
    "counter",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Integer, nullable=False),
)

account = Table(
    "account",
    metadata,
    _id(),
    Column("login", Text, nullable=False, unique=True),
    Column("host", Text, nullable=False),
    Column("port", Integer, nullable=False),
    Column("user", Text, nullable=False),
    Column("security", Text, nullable=False),
    Column("sealed_password", BLOB, nullable=False),
    Column("policy", Text, nullable=False),
    Column("interval_s", Integer),
    Column("paused", Boolean, nullable=False),
    Column("scram_salt", BLOB, nullable=False),
    Column("scram_iterations", Integer, nullable=False),
    sqlite_autoincrement=True,
)

device = Table(
    "device",
    metadata,
    _id(),
    _ref("account_id", "account"),
    Column("name", Text, nullable=False),
    Column("verifier", Text, nullable=False),
    Column("stored_key", BLOB, nullable=False),
    Column("server_key", BLOB, nullable=False),
    Column("last_used", Text),
    UniqueConstraint("account_id", "name"),
)

mailbox = Table(
    "mailbox",
    metadata,
    _id(),
    _ref("account_id", "account"),
    Column("name", Text, nullable=False),
    Column("uidvalidity", Integer, nullable=False),
    Column("uidnext", Integer, nullable=False),
    Column("highest_modseq", Integer, nullable=False),
    Column("first_recent_uid", Integer, nullable=False),
    Column("tombstone_floor", Integer, nullable=False),
    Column("special_use", Text),
    Column("mailboxid", Text, nullable=False, unique=True),
    UniqueConstraint("account_id", "name"),
    sqlite_autoincrement=True,
)

subscription = Table(
    "subscription",
    metadata,
    _ref("account_id", "account", key=True),
    Column("name", Text, primary_key=True),
)

blob = Table(
    "blob",
    metadata,
    _id(),
    Column("sealed", Boolean, nullable=False),
    sqlite_autoincrement=True,
)

chunk = Table(
    "chunk",
    metadata,
    _ref("blob_id", "blob", key=True),
    Column("seq", Integer, primary_key=True),
    Column("data", BLOB, nullable=False),
)

message = Table(
    "message",
    metadata,
    _id(),
    _ref("account_id", "account"),
    _ref("blob_id", "blob"),
    Column("emailid", Text, nullable=False, unique=True),
    Column("size", Integer, nullable=False),
    Column("full_hash", BLOB, nullable=False),
    Column("canonical_hash", BLOB, nullable=False),
    Column("body_hash", BLOB, nullable=False),
    Column("internal_date", Text, nullable=False),
    Column("sent_date", Text),
    Column("message_id", BLOB, nullable=False),
    Column("in_reply_to", BLOB, nullable=False),
    Column("references", BLOB, nullable=False),
    Column("subject", BLOB, nullable=False),
    Column("from_key", BLOB, nullable=False),
    Column("to_key", BLOB, nullable=False),
    Column("cc_key", BLOB, nullable=False),
    Column("preview", Text, nullable=False),
    Index("message_by_hash", "account_id", "full_hash"),
    sqlite_autoincrement=True,
)

shape = Table(
    "shape",
    metadata,
    Column("message_id", ForeignKey("message.id", ondelete="CASCADE"), primary_key=True),
    Column("header", BLOB, nullable=False),
    Column("envelope", BLOB, nullable=False),
    Column("body", BLOB, nullable=False),
    Column("bodystructure", BLOB, nullable=False),
    Column("parts", BLOB, nullable=False),
)
"""Wire-ready answers, apart from `message` so that a scan of keys doesn't walk over them."""

message_text = Table(
    "message_text",
    metadata,
    Column("message_id", ForeignKey("message.id", ondelete="CASCADE"), primary_key=True),
    Column("folded", BLOB, nullable=False),
)

flagset = Table("flagset", metadata, _id(), Column("flags", Text, nullable=False, unique=True))
"""Sets of flags by number: space-separated, sorted; few distinct ones serve all messages."""

placement = Table(
    "placement",
    metadata,
    Column("mailbox_id", ForeignKey("mailbox.id", ondelete="CASCADE"), primary_key=True),
    Column("uid", Integer, primary_key=True, autoincrement=False),
    Column("message_id", ForeignKey("message.id"), nullable=False),
    Column("flagset_id", ForeignKey("flagset.id"), nullable=False),
    Column("modseq", Integer, nullable=False),
    Column("created_modseq", Integer, nullable=False),
    Column("expunged_modseq", Integer),
    Column("savedate", Text, nullable=False),
    Index("placement_by_modseq", "mailbox_id", "modseq"),
    Index("placement_by_message", "message_id"),
    sqlite_with_rowid=False,
)

ledger = Table(
    "ledger",
    metadata,
    _id(),
    _ref("account_id", "account"),
    Column("uidl", BLOB, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("message_id", ForeignKey("message.id")),
    Column("full_hash", BLOB, nullable=False),
    Column("canonical_hash", BLOB, nullable=False),
    Column("body_hash", BLOB, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("reason", Text),
    Column("first_seen", Text, nullable=False),
    Column("stored_at", Text),
    UniqueConstraint("account_id", "uidl", "generation"),
    Index("ledger_by_hash", "account_id", "full_hash"),
)

sync_status = Table(
    "sync_status",
    metadata,
    _ref("account_id", "account", key=True),
    Column("state", Text, nullable=False),
    Column("last_success", Text),
    Column("last_attempt", Text),
    Column("next_attempt", Text),
    Column("listed", Integer),
    Column("pending", Integer),
    Column("auth_failures", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("error_code", Text),
    Column("error_text", Text),
    Column("error_remedy", Text),
    Column("error_since", Text),
)
