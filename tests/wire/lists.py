"""What is said of mailboxes and of the account: LIST, STATUS, NAMESPACE, ID, QUOTA, METADATA.

RFC 3501 §9, 9051 §9, 5258, 6154, 5465 and 8440 (LIST), 8438, 7162, 7889, 8474 and 9208 (STATUS),
2342, 2971, 9208, 5464, 5161.
"""

import re
from collections.abc import Callable

from tests.wire.flags import mailbox_flags
from tests.wire.mutf7 import fault_of_mutf7
from tests.wire.tokens import MAX_63, Cursor
from tests.wire.values import (
    Enabled,
    Identification,
    MailboxItem,
    MailboxStatus,
    Metadata,
    Namespace,
    Namespaces,
    Quota,
    QuotaRoot,
)

_RIGHTS = re.compile(rb"[a-z0-9]+")


def mailbox_list(cursor: Cursor, command: str) -> MailboxItem:
    """SP mailbox-list, after "LIST" or "LSUB"."""
    cursor.sp()
    flags = mailbox_flags(cursor)
    cursor.sp()
    delimiter = cursor.delimiter()
    cursor.sp()
    name = cursor.mailbox()
    extended: tuple[tuple[str, tuple[bytes, ...]], ...] = ()
    if command == "LIST" and cursor.peek() == b" ":
        cursor.sp()
        start = cursor.at
        extended = cursor.maybe_many(lambda: _extended(cursor))
        if len({tag for tag, _ in extended}) < len(extended):
            cursor.fail("each extended item once", start)
    return MailboxItem(command, flags, delimiter, name, extended)


def _extended(cursor: Cursor) -> tuple[str, tuple[bytes, ...]]:
    """mbox-list-extended-item, of those that an RFC defines."""
    start = cursor.at
    tag = cursor.astring().decode("latin-1").upper()
    cursor.sp()
    match tag:
        case "CHILDINFO":
            return tag, cursor.many(lambda: _select_option(cursor))
        case "OLDNAME":
            cursor.take(b"(")
            name = cursor.mailbox()
            cursor.take(b")")
            return tag, (name,)
        case "MYRIGHTS":
            return tag, cursor.many(lambda: _rights(cursor))
        case _:
            cursor.fail("CHILDINFO, OLDNAME or MYRIGHTS", start)


def _select_option(cursor: Cursor) -> bytes:
    start = cursor.at
    option = cursor.quoted()
    if option.upper() not in (b"SUBSCRIBED", b"SPECIAL-USE", b"REMOTE"):
        cursor.fail("a list selection option", start)
    return option.upper()


def _rights(cursor: Cursor) -> bytes:
    start = cursor.at
    rights = cursor.astring()
    if not _RIGHTS.fullmatch(rights):
        cursor.fail("rights", start)
    return rights


def _appendlimit(cursor: Cursor) -> int | None:
    return None if cursor.nil() else cursor.number()


def _mailbox_id(cursor: Cursor) -> bytes:
    cursor.take(b"(")
    found = cursor.objectid()
    cursor.take(b")")
    return found


STATUS_ITEMS: dict[str, Callable[[Cursor], int | bytes | None]] = {
    "MESSAGES": Cursor.number,
    "RECENT": Cursor.number,
    "UIDNEXT": Cursor.nz_number,
    "UIDVALIDITY": Cursor.nz_number,
    "UNSEEN": Cursor.number,
    "DELETED": Cursor.number,
    "SIZE": Cursor.number64,
    "HIGHESTMODSEQ": lambda cursor: cursor.number(MAX_63),
    "APPENDLIMIT": _appendlimit,
    "MAILBOXID": _mailbox_id,
    "DELETED-STORAGE": Cursor.number64,
}


def status(cursor: Cursor) -> MailboxStatus:
    """SP mailbox SP "(" [status-att-list] ")", after "STATUS"; each item once."""
    cursor.sp()
    name = cursor.mailbox()
    cursor.sp()
    start = cursor.at
    items = cursor.maybe_many(lambda: _status_item(cursor))
    if len({item for item, _ in items}) < len(items):
        cursor.fail("each status item once", start)
    return MailboxStatus(name, items)


def _status_item(cursor: Cursor) -> tuple[str, int | bytes | None]:
    start = cursor.at
    name = cursor.name()
    parse = STATUS_ITEMS.get(name)
    if parse is None or (name == "RECENT" and cursor.dialect.rev2):
        cursor.fail("a status-att", start)
    cursor.sp()
    return name, parse(cursor)


def namespaces(cursor: Cursor) -> Namespaces:
    """3(SP Namespace), after "NAMESPACE"."""

    def one() -> tuple[Namespace, ...] | None:
        cursor.sp()
        if cursor.nil():
            return None
        return cursor.many(lambda: _namespace(cursor), separator=b"")

    return Namespaces(one(), one(), one())


def _namespace(cursor: Cursor) -> Namespace:
    cursor.take(b"(")
    start = cursor.at
    prefix = cursor.string()
    if not cursor.dialect.utf8 and (fault := fault_of_mutf7(prefix)) is not None:
        cursor.fail(f"modified UTF-7 ({fault})", start)
    cursor.sp()
    delimiter = cursor.delimiter()
    extensions = []
    while cursor.peek() == b" ":
        cursor.sp()
        name = cursor.string()
        cursor.sp()
        extensions.append((name, cursor.many(cursor.string)))
    cursor.take(b")")
    return Namespace(prefix, delimiter, tuple(extensions))


def identification(cursor: Cursor) -> Identification:
    """SP id_params_list, after "ID", within the limits of RFC 2971 §3.3."""
    cursor.sp()
    if cursor.nil():
        return Identification(None)
    start = cursor.at

    def pair() -> tuple[bytes, bytes | None]:
        name = cursor.string()
        cursor.sp()
        value = cursor.nstring()
        if len(name) > 30 or len(value or b"") > 1024:
            cursor.fail("a field of 30 octets and a value of 1,024 at most", start)
        return name, value

    fields = cursor.maybe_many(pair)
    if len(fields) > 30:
        cursor.fail("at most 30 pairs", start)
    if len({name.lower() for name, _ in fields}) < len(fields):
        cursor.fail("each field once", start)
    return Identification(fields)


def quota(cursor: Cursor) -> Quota:
    """SP quota-root-name SP quota-list, after "QUOTA" (RFC 9208 §7)."""
    cursor.sp()
    root = cursor.astring()
    cursor.sp()

    def resource() -> tuple[str, int, int]:
        name = cursor.atom().decode("ascii").upper()
        cursor.sp()
        usage = cursor.number64()
        cursor.sp()
        return name, usage, cursor.number64()

    start = cursor.at
    resources = cursor.many(resource)
    if len({name for name, _, _ in resources}) < len(resources):
        cursor.fail("each resource once", start)
    return Quota(root, resources)


def quota_root(cursor: Cursor) -> QuotaRoot:
    """SP mailbox *(SP quota-root-name), after "QUOTAROOT"."""
    cursor.sp()
    name = cursor.mailbox()
    roots = []
    while cursor.peek() == b" ":
        cursor.sp()
        roots.append(cursor.astring())
    return QuotaRoot(name, tuple(roots))


def metadata(cursor: Cursor) -> Metadata:
    """SP mailbox SP (entry-values / entry-list), after "METADATA" (RFC 5464 §5)."""
    cursor.sp()
    name = cursor.mailbox()
    cursor.sp()
    if cursor.peek() == b"(":
        return Metadata(name, cursor.many(lambda: _entry_value(cursor)))
    changed = [_entry(cursor)]
    while cursor.peek() == b" ":
        cursor.sp()
        changed.append(_entry(cursor))
    return Metadata(name, (), tuple(changed))


def _entry(cursor: Cursor) -> bytes:
    """An entry's name (RFC 5464 §3.2): slash-separated, below /private or /shared."""
    start = cursor.at
    entry = cursor.astring()
    bad = re.search(rb"[*%\x00-\x1f\x7f-\xff]|//|/$", entry)
    if bad or not re.match(rb"/(?:private|shared)/", entry, re.IGNORECASE):
        cursor.fail("the name of an entry", start)
    return entry


def _entry_value(cursor: Cursor) -> tuple[bytes, bytes | None]:
    entry = _entry(cursor)
    cursor.sp()
    return entry, cursor.literal8() if cursor.peek() == b"~" else cursor.nstring()


def enabled(cursor: Cursor) -> Enabled:
    """*(SP capability), after "ENABLED"."""
    start = cursor.at
    names = []
    while cursor.peek() == b" ":
        cursor.sp()
        names.append(cursor.atom().upper())
    if len(set(names)) < len(names):
        cursor.fail("each capability once", start)
    return Enabled(tuple(names))
