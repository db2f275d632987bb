"""SORT (RFC 5256 §3, RFC 5957, RFC 5267 §3; MODSEQ: RFC 7162 §3.1.6)."""

from array import array
from collections.abc import Sequence
from functools import partial

from bridge.imap.commands.sort import Sort
from bridge.model.sort import SortKey
from bridge.query.sort import ordered
from bridge.session.commands.search import matching
from bridge.session.context import Context
from bridge.session.found import answer, saving
from bridge.session.reply import Ok
from bridge.session.view import View
from bridge.store.tx import ReadTx

READ_MESSAGES = 10_000
"""Whose keys are read in one turn of a reading thread, so that others get theirs."""

COLUMNS = {
    SortKey.ARRIVAL: "arrived_s",
    SortKey.CC: "cc_key",
    SortKey.DATE: "sent_s",
    SortKey.DISPLAYFROM: "from_display",
    SortKey.DISPLAYTO: "to_display",
    SortKey.FROM: "from_key",
    SortKey.SIZE: "size",
    SortKey.SUBJECT: "subject",
    SortKey.TO: "to_key",
}


async def sort(context: Context, command: Sort) -> Ok:
    """Finds messages as SEARCH does and tells them in order."""
    if command.modseq:
        await context.sync(expunge=False, always=True)
    view = context.selected
    with saving(view, command):
        found = await matching(context, view, command.key)
        await load(context, view, [COLUMNS[criterion.key] for criterion in command.criteria])
        # Put in order and written down in one turn beside the reactor.
        work = partial(_response, context, view, command, found)
        context.write(await context.services.database.read(work))
    return Ok("Done")


def _response(
    context: Context, view: View, command: Sort, found: Sequence[int], tx: ReadTx
) -> bytes:
    names = [COLUMNS[criterion.key] for criterion in command.criteria]
    columns = context.services.keys.columns(tx, view.mailbox.id, view.uids, names)
    reverse = [criterion.reverse for criterion in command.criteria]
    order = ordered(found, list(zip(columns, reverse, strict=True)))
    return answer(view, command, context.tag, order)


async def load(context: Context, view: View, names: Sequence[str]) -> None:
    """Has the keys of a mailbox read, so many messages at a time."""
    keys, uids = context.services.keys, view.uids

    def read(tx: ReadTx, some: "array[int]") -> None:
        keys.columns(tx, view.mailbox.id, some, names)

    known = keys.known(view.mailbox.id, uids, names)
    for end in range(known + READ_MESSAGES, len(uids), READ_MESSAGES):
        await context.services.database.read(partial(read, some=uids[:end]))
