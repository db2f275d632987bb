"""What a client wants to hear of, and of which mailboxes (RFC 5465 §5, §6; RFC 7377 §2.2)."""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from bridge.model.fetch import FetchItem
from bridge.model.ids import MailboxId


class Event(Enum):
    """The values are the RFC's names."""

    MESSAGE_NEW = "MessageNew"
    MESSAGE_EXPUNGE = "MessageExpunge"
    FLAG_CHANGE = "FlagChange"
    MAILBOX_NAME = "MailboxName"
    SUBSCRIPTION_CHANGE = "SubscriptionChange"
    MAILBOX_METADATA_CHANGE = "MailboxMetadataChange"
    SERVER_METADATA_CHANGE = "ServerMetadataChange"


MESSAGE_EVENTS = frozenset({Event.MESSAGE_NEW, Event.MESSAGE_EXPUNGE, Event.FLAG_CHANGE})
"""Those that SELECTED can have, and no others."""

ARRIVALS = frozenset({Event.MESSAGE_NEW, Event.MESSAGE_EXPUNGE})
"""They come together or not at all; FlagChange needs them (RFC 5465 §5)."""


class Scope(Enum):
    """Mailbox specifiers; the values are the words of the commands."""

    SELECTED = "SELECTED"
    SELECTED_DELAYED = "SELECTED-DELAYED"
    INBOXES = "INBOXES"
    PERSONAL = "PERSONAL"
    SUBSCRIBED = "SUBSCRIBED"
    SUBTREE = "SUBTREE"
    SUBTREE_ONE = "SUBTREE-ONE"
    MAILBOXES = "MAILBOXES"


OF_SELECTED = frozenset({Scope.SELECTED, Scope.SELECTED_DELAYED})
NAMING = frozenset({Scope.SUBTREE, Scope.SUBTREE_ONE, Scope.MAILBOXES})
"""Specifiers that names follow."""


@dataclass(frozen=True, slots=True)
class MailboxFilter:
    """Which mailboxes are meant; `names` are as stored, for the scopes in `NAMING`."""

    scope: Scope
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EventGroup:
    """What a client wants to hear of some mailboxes; no events for NONE.

    `items` are what it wants to be shown of new messages in the selected mailbox.
    """

    mailboxes: MailboxFilter
    events: frozenset[Event] = frozenset()
    items: tuple[FetchItem, ...] = ()


class MailboxState(NamedTuple):
    """How a mailbox stood at one moment; thousands are compared, so it is a plain tuple."""

    id: MailboxId
    name: str
    uidvalidity: int
    uidnext: int
    highest_modseq: int
    messages: int
    unseen: int
    special_use: str | None


@dataclass(frozen=True, slots=True)
class AccountState:
    """All of an account's mailboxes by name, and the subscribed names, as of one transaction."""

    mailboxes: tuple[MailboxState, ...]
    subscriptions: frozenset[str]
