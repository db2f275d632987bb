"""What `verify` asks of the store: whether what it says of itself is so.

Each function is a short look in a snapshot of its own, so that a daemon's writer is never kept
from emptying its log for long.
"""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Executable, Table, bindparam, func, or_, select, text

from bridge.model.flags import DELETED, SEEN
from bridge.model.ids import AccountId, MailboxId, MessageId
from bridge.model.message import Part
from bridge.model.search import TEXT_FIELDS
from bridge.model.upstream import LedgerState
from bridge.store import schema
from bridge.store.base import Reads

_G, _P, _L, _B = schema.message.c, schema.placement.c, schema.ledger.c, schema.blob.c
_HELD = tuple(s.value for s in (LedgerState.STORED, LedgerState.SUSPECT, LedgerState.ODD))
_COUNTERS = ("messages", "unseen", "deleted", "recent", "size")
HASHES = ("full_hash", "canonical_hash", "body_hash")
_HEADER_END = Part._fields.index("header_end")


@dataclass(frozen=True, slots=True)
class MessageCheck:
    """A message's row, and whether what belongs to it is there.

    `header_end` is None where no shape tells it; `live` counts its places that aren't expunged.
    """

    id: MessageId
    blob_id: int
    size: int
    full_hash: bytes
    canonical_hash: bytes
    body_hash: bytes
    expunged: bool
    sealed: bool
    searchable: bool
    live: int
    header_end: int | None


@dataclass(frozen=True, slots=True)
class Recount:
    """What a mailbox's row says against what its placements say.

    `noted` and `counted` are by counter; the highest ones are 0 in a mailbox that never had mail.
    """

    noted: dict[str, int]
    counted: dict[str, int]
    highest_uid: int
    highest_modseq: int
    floor: int


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where to look for a message: (mailbox, uid) of places, live ones first, and its UIDL."""

    places: tuple[tuple[str, int], ...]
    uidl: bytes | None
    listed: bool
    """Whether the provider still listed it, when last asked."""


@dataclass(frozen=True, slots=True)
class LedgerFault:
    """A row that says what isn't so.

    `differ` are the hashes that aren't the message's; none where the row says that a message is
    held, none is, and it was never expunged.
    """

    uidl: bytes
    listed: bool
    differ: tuple[str, ...]


_LIVE = (
    select(func.count())
    .where(_P.message_id == _G.id, _P.expunged_modseq.is_(None))
    .scalar_subquery()
)
_MESSAGE = (
    select(
        _G.id,
        _G.blob_id,
        _G.size,
        _G.full_hash,
        _G.canonical_hash,
        _G.body_hash,
        _G.expunged_at.is_not(None),
        _B.sealed,
        schema.message_text.c.message_id.is_not(None),
        _LIVE,
        schema.shape.c.parts,
    )
    .select_from(
        schema.message.outerjoin(schema.blob, _B.id == _G.blob_id)
        .outerjoin(schema.shape, schema.shape.c.message_id == _G.id)
        .outerjoin(schema.message_text, schema.message_text.c.message_id == _G.id)
    )
    .order_by(_G.id)
)
_AFTER = _MESSAGE.where(_G.account_id == bindparam("account"), _G.id > bindparam("after")).limit(
    bindparam("most")
)
_ONE = _MESSAGE.where(_G.id == bindparam("message"))
_TOTAL = select(func.count()).where(_G.account_id == bindparam("account"))
_CHUNKS = (
    select(schema.chunk.c.seq, schema.chunk.c.data)
    .where(
        schema.chunk.c.blob_id == bindparam("blob"),
        schema.chunk.c.seq.between(bindparam("first"), bindparam("last")),
    )
    .order_by(schema.chunk.c.seq)
)
_FIELD_TEXTS = tuple(map(schema.text_column, TEXT_FIELDS))
_WORKED_OUT = (
    select(
        schema.field_text.c.message_id.is_not(None).label("has_texts"),
        *(schema.field_text.c[name] for name in _FIELD_TEXTS),
        schema.shape,
        schema.message_text.c.folded,
        schema.message,
    )
    .select_from(
        schema.message.join(schema.shape, schema.shape.c.message_id == _G.id)
        .join(schema.message_text, schema.message_text.c.message_id == _G.id)
        .outerjoin(schema.field_text, schema.field_text.c.message_id == _G.id)
    )
    .where(_G.id == bindparam("message"))
)
_PLACES = (
    select(schema.mailbox.c.name, _P.uid)
    .select_from(schema.placement.join(schema.mailbox))
    .where(_P.message_id == bindparam("message"))
    .order_by(_P.expunged_modseq.is_not(None), schema.mailbox.c.name, _P.uid)
)
_IS_LISTED = _L.missing_since.is_(None)
_LISTED = select(_L.uidl, _IS_LISTED).where(_L.message_id == bindparam("message"))
_LEDGER = (
    select(_L.uidl, _IS_LISTED, *(_L[name] != _G[name] for name in HASHES))
    .select_from(schema.ledger.outerjoin(schema.message, _G.id == _L.message_id))
    .where(
        _L.account_id == bindparam("account"),
        _L.id > bindparam("after"),
        _L.id <= bindparam("last"),
        _L.state.in_(_HELD),
        or_(
            _L.message_id.is_(None) & _L.expunged_at.is_(None),
            *(_L[name] != _G[name] for name in HASHES),
        ),
    )
    .order_by(_L.id)
)
_LAST_ROW = select(func.max(_L.id)).where(_L.account_id == bindparam("account"))
_TWICE = (
    select(_L.uidl, _L.generation, func.count())
    .where(_L.account_id == bindparam("account"))
    .group_by(_L.uidl, _L.generation)
    .having(func.count() > 1)
)
_ORPHANS = (
    select(func.count())
    .select_from(schema.blob.outerjoin(schema.message, _G.blob_id == _B.id))
    .where(_B.sealed, _G.id.is_(None))
)


def _marked(flag: str) -> ColumnElement[int]:
    flags = " " + schema.flagset.c.flags + " "
    return func.sum(flags.contains(f" {flag} ", autoescape=True))


_M = schema.mailbox.c
_COUNTED = (
    select(
        func.count(),
        func.count() - _marked(SEEN),
        _marked(DELETED),
        func.sum(_P.uid >= _M.first_recent_uid),
        func.sum(_G.size),
    )
    .select_from(
        schema.placement.join(schema.mailbox, _M.id == _P.mailbox_id)
        .join(schema.flagset, schema.flagset.c.id == _P.flagset_id)
        .join(schema.message, _G.id == _P.message_id)
    )
    .where(_P.mailbox_id == bindparam("mailbox"), _P.expunged_modseq.is_(None))
)
_NOTED = select(*(_M[name] for name in _COUNTERS), _M.tombstone_floor).where(
    _M.id == bindparam("mailbox")
)
_HIGHEST = select(func.max(_P.uid), func.max(_P.modseq), func.max(_P.created_modseq)).where(
    _P.mailbox_id == bindparam("mailbox")
)
_UIDVALIDITY = select(
    select(schema.counter.c.value).where(schema.counter.c.name == "uidvalidity").scalar_subquery(),
    select(func.max(_M.uidvalidity)).scalar_subquery(),
)


def message_total(tx: Reads, account_id: AccountId) -> int:
    """How many messages the account has, expunged ones that aren't purged included."""
    row = tx.one(_TOTAL, account=account_id)
    return 0 if row is None else int(row[0])


def messages_after(
    tx: Reads, account_id: AccountId, after: int, most: int
) -> tuple[MessageCheck, ...]:
    """The next messages of an account in the order of their ids, `most` at most."""
    return tuple(map(_check, tx.all(_AFTER, account=account_id, after=after, most=most)))


def message_now(tx: Reads, message_id: MessageId) -> MessageCheck | None:
    """The message as it is by now; None where it was purged."""
    row = tx.one(_ONE, message=message_id)
    return None if row is None else _check(row)


def chunks(tx: Reads, blob_id: int, first: int, most: int) -> list[tuple[int, bytes]]:
    """(seq, octets) of the chunks from `first` on, `most` at most."""
    rows = tx.all(_CHUNKS, blob=blob_id, first=first, last=first + most - 1)
    return [(seq, data) for seq, data in rows]


def worked_out(tx: Reads, message_id: MessageId) -> dict[str, Any]:
    """What was worked out of a message when it came, by name as in `StoredMessage`.

    Empty where the message or a part of it is gone.
    """
    row = tx.one(_WORKED_OUT, message=message_id)
    if row is None:
        return {}
    # `shape.message_id`, a row's number, comes before `message.message_id`, a field's value.
    found = dict(zip((column.name for column in _WORKED_OUT.selected_columns), row, strict=True))
    found["parts"] = tuple(Part(*fields) for fields in json.loads(found["parts"]))
    found["search_text"] = found.pop("folded")
    texts = tuple(found.pop(name) for name in _FIELD_TEXTS)
    found["field_texts"] = texts if found.pop("has_texts") else ()
    return found


def whereabouts(tx: Reads, message_id: MessageId) -> Whereabouts:
    """Where a message is found, here and upstream."""
    places = tuple((name, uid) for name, uid in tx.all(_PLACES, message=message_id))
    row = tx.one(_LISTED, message=message_id)
    return Whereabouts(places, None, False) if row is None else Whereabouts(places, row[0], row[1])


def recount(tx: Reads, mailbox_id: MailboxId) -> Recount | None:
    """A mailbox's counters, noted and counted; None where it is gone."""
    noted = tx.one(_NOTED, mailbox=mailbox_id)
    counted = tx.one(_COUNTED, mailbox=mailbox_id)
    highest = tx.one(_HIGHEST, mailbox=mailbox_id)
    if noted is None or counted is None or highest is None:
        return None
    uid, modseq, created = (value or 0 for value in highest)
    return Recount(
        noted=dict(zip(_COUNTERS, noted[:-1], strict=True)),
        counted={name: value or 0 for name, value in zip(_COUNTERS, counted, strict=True)},
        highest_uid=uid,
        highest_modseq=max(modseq, created),
        floor=noted[-1],
    )


def ledger_last(tx: Reads, account_id: AccountId) -> int:
    """The highest number of the account's ledger rows; 0 without any."""
    row = tx.one(_LAST_ROW, account=account_id)
    return 0 if row is None else int(row[0] or 0)


def ledger_faults(tx: Reads, account_id: AccountId, after: int, last: int) -> list[LedgerFault]:
    """Rows numbered within (after, last] that say what isn't so."""
    found = []
    for uidl, listed, *differ in tx.all(_LEDGER, account=account_id, after=after, last=last):
        wrong = tuple(name for name, differs in zip(HASHES, differ, strict=True) if differs)
        found.append(LedgerFault(uidl, bool(listed), wrong))
    return found


def ledger_twice(tx: Reads, account_id: AccountId) -> list[tuple[bytes, int]]:
    """(UIDL, rows) where several rows have one generation of a UIDL."""
    return [(uidl, rows) for uidl, _, rows in tx.all(_TWICE, account=account_id)]


def orphans(tx: Reads) -> int:
    """How many bodies are sealed and no message's."""
    row = tx.one(_ORPHANS)
    return 0 if row is None else int(row[0])


def uidvalidity(tx: Reads) -> tuple[int, int]:
    """The counter that UIDVALIDITYs come from, and the highest that a mailbox has."""
    row = tx.one(_UIDVALIDITY)
    counter, highest = row or (0, 0)
    return counter or 0, highest or 0


TABLES: tuple[Table, ...] = tuple(schema.metadata.sorted_tables)


def integrity(tx: Reads, table: Table | None) -> list[str]:
    """What SQLite finds wrong in a table with its indexes, or in the whole file."""
    found = tx.all(_pragma("integrity_check", table))
    return [line for (line,) in found if line != "ok"]


def foreign_keys(tx: Reads, table: Table) -> dict[str, int]:
    """By table that is pointed to: how many rows of `table` point at what isn't there."""
    found: dict[str, int] = {}
    for _, _, parent, _ in tx.all(_pragma("foreign_key_check", table)):
        found[parent] = found.get(parent, 0) + 1
    return found


def _pragma(name: str, table: Table | None) -> Executable:
    return text(f"PRAGMA {name}" + ("" if table is None else f'("{table.name}")'))


def file_octets(tx: Reads) -> int:
    """The size of the database."""
    pages, size = tx.one(text("PRAGMA page_count")), tx.one(text("PRAGMA page_size"))
    return 0 if pages is None or size is None else int(pages[0]) * int(size[0])


def _check(row: tuple[Any, ...]) -> MessageCheck:
    key, blob, size, full, canonical, body, expunged, sealed, searchable, live, parts = row
    return MessageCheck(
        id=MessageId(key),
        blob_id=blob,
        size=size,
        full_hash=full,
        canonical_hash=canonical,
        body_hash=body,
        expunged=bool(expunged),
        sealed=bool(sealed),
        searchable=bool(searchable),
        live=live,
        header_end=_header_end(parts),
    )


def _header_end(parts: bytes | None) -> int | None:
    try:
        return int(json.loads(parts or b"")[0][_HEADER_END])
    except (ValueError, LookupError, TypeError):
        return None
