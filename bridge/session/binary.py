"""Large parts without their transfer encoding, slice by slice (RFC 3516)."""

import copy
from collections.abc import AsyncIterator
from functools import partial

from bridge.model.fetch import FetchItem
from bridge.model.ids import MessageId
from bridge.session.context import Context
from bridge.session.decoded import DECODED_OCTETS, SIZE, Coded, Reading, begin, head
from bridge.store.tx import ReadTx

_WITHOUT_END = 1 << 63


async def show(context: Context, item: FetchItem, message_id: MessageId, coded: Coded) -> None:
    """Writes the item.

    How long it is must be said before it: what doesn't stay in memory is decoded twice.
    """
    first, count = item.partial or (0, _WITHOUT_END)
    kept: list[bytes] = []
    size, nul = 0, False
    async for octets in _decoded(context, message_id, coded, first, first + count):
        size += len(octets)
        nul = nul or b"\0" in octets
        if size <= DECODED_OCTETS:
            kept.append(octets)
    if item.name == SIZE:
        context.write(item.echo, b" %d" % size)
        return
    context.write(head(item, size, nul=nul))
    if size <= DECODED_OCTETS:
        context.write(*kept)
        return
    async for octets in _decoded(context, message_id, coded, first, first + size):
        context.write(octets)
        await context.connection.drain()


async def _decoded(
    context: Context, message_id: MessageId, coded: Coded, first: int, last: int
) -> AsyncIterator[bytes]:
    """Octets [first, last) of what the part becomes.

    Clients take a large part by slices, one behind the other: each begins where the last ended,
    else the part would be decoded as often as there are slices.
    """
    reading = begin(message_id, coded)
    last_time = context.reading
    if last_time is not None and last_time.leads_to(message_id, coded, first):
        reading = last_time
    while reading.at < coded.end and reading.made < last:
        # Before the slice that may have more than is wanted now.
        context.reading = reading
        made = reading.made
        octets, reading = await context.services.database.read(partial(_step, reading=reading))
        wanted = octets[max(0, first - made) : max(0, last - made)]
        if wanted:
            yield wanted


def _step(tx: ReadTx, *, reading: Reading) -> tuple[bytes, Reading]:
    """The octets that the next slice becomes."""
    coded, decoding = reading.coded, copy.copy(reading.decoder)
    end = min(reading.at + DECODED_OCTETS, coded.end)
    octets = decoding.feed(tx.octets(reading.message_id, reading.at, end))
    if end == coded.end:
        octets += decoding.finish()
    made = reading.made + len(octets)
    return octets, Reading(reading.message_id, coded, end, made, decoding)
