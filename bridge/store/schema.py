"""The tables. Everything that comes from mail or POP is octets; times are ISO 8601 text.

A blob is a message's octets in chunk rows; while `sealed` is 0 it is a stage that nobody can see,
and once `dropped` as well it is deleted slice by slice: a large one takes longer than a turn.
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
    text,
)

from bridge.model.search import TEXT_FIELDS

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
    Column("login", Text, unique=True),
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
    Column("quota_octets", Integer),
    Column("withheld", Text, nullable=False),
    Column("trace_until", Text),
    Column("tls", Text, nullable=False),
    Column("secret_kind", Text, nullable=False),
    Column("secret_value", Text, nullable=False),
    Column("submission", Text),
    sqlite_autoincrement=True,
)
"""Without a login it is removed, and what is left of it is deleted slice by slice. `withheld`
are capabilities, separated by spaces; `tls` is the JSON of what differs from the default, and
`submission` that of all."""

device = Table(
    "device",
    metadata,
    _id(),
    _ref("account_id", "account"),
    Column("name", Text, nullable=False),
    Column("verifier", Text, nullable=False),
    Column("stored_key", BLOB, nullable=False),
    Column("server_key", BLOB, nullable=False),
    Column("made", Text),
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
    Column("messages", Integer, nullable=False),
    Column("unseen", Integer, nullable=False),
    Column("deleted", Integer, nullable=False),
    Column("recent", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    UniqueConstraint("account_id", "name"),
    sqlite_autoincrement=True,
)
"""The last five count what is live, so that STATUS costs the same in any mailbox."""

keyword = Table(
    "keyword",
    metadata,
    _ref("mailbox_id", "mailbox", key=True),
    Column("folded", Text, primary_key=True),
    Column("spelling", Text, nullable=False),
)
"""Keywords have no case (RFC 9051 §2.3.2): a mailbox keeps the spelling it met first."""

subscription = Table(
    "subscription",
    metadata,
    _ref("account_id", "account", key=True),
    Column("name", Text, primary_key=True),
)

annotation = Table(
    "annotation",
    metadata,
    _id(),
    _ref("account_id", "account"),
    Column("mailbox_id", Integer, ForeignKey("mailbox.id", ondelete="CASCADE")),
    Column("entry", Text, nullable=False),
    Column("spelling", Text, nullable=False),
    Column("value", BLOB),
    Column("serial", Integer, nullable=False),
    Index("annotation_by_serial", "account_id", "serial"),
)
"""Without a mailbox it is the server's; `entry` is in lower case; without a value it was removed.
`serial` counts the changes."""
Index(
    "annotation_of_mailbox",
    annotation.c.mailbox_id,
    annotation.c.entry,
    unique=True,
    sqlite_where=annotation.c.mailbox_id.is_not(None),
)
Index(
    "annotation_of_server",
    annotation.c.account_id,
    annotation.c.entry,
    unique=True,
    sqlite_where=annotation.c.mailbox_id.is_(None),
)

blob = Table(
    "blob",
    metadata,
    _id(),
    Column("sealed", Boolean, nullable=False),
    Column("dropped", Boolean, nullable=False),
    sqlite_autoincrement=True,
)
Index(
    "blob_unsealed",
    blob.c.dropped,
    sqlite_where=~blob.c.sealed,
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
    Column("threadid", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("full_hash", BLOB, nullable=False),
    Column("canonical_hash", BLOB, nullable=False),
    Column("body_hash", BLOB, nullable=False),
    Column("internal_date", Text, nullable=False),
    Column("sent_date", Text),
    Column("sent_s", Integer, nullable=False),
    Column("arrived_s", Integer, nullable=False),
    Column("reply", Boolean, nullable=False),
    Column("message_id", BLOB, nullable=False),
    Column("subject", BLOB, nullable=False),
    Column("from_key", BLOB, nullable=False),
    Column("to_key", BLOB, nullable=False),
    Column("cc_key", BLOB, nullable=False),
    Column("from_display", BLOB, nullable=False),
    Column("to_display", BLOB, nullable=False),
    Column("ancestry", BLOB, nullable=False),
    Column("preview", Text, nullable=False),
    Column("expunged_at", Text),
    Column("expunged_from", Integer),
    Index("message_by_hash", "account_id", "full_hash"),
    Index("message_by_blob", "blob_id"),
    sqlite_autoincrement=True,
)
"""`expunged_at` is when it left its last mailbox, `expunged_from` which that was: a number that may
be no mailbox's any more. Both are null while it is in one."""
Index(
    "message_expunged",
    message.c.expunged_at,
    message.c.account_id,
    sqlite_where=message.c.expunged_at.is_not(None),
)

correlator = Table(
    "correlator",
    metadata,
    _ref("account_id", "account", key=True),
    Column("key", BLOB, primary_key=True),
    Column("threadid", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""Which thread a Message-ID, by its hash, is of; also one whose message isn't there."""

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


def text_column(field: bytes) -> str:
    """The column of `field_text` that has what a header field reads."""
    return "of_" + field.decode().replace("-", "_")


field_text = Table(
    "field_text",
    metadata,
    Column("message_id", ForeignKey("message.id", ondelete="CASCADE"), primary_key=True),
    *(Column(text_column(field), BLOB) for field in TEXT_FIELDS),
)
"""What header fields read, folded as searches compare them; null where a message hasn't got one. A
message whose fields are of a size that nobody writes has no row."""

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
Index(
    "placement_expunged",
    placement.c.mailbox_id,
    placement.c.expunged_modseq,
    sqlite_where=placement.c.expunged_modseq.is_not(None),
)

expunge_hour = Table(
    "expunge_hour",
    metadata,
    _ref("mailbox_id", "mailbox", key=True),
    Column("hour", Text, primary_key=True),
    Column("modseq", Integer, nullable=False),
    Index("expunge_hour_by_hour", "hour"),
)
"""The highest modseq at which a mailbox expunged within an hour, so that a purge knows the age of
tombstones without a time in each."""

remnant = Table(
    "remnant",
    metadata,
    _ref("message_id", "message", key=True),
    Column("mailbox", Text, nullable=False),
    Column("flagset_id", ForeignKey("flagset.id"), nullable=False),
)
"""Where a message was, and with which flags, whose last mailbox was deleted."""

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
    Column("header_hash", BLOB, nullable=False, server_default=""),
    Column("proven", Boolean, nullable=False, server_default="1"),
    Column("attempts", Integer, nullable=False),
    Column("reason", Text),
    Column("first_seen", Text, nullable=False),
    Column("stored_at", Text),
    Column("rechecks", Integer, nullable=False, server_default="0"),
    Column("retry_at", Text),
    Column("missing_since", Text),
    Column("dele_at", Text),
    Column("deles", Integer, nullable=False, server_default="0"),
    Column("expunged_at", Text),
    UniqueConstraint("account_id", "uidl", "generation"),
    Index("ledger_by_message", "message_id"),
    sqlite_autoincrement=True,
)
"""`expunged_at` is the message's, kept for when its octets are purged and `message_id` is null."""
UNSETTLED = text("state IN ('listed', 'suspect')")
"""What may have to be retrieved: few rows of any ledger."""
Index(
    "ledger_unsettled",
    ledger.c.account_id,
    sqlite_where=UNSETTLED,
)

ledger_event = Table(
    "ledger_event",
    metadata,
    _id(),
    _ref("ledger_id", "ledger"),
    Column("at", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Index("ledger_event_by_row", "ledger_id"),
)
"""What happened to a message that is out of the ordinary: most messages have no event. That it
was listed, stored, missed and deleted stands in its row."""

profile = Table(
    "profile",
    metadata,
    _ref("account_id", "account", key=True),
    Column("mechanism", Text),
    Column("capa", Boolean, nullable=False),
    Column("pipelining", Boolean, nullable=False),
    Column("wrong_sizes", Integer, nullable=False),
    Column("bare_lf", Boolean, nullable=False),
    Column("uidls_unstable", Boolean, nullable=False),
    Column("hides", Boolean, nullable=False, server_default="0"),
    Column("login_delay_s", Integer, nullable=False),
    Column("expire_days", Integer),
    Column("implementation", Text, nullable=False),
    Column("stat_messages", Integer),
    Column("stat_octets", Integer),
    Column("last_uidl", BLOB),
    Column("listed_at", Text),
    Column("frozen_since", Text),
    Column("frozen_reason", Text),
)

poll_day = Table(
    "poll_day",
    metadata,
    _ref("account_id", "account", key=True),
    Column("day", Text, primary_key=True),
    sqlite_with_rowid=False,
)
"""The days (UTC) on which a poll succeeded."""

retention = Table(
    "retention",
    metadata,
    _ref("account_id", "account", key=True),
    Column("polled_at", Text),
    Column("approved_at", Text),
)
"""When the last poll succeeded, and when the owner last said that what clients had expunged by
then may go upstream too."""

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
    Column("delete_due", Integer),
    Column("auth_failures", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("error_code", Text),
    Column("error_text", Text),
    Column("error_remedy", Text),
    Column("error_since", Text),
)
