"""FETCH responses as octets (RFC 9051 §7.5.2), a column of values at a time.

Thousands of lines are one template filled from parallel lists: to ask for each message and each
item what is to be done takes longer than to read both from the disk.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from bridge.imap.serialize import internal_date, string
from bridge.mime import headers
from bridge.mime.sections import Filtered, Slice, locate, record_of
from bridge.model.fetch import FetchItem
from bridge.model.ids import MailboxId, MessageId
from bridge.session.decoded import BINARY, SIZE, Coded, UnknownEncoding, sections, shown
from bridge.session.view import View
from bridge.store.columns import Rows, read_parts
from bridge.store.tx import ReadTx

STREAMED_OCTETS = 256 << 10
"""Sections above this are sent slice by slice, so that memory doesn't grow with them."""

FROM_VIEW = frozenset({"UID", "FLAGS", "MODSEQ"})
"""Items that need no look at the store."""

Content = bytes | Slice | None
"""Of a section: its octets; a `Slice` that is still to be streamed; None for no such part."""

_FRAGMENTS = {
    "UID": b"UID %d",
    "FLAGS": b"FLAGS %b",
    "MODSEQ": b"MODSEQ (%d)",
    "RFC822.SIZE": b"RFC822.SIZE %d",
    "EMAILID": b"EMAILID (%b)",
    "THREADID": b"THREADID (%b)",
    "BODY[]": b"%b",
}
"""How an item stands in the template, where that isn't its name and a value."""

_COLUMNS = {
    "RFC822.SIZE": "size",
    "INTERNALDATE": "internal_date",
    "SAVEDATE": "savedate",
    "ENVELOPE": "envelope",
    "BODY": "body",
    "BODYSTRUCTURE": "bodystructure",
    "EMAILID": "emailid",
    "THREADID": "threadid",
    "PREVIEW": "preview",
}
_SPACED = {f"{day:02}": f"{day:2}" for day in range(1, 32)}
_MONTHS = dict(
    zip(
        (f"{month:02}" for month in range(1, 13)),
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
        strict=True,
    )
)
_ISO_SIZES = frozenset({len("2026-11-24T18:00:00+01:00"), len("2026-11-24T18:00:00.000000+01:00")})


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages to be shown: `values` has a list for each item, parallel to `positions`.

    A section's values are `Content` or `Decoded`, all others what the item's fragment takes.
    `complete` is False where messages are left out that can't be decoded.
    """

    items: tuple[FetchItem, ...]
    positions: Sequence[int]
    message_ids: Sequence[int]
    values: tuple[Sequence[Any], ...]
    complete: bool = True

    @property
    def streams(self) -> bool:
        """Whether a section is too large to be in memory."""
        return any(
            isinstance(content, Slice | Coded)
            for item, values in zip(self.items, self.values, strict=True)
            if item.section is not None
            for content in values
        )


@lru_cache(maxsize=64)
def needs(items: tuple[FetchItem, ...]) -> frozenset[str]:
    """The columns that `items` are made of."""
    found = {_COLUMNS[item.name] for item in items if item.name in _COLUMNS}
    for item in items:
        if item.section is None:
            continue
        if _of_own_header(item):
            found.add("header")
        elif item.section.part or item.section.text:
            found |= {"parts", "octets", "size"}
        else:
            found |= {"octets", "size"}
    return frozenset(found)


def batch_of_view(items: tuple[FetchItem, ...], view: View, positions: Sequence[int]) -> Batch:
    """Messages of which only items in `FROM_VIEW` are shown."""
    values = tuple(_from_view(item, view, positions) for item in items)
    return Batch(items, positions, (), values)


def as_of_now(batch: Batch, view: View) -> Batch:
    """The batch with what the view says now, which may have changed since it was made."""
    values = tuple(
        _from_view(item, view, batch.positions) if item.name in FROM_VIEW else old
        for item, old in zip(batch.items, batch.values, strict=True)
    )
    return replace(batch, values=values)


def batch_of_rows(tx: ReadTx | None, items: tuple[FetchItem, ...], view: View, rows: Rows) -> Batch:
    """The messages of `rows`, with their sections.

    `tx` may be None where the rows have all of it.
    """
    positions = view.positions(rows.uids)
    values = tuple(
        rows.uids
        if item.name == "UID"
        else _from_view(item, view, positions)
        if item.name in FROM_VIEW
        else _from_rows(item, rows)
        if item.section is None
        else sections(tx, item, rows)
        if item.name in (BINARY, SIZE)
        else _sections(tx, item, view.mailbox.id, rows)
        for item in items
    )
    return _decodable(Batch(items, positions, rows.message_ids, values))


def _decodable(batch: Batch) -> Batch:
    """The batch without messages of which a part can't be decoded."""
    coded = [
        values
        for item, values in zip(batch.items, batch.values, strict=True)
        if item.name in (BINARY, SIZE)
    ]
    if not any(isinstance(value, UnknownEncoding) for values in coded for value in values):
        return batch
    kept = [
        index
        for index, row in enumerate(zip(*coded, strict=True))
        if not any(isinstance(value, UnknownEncoding) for value in row)
    ]
    return Batch(
        batch.items,
        [batch.positions[index] for index in kept],
        [batch.message_ids[index] for index in kept],
        tuple([values[index] for index in kept] for values in batch.values),
        complete=False,
    )


def lines(batch: Batch, view: View) -> bytes:
    """The responses to a batch that doesn't stream."""
    # NUL is looked for in all that is written at once, where no literal8 may keep it.
    keeps_nul = any(item.name == BINARY for item in batch.items)
    fragments: list[bytes] = []
    columns: list[Iterable[Any]] = []
    for item, values in zip(batch.items, batch.values, strict=True):
        if item.section is None:
            fragments.append(_fragment(item))
            columns.append(values)
        elif item.name in (BINARY, SIZE) or None in values:
            fragments.append(b"%b")
            columns.append([section(item, content) for content in values])
        else:
            fragments.append(item.echo.replace(b"%", b"%%") + b" {%d}\r\n%b")
            columns += map(len, values), map(without_nul, values) if keeps_nul else values
    word, numbers = view.heads(batch.positions)
    template = b"* %d " + word + b" (" + b" ".join(fragments) + b")\r\n"
    written = b"".join(map(template.__mod__, zip(numbers, *columns, strict=True)))
    return written if keeps_nul else without_nul(written)


def fragment(item: FetchItem, value: Any) -> bytes:
    """An item that is no section with its value."""
    return _fragment(item) % (value,)


def section(item: FetchItem, content: bytes | int | None) -> bytes:
    """A section with its octets as a literal; of BINARY.SIZE their number."""
    if isinstance(content, int):
        return b"%b %d" % (item.echo, content)
    if item.name == BINARY:
        return shown(item, content)
    if content is None:
        return section_head(item, content)
    return section_head(item, content) + without_nul(content)


def section_head(item: FetchItem, content: Content) -> bytes:
    """The item's name with the length of the literal that follows; all of it for NIL."""
    if content is None:
        return item.echo + b" NIL"
    size = content.end - content.start if isinstance(content, Slice) else len(content)
    return b"%b {%d}\r\n" % (item.echo, size)


def without_nul(octets: bytes) -> bytes:
    """The octets as a literal can carry them: NUL goes as 0x80 (RFC 9051 §9 "CHAR8")."""
    return octets.replace(b"\0", b"\x80") if b"\0" in octets else octets


def written_date(text: str) -> bytes:
    """A moment that the store wrote, as a date-time in quotes with its own zone."""
    if len(text) not in _ISO_SIZES:
        # A zone with seconds.
        return internal_date(datetime.fromisoformat(text))
    day, month = _SPACED[text[8:10]], _MONTHS[text[5:7]]
    zone = text[-6:-3] + text[-2:]
    return f'"{day}-{month}-{text[:4]} {text[11:19]} {zone}"'.encode("ascii")


def _fragment(item: FetchItem) -> bytes:
    return _FRAGMENTS.get(item.name) or item.name.encode("ascii") + b" %b"


def _from_view(item: FetchItem, view: View, positions: Sequence[int]) -> Sequence[Any]:
    match item.name:
        case "UID":
            return view.uids_at(positions)
        case "FLAGS":
            return view.all_written_flags(positions)
        case _:
            return [view.modseq(position) for position in positions]


def _from_rows(item: FetchItem, rows: Rows) -> Sequence[Any]:
    match item.name:
        case "EMAILID" | "THREADID":
            return [one.encode("ascii") for one in rows.columns[_COLUMNS[item.name]]]
        case "PREVIEW":
            return [string(text.encode()) for text in rows.columns["preview"]]
        case "INTERNALDATE" | "SAVEDATE":
            return list(map(written_date, rows.columns[_COLUMNS[item.name]]))
        case _:
            return rows.columns[_COLUMNS[item.name]]


def _of_own_header(item: FetchItem) -> bool:
    section = item.section
    return section is not None and not section.part and section.text.startswith("HEADER")


def _sections(
    tx: ReadTx | None, item: FetchItem, mailbox_id: MailboxId, rows: Rows
) -> Sequence[Content]:
    """What one item shows of each message."""
    wanted = item.section
    assert wanted is not None
    if not (wanted.part or wanted.text):
        return _whole(tx, item, rows)
    if _of_own_header(item):
        return _own_headers(tx, item, mailbox_id, rows)
    columns = zip(rows.message_ids, rows.columns["octets"], rows.columns["parts"], strict=True)
    return [_of_parts(tx, item, *row) for row in columns]


def _whole(tx: ReadTx | None, item: FetchItem, rows: Rows) -> Sequence[Content]:
    sizes, octets = rows.columns["size"], rows.columns["octets"]
    if item.partial is None and None not in octets:
        return octets
    return [
        _cut_out(tx, key, whole, Slice(0, size), item.partial)
        for key, size, whole in zip(rows.message_ids, sizes, octets, strict=True)
    ]


def _own_headers(
    tx: ReadTx | None, item: FetchItem, mailbox_id: MailboxId, rows: Rows
) -> Sequence[Content]:
    """A section of each message's own header.

    The store has all of a header, unless that is very long. One that ends with its blank line is
    whole; of the others, which are few, their parts say where they end.
    """
    assert item.section is not None
    blocks: Sequence[bytes] = rows.columns["header"]
    found: list[Content] = list(blocks)
    if item.section.text != "HEADER":
        negate = item.section.text == "HEADER.FIELDS.NOT"
        found = list(map(headers.selector(item.section.fields, negate), blocks))
    if item.partial is not None:
        found = [_cut(octets, item.partial) for octets in found if isinstance(octets, bytes)]
    doubtful = [n for n, block in enumerate(blocks) if not block.endswith(headers.BLANK)]
    if doubtful:
        assert tx is not None
        uids = [rows.uids[n] for n in doubtful]
        theirs = tx.columns(mailbox_id, uids, frozenset({"parts"}), 0)
        for n, written in zip(doubtful, theirs.columns["parts"], strict=True):
            found[n] = _of_parts(tx, item, rows.message_ids[n], None, written)
    return found


def _of_parts(
    tx: ReadTx | None, item: FetchItem, key: int, whole: bytes | None, written: bytes
) -> Content:
    assert item.section is not None
    place = locate(item.section, read_parts(written, record_of(item.section)))
    if place is None:
        return None
    if isinstance(place, Filtered):
        block = _read(tx, key, whole, place.start, place.end)
        return _cut(headers.select(block, place.names, place.negate), item.partial)
    return _cut_out(tx, key, whole, place, item.partial)


def _cut_out(
    tx: ReadTx | None, key: int, whole: bytes | None, place: Slice, partial: tuple[int, int] | None
) -> Content:
    start, end = place.start, place.end
    if partial is not None:
        start = min(start + partial[0], end)
        end = min(start + partial[1], end)
    if end - start > STREAMED_OCTETS:
        return Slice(start, end)
    return _read(tx, key, whole, start, end)


def _read(tx: ReadTx | None, key: int, whole: bytes | None, start: int, end: int) -> bytes:
    if whole is not None:
        return whole[start:end]
    assert tx is not None
    return tx.octets(MessageId(key), start, end)


def _cut(octets: bytes, partial: tuple[int, int] | None) -> bytes:
    return octets if partial is None else octets[partial[0] : partial[0] + partial[1]]
