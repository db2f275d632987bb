"""ENVELOPE, BODY and BODYSTRUCTURE (RFC 3501 §9, RFC 9051 §9)."""

from tests.wire.tokens import Cursor
from tests.wire.values import Address, Addresses, Envelope, Extension, Multipart, Params, Part


def envelope(cursor: Cursor) -> Envelope:
    """envelope: ten fields."""
    cursor.take(b"(")
    date = cursor.nstring()
    cursor.sp()
    subject = cursor.nstring()
    found = Envelope(
        date,
        subject,
        _next_addresses(cursor),
        _next_addresses(cursor),
        _next_addresses(cursor),
        _next_addresses(cursor),
        _next_addresses(cursor),
        _next_addresses(cursor),
        _next_nstring(cursor),
        _next_nstring(cursor),
    )
    cursor.take(b")")
    return found


def _next_addresses(cursor: Cursor) -> Addresses:
    cursor.sp()
    return addresses(cursor)


def _next_nstring(cursor: Cursor) -> bytes | None:
    cursor.sp()
    return cursor.nstring()


def addresses(cursor: Cursor) -> Addresses:
    """ "(" 1*address ")" / nil: no space between addresses, and groups that end."""
    if cursor.nil():
        return None
    start = cursor.at
    found = cursor.many(lambda: _address(cursor), separator=b"")
    within = False
    for one in found:
        if one.host is not None:
            continue
        if within == (one.mailbox is not None):
            cursor.fail("a group that begins once and ends once", start)
        within = not within
    if within:
        cursor.fail("the end of a group", start)
    return found


def _address(cursor: Cursor) -> Address:
    start = cursor.at
    cursor.take(b"(")
    name = cursor.nstring()
    cursor.sp()
    route = cursor.nstring()
    cursor.sp()
    mailbox = cursor.nstring()
    cursor.sp()
    host = cursor.nstring()
    cursor.take(b")")
    # "addr-mailbox: NIL indicates end of group", whose host is NIL too.
    if mailbox is None and host is not None:
        cursor.fail("a mailbox beside the host", start)
    if host is None and (name, route) != (None, None):
        cursor.fail("no name and no route in a group's marks", start)
    return Address(name, route, mailbox, host)


def body(cursor: Cursor, *, extensible: bool) -> Part | Multipart:
    """body, with extension data only where `extensible`."""
    cursor.deeper()
    cursor.take(b"(")
    found = _multipart(cursor, extensible) if cursor.peek() == b"(" else _part(cursor, extensible)
    cursor.take(b")")
    cursor.depth -= 1
    return found


def _multipart(cursor: Cursor, extensible: bool) -> Multipart:
    parts = []
    while cursor.peek() == b"(":
        parts.append(body(cursor, extensible=extensible))
    cursor.sp()
    subtype = _token(cursor)
    extension = None
    if cursor.peek() == b" ":
        _only_if(cursor, extensible)
        cursor.sp()
        extension = _extension(cursor, params(cursor))
    return Multipart(tuple(parts), subtype, extension)


def _part(cursor: Cursor, extensible: bool) -> Part:
    start = cursor.at
    kind = _token(cursor)
    if kind.upper() == b"MULTIPART":
        cursor.fail("a body-type-mpart, not a part of the type MULTIPART", start)
    cursor.sp()
    subtype = _token(cursor)
    cursor.sp()
    parameters = params(cursor)
    cursor.sp()
    identity = cursor.nstring()
    cursor.sp()
    description = cursor.nstring()
    cursor.sp()
    encoding = _token(cursor)
    cursor.sp()
    size = cursor.number()
    inner, within, lines = None, None, None
    if _is_message(cursor, kind, subtype):
        cursor.sp()
        inner = envelope(cursor)
        cursor.sp()
        within = body(cursor, extensible=extensible)
        cursor.sp()
        lines = cursor.size()
    elif kind.upper() == b"TEXT":
        cursor.sp()
        lines = cursor.size()
    extension = None
    if cursor.peek() == b" ":
        _only_if(cursor, extensible)
        cursor.sp()
        extension = _extension(cursor, cursor.nstring())
    return Part(
        kind,
        subtype,
        parameters,
        identity,
        description,
        encoding,
        size,
        lines,
        inner,
        within,
        extension,
    )


def _is_message(cursor: Cursor, kind: bytes, subtype: bytes) -> bool:
    """media-message: MESSAGE/GLOBAL is of IMAP4rev2."""
    names = (b"RFC822", b"GLOBAL") if cursor.dialect.rev2 else (b"RFC822",)
    return kind.upper() == b"MESSAGE" and subtype.upper() in names


def _token(cursor: Cursor) -> bytes:
    start = cursor.at
    found = cursor.string()
    if not found:
        cursor.fail("a type, subtype or encoding that isn't empty", start)
    return found


def _only_if(cursor: Cursor, extensible: bool) -> None:
    if not extensible:
        cursor.fail("')': extension data MUST NOT be returned on BODY")


def params(cursor: Cursor) -> Params:
    """body-fld-param: pairs of strings, never an empty list."""
    if cursor.nil():
        return None

    def pair() -> tuple[bytes, bytes]:
        name = cursor.string()
        cursor.sp()
        return name, cursor.string()

    return cursor.many(pair)


def _extension(cursor: Cursor, first: bytes | Params) -> Extension:
    """[SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc]]]: no body-extension is defined."""
    disposition, language, location = None, None, None
    if cursor.peek() == b" ":
        cursor.sp()
        disposition = _disposition(cursor)
        if cursor.peek() == b" ":
            cursor.sp()
            language = _language(cursor)
            if cursor.peek() == b" ":
                cursor.sp()
                location = cursor.nstring()
    return Extension(first, disposition, language, location)


def _disposition(cursor: Cursor) -> tuple[bytes, Params] | None:
    if cursor.nil():
        return None
    cursor.take(b"(")
    kind = cursor.string()
    cursor.sp()
    parameters = params(cursor)
    cursor.take(b")")
    return kind, parameters


def _language(cursor: Cursor) -> bytes | tuple[bytes, ...] | None:
    if cursor.peek() == b"(":
        return cursor.many(cursor.string)
    return cursor.nstring()
