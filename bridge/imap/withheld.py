"""What an account is not offered: which capabilities can be withheld, and what they brought.

A client that trips over an extension is helped sooner by an account without it than by a release.
"""

from collections.abc import Iterable, Iterator
from typing import assert_never

from bridge.imap.capability import OFFERS
from bridge.imap.commands.append import Append
from bridge.imap.commands.compress import Compress
from bridge.imap.commands.copy import Copy
from bridge.imap.commands.create import Create
from bridge.imap.commands.enable import Enable
from bridge.imap.commands.esearch import Esearch
from bridge.imap.commands.expunge import Close, Expunge
from bridge.imap.commands.fetch import Fetch
from bridge.imap.commands.general import Idle, Namespace
from bridge.imap.commands.id import Id
from bridge.imap.commands.list import List
from bridge.imap.commands.metadata import GetMetadata, SetMetadata
from bridge.imap.commands.notify import Notify
from bridge.imap.commands.quota import GetQuota, GetQuotaRoot, SetQuota
from bridge.imap.commands.replace import Replace
from bridge.imap.commands.search import Search
from bridge.imap.commands.select import Select
from bridge.imap.commands.sort import Sort
from bridge.imap.commands.status import Status
from bridge.imap.commands.store import Store
from bridge.imap.commands.thread import Thread
from bridge.model.search import (
    All,
    And,
    Date,
    HasFlag,
    HasSaveDate,
    Header,
    ModSeqAtLeast,
    Not,
    Numbers,
    ObjectId,
    Or,
    Saved,
    SearchKey,
    Size,
    Text,
    Within,
)
from bridge.model.sort import Returns

_NAMES = dict.fromkeys(
    offer.token.partition("=")[0] for offer in OFFERS if offer.after and offer.by_default
)
WITHHOLDABLE = (*(name for name in _NAMES if name != "IMAP4rev1"), "APPENDLIMIT")
"""A name stands for its variants too: QUOTA for QUOTA=RES-STORAGE."""
OFFERABLE = tuple(f"+{offer.token}" for offer in OFFERS if not offer.by_default)
"""What is withheld of itself, as it is written to offer it."""

_COMMANDS: dict[type, str] = {
    Id: "ID",
    Enable: "ENABLE",
    Idle: "IDLE",
    Namespace: "NAMESPACE",
    Compress: "COMPRESS",
    Replace: "REPLACE",
    GetMetadata: "METADATA",
    SetMetadata: "METADATA",
    Notify: "NOTIFY",
    Esearch: "MULTISEARCH",
    GetQuota: "QUOTA",
    GetQuotaRoot: "QUOTA",
    SetQuota: "QUOTA",
}
_STATUS_ITEMS = {
    "APPENDLIMIT": "APPENDLIMIT",
    "DELETED-STORAGE": "QUOTA",
    "HIGHESTMODSEQ": "CONDSTORE",
    "MAILBOXID": "OBJECTID",
    "SIZE": "STATUS",
}
_FETCH_ITEMS = {
    "EMAILID": "OBJECTID",
    "THREADID": "OBJECTID",
    "SAVEDATE": "SAVEDATE",
    "PREVIEW": "PREVIEW",
    "BINARY[]": "BINARY",
    "BINARY.SIZE[]": "BINARY",
}


def withheld_of(command: object, withheld: frozenset[str]) -> str | None:
    """The capability of `withheld` that brought the command, or something in it; else None."""
    return next((name for name in _brought_by(command) if name in withheld), None)


def _brought_by(command: object) -> Iterator[str]:
    name = _COMMANDS.get(type(command))
    if name is not None:
        yield name
    if isinstance(command, Fetch | Store | Copy) and command.numbers.saved:
        yield "SEARCHRES"
    match command:
        case Append() if len(command.messages) > 1:
            yield "MULTIAPPEND"
        case Close(expunge=False):
            yield "UNSELECT"
        case Copy(move=True):
            yield "MOVE"
        case Create() if command.uses is not None:
            yield "CREATE-SPECIAL-USE"
        case Expunge() if command.uids is not None:
            yield "UIDPLUS"
            if command.uids.saved:
                yield "SEARCHRES"
        case Fetch():
            if command.modseq or command.changed_since is not None:
                yield "CONDSTORE"
            if command.vanished:
                yield "QRESYNC"
            if command.partial is not None:
                yield "PARTIAL"
            yield from (_FETCH_ITEMS[one.name] for one in command.items if one.name in _FETCH_ITEMS)
        case List():
            if command.extended:
                yield "LIST-EXTENDED"
            if "SPECIAL-USE" in command.returns:
                yield "SPECIAL-USE"
            if command.status:
                yield "LIST-STATUS"
            if command.metadata:
                yield "LIST-METADATA"
            yield from (_STATUS_ITEMS[item] for item in command.status if item in _STATUS_ITEMS)
        case Esearch():
            yield from _keys_brought_by([command.key])
            yield from _results_brought_by(command.returns)
        case Search() | Sort() | Thread():
            yield from _keys_brought_by([command.key])
            yield from _criteria_brought_by(command)
        case Select():
            if command.condstore:
                yield "CONDSTORE"
            if command.resync is not None:
                yield "QRESYNC"
        case Status():
            yield from (_STATUS_ITEMS[item] for item in command.items if item in _STATUS_ITEMS)
        case Store() if command.unchanged_since is not None:
            yield "CONDSTORE"


def _criteria_brought_by(command: Search | Sort | Thread) -> Iterator[str]:
    if isinstance(command, Thread):
        yield "THREAD"
        return
    if isinstance(command, Sort):
        yield "SORT"
    if command.returns is not None:
        yield "ESORT" if isinstance(command, Sort) else "ESEARCH"
        yield from _results_brought_by(command.returns)


def _results_brought_by(returns: Returns) -> Iterator[str]:
    if returns.saves:
        yield "SEARCHRES"
    if returns.partial is not None:
        yield "PARTIAL"


def _keys_brought_by(keys: Iterable[SearchKey]) -> Iterator[str]:
    for key in keys:
        match key:
            case Within():
                yield "WITHIN"
            case Saved() | HasSaveDate():
                yield "SAVEDATE"
            case ObjectId():
                yield "OBJECTID"
            case ModSeqAtLeast():
                yield "CONDSTORE"
            case Not():
                yield from _keys_brought_by([key.key])
            case Or():
                yield from _keys_brought_by([key.left, key.right])
            case And():
                yield from _keys_brought_by(key.keys)
            case Numbers():
                if key.numbers.saved:
                    yield "SEARCHRES"
            case All() | HasFlag() | Header() | Text() | Size() | Date():
                pass
            case _:
                assert_never(key)
