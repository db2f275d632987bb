"""A whole response: greeting, continuation, tagged or untagged (RFC 3501 §9 "response").

`parse` wants exactly one; `next_response` takes one from octets that may go on or be cut.
"""

from collections.abc import Callable

from tests.wire import lists, search
from tests.wire.fetch import fetch
from tests.wire.flags import flag_list
from tests.wire.status import capability_names, resp_text
from tests.wire.tokens import MAX_32, REV1, Cursor, Dialect, GrammarError, Incomplete
from tests.wire.values import (
    Capabilities,
    Continuation,
    Exists,
    Expunge,
    Flags,
    Recent,
    Response,
    Status,
    Vanished,
)


def parse(octets: bytes, dialect: Dialect = REV1, *, greeting: bool = False) -> Response:
    """The one response that these octets are.

    Raises:
        GrammarError: they aren't one, or something follows.
    """
    cursor = Cursor(octets, 0, dialect)
    try:
        response = next_response(cursor, greeting=greeting)
    except Incomplete:
        raise GrammarError(len(octets), "more octets", octets[-60:]) from None
    if cursor.at != len(octets):
        cursor.fail("the end of the response")
    return response


def next_response(cursor: Cursor, *, greeting: bool = False) -> Response:
    """The response that begins at the cursor, which is left behind its CRLF.

    Raises:
        GrammarError: none begins there.
        Incomplete: it isn't all there yet.
    """
    if greeting:
        response: Response = _greeting(cursor)
    elif cursor.peek() == b"+":
        response = _continuation(cursor)
    elif cursor.peek() == b"*":
        cursor.take(b"*")
        cursor.sp()
        response = _untagged(cursor)
    else:
        response = _tagged(cursor)
    cursor.crlf()
    return response


def _greeting(cursor: Cursor) -> Status:
    cursor.take(b"*")
    cursor.sp()
    start = cursor.at
    condition = cursor.name()
    if condition not in ("OK", "PREAUTH", "BYE"):
        cursor.fail("a greeting of OK, PREAUTH or BYE", start)
    return _status(cursor, None, condition)


def _continuation(cursor: Cursor) -> Continuation:
    """ "+" SP (resp-text / base64): base64 may be empty."""
    cursor.take(b"+ ")
    if cursor.peek() == b"\r":
        return Continuation(b"")
    start = cursor.at
    resp_text(cursor)
    return Continuation(cursor.data[start : cursor.at])


def _tagged(cursor: Cursor) -> Status:
    tag = cursor.tag()
    cursor.sp()
    start = cursor.at
    condition = cursor.name()
    if condition not in ("OK", "NO", "BAD"):
        cursor.fail("OK, NO or BAD", start)
    return _status(cursor, tag, condition)


def _status(cursor: Cursor, tag: bytes | None, condition: str) -> Status:
    cursor.sp()
    code, text = resp_text(cursor)
    return Status(tag, condition, code, text)


def _untagged(cursor: Cursor) -> Response:
    start = cursor.at
    if cursor.peek().isdigit():
        return _numbered(cursor)
    name = cursor.name()
    if name in ("OK", "NO", "BAD", "BYE"):
        return _status(cursor, None, name)
    known = DATA.get(name)
    if known is None:
        cursor.fail("a response", start)
    return known(cursor)


def _numbered(cursor: Cursor) -> Response:
    start = cursor.at
    number = cursor.number(MAX_32)
    cursor.sp()
    after = cursor.at
    name = cursor.name()
    if name in ("EXPUNGE", "FETCH", "UIDFETCH") and not number:
        cursor.fail("nz-number", start)
    match name:
        case "EXISTS":
            return Exists(number)
        case "RECENT" if not cursor.dialect.rev2:
            return Recent(number)
        case "EXPUNGE":
            return Expunge(number)
        case "FETCH":
            return fetch(cursor, number)
        case "UIDFETCH":
            return fetch(cursor, number, by_uid=True)
        case _:
            cursor.fail("EXISTS, RECENT, EXPUNGE, FETCH or UIDFETCH", after)


def _flags(cursor: Cursor) -> Flags:
    cursor.sp()
    return Flags(flag_list(cursor))


def _vanished(cursor: Cursor) -> Vanished:
    """ "VANISHED" [SP "(EARLIER)"] SP known-uids (RFC 7162 §7)."""
    cursor.sp()
    earlier = cursor.peek() == b"("
    if earlier:
        cursor.take(b"(EARLIER) ")
    return Vanished(cursor.numset(), earlier)


DATA: dict[str, Callable[[Cursor], Response]] = {
    "CAPABILITY": lambda cursor: Capabilities(capability_names(cursor)),
    "ENABLED": lists.enabled,
    "FLAGS": _flags,
    "VANISHED": _vanished,
    "LIST": lambda cursor: lists.mailbox_list(cursor, "LIST"),
    "LSUB": lambda cursor: lists.mailbox_list(cursor, "LSUB"),
    "STATUS": lists.status,
    "NAMESPACE": lists.namespaces,
    "ID": lists.identification,
    "QUOTA": lists.quota,
    "QUOTAROOT": lists.quota_root,
    "METADATA": lists.metadata,
    "SEARCH": lambda cursor: search.found(cursor, "SEARCH"),
    "SORT": lambda cursor: search.found(cursor, "SORT"),
    "THREAD": search.threads,
    "ESEARCH": search.esearch,
}
"""Every untagged response that begins with its name."""
