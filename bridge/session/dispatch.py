"""The one table of commands: when each is allowed, who runs it, what may be said after it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bridge.imap.commands.append import Append
from bridge.imap.commands.authenticate import Authenticate
from bridge.imap.commands.compress import Compress
from bridge.imap.commands.copy import Copy
from bridge.imap.commands.create import Create
from bridge.imap.commands.delete import Delete
from bridge.imap.commands.enable import Enable
from bridge.imap.commands.esearch import Esearch
from bridge.imap.commands.expunge import Close, Expunge
from bridge.imap.commands.fetch import Fetch
from bridge.imap.commands.general import (
    Capability,
    Check,
    Idle,
    Logout,
    Namespace,
    Noop,
    Starttls,
)
from bridge.imap.commands.id import Id
from bridge.imap.commands.list import List, Lsub
from bridge.imap.commands.login import Login
from bridge.imap.commands.metadata import GetMetadata, SetMetadata
from bridge.imap.commands.notify import Notify
from bridge.imap.commands.quota import GetQuota, GetQuotaRoot, SetQuota
from bridge.imap.commands.rename import Rename
from bridge.imap.commands.replace import Replace
from bridge.imap.commands.search import Search
from bridge.imap.commands.select import Select
from bridge.imap.commands.sort import Sort
from bridge.imap.commands.status import Status
from bridge.imap.commands.store import Store
from bridge.imap.commands.subscribe import Subscribe
from bridge.imap.commands.thread import Thread
from bridge.model.search import has_numbers
from bridge.session.commands.append import append
from bridge.session.commands.authenticate import authenticate
from bridge.session.commands.compress import compress
from bridge.session.commands.copy import copy
from bridge.session.commands.create import create
from bridge.session.commands.delete import delete
from bridge.session.commands.enable import enable
from bridge.session.commands.esearch import esearch
from bridge.session.commands.expunge import close, expunge
from bridge.session.commands.fetch import fetch
from bridge.session.commands.general import capability, logout, namespace, noop
from bridge.session.commands.id import identify
from bridge.session.commands.idle import idle
from bridge.session.commands.list import list_mailboxes, list_subscribed
from bridge.session.commands.login import login
from bridge.session.commands.metadata import get_metadata, set_metadata
from bridge.session.commands.notify import notify
from bridge.session.commands.quota import get_quota, get_quota_root, set_quota
from bridge.session.commands.rename import rename
from bridge.session.commands.replace import replace
from bridge.session.commands.search import search
from bridge.session.commands.select import select
from bridge.session.commands.sort import sort
from bridge.session.commands.starttls import starttls
from bridge.session.commands.status import status
from bridge.session.commands.store import store
from bridge.session.commands.subscribe import subscribe
from bridge.session.commands.thread import thread
from bridge.session.context import Context, State
from bridge.session.reply import Ok

ANY = frozenset(State)
BEFORE = frozenset({State.NOT_AUTHENTICATED})
AFTER = frozenset({State.AUTHENTICATED, State.SELECTED})
SELECTED = frozenset({State.SELECTED})


@dataclass(frozen=True, slots=True)
class Rule:
    """How one command is treated.

    `expunge(command)` says whether EXPUNGE may come with its answer: never with FETCH, STORE,
    SEARCH, SORT and THREAD by sequence number (RFC 9051 §7.5.1, RFC 5256 §3). `always_refresh`
    pulls changes without a hint; `refresh` False has none told: SELECT tells the mailbox as of one
    moment, and changes since would contradict its UIDNEXT.
    `condstore(command)` says whether it makes the client CONDSTORE-aware (RFC 7162 §3.1).
    `long` says that it may take long and writes whole responses only, so that the client can be
    told of its progress between them (RFC 9585).
    """

    states: frozenset[State]
    run: Callable[[Context, Any], Awaitable[Ok]]
    expunge: Callable[[Any], bool] = lambda command: True
    refresh: bool = True
    always_refresh: bool = False
    condstore: Callable[[Any], bool] = lambda command: False
    long: bool = False


def _by_uid(command: Fetch | Store) -> bool:
    return command.uid


def _without_numbers(command: Search | Sort | Thread) -> bool:
    """It goes by UID, and has no message numbers among its keys (RFC 7162 §3.2.10.2)."""
    return command.uid and not has_numbers(command.key)


def _asks_modseq(command: Esearch | Fetch | Search | Sort | Thread) -> bool:
    return command.modseq


def _is_conditional(command: Store) -> bool:
    return command.unchanged_since is not None


RULES: dict[type, Rule] = {
    Capability: Rule(ANY, capability),
    Noop: Rule(ANY, noop, always_refresh=True),
    Id: Rule(ANY, identify),
    Logout: Rule(ANY, logout),
    Starttls: Rule(BEFORE, starttls),
    Login: Rule(BEFORE, login),
    Authenticate: Rule(BEFORE, authenticate),
    Enable: Rule(AFTER, enable),
    Namespace: Rule(AFTER, namespace),
    Compress: Rule(AFTER, compress),
    List: Rule(AFTER, list_mailboxes),
    Lsub: Rule(AFTER, list_subscribed),
    Status: Rule(AFTER, status, condstore=lambda command: "HIGHESTMODSEQ" in command.items),
    Create: Rule(AFTER, create),
    Delete: Rule(AFTER, delete),
    Rename: Rule(AFTER, rename),
    Subscribe: Rule(AFTER, subscribe),
    GetMetadata: Rule(AFTER, get_metadata),
    SetMetadata: Rule(AFTER, set_metadata),
    Esearch: Rule(AFTER, esearch, condstore=_asks_modseq),
    Notify: Rule(AFTER, notify, always_refresh=True),
    GetQuota: Rule(AFTER, get_quota),
    GetQuotaRoot: Rule(AFTER, get_quota_root),
    SetQuota: Rule(AFTER, set_quota),
    Select: Rule(AFTER, select, refresh=False),
    Append: Rule(AFTER, append, long=True),
    Idle: Rule(AFTER, idle, always_refresh=True),
    Check: Rule(SELECTED, noop, always_refresh=True),
    Fetch: Rule(SELECTED, fetch, expunge=_by_uid, condstore=_asks_modseq),
    Store: Rule(SELECTED, store, expunge=_by_uid, condstore=_is_conditional, long=True),
    Search: Rule(SELECTED, search, expunge=_without_numbers, condstore=_asks_modseq, long=True),
    Sort: Rule(SELECTED, sort, expunge=_without_numbers, condstore=_asks_modseq, long=True),
    Thread: Rule(SELECTED, thread, expunge=_without_numbers, condstore=_asks_modseq, long=True),
    Copy: Rule(SELECTED, copy, long=True),
    Replace: Rule(SELECTED, replace, long=True),
    Expunge: Rule(SELECTED, expunge, long=True),
    Close: Rule(SELECTED, close),
}
