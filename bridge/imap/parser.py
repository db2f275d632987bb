"""From a command's pieces to its value: the table of verbs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from bridge.imap.commands import (
    append,
    authenticate,
    compress,
    copy,
    create,
    delete,
    esearch,
    expunge,
    fetch,
    general,
    login,
    metadata,
    notify,
    quota,
    rename,
    replace,
    search,
    select,
    sort,
    status,
    store,
    subscribe,
    thread,
)
from bridge.imap.commands.enable import Enable, parse_enable
from bridge.imap.commands.id import Id, parse_id
from bridge.imap.commands.list import List, Lsub, parse_list, parse_lsub
from bridge.imap.framing import Piece
from bridge.imap.grammar import Cursor, NotAName, OverLimit, SyntaxFault
from bridge.imap.mode import REV1, Mode
from bridge.imap.uidonly import needs_numbers
from bridge.imap.withheld import withheld_of

Command = (
    general.Capability
    | general.Noop
    | general.Check
    | general.Logout
    | general.Starttls
    | general.Idle
    | general.Namespace
    | compress.Compress
    | Id
    | Enable
    | login.Login
    | authenticate.Authenticate
    | List
    | Lsub
    | status.Status
    | select.Select
    | create.Create
    | delete.Delete
    | subscribe.Subscribe
    | rename.Rename
    | metadata.GetMetadata
    | metadata.SetMetadata
    | notify.Notify
    | quota.GetQuota
    | quota.GetQuotaRoot
    | quota.SetQuota
    | append.Append
    | replace.Replace
    | store.Store
    | copy.Copy
    | expunge.Expunge
    | expunge.Close
    | fetch.Fetch
    | search.Search
    | esearch.Esearch
    | sort.Sort
    | thread.Thread
)
_VERBS: dict[str, Callable[[Cursor], Command]] = {
    "CAPABILITY": lambda cursor: general.Capability(),
    "NOOP": lambda cursor: general.Noop(),
    "CHECK": lambda cursor: general.Check(),
    "LOGOUT": lambda cursor: general.Logout(),
    "STARTTLS": lambda cursor: general.Starttls(),
    "IDLE": lambda cursor: general.Idle(),
    "NAMESPACE": lambda cursor: general.Namespace(),
    "ID": parse_id,
    "ENABLE": parse_enable,
    "LOGIN": login.parse_login,
    "AUTHENTICATE": authenticate.parse_authenticate,
    "LIST": parse_list,
    "LSUB": parse_lsub,
    "COMPRESS": compress.parse_compress,
    "STATUS": status.parse_status,
    "SELECT": select.parse_select,
    "EXAMINE": select.parse_examine,
    "CREATE": create.parse_create,
    "DELETE": delete.parse_delete,
    "RENAME": rename.parse_rename,
    "GETMETADATA": metadata.parse_getmetadata,
    "SETMETADATA": metadata.parse_setmetadata,
    "NOTIFY": notify.parse_notify,
    "GETQUOTA": quota.parse_getquota,
    "GETQUOTAROOT": quota.parse_getquotaroot,
    "SETQUOTA": quota.parse_setquota,
    "SUBSCRIBE": subscribe.parse_subscribe,
    "UNSUBSCRIBE": subscribe.parse_unsubscribe,
    "APPEND": append.parse_append,
    "REPLACE": partial(replace.parse_replace, uid=False),
    "STORE": partial(store.parse_store, uid=False),
    "COPY": partial(copy.parse_copy, uid=False),
    "MOVE": partial(copy.parse_move, uid=False),
    "FETCH": partial(fetch.parse_fetch, uid=False),
    "SEARCH": partial(search.parse_search, uid=False),
    "ESEARCH": esearch.parse_esearch,
    "SORT": partial(sort.parse_sort, uid=False),
    "THREAD": partial(thread.parse_thread, uid=False),
    "EXPUNGE": lambda cursor: expunge.Expunge(),
    "CLOSE": lambda cursor: expunge.Close(expunge=True),
    "UNSELECT": lambda cursor: expunge.Close(expunge=False),
}
_UID_VERBS: dict[str, Callable[[Cursor], Command]] = {
    "REPLACE": partial(replace.parse_replace, uid=True),
    "STORE": partial(store.parse_store, uid=True),
    "COPY": partial(copy.parse_copy, uid=True),
    "MOVE": partial(copy.parse_move, uid=True),
    "FETCH": partial(fetch.parse_fetch, uid=True),
    "SEARCH": partial(search.parse_search, uid=True),
    "SORT": partial(sort.parse_sort, uid=True),
    "THREAD": partial(thread.parse_thread, uid=True),
    "EXPUNGE": expunge.parse_uid_expunge,
}
_NOOP = general.Noop()
VERBS = frozenset({*_VERBS, *_UID_VERBS})
_OBSOLETE = {"CHECK": "NOOP", "LSUB": "LIST (SUBSCRIBED)"}
"""What IMAP4rev2 has no more, and what stands for it (RFC 9051 Appendix E)."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """A command that could be read."""

    tag: bytes
    verb: str
    command: Command


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A command that couldn't: BAD with `text`, or NO where `no`; `tag` None where none was.

    `limit` names the limit it went over to metrics, if it did. `unsaves` says that a search which
    was to be saved has failed: nothing is saved then.
    """

    tag: bytes | None
    text: str
    code: str = ""
    no: bool = False
    limit: str | None = None
    unsaves: bool = False


def parse(
    pieces: Sequence[Piece], withheld: frozenset[str] = frozenset(), mode: Mode = REV1
) -> Tagged | Unreadable:
    """The command as `mode` has it, unless a capability in `withheld` brought it.

    This never raises.
    """
    cursor = Cursor(pieces, mode)
    try:
        tag = cursor.tag()
    except SyntaxFault:
        return Unreadable(None, "Expected a tag")
    if len(pieces) == 1 and cursor.ends_with(b" NOOP"):
        # By far the most frequent, and the same in every mode and for every account.
        return Tagged(tag, "NOOP", _NOOP)
    try:
        cursor.space()
        verb = cursor.word()
        table = _VERBS
        if verb == "UID":
            cursor.space()
            table, verb = _UID_VERBS, cursor.word()
        read = table.get(verb)
        if read is None:
            return Unreadable(tag, f"Unknown command {verb[:40]}")
        if mode.rev2 and verb in _OBSOLETE:
            return Unreadable(tag, f"IMAP4rev2 has no {verb}: use {_OBSOLETE[verb]}")
        command = read(cursor)
        cursor.end()
    except OverLimit as fault:
        return Unreadable(tag, fault.text, "LIMIT", limit=fault.limit)
    except NotAName as fault:
        return Unreadable(tag, fault.text, "CANNOT", no=True)
    except search.UnknownCharset as fault:
        text, code = "Only US-ASCII and UTF-8 are searched", "BADCHARSET (US-ASCII UTF-8)"
        return Unreadable(tag, text, code, no=True, unsaves=fault.saves)
    except SyntaxFault as fault:
        return Unreadable(tag, fault.text)
    missing = withheld_of(command, withheld) if withheld else None
    if missing is not None:
        return Unreadable(tag, f"{missing} is not offered to this account")
    if mode.uid_only and needs_numbers(command):
        return Unreadable(tag, "There are no message numbers after UIDONLY", "UIDREQUIRED")
    return Tagged(tag, verb, command)


def tag_of(pieces: Sequence[Piece]) -> bytes | None:
    """The tag of a command, or of what has come of one; None if it has none."""
    try:
        return Cursor(pieces[:1]).tag()
    except SyntaxFault:
        return None
