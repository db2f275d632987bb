"""NOTIFY (RFC 5465), and the mailbox specifiers that ESEARCH has too (RFC 7377 §2.2)."""

from dataclasses import dataclass

from bridge.imap.commands.fetch import parse_items
from bridge.imap.grammar import Cursor, OverLimit, SyntaxFault
from bridge.model.fetch import FetchItem
from bridge.model.mailbox import canonical_name, normal_form
from bridge.model.notify import (
    ARRIVALS,
    MESSAGE_EVENTS,
    NAMING,
    OF_SELECTED,
    Event,
    EventGroup,
    MailboxFilter,
    Scope,
)

MAX_GROUPS = 100
"""Of one command: each is tried on each mailbox that changes."""

MAX_NAMES = 1000
"""Of one command: as many mailboxes as a person can tell apart, and each is compared."""

_EVENTS = {event.value.upper(): event for event in Event}
_SCOPES = {scope.value: scope for scope in Scope}


@dataclass(frozen=True, slots=True)
class Notify:
    """NOTIFY SET with its groups, or NOTIFY NONE, which has none.

    `status` says whether the client wants to be told at once how all stands; `unsupported` are
    events that nobody here can tell of, for which the command is refused with NO.
    """

    groups: tuple[EventGroup, ...]
    status: bool = False
    unsupported: tuple[str, ...] = ()


def parse_notify(cursor: Cursor) -> Notify:
    """The arguments of NOTIFY."""
    cursor.space()
    match cursor.word():
        case "NONE":
            return Notify(())
        case "SET":
            return _set(cursor)
        case word:
            raise SyntaxFault(f"Expected SET or NONE, not {word[:40]}")


def parse_filter(cursor: Cursor, *, left: int) -> MailboxFilter:
    """filter-mailboxes, SUBTREE-ONE among them.

    Args:
        left: how many names it may have.
    """
    word = cursor.word()
    scope = _SCOPES.get(word)
    if scope is None:
        raise SyntaxFault(f"There is no mailbox specifier {word[:40]}")
    if scope not in NAMING:
        return MailboxFilter(scope)
    cursor.space()
    names = []
    several = cursor.skip(b"(")
    while True:
        name = canonical_name(cursor.mailbox())
        names.append(name)
        if cursor.mode.utf8 and normal_form(name) != name:
            # It is found by either, as in other commands.
            names.append(normal_form(name))
        if len(names) > left:
            raise OverLimit(f"A command names at most {MAX_NAMES} mailboxes")
        if not several or cursor.skip(b")"):
            return MailboxFilter(scope, tuple(dict.fromkeys(names)))
        cursor.space()


def _set(cursor: Cursor) -> Notify:
    status = cursor.skip(b" STATUS")
    groups: list[EventGroup] = []
    unsupported: list[str] = []
    left = MAX_NAMES
    while not groups or not cursor.at_end():
        cursor.space()
        group, unknown = _group(cursor, left)
        groups.append(group)
        unsupported += unknown
        left -= len(group.mailboxes.names)
        if len(groups) > MAX_GROUPS:
            raise OverLimit(f"NOTIFY takes at most {MAX_GROUPS} groups of events")
    if sum(group.mailboxes.scope in OF_SELECTED for group in groups) > 1:
        raise SyntaxFault("SELECTED or SELECTED-DELAYED can be there once")
    return Notify(tuple(groups), status, tuple(dict.fromkeys(unsupported)))


def _group(cursor: Cursor, left: int) -> tuple[EventGroup, list[str]]:
    """event-group, and its events that aren't supported."""
    cursor.expect(b"(")
    mailboxes = parse_filter(cursor, left=left)
    if mailboxes.scope is Scope.SUBTREE_ONE:
        raise SyntaxFault("SUBTREE-ONE is for ESEARCH alone")
    cursor.space()
    events: set[Event] = set()
    unknown: list[str] = []
    items: tuple[FetchItem, ...] = ()
    if cursor.skip(b"("):
        while True:
            word = cursor.word()
            event = _EVENTS.get(word)
            if event is None:
                unknown.append(word)
            else:
                events.add(event)
            if event is Event.MESSAGE_NEW and cursor.skip(b" ("):
                items = _items(cursor, mailboxes)
            if cursor.skip(b")"):
                break
            cursor.space()
    elif cursor.word() != "NONE":
        raise SyntaxFault("Expected events in parentheses, or NONE")
    cursor.expect(b")")
    _check_pairs(mailboxes, events, unknown)
    return EventGroup(mailboxes, frozenset(events), items), unknown


def _items(cursor: Cursor, mailboxes: MailboxFilter) -> tuple[FetchItem, ...]:
    if mailboxes.scope not in OF_SELECTED:
        raise SyntaxFault("What to FETCH can be said of the selected mailbox alone")
    return parse_items(cursor)


def _check_pairs(mailboxes: MailboxFilter, events: set[Event], unknown: list[str]) -> None:
    """RFC 5465 §5: which events need which others; §6.1: which the selected mailbox has."""
    needs = bool(events & MESSAGE_EVENTS) or "ANNOTATIONCHANGE" in unknown
    if needs and not events >= ARRIVALS:
        raise SyntaxFault("Events of messages need MessageNew and MessageExpunge, both")
    if mailboxes.scope in OF_SELECTED and not events <= MESSAGE_EVENTS:
        raise SyntaxFault("The selected mailbox has events of messages alone")
