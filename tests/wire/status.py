"""resp-text and the table of resp-text-codes: RFC 3501 §9, RFC 9051 §9 and the extensions.

A code that no RFC registers is refused, though `atom [SP text]` would let it pass.
"""

import re
from collections.abc import Callable

from tests.wire.flags import permanent_flags
from tests.wire.tokens import MAX_32, Cursor
from tests.wire.values import AppendUid, Code, CopyUid, Progress

_BARE = {
    3501: "ALERT PARSE READ-ONLY READ-WRITE TRYCREATE",
    3516: "UNKNOWN-CTE",
    4315: "UIDNOTSTICKY",
    4469: "TOOBIG",
    4978: "COMPRESSIONACTIVE",
    5182: "NOTSAVED",
    5255: "BADCOMPARATOR",
    5465: "NOTIFICATIONOVERFLOW",
    5530: "UNAVAILABLE AUTHENTICATIONFAILED AUTHORIZATIONFAILED EXPIRED PRIVACYREQUIRED "
    "CONTACTADMIN NOPERM INUSE EXPUNGEISSUED CORRUPTION SERVERBUG CLIENTBUG CANNOT LIMIT "
    "OVERQUOTA ALREADYEXISTS NONEXISTENT",
    6154: "USEATTR",
    7162: "NOMODSEQ CLOSED",
    9051: "HASCHILDREN",
    9586: "UIDREQUIRED",
}
"""The codes without an argument, by RFC."""

_EVENTS = frozenset(
    {"MESSAGENEW", "MESSAGEEXPUNGE", "FLAGCHANGE", "ANNOTATIONCHANGE", "MAILBOXNAME"}
    | {"SUBSCRIPTIONCHANGE", "MAILBOXMETADATACHANGE", "SERVERMETADATACHANGE"}
)
_URL = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\\^-\x7f]++")

Argument = Callable[[Cursor], object]


def capability_names(cursor: Cursor) -> tuple[bytes, ...]:
    """*(SP capability), each once, IMAP4rev1 or IMAP4rev2 among them."""
    start = cursor.at
    names = []
    while cursor.peek() == b" ":
        cursor.sp()
        names.append(cursor.atom())
    upper = [name.upper() for name in names]
    if len(set(upper)) < len(upper):
        cursor.fail("each capability once", start)
    if b"IMAP4REV1" not in upper and b"IMAP4REV2" not in upper:
        cursor.fail("IMAP4rev1 or IMAP4rev2 among the capabilities", start)
    return tuple(names)


def _after_sp(one: Callable[[Cursor], object]) -> Argument:
    def argument(cursor: Cursor) -> object:
        cursor.sp()
        return one(cursor)

    return argument


def _bad_charset(cursor: Cursor) -> object:
    if cursor.peek() != b" ":
        return ()
    cursor.sp()
    return cursor.many(cursor.astring)


def _append_uid(cursor: Cursor) -> AppendUid:
    uidvalidity = cursor.nz_number()
    cursor.sp()
    return AppendUid(uidvalidity, cursor.numset())


def _copy_uid(cursor: Cursor) -> CopyUid:
    uidvalidity = cursor.nz_number()
    cursor.sp()
    start = cursor.at
    source = cursor.numset()
    cursor.sp()
    target = cursor.numset()
    # RFC 4315 §3: the two sets are in the same order, so of one size.
    if len(source) != len(target):
        cursor.fail("two uid-sets of as many UIDs", start)
    return CopyUid(uidvalidity, source, target)


def _objectid(cursor: Cursor) -> bytes:
    cursor.take(b"(")
    found = cursor.objectid()
    cursor.take(b")")
    return found


def _event(cursor: Cursor) -> str:
    start = cursor.at
    found = cursor.name()
    if found not in _EVENTS:
        cursor.fail("an event of RFC 5465 §8", start)
    return found


def _metadata(cursor: Cursor) -> object:
    start = cursor.at
    match cursor.name():
        case "LONGENTRIES" | "MAXSIZE" as word:
            cursor.sp()
            return word, cursor.number()
        case "TOOMANY" | "NOPRIVATE" as word:
            return word
        case _:
            cursor.fail("LONGENTRIES, MAXSIZE, TOOMANY or NOPRIVATE (RFC 5464 §5)", start)


def _message_limit(cursor: Cursor) -> object:
    limit = cursor.nz_number()
    if cursor.peek() != b" ":
        return limit, None
    cursor.sp()
    return limit, cursor.nz_number()


def _progress(cursor: Cursor) -> Progress | None:
    if cursor.peek() != b" ":
        return None
    cursor.sp()
    cursor.take(b"(")
    tag = None if cursor.nil() else cursor.quoted()
    cursor.sp()
    start = cursor.at
    done = None if cursor.nil() else cursor.number()
    cursor.sp()
    goal = None if cursor.nil() else cursor.nz_number()
    if goal is not None and (done is None or done > goal):
        cursor.fail("progress up to its goal (RFC 9585)", start)
    cursor.take(b")")
    return Progress(tag, done, goal)


def _urls(cursor: Cursor) -> object:
    cursor.sp()
    return cursor.match(_URL, "a URL")


CODES: dict[str, Argument | None] = {
    **{name: None for names in _BARE.values() for name in names.split()},
    "BADCHARSET": _bad_charset,
    "CAPABILITY": capability_names,
    "PERMANENTFLAGS": _after_sp(permanent_flags),
    "UIDNEXT": _after_sp(Cursor.nz_number),
    "UIDVALIDITY": _after_sp(Cursor.nz_number),
    "UNSEEN": _after_sp(Cursor.nz_number),
    "APPENDUID": _after_sp(_append_uid),
    "COPYUID": _after_sp(_copy_uid),
    "HIGHESTMODSEQ": _after_sp(Cursor.modseq),
    "MODIFIED": _after_sp(Cursor.numset),
    "MAILBOXID": _after_sp(_objectid),
    "BADEVENT": _after_sp(lambda cursor: cursor.many(lambda: _event(cursor))),
    "NOUPDATE": _after_sp(Cursor.quoted),
    "METADATA": _after_sp(_metadata),
    "MESSAGELIMIT": _after_sp(_message_limit),
    "INPROGRESS": _progress,
    "BADURL": _urls,
    "REFERRAL": _urls,
    "UNDEFINED-FILTER": _after_sp(Cursor.atom),
    "MAXCONVERTMESSAGES": _after_sp(lambda cursor: cursor.number(MAX_32, 1)),
}
"""Every code with the parser of its argument, None for a code that takes none."""


def response_code(cursor: Cursor) -> Code:
    """ "[" resp-text-code "]" SP."""
    cursor.take(b"[")
    start = cursor.at
    name = cursor.name()
    if name not in CODES:
        cursor.fail("a response code that an RFC registers", start)
    parse = CODES[name]
    argument = None if parse is None else parse(cursor)
    cursor.take(b"] ")
    return Code(name, argument)


def resp_text(cursor: Cursor) -> tuple[Code | None, bytes]:
    """resp-text. The text is never empty: RFC 3501 demands it, and RFC 9051 permits it."""
    code = response_code(cursor) if cursor.peek() == b"[" else None
    return code, cursor.text()
