"""What may be said while which command is answered, and what must have been said at its end."""

from tests.wire.client import Command
from tests.wire.values import (
    Capabilities,
    Enabled,
    ExtendedSearch,
    Fetch,
    Found,
    Identification,
    MailboxItem,
    MailboxStatus,
    Metadata,
    Namespaces,
    Quota,
    QuotaRoot,
    Response,
    Status,
    Threads,
)

SELECTING = frozenset({"SELECT", "EXAMINE"})

BY_SEQUENCE = frozenset({"FETCH", "STORE", "SEARCH", "SORT", "THREAD"})
"""No EXPUNGE while these are answered, unless they go by UID (RFC 3501 §7.4.1, 5256 §3)."""

NEVER_EXPUNGE = frozenset({"CLOSE", "LOGIN", "AUTHENTICATE"}) | SELECTING
"""CLOSE sends none (RFC 3501 §6.4.2); the others have no mailbox."""

SOLICITED: dict[type, frozenset[str]] = {
    Enabled: frozenset({"ENABLE"}),
    Namespaces: frozenset({"NAMESPACE"}),
    Identification: frozenset({"ID"}),
    Threads: frozenset({"THREAD"}),
    QuotaRoot: frozenset({"GETQUOTAROOT"}),
    Quota: frozenset({"GETQUOTAROOT", "GETQUOTA", "SETQUOTA"}),
}
"""Data that comes as the answer to these commands and at no other time."""

ONCE: dict[str, type] = {
    "CAPABILITY": Capabilities,
    "NAMESPACE": Namespaces,
    "ID": Identification,
    "STATUS": MailboxStatus,
    "THREAD": Threads,
    "GETQUOTAROOT": QuotaRoot,
    "GETQUOTA": Quota,
}
"""Commands that, when they succeed, have sent this exactly once."""

_TAGGED = "tagged"
_UNTAGGED = "untagged"

_Place = tuple[str, frozenset[str], frozenset[str]]


def _place(where: str, conditions: str, verbs: str = "") -> _Place:
    return where, frozenset(conditions.split()), frozenset(verbs.split())


PLACES: dict[str, tuple[_Place, ...]] = {
    "CAPABILITY": (
        _place(_UNTAGGED, "OK PREAUTH"),
        _place(_TAGGED, "OK", "LOGIN AUTHENTICATE STARTTLS UNAUTHENTICATE"),
    ),
    "PERMANENTFLAGS": (_place(_UNTAGGED, "OK"),),
    "UIDNEXT": (_place(_UNTAGGED, "OK"),),
    "UIDVALIDITY": (_place(_UNTAGGED, "OK"),),
    "UNSEEN": (_place(_UNTAGGED, "OK", "SELECT EXAMINE"),),
    "CLOSED": (_place(_UNTAGGED, "OK", "SELECT EXAMINE"),),
    "NOMODSEQ": (_place(_UNTAGGED, "OK"),),
    "UIDNOTSTICKY": (_place(_UNTAGGED, "NO"),),
    "HIGHESTMODSEQ": (
        _place(_UNTAGGED, "OK"),
        _place(_TAGGED, "OK", "REPLACE EXPUNGE CLOSE MOVE"),
    ),
    "READ-ONLY": (_place(_TAGGED, "OK", "SELECT EXAMINE"), _place(_UNTAGGED, "OK")),
    "READ-WRITE": (_place(_TAGGED, "OK", "SELECT"), _place(_UNTAGGED, "OK")),
    "TRYCREATE": (_place(_TAGGED, "NO", "APPEND COPY MOVE REPLACE"),),
    "APPENDUID": (_place(_TAGGED, "OK", "APPEND REPLACE"), _place(_UNTAGGED, "OK", "REPLACE")),
    "COPYUID": (_place(_TAGGED, "OK", "COPY MOVE"), _place(_UNTAGGED, "OK", "MOVE")),
    "MODIFIED": (_place(_TAGGED, "OK NO", "STORE"),),
    "BADCHARSET": (_place(_TAGGED, "NO", "SEARCH ESEARCH SORT THREAD"),),
    "NOTSAVED": (_place(_TAGGED, "NO", "SEARCH SORT THREAD"),),
    "AUTHENTICATIONFAILED": (_place(_TAGGED, "NO", "LOGIN AUTHENTICATE"),),
    "AUTHORIZATIONFAILED": (_place(_TAGGED, "NO", "LOGIN AUTHENTICATE"),),
    "UNKNOWN-CTE": (_place(_TAGGED, "NO", "FETCH APPEND"),),
    "COMPRESSIONACTIVE": (_place(_TAGGED, "NO", "COMPRESS"),),
    "USEATTR": (_place(_TAGGED, "NO", "CREATE"),),
}
"""Where a code may stand: conditions, and commands (none named: any). Others may stand anywhere."""


def misplaced_code(status: Status, command: Command | None) -> str | None:
    """Why the code may not stand in this response, or None."""
    if status.code is None or status.code.name not in PLACES:
        return None
    where = _UNTAGGED if status.tag is None else _TAGGED
    verb = command.verb if command is not None else ""
    for place, conditions, verbs in PLACES[status.code.name]:
        if place == where and status.condition in conditions and (not verbs or verb in verbs):
            return None
    return f"[{status.code.name}] may not stand in a {where} {status.condition} to {verb or 'none'}"


def may_expunge(command: Command | None) -> bool:
    """Whether EXPUNGE or VANISHED may come now (RFC 3501 §7.4.1, RFC 7162 §3.2.10)."""
    if command is None or not command.complete or command.verb in NEVER_EXPUNGE:
        return False
    return command.uid or command.verb not in BY_SEQUENCE


def extended(command: Command, *, rev2: bool) -> bool:
    """Whether ESEARCH answers it: with RETURN, and in IMAP4rev2 always (RFC 9051 §6.4.4)."""
    return command.search_return() is not None or (rev2 and command.verb == "SEARCH")


def unsolicited(response: Response, command: Command | None, *, rev2: bool) -> str | None:
    """Why this data may not come now, or None."""
    verb = command.verb if command is not None else ""
    words = command.words() if command is not None else frozenset()
    by_esearch = command is not None and extended(command, rev2=rev2)
    match response:
        case MailboxItem(command="LSUB"):
            allowed = verb == "LSUB"
        case MailboxItem():
            changed = rev2 and verb in SELECTING | {"APPEND", "CREATE", "RENAME", "DELETE"}
            allowed = verb == "LIST" or changed
            childinfo = any(tag == "CHILDINFO" for tag, _ in response.extended)
            allowed = allowed and (not childinfo or "RECURSIVEMATCH" in words)
        case MailboxStatus():
            allowed = verb == "STATUS" or (verb == "LIST" and "STATUS" in words)
        case Found():
            allowed = verb == response.command and not by_esearch
        case ExtendedSearch():
            allowed = verb == "ESEARCH" or (verb in ("SEARCH", "SORT") and by_esearch)
        case Metadata():
            solicited = verb == "GETMETADATA" or (verb == "LIST" and "METADATA" in words)
            allowed = bool(response.changed) or solicited
        case _:
            verbs = SOLICITED.get(type(response))
            allowed = verbs is None or verb in verbs
    if allowed:
        return None
    return f"{type(response).__name__} is not an answer to {verb or 'no command'}"


METADATA_EVENTS = frozenset({"MAILBOXMETADATACHANGE", "SERVERMETADATACHANGE"})
_NAME_EVENTS = frozenset({"MAILBOXNAME", "SUBSCRIPTIONCHANGE"})


def asks_to_notify(command: Command | None) -> frozenset[str]:
    """The words of NOTIFY SET that is being answered: it tells how all stands (RFC 5465 §3.1)."""
    asks = command is not None and command.verb == "NOTIFY"
    return command.words() if command is not None and asks else frozenset()


def notified(response: Response, words: frozenset[str]) -> bool:
    """Whether NOTIFY SET with these words lets the response come at any time (RFC 5465 §5)."""
    match response:
        case MailboxStatus():
            return "MESSAGENEW" in words
        case MailboxItem(command="LIST"):
            tags = {tag for tag, _ in response.extended}
            return bool(words & _NAME_EVENTS) and tags <= {"OLDNAME"}
        case Metadata():
            return bool(words & METADATA_EVENTS) and bool(response.changed)
        case _:
            return False


def wrong_answer(response: Response, command: Command | None) -> str | None:
    """What in a solicited answer isn't what the command asked for, or None."""
    match response:
        case MailboxStatus(name=name) if command is not None and command.verb == "STATUS":
            if command.mailbox() != name:
                return f"STATUS of {name!r}, asked for {command.mailbox()!r}"
        case ExtendedSearch(tag=tag, uid=uid) if command is not None:
            if tag != command.tag:
                return f"ESEARCH for the tag {tag!r}, not {command.tag!r}"
            if command.verb == "ESEARCH":
                # RFC 7377 §2.1
                return None if uid and response.mailbox else "which mailbox it is of isn't said"
            if uid != command.uid:
                return "ESEARCH says UID exactly when the command does (RFC 4466 §2.6.2)"
        case Enabled(names=names) if command is not None:
            more = {name.decode() for name in names} - command.words()
            if more:
                return f"ENABLED {sorted(more)} was not asked for"
    return None


def missing_answer(
    command: Command, counts: dict[type, int], *, rev2: bool, notify: bool
) -> str | None:
    """What a command that succeeded should have sent, or None.

    With NOTIFY a STATUS that nobody asked for may come beside the one that was.
    """
    wanted = ONCE.get(command.verb)
    if command.verb in ("SEARCH", "SORT"):
        wanted = ExtendedSearch if extended(command, rev2=rev2) else Found
        # RFC 5182 §2.1: SAVE alone has no ESEARCH.
        if command.search_return() == frozenset({"SAVE"}):
            wanted = None
    if notify and wanted is MailboxStatus and counts.get(wanted, 0) > 1:
        wanted = None
    if wanted is not None and counts.get(wanted, 0) != 1:
        got = counts.get(wanted, 0)
        return f"{command.verb} succeeded with {got} {wanted.__name__} instead of one"
    return None


def of_another_revision(response: Response, command: Command | None, *, rev2: bool) -> str | None:
    """Why a client of this revision may not be told this (RFC 9051 Appendix E), or None.

    What only the grammar of IMAP4rev1 has (RECENT, \\Recent, RFC822) is `tests.wire.grammar`'s.
    """
    verb = command.verb if command is not None else ""
    match response:
        case MailboxItem(command="LSUB") if rev2:
            return "LSUB is not in IMAP4rev2"
        case MailboxItem() if not rev2 and any(tag == "OLDNAME" for tag, _ in response.extended):
            return "OLDNAME is of IMAP4rev2 (RFC 9051 §6.3.9.7)"
        case Status(code=code) if rev2 and code is not None and code.name == "UNSEEN":
            return "[UNSEEN] is not in IMAP4rev2 (Appendix E.11)"
        case Fetch(items=items, by_uid=False) if rev2 and verb not in ("FETCH", "STORE"):
            if all(item.name != "UID" for item in items):
                return "FETCH that nobody asked for has no UID (RFC 9051 §7.5.2)"
    return None


def enables_condstore(command: Command) -> bool:
    """Whether it is a CONDSTORE enabling command (RFC 7162 §3.1)."""
    words = command.words()
    match command.verb:
        case "SELECT" | "EXAMINE":
            return bool(words & {"CONDSTORE", "QRESYNC"})
        case "STATUS":
            return "HIGHESTMODSEQ" in words
        case "FETCH" | "SEARCH" | "ESEARCH" | "SORT" | "THREAD":
            return bool(words & {"MODSEQ", "CHANGEDSINCE"})
        case "STORE":
            return "UNCHANGEDSINCE" in words
        case _:
            return False
