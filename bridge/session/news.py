"""What NOTIFY asks to be told of mailboxes that aren't selected (RFC 5465).

No event is queued: a session keeps how the account stood when it spoke last, and what it says next
is the difference. So a client that doesn't read costs no more than one that does, and it is told
less once it reads again.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

from bridge.errors import StoreError
from bridge.imap.serialize import mailbox_name
from bridge.model.change import Change
from bridge.model.ids import AccountId, MailboxId
from bridge.model.mailbox import superiors
from bridge.model.notify import ARRIVALS, AccountState, Event, MailboxState
from bridge.query.watch import CounterNews, NameNews, Picture, Watch, without_own
from bridge.session.names import list_line
from bridge.session.port import Services
from bridge.session.view import View
from bridge.store.tx import ReadTx, WriteTx

MAX_WATCHED = 2000
"""Mailboxes that one session watches: at each change in one of them all are compared."""

T = TypeVar("T")


class Overflow(Exception):
    """More mailboxes are watched than may be (RFC 5465 §5.8)."""


class News:
    """From a first look on.

    Args:
        services: for the database and the bus.
        account: whose mailboxes they are.
        watch: what the client has asked for.
        first: how the account stands.
        selected: the mailbox whose messages are told otherwise, if there is one.
        wake: called when there may be something to tell.

    Raises:
        Overflow: there is more to watch than may be.
    """

    def __init__(
        self,
        services: Services,
        account: AccountId,
        watch: Watch,
        first: AccountState,
        selected: MailboxId | None,
        wake: Callable[[], None],
    ) -> None:
        self._services = services
        self._account = account
        self._watch = watch
        self._wake = wake
        self._known = watch.picture(first)
        self._check(self._known)
        self._last = first, self._known
        """What was read last, and the picture that was made of it."""
        self._hinted = False
        self.selected = selected
        self.close = services.bus.subscribe_account(account, self._hear)
        """To be called when nobody listens any more."""

    def first_lines(self, *, aware: bool, modseqs: bool, utf8: bool) -> bytes:
        """A STATUS response for each mailbox of whose messages the client hears (RFC 5465 §3.1).

        Args:
            aware: whether the client hears of modseqs.
            modseqs: whether it may be told of them, aware or not.
            utf8: how it reads names.
        """
        lines = []
        for one in self._known.mailboxes.values():
            events = self._watch.events(one.state.name, self._known.subscriptions)
            if events >= ARRIVALS and one.state.id != self.selected:
                flags = Event.FLAG_CHANGE in events
                told = CounterNews(one.state, arrivals=True, unseen=flags)
                modseq = aware or (flags and modseqs)
                lines.append(_status(told, modseq=modseq, utf8=utf8))
        return b"".join(lines)

    async def pull(self, *, always: bool, aware: bool, utf8: bool) -> bytes:
        """The responses for what others have done since; `always` looks without a hint.

        Raises:
            Overflow: there is more to watch than may be.
        """
        if not (always or self._hinted):
            return b""
        account, known, last = self._account, self._known, self._last

        def work(tx: ReadTx) -> tuple[AccountState, Picture, bytes]:
            # In a reading thread: there may be thousands of mailboxes.
            state = tx.account_state(account)
            now = self._watch.picture_after(*last, state)
            self._check(now)
            return state, now, b"".join(self._lines(known, now, state, aware=aware, utf8=utf8))

        # A hint that comes while the store is read may be of what came too late for that.
        self._hinted = False
        try:
            state, self._known, lines = await self._services.database.read(work)
        except StoreError:
            self._hinted = True
            raise
        self._last = state, self._known
        return lines

    async def change(self, work: Callable[[WriteTx], T]) -> T:
        """What `work` returns, once it is durable; what it does to mailboxes is no news here."""
        account = self._account

        def noted(tx: WriteTx) -> tuple[T, AccountState, AccountState]:
            before = tx.account_state(account)
            return work(tx), before, tx.account_state(account)

        result, before, after = await self._services.database.write(noted)
        # Before it, the account is mostly as it was last seen.
        then = self._watch.picture_after(*self._last, before)
        now = self._watch.picture_after(before, then, after)
        self._last = after, now
        self._known = without_own(self._known, then, now)
        return result

    def left(self, view: View) -> None:
        """The client leaves its mailbox: what it knows of it is what the view says."""
        mailbox = view.mailbox
        self.selected = None
        held = self._known.mailboxes.get(mailbox.id)
        if held is not None:
            seen = view.have_flag("\\seen", 0, view.count).count(1)
            state = held.state._replace(
                uidnext=mailbox.uidnext,
                highest_modseq=mailbox.highest_modseq,
                # What is expunged and had to wait it doesn't know.
                messages=view.count,
                unseen=view.count - seen,
            )
            mailboxes = {**self._known.mailboxes, mailbox.id: replace(held, state=state)}
            self._known = replace(self._known, mailboxes=mailboxes)
        self._hinted = True

    @property
    def hears_annotations_of_any(self) -> bool:
        """Whether the client asks for annotations at all."""
        return self._watch.asks(Event.MAILBOX_METADATA_CHANGE, Event.SERVER_METADATA_CHANGE)

    def hears_annotations(self, mailbox: str) -> bool:
        """Whether the client asks for those of a mailbox, or of the server for ""."""
        if not mailbox:
            return self._watch.asks(Event.SERVER_METADATA_CHANGE)
        events = self._watch.events(mailbox, self._known.subscriptions)
        return Event.MAILBOX_METADATA_CHANGE in events

    def _check(self, picture: Picture) -> None:
        if len(picture.mailboxes) > MAX_WATCHED:
            raise Overflow

    def _lines(
        self, known: Picture, now: Picture, state: AccountState, *, aware: bool, utf8: bool
    ) -> Iterator[bytes]:
        told = self._watch.names_to_tell(known, now, state)
        if told:
            boxes = {one.name: one for one in state.mailboxes}
            parents = frozenset(above for name in boxes for above in superiors(name))
            for news in told:
                subscribed = news.name in state.subscriptions
                attributes = _attributes(news, boxes.get(news.name), parents, subscribed=subscribed)
                yield list_line(attributes, news.name, old=news.old_name, utf8=utf8)
        for counters in self._watch.counters_to_tell(
            known, now, selected=self.selected, aware=aware
        ):
            yield _status(counters, modseq=aware, utf8=utf8)

    def _hear(self, changes: tuple[Change, ...]) -> None:
        # What happens to the messages of the selected mailbox is told by its view.
        if any(not one.modseq or one.mailbox_id != self.selected for one in changes):
            self._hinted = True
            self._wake()


def _status(news: CounterNews, *, modseq: bool, utf8: bool) -> bytes:
    """STATUS with what RFC 5465 §5.1 to §5.3 ask for, and UNSEEN where that is otherwise."""
    state = news.state
    items = [f"MESSAGES {state.messages} UIDNEXT {state.uidnext}"] if news.arrivals else []
    items.append(f"UIDVALIDITY {state.uidvalidity}")
    if news.unseen:
        items.append(f"UNSEEN {state.unseen}")
    if modseq:
        items.append(f"HIGHESTMODSEQ {state.highest_modseq}")
    name = mailbox_name(state.name, utf8=utf8)
    return b"* STATUS %b (%b)\r\n" % (name, " ".join(items).encode("ascii"))


def _attributes(
    news: NameNews, box: MailboxState | None, parents: frozenset[str], *, subscribed: bool
) -> list[str]:
    """All that LIST says of a mailbox (RFC 5465 §5.4, §5.5)."""
    attributes = [] if news.exists else ["\\NonExistent"]
    if subscribed:
        attributes.append("\\Subscribed")
    if news.exists:
        attributes.append("\\HasChildren" if news.name in parents else "\\HasNoChildren")
    if box is not None and box.special_use:
        attributes.append(box.special_use)
    return attributes
