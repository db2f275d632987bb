"""ESEARCH: a search of mailboxes, selected or not (RFC 7377).

One mailbox after another is looked at, small ones together in one turn of a reading thread: what is
held is never more than of one large mailbox, and others get their turns.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial

from bridge.imap.commands.esearch import Esearch
from bridge.model.ids import MailboxId
from bridge.model.notify import AccountState, MailboxState, Scope
from bridge.query import evaluate
from bridge.query.evaluate import Arranged
from bridge.query.watch import covers
from bridge.session.commands.search import VIEW_MESSAGES, matching, read_messages
from bridge.session.context import Context
from bridge.session.found import of_mailbox, saved, saving
from bridge.session.reply import Bad, Ok
from bridge.session.snapshots import Snapshots, listing
from bridge.session.stored import InStore
from bridge.session.view import View
from bridge.store.tx import ReadTx

TURN_MAILBOXES = 100
"""Looked at in one turn, however few messages they have."""


async def esearch(context: Context, command: Esearch) -> Ok:
    """Tells of each mailbox in which something is found what it is.

    The selected mailbox is searched as the client knows it, any other as it is.

    Raises:
        Bad: the selected mailbox is to be searched, and there is none.
    """
    account, view = context.user.id, context.view
    names_selected = any(one.scope is Scope.SELECTED for one in command.sources)
    if names_selected and view is None:
        raise Bad("No mailbox is selected")
    if command.modseq and view is not None:
        await context.sync(expunge=False, always=True)
    state = await context.services.database.read(lambda tx: tx.account_state(account))
    selected = None if view is None else view.mailbox.id
    plan = evaluate.arranged(command.key)
    most = read_messages(plan) if plan.reads else VIEW_MESSAGES
    boxes = _sources(state, command, selected if names_selected else None)
    for some in _turns(boxes, selected, most):
        if len(some) == 1 and (some[0].id == selected or some[0].messages > most):
            await _search_one(context, command, some[0])
        else:
            ids = [box.id for box in some]
            look = partial(_search_some, context, command, plan, ids, context.services.clock())
            context.write(await context.services.database.read(look))
        await context.connection.drain()
    return Ok("Done")


def _sources(
    state: AccountState, command: Esearch, selected: MailboxId | None
) -> list[MailboxState]:
    """The mailboxes to be searched, each once."""
    return [
        box
        for box in state.mailboxes
        if box.id == selected
        or any(covers(one, box.name, state.subscriptions) for one in command.sources)
    ]


def _turns(
    boxes: Sequence[MailboxState], selected: MailboxId | None, most: int
) -> Iterator[list[MailboxState]]:
    """Mailboxes that have about `most` messages together, in order; the selected one by itself."""
    some: list[MailboxState] = []
    messages = 0
    for box in boxes:
        alone = box.id == selected
        if some and (alone or messages + box.messages > most or len(some) == TURN_MAILBOXES):
            yield some
            some, messages = [], 0
        if alone:
            yield [box]
        elif box.messages:
            some.append(box)
            messages += box.messages
    if some:
        yield some


async def _search_one(context: Context, command: Esearch, box: MailboxState) -> None:
    """Searches a mailbox that has its own turns."""
    own = context.view is not None and context.view.mailbox.id == box.id
    if own:
        view: View | None = context.view
    else:
        view = await context.services.database.read(lambda tx: _view(context, tx, box.id))
    if view is None:
        return
    with saving(view, command):
        found = await matching(context, view, command.key)
        work = partial(of_mailbox, view, command, context.tag, found, utf8=context.mode.utf8)
        context.write(await context.services.database.read(lambda tx: work()))
    if own and command.returns.saves:
        view.save(saved(command.returns, found))


def _search_some(
    context: Context,
    command: Esearch,
    plan: Arranged,
    ids: Sequence[MailboxId],
    now: datetime,
    tx: ReadTx,
) -> bytes:
    """The responses of small mailboxes, all in one turn."""
    lines = []
    for mailbox_id in ids:
        view = _view(context, tx, mailbox_id)
        if view is None:
            continue
        messages = InStore(view, range(view.count), tx, now)
        found = evaluate.matching(plan.in_view, messages, messages.every)
        if plan.in_store is not None:
            found = evaluate.matching(plan.in_store, messages, found)
        places = messages.positions(found)
        lines.append(of_mailbox(view, command, context.tag, places, utf8=context.mode.utf8))
    return b"".join(lines)


def _view(context: Context, tx: ReadTx, mailbox_id: MailboxId) -> View | None:
    """The mailbox as EXAMINE would show it, None where it is gone."""
    mailbox = tx.mailbox_by_id(mailbox_id)
    if mailbox is None:
        return None
    shared = context.services.snapshots.find(mailbox.id, mailbox.highest_modseq)
    # Of its own: what sessions share is put together in the reactor's thread.
    view = View(mailbox, shared or listing(tx.snapshot(mailbox)), Snapshots(), read_only=True)
    if mailbox.first_recent_uid < mailbox.uidnext:
        view.recent.add(mailbox.first_recent_uid, mailbox.uidnext)
    return view
