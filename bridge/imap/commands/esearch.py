"""ESEARCH: a search of many mailboxes (RFC 7377)."""

from dataclasses import dataclass

from bridge.imap.commands.notify import MAX_NAMES, parse_filter
from bridge.imap.commands.search import parse_search
from bridge.imap.grammar import Cursor, OverLimit, SyntaxFault
from bridge.model.notify import MailboxFilter, Scope
from bridge.model.search import SearchKey
from bridge.model.sort import Returns

MAX_SOURCES = 100
"""Of one command: each is tried on each mailbox."""

_SELECTED = MailboxFilter(Scope.SELECTED)


@dataclass(frozen=True, slots=True)
class Esearch:
    """ESEARCH; else as `Search`, by UID and with ALL where nothing else is asked for."""

    sources: tuple[MailboxFilter, ...]
    key: SearchKey
    modseq: bool
    returns: Returns


def parse_esearch(cursor: Cursor) -> Esearch:
    """The arguments of ESEARCH."""
    sources = _sources(cursor) if cursor.skip(b" IN ") else (_SELECTED,)
    search = parse_search(cursor, uid=True)
    returns = search.returns or Returns(frozenset({"ALL"}))
    if returns.saves and set(sources) != {_SELECTED}:
        raise SyntaxFault("SAVE is for the selected mailbox alone")
    return Esearch(sources, search.key, search.modseq, returns)


def _sources(cursor: Cursor) -> tuple[MailboxFilter, ...]:
    """ "(" source-mbox ")"; there are no scope-options yet."""
    cursor.expect(b"(")
    sources: list[MailboxFilter] = []
    left = MAX_NAMES
    while not sources or not cursor.skip(b")"):
        if sources:
            cursor.space()
        found = parse_filter(cursor, left=left)
        if found.scope is Scope.SELECTED_DELAYED:
            raise SyntaxFault("SELECTED-DELAYED is for NOTIFY alone")
        sources.append(found)
        left -= len(found.names)
        if len(sources) > MAX_SOURCES:
            raise OverLimit(f"ESEARCH takes at most {MAX_SOURCES} sources")
    return tuple(sources)
