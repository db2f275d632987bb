"""SEARCH, SORT, THREAD and ESEARCH (RFC 3501, 4466, 4731, 5256, 5267, 6203, 7162, 7377, 9394)."""

from collections.abc import Callable

from tests.wire.tokens import MAX_32, Cursor
from tests.wire.values import ExtendedSearch, Found, Thread, Threads


def found(cursor: Cursor, command: str) -> Found:
    """*(SP nz-number), or 1*(SP nz-number) SP "(MODSEQ n)", after "SEARCH" or "SORT"."""
    numbers: list[int] = []
    while cursor.peek() == b" ":
        cursor.sp()
        if numbers and cursor.peek() == b"(":
            cursor.take(b"(MODSEQ ")
            modseq = cursor.modseq()
            cursor.take(b")")
            return Found(command, tuple(numbers), modseq)
        numbers.append(cursor.nz_number())
    return Found(command, tuple(numbers))


def threads(cursor: Cursor) -> Threads:
    """[SP 1*thread-list], after "THREAD"."""
    lists = []
    if cursor.peek() == b" ":
        cursor.sp()
        lists.append(_thread(cursor))
        while cursor.peek() == b"(":
            lists.append(_thread(cursor))
    return Threads(tuple(lists))


def _thread(cursor: Cursor) -> Thread:
    """thread-list = "(" (thread-members / thread-nested) ")"."""
    cursor.deeper()
    cursor.take(b"(")
    members: list[int] = []
    branches: tuple[Thread, ...] = ()
    if cursor.peek() == b"(":
        branches = _nested(cursor)
    else:
        members.append(cursor.nz_number())
        while not branches and cursor.peek() == b" ":
            cursor.sp()
            if cursor.peek() == b"(":
                branches = _nested(cursor)
            else:
                members.append(cursor.nz_number())
    cursor.take(b")")
    cursor.depth -= 1
    return Thread(tuple(members), branches)


def _nested(cursor: Cursor) -> tuple[Thread, ...]:
    """thread-nested = 2*thread-list."""
    lists = [_thread(cursor), _thread(cursor)]
    while cursor.peek() == b"(":
        lists.append(_thread(cursor))
    return tuple(lists)


def esearch(cursor: Cursor) -> ExtendedSearch:
    """[search-correlator] [SP "UID"] *(SP search-return-data), after "ESEARCH"."""
    tag, mailbox, uid = None, None, False
    items: list[tuple[str, object]] = []
    if cursor.ahead(b" ("):
        cursor.sp()
        tag, mailbox = _correlator(cursor)
    while cursor.peek() == b" ":
        cursor.sp()
        start = cursor.at
        name = cursor.name()
        if name == "UID" and not uid and not items:
            uid = True
            continue
        parse = _DATA.get(name)
        if parse is None:
            cursor.fail("UID or a search-return-data", start)
        if name not in _REPEATED and any(name == other for other, _ in items):
            cursor.fail("each search-return-data once", start)
        cursor.sp()
        items.append((name, parse(cursor)))
    return ExtendedSearch(tag, uid, tuple(items), mailbox)


def _correlator(cursor: Cursor) -> tuple[bytes, tuple[bytes, int] | None]:
    """ "(" "TAG" SP tag-string ")"; with a mailbox in RFC 7377."""
    cursor.take(b"(TAG ")
    # RFC 4466 has a string here, RFC 9051 an astring.
    tag = cursor.astring() if cursor.dialect.rev2 else cursor.string()
    mailbox = None
    if cursor.peek() == b" ":
        cursor.take(b" MAILBOX ")
        name = cursor.mailbox()
        cursor.take(b" UIDVALIDITY ")
        mailbox = (name, cursor.nz_number())
    cursor.take(b")")
    return tag, mailbox


def _partial(cursor: Cursor) -> object:
    """ "(" partial-range SP (sequence-set / "NIL") ")" (RFC 9394 §4)."""
    cursor.take(b"(")
    sign = -1 if cursor.taken(b"-") else 1
    first = sign * cursor.nz_number()
    cursor.take(b":-" if sign < 0 else b":")
    last = sign * cursor.nz_number()
    cursor.sp()
    results = None if cursor.nil() else cursor.numset()
    cursor.take(b")")
    return (first, last), results


def _changes(cursor: Cursor) -> object:
    """ "(" context-position SP sequence-set *(…) ")" (RFC 5267 §5)."""

    def change() -> object:
        position = cursor.number()
        cursor.sp()
        return position, cursor.numset()

    return cursor.many(change)


def _scores(cursor: Cursor) -> object:
    """Relevancy scores of 1 to 100 (RFC 6203 §3)."""
    return cursor.many(lambda: cursor.number(100, least=1))


_REPEATED = frozenset({"ADDTO", "REMOVEFROM"})
_DATA: dict[str, Callable[[Cursor], object]] = {
    "MIN": Cursor.nz_number,
    "MAX": Cursor.nz_number,
    "ALL": Cursor.numset,
    "COUNT": lambda cursor: cursor.number(MAX_32),
    "MODSEQ": Cursor.modseq,
    "PARTIAL": _partial,
    "ADDTO": _changes,
    "REMOVEFROM": _changes,
    "RELEVANCY": _scores,
}
