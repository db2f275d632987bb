"""FETCH (RFC 9051 §6.4.5; RFC 7162 §3.1.4, §3.2.6)."""

from collections.abc import Sequence
from functools import partial

from bridge.errors import StoreError, StoreFullError
from bridge.imap.commands.fetch import Fetch
from bridge.mime.sections import Slice
from bridge.model.change import FlagChange
from bridge.model.fetch import FetchItem
from bridge.model.flags import SEEN, FlagOp
from bridge.model.ids import MessageId
from bridge.model.numset import NumSet
from bridge.session import binary, render
from bridge.session.context import Context
from bridge.session.decoded import Coded
from bridge.session.refresh import announce_keywords
from bridge.session.render import Batch
from bridge.session.reply import Bad, No, Ok
from bridge.session.resync import known_uids, vanished_earlier
from bridge.session.view import View
from bridge.session.walk import AHEAD_OCTETS
from bridge.store.columns import Rows
from bridge.store.tx import ReadTx, WriteTx

BATCH_MESSAGES = 1000
"""Looked up and written in one piece: large enough to cost little, small enough to be fair."""

BATCH_OCTETS = 1 << 20
"""Of mail read in one look at the store; the message that goes beyond is the last."""

FEW_ITEMS = 10
"""Of a message that is in memory, as many are written down in the reactor's thread."""

_UNASKED = (FetchItem("FLAGS", echo=b"FLAGS"),)
"""What is shown, asked for or not, where showing a message has set \\Seen."""

_AWARE = (FetchItem("UID", echo=b"UID"), *_UNASKED, FetchItem("MODSEQ", echo=b"MODSEQ"))
"""The same for a CONDSTORE-aware client (RFC 7162 §3.2.4)."""


async def fetch(context: Context, command: Fetch) -> Ok:
    """Shows items of messages, those expunged elsewhere included until that is announced.

    Raises:
        Bad: VANISHED is asked for, and QRESYNC isn't enabled.
        No: of some messages a part can't be decoded; they aren't shown, the others are.
    """
    view = context.selected
    since = command.changed_since
    if command.vanished and not context.qresync:
        raise Bad("QRESYNC has to be enabled first")
    if since is not None:
        # What changed in the mailbox is asked for, not what this session knows of it.
        await context.sync(expunge=False, always=True)
    positions = view.resolve(command.numbers, uid=command.uid)
    if command.partial is not None:
        positions = positions[command.partial.of(len(positions))]
    if since is not None:
        if command.vanished:
            await _tell_vanished(context, view, command.numbers, since)
        positions = view.changed_since(positions, since)
    if not await show_messages(context, view, positions, command.items):
        raise No("A part has a transfer encoding that is not known: fetch its BODY", "UNKNOWN-CTE")
    return Ok("Done")


async def show_messages(
    context: Context, view: View, positions: Sequence[int], items: tuple[FetchItem, ...]
) -> bool:
    """Shows items of the messages at ascending positions; whether of all of them.

    A message is left out of which a part can't be decoded (RFC 3516 §4.3).
    """
    if all(item.name in render.FROM_VIEW for item in items):
        await show_view(context, view, positions, items)
        return True
    return await _show_rows(context, view, positions, items)


async def _tell_vanished(context: Context, view: View, numbers: NumSet, since: int) -> None:
    """What is gone comes before any FETCH (RFC 7162 §3.2.6)."""
    among = known_uids(view, numbers, None)
    read = context.services.database.read
    context.write(await read(lambda tx: vanished_earlier(tx, view, among, since)))


async def show_view(
    context: Context, view: View, positions: Sequence[int], items: tuple[FetchItem, ...]
) -> None:
    """Shows items that are all in the view."""
    for start in range(0, len(positions), BATCH_MESSAGES):
        some = positions[start : start + BATCH_MESSAGES]
        make = partial(_lines_of_view, items=items, view=view, positions=some)
        # A large mailbox is written down beside the reactor, which others need meanwhile.
        large = len(some) == BATCH_MESSAGES
        context.write(await context.services.database.read(make) if large else make(None))
        await context.connection.drain()


def _lines_of_view(
    tx: ReadTx | None, *, items: tuple[FetchItem, ...], view: View, positions: Sequence[int]
) -> bytes:
    return render.lines(render.batch_of_view(items, view, positions), view)


async def _show_rows(
    context: Context, view: View, positions: Sequence[int], items: tuple[FetchItem, ...]
) -> bool:
    """Shows batch after batch, each as large as `BATCH_MESSAGES` and `BATCH_OCTETS` allow."""
    if len(positions) == 1 and len(items) <= FEW_ITEMS:
        return await _show_single(context, view, positions[0], items)
    names, mailbox_id = render.needs(items), view.mailbox.id

    def look(tx: ReadTx, uids: list[int]) -> tuple[Batch | bytes, Rows]:
        rows = tx.columns(mailbox_id, uids, names, BATCH_OCTETS)
        return _shown(tx, view, items, rows), rows

    start, complete = 0, True
    while start < len(positions):
        some = positions[start : start + BATCH_MESSAGES]
        uids = view.uids_at(some)
        found, rows = await context.services.database.read(partial(look, uids=uids))
        covers = len(uids) if rows.complete else uids.index(rows.uids[-1]) + 1
        complete = await _show_found(context, view, found) and complete
        start += covers
    return complete


async def _show_single(
    context: Context, view: View, position: int, items: tuple[FetchItem, ...]
) -> bool:
    """Shows one message, from memory if it was shown or read ahead a moment ago."""
    names, mailbox_id = render.needs(items), view.mailbox.id
    opened, uid = context.services.opened, view.uids[position]
    view.walk.step(position, names)
    known = opened.find(mailbox_id, uid, names)
    if known is not None:
        return await _show_found(context, view, _shown(None, view, items, known))
    ahead = view.uids_at(view.walk.ahead(view.count))

    def look(tx: ReadTx) -> tuple[Batch | bytes, list[Rows]]:
        rows = tx.columns(mailbox_id, [uid], names, BATCH_OCTETS)
        further = tx.columns(mailbox_id, ahead, names, AHEAD_OCTETS).each() if ahead else ()
        return _shown(tx, view, items, rows), [rows, *further]

    found, read = await context.services.database.read(look, brief=True)
    for rows in read:
        opened.keep(mailbox_id, rows)
    return await _show_found(context, view, found)


def _shown(
    tx: ReadTx | None, view: View, items: tuple[FetchItem, ...], rows: Rows
) -> Batch | bytes:
    """A batch, or its lines where nothing else is to be done."""
    batch = render.batch_of_rows(tx, items, view, rows)
    marks = not view.read_only and any(item.section and not item.peek for item in items)
    apart = marks or batch.streams or not batch.complete
    return batch if apart else render.lines(batch, view)


async def _show_found(context: Context, view: View, found: Batch | bytes) -> bool:
    """Sends what `_shown` made; whether no message is left out."""
    if isinstance(found, Batch):
        await _show_batch(context, view, found)
    else:
        context.write(found)
    await context.connection.drain()
    return not isinstance(found, Batch) or found.complete


async def _show_batch(context: Context, view: View, batch: Batch) -> None:
    """Shows messages that become \\Seen by it, or that are large, one after the other."""
    items = batch.items
    told = _AWARE if context.condstore else _UNASKED
    unasked = tuple(i for i in told if i not in items and not (view.uid_only and i.name == "UID"))
    newly_seen = await _mark_seen(context, view, batch)
    batch = render.as_of_now(batch, view)
    word, numbers = view.heads(batch.positions)
    for index, position in enumerate(batch.positions):
        context.write(b"* %d %b (" % (numbers[index], word))
        await _show_items(context, batch, index)
        if position in newly_seen:
            more = render.batch_of_view(unasked, view, (position,))
            for item, values in zip(unasked, more.values, strict=True):
                context.write(b" ", render.fragment(item, values[0]))
        context.write(b")\r\n")
        await context.connection.drain()


async def _show_items(context: Context, batch: Batch, index: int) -> None:
    space = b""
    for item, values in zip(batch.items, batch.values, strict=True):
        value = values[index]
        if item.section is None:
            context.write(space, render.fragment(item, value))
        elif isinstance(value, Coded):
            context.write(space)
            await binary.show(context, item, MessageId(batch.message_ids[index]), value)
        elif isinstance(value, Slice):
            context.write(space, render.section_head(item, value))
            await _stream(context, MessageId(batch.message_ids[index]), value)
        else:
            context.write(space, render.section(item, value))
        space = b" "


async def _stream(context: Context, message_id: MessageId, content: Slice) -> None:
    """Sends a large section slice by slice, no faster than the client takes it."""
    step = render.STREAMED_OCTETS
    for start in range(content.start, content.end, step):
        end = min(start + step, content.end)
        read = partial(_slice, message_id=message_id, start=start, end=end)
        octets = await context.services.database.read(read)
        context.write(render.without_nul(octets))
        await context.connection.drain()


def _slice(tx: ReadTx, *, message_id: MessageId, start: int, end: int) -> bytes:
    return tx.octets(message_id, start, end)


async def _mark_seen(context: Context, view: View, batch: Batch) -> set[int]:
    """Sets \\Seen where a body is about to be shown; the positions where that changed something.

    While the disk is full messages can be read, and stay unseen.
    """
    if view.read_only or all(item.section is None or item.peek for item in batch.items):
        return set()
    unseen = [position for position in batch.positions if SEEN not in view.flags(position)]
    uids = [uid for uid in map(view.uids.__getitem__, unseen) if uid not in view.vanished]
    if not uids:
        return set()
    mailbox_id = view.mailbox.id

    def work(tx: WriteTx) -> list[FlagChange]:
        return tx.store_flags(mailbox_id, uids, FlagOp.ADD, frozenset({SEEN}))

    try:
        changes = await context.services.database.write(work)
    except (StoreFullError, StoreError):
        return set()
    for change in changes:
        view.set_flags(change.uid, change.flags, change.modseq)
    # What others set meanwhile comes with it, perhaps a keyword this client hasn't met.
    context.write(*announce_keywords(view))
    return set(view.positions([change.uid for change in changes]))
