"""NOTIFY (RFC 5465)."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from bridge.imap.commands.notify import Notify
from bridge.model.fetch import FetchItem
from bridge.model.mailbox import INBOX
from bridge.model.notify import ARRIVALS, OF_SELECTED, Event, EventGroup, Scope
from bridge.query.watch import Watch
from bridge.session.commands.fetch import show_messages
from bridge.session.context import Context
from bridge.session.interest import ALL, NONE, Interest
from bridge.session.news import MAX_WATCHED, News, Overflow
from bridge.session.reply import No, Ok

_SUPPORTED = " ".join(event.value for event in Event)
_UID = FetchItem("UID", echo=b"UID")
_MODSEQ = FetchItem("MODSEQ", echo=b"MODSEQ")


async def notify(context: Context, command: Notify) -> Ok:
    """Replaces what the client is told unasked.

    Before, it is told all that has happened in the selected mailbox: what follows is news.

    Raises:
        No: it asks for events that there are none of, or for too many mailboxes.
    """
    if command.unsupported:
        raise No("There are no such events here", f"BADEVENT ({_SUPPORTED})")
    if not command.groups:
        context.hear_nothing()
        return Ok("You will hear nothing unasked")
    account, watch = context.user.id, Watch.of(command.groups)
    state = await context.services.database.read(lambda tx: tx.account_state(account))
    selected = None if context.view is None else context.view.mailbox.id
    try:
        news = News(context.services, account, watch, state, selected, context.wake)
    except Overflow:
        text = f"At most {MAX_WATCHED} mailboxes can be watched"
        raise No(text, "NOTIFICATIONOVERFLOW", limit="other") from None
    if context.view is not None:
        context.interest = ALL
        await context.sync(expunge=True, always=True)
    await context.listen(news, _interest(context, command.groups))
    if command.status:
        modseqs, utf8 = context.offers("CONDSTORE"), context.mode.utf8
        context.write(news.first_lines(aware=context.condstore, modseqs=modseqs, utf8=utf8))
    if watch.events(INBOX, state.subscriptions) >= ARRIVALS:
        context.looked()
    return Ok("You will hear of it")


def _interest(context: Context, groups: Sequence[EventGroup]) -> Interest:
    """What the client wants to hear of the mailbox that it has selected, or will select."""
    group = next((one for one in groups if one.mailboxes.scope in OF_SELECTED), None)
    if group is None or not group.events:
        return NONE
    show = None
    if group.items:
        # A message that nobody has looked at doesn't become \Seen by being announced. Its UID is
        # shown in any case: numbers may mean others by the time the client reads this.
        peeked = (replace(item, peek=True) if item.section else item for item in group.items)
        items = tuple(dict.fromkeys((_UID, *peeked)))
        show = partial(_show, context, items)
    return Interest(
        flags=Event.FLAG_CHANGE in group.events,
        at_once=group.mailboxes.scope is Scope.SELECTED,
        show=show,
    )


async def _show(context: Context, items: tuple[FetchItem, ...], positions: Sequence[int]) -> None:
    # RFC 7162 §3.2.4
    shown = (*items, _MODSEQ) if context.condstore and _MODSEQ not in items else items
    await show_messages(context, context.selected, positions, shown)
