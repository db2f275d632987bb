"""SEARCH (RFC 9051 §6.4.4; RFC 3501 §7.2.5; RFC 7162 §3.1.5)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from bridge.imap.commands.search import Search
from bridge.model.search import SearchKey
from bridge.model.sort import Returns
from bridge.query import evaluate
from bridge.query.evaluate import Mask
from bridge.session.context import Context
from bridge.session.found import saving, tell
from bridge.session.mask import InView
from bridge.session.reply import Ok
from bridge.session.stored import InStore
from bridge.session.view import View
from bridge.store.tx import ReadTx

VIEW_MESSAGES = 5000
"""Looked at in the reactor's thread: more take milliseconds, which are not its to lose."""

READ_MESSAGES = 1000
"""Whose headers or texts are read in one turn of a reading thread, so that others get theirs."""

READ_COST = 1000
"""What a search may cost, by `Arranged.cost`, for as many: five texts. Of a dearer one fewer
messages are a turn, or 5000 keys would keep a reading thread for seconds."""

FOUND_MESSAGES = 10_000
"""Of which the store tells in one turn those that match."""


async def search(context: Context, command: Search) -> Ok:
    """Finds messages; what is expunged and not yet announced is left out."""
    view = context.selected
    if command.returns is None and context.mode.rev2:
        # RFC 9051 §6.4.4: it always answers with ESEARCH.
        command = replace(command, returns=Returns(frozenset({"ALL"})))
    if command.modseq:
        # It asks for what changed: in the mailbox, not in what this session knows of it.
        await context.sync(expunge=False, always=True)
    with saving(view, command):
        found = await matching(context, view, command.key)
        await tell(context, command, found)
    return Ok("Done")


async def matching(context: Context, view: View, key: SearchKey) -> Sequence[int]:
    """The positions that match, ascending.

    Nothing changes the view meanwhile: a session runs one command at a time.
    """
    plan = evaluate.arranged(key)
    read, now = context.services.database.read, context.services.clock()
    messages = InView(view, range(view.count))
    if view.count > VIEW_MESSAGES:
        possible = await read(lambda tx: _in_view(messages, plan.in_view))
    else:
        possible = _in_view(messages, plan.in_view)
    if plan.in_store is None:
        return messages.positions(possible)
    octets = messages.octets(possible)
    context.progress.goal = octets.count(1)
    found: list[int] = []
    for some in _turns(octets, read_messages(plan) if plan.reads else FOUND_MESSAGES):
        among = octets[some.start : some.stop]
        ask = partial(_in_store, view=view, key=plan.in_store, some=some, among=among, now=now)
        found += await read(ask)
        context.progress.done += among.count(1)
    return found


def read_messages(plan: evaluate.Arranged) -> int:
    """How many messages are read in one turn."""
    return max(1, READ_MESSAGES * READ_COST // max(READ_COST, plan.cost))


def _in_view(messages: InView, key: SearchKey) -> Mask:
    return evaluate.matching(key, messages, messages.every)


def _in_store(
    tx: ReadTx, *, view: View, key: SearchKey, some: range, among: bytes, now: datetime
) -> Sequence[int]:
    messages = InStore(view, some, tx, now)
    return messages.positions(evaluate.matching(key, messages, int.from_bytes(among, "little")))


def _turns(octets: bytes, most: int) -> Iterator[range]:
    """Positions that have about `most` messages of a mask at a time, and all of them together."""
    start, end = octets.find(1), octets.rfind(1) + 1
    if start >= 0:
        width = max(most, most * (end - start) // octets.count(1))
        for at in range(start, end, width):
            yield range(at, min(at + width, end))
