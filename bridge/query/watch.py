"""Which mailboxes a filter means, and what has become of them that a client wants to hear of.

RFC 5465 §5, §6: two states of an account are compared, whatever has happened between them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import assert_never

from bridge.model.ids import MailboxId
from bridge.model.mailbox import DELIMITER, INBOX
from bridge.model.notify import (
    ARRIVALS,
    OF_SELECTED,
    AccountState,
    Event,
    EventGroup,
    MailboxFilter,
    MailboxState,
    Scope,
)


def covers(wanted: MailboxFilter, name: str, subscriptions: frozenset[str]) -> bool:
    """Whether a filter means the mailbox of that name; SELECTED means none by its name."""
    match wanted.scope:
        case Scope.SELECTED | Scope.SELECTED_DELAYED:
            return False
        case Scope.INBOXES:
            # What is fetched goes there, and nothing is delivered to any other.
            return name == INBOX
        case Scope.PERSONAL:
            return True
        case Scope.SUBSCRIBED:
            return name in subscriptions
        case Scope.SUBTREE:
            return any(name == top or _is_below(name, top) for top in wanted.names)
        case Scope.SUBTREE_ONE:
            parent = parent_of(name)
            return any(top in (name, parent) for top in wanted.names)
        case Scope.MAILBOXES:
            return name in wanted.names
        case _:
            assert_never(wanted.scope)


def parent_of(name: str) -> str | None:
    """The name one level above, None for a name at the top."""
    above, delimiter, _ = name.rpartition(DELIMITER)
    return above if delimiter else None


def _is_below(name: str, top: str) -> bool:
    return name.startswith(top + DELIMITER)


@dataclass(frozen=True, slots=True)
class Watched:
    """A mailbox that a client hears of; `children` are those directly below it."""

    state: MailboxState
    children: int


@dataclass(frozen=True, slots=True)
class Picture:
    """What a client knows, or would if it were told all: the watched mailboxes by their ids.

    Two with the same `layout` differ in counters alone.
    """

    mailboxes: Mapping[MailboxId, Watched]
    subscriptions: frozenset[str]
    layout: object = field(default_factory=object)

    def names(self) -> frozenset[str]:
        """Of the watched mailboxes."""
        return frozenset(one.state.name for one in self.mailboxes.values())


@dataclass(frozen=True, slots=True)
class NameNews:
    """A LIST response to be sent: of a mailbox, or `exists` False of a name that is none now.

    `old_name` is what a mailbox that was renamed was called before.
    """

    name: str
    exists: bool
    old_name: str | None = None


@dataclass(frozen=True, slots=True)
class CounterNews:
    """A STATUS response to be sent: of arrivals, or without those of flags alone."""

    state: MailboxState
    arrivals: bool
    unseen: bool
    """Whether that counter differs."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What a client has asked for with NOTIFY SET, but for the mailbox that is selected."""

    groups: tuple[EventGroup, ...]

    @staticmethod
    def of(groups: Iterable[EventGroup]) -> "Watch":
        """Of all that a command names."""
        return Watch(
            tuple(one for one in groups if one.mailboxes.scope not in OF_SELECTED and one.events)
        )

    def events(self, name: str, subscriptions: frozenset[str]) -> frozenset[Event]:
        """What is to be told of a mailbox, of whichever group it is."""
        found: frozenset[Event] = frozenset()
        for group in self.groups:
            if not group.events <= found and covers(group.mailboxes, name, subscriptions):
                found |= group.events
        return found

    def asks(self, *events: Event) -> bool:
        """Whether any of these events is asked for, of whatever mailbox."""
        return any(not group.events.isdisjoint(events) for group in self.groups)

    def picture_after(self, before: AccountState, then: Picture, account: AccountState) -> Picture:
        """As `picture`, of an account that was `before` when the picture was `then`.

        Mostly a few counters differ, of which it is made in a tenth of the time.
        """
        mailboxes = dict(then.mailboxes)
        same = before.subscriptions == account.subscriptions
        if not same or len(before.mailboxes) != len(account.mailboxes):
            return self.picture(account)
        for old, new in zip(before.mailboxes, account.mailboxes, strict=True):
            if old == new:
                continue
            if (old.id, old.name, old.special_use) != (new.id, new.name, new.special_use):
                return self.picture(account)
            if new.id in mailboxes:
                mailboxes[new.id] = Watched(new, mailboxes[new.id].children)
        return Picture(mailboxes, account.subscriptions, then.layout)

    def picture(self, account: AccountState) -> Picture:
        """The part of an account that is watched."""
        subscriptions = account.subscriptions
        children = Counter(parent_of(one.name) for one in account.mailboxes)
        return Picture(
            {
                one.id: Watched(one, children[one.name])
                for one in account.mailboxes
                if self.events(one.name, subscriptions)
            },
            subscriptions,
        )

    def names_to_tell(self, known: Picture, now: Picture, account: AccountState) -> list[NameNews]:
        """The LIST responses (RFC 5465 §5.4, §5.5): of what was renamed, then of the others.

        Args:
            known, now: what the client was told, and what is.
            account: of which `now` is the picture.
        """
        if known.layout is now.layout:
            return []
        found: dict[str, NameNews] = {}
        names = {one.id: one.name for one in account.mailboxes}
        existing = frozenset(names.values())
        subscribed = known.subscriptions ^ now.subscriptions
        either = known.subscriptions | now.subscriptions
        for name in subscribed:
            if Event.SUBSCRIPTION_CHANGE in self.events(name, either):
                found[name] = NameNews(name, name in existing)
        touched = {
            *(one.state.name for one in now.mailboxes.values() if _differs(one, known)),
            *(one.state.name for key, one in known.mailboxes.items() if key not in names),
        }
        for name in touched:
            if Event.MAILBOX_NAME in self.events(name, either):
                found[name] = NameNews(name, name in existing)
        renamed = [
            news
            for news in _renamed(known, names)
            if Event.MAILBOX_NAME in self.events(news.name, either) | self.events(news.old, either)
        ]
        # What has the name of one that was renamed comes behind that.
        moved = {news.name: news.told for news in renamed}
        others = {name: news for name, news in found.items() if name not in moved}
        return [every[name] for every in (moved, others) for name in sorted(every)]

    def counters_to_tell(
        self, known: Picture, now: Picture, *, selected: MailboxId | None, aware: bool
    ) -> list[CounterNews]:
        """The STATUS responses, in the order of the mailboxes (RFC 5465 §5.1 to §5.3).

        Args:
            known, now: what the client was told, and what is.
            selected: a mailbox whose messages are told otherwise.
            aware: whether the client hears of modseqs.
        """
        found = []
        for mailbox_id, one in now.mailboxes.items():
            told = known.mailboxes.get(mailbox_id)
            if told is one or mailbox_id == selected:
                continue
            if told is not None and told.state == one.state:
                continue
            events = self.events(one.state.name, now.subscriptions)
            if not events >= ARRIVALS:
                continue
            state, was = one.state, _empty(one.state) if told is None else told.state
            unseen = state.unseen != was.unseen
            if (state.uidnext, state.messages) != (was.uidnext, was.messages):
                found.append(CounterNews(state, True, unseen))
            elif Event.FLAG_CHANGE in events:
                # Of a name that has become another mailbox its UIDVALIDITY is the news.
                anew = told is None and state.name in known.names()
                moved = aware and state.highest_modseq != was.highest_modseq
                if anew or moved or unseen:
                    found.append(CounterNews(state, False, unseen))
        return found


def without_own(known: Picture, before: Picture, after: Picture) -> Picture:
    """What a client knows once it has itself made of `before` what is in `after`.

    Where others had changed the same mailbox before, that is yet to be told, and its own change
    with it.
    """
    mailboxes = dict(known.mailboxes)
    for mailbox_id in before.mailboxes.keys() | after.mailboxes.keys():
        old, new = before.mailboxes.get(mailbox_id), after.mailboxes.get(mailbox_id)
        if old is not new and old != new and known.mailboxes.get(mailbox_id) == old:
            if new is None:
                del mailboxes[mailbox_id]
            else:
                mailboxes[mailbox_id] = new
    own = before.subscriptions ^ after.subscriptions
    agreed = own - (known.subscriptions ^ before.subscriptions)
    # Only counters differ: what is yet to be told of names is what it was.
    layout = known.layout if before.layout is after.layout else object()
    return Picture(mailboxes, known.subscriptions ^ agreed, layout)


def _differs(one: Watched, known: Picture) -> bool:
    """Whether the mailbox is new, or has others below it than it had."""
    there = known.mailboxes.get(one.state.id)
    if there is None:
        return True
    return there.state.name == one.state.name and there.children != one.children


@dataclass(frozen=True, slots=True)
class _Renamed:
    name: str
    old: str
    told: NameNews


def _renamed(known: Picture, names: Mapping[MailboxId, str]) -> Iterable[_Renamed]:
    """The watched mailboxes with other names now, without those that only went with one above.

    Where names were exchanged the old ones aren't said: a client that takes a name away for each
    would take away one that is there.
    """
    moved = {
        one.state.name: new
        for one in known.mailboxes.values()
        if (new := names.get(one.state.id)) is not None and new != one.state.name
    }
    taken = set(moved.values())
    for old, new in moved.items():
        if not _went_along(old, new, moved):
            yield _Renamed(new, old, NameNews(new, True, None if old in taken else old))


def _went_along(old: str, new: str, moved: Mapping[str, str]) -> bool:
    above = parent_of(old)
    while above is not None:
        if above in moved and new == moved[above] + old[len(above) :]:
            return True
        above = parent_of(above)
    return False


def _empty(state: MailboxState) -> MailboxState:
    """The mailbox as it was when it was made."""
    return state._replace(uidnext=1, highest_modseq=1, messages=0, unseen=0)
