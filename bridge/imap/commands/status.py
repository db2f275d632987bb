"""STATUS (RFC 9051 §6.3.11; RFC 7889; RFC 8438; RFC 8474; RFC 9208 §4.1.4)."""

from dataclasses import dataclass
from functools import lru_cache

from bridge.imap.grammar import Cursor, SyntaxFault
from bridge.imap.mode import Mode

KEPT, KEPT_OCTETS = 64, 200
"""Lists of items that were read lately are kept, so many of so many octets at most."""

STATUS_ITEMS = frozenset(
    {
        "MESSAGES",
        "RECENT",
        "UIDNEXT",
        "UIDVALIDITY",
        "UNSEEN",
        "HIGHESTMODSEQ",
        "SIZE",
        "DELETED",
        "DELETED-STORAGE",
        "MAILBOXID",
        "APPENDLIMIT",
    }
)


@dataclass(frozen=True, slots=True)
class Status:
    """STATUS; each item once, in the client's order."""

    mailbox: str
    items: tuple[str, ...]


def parse_status(cursor: Cursor) -> Status:
    """The arguments of STATUS."""
    mailbox = cursor.mailbox_argument()
    cursor.space()
    text = cursor.last_text(KEPT_OCTETS)
    return Status(mailbox, parse_items(cursor) if text is None else _read(text, cursor.mode))


@lru_cache(maxsize=KEPT)
def _read(text: bytes, mode: Mode) -> tuple[str, ...]:
    """What stands behind the name: clients ask for the same of one mailbox after another."""
    cursor = Cursor((text,), mode)
    items = parse_items(cursor)
    cursor.end()
    return items


def parse_items(cursor: Cursor) -> tuple[str, ...]:
    """ "(" status-att *(SP status-att) ")", each once."""
    cursor.expect(b"(")
    items = [cursor.word()]
    while not cursor.skip(b")"):
        cursor.space()
        items.append(cursor.word())
    unknown = set(items) - STATUS_ITEMS
    if cursor.mode.rev2 and "RECENT" in items:
        raise SyntaxFault("IMAP4rev2 has no RECENT")
    if unknown:
        raise SyntaxFault(f"Unknown status item {min(unknown)[:40]}")
    return tuple(dict.fromkeys(items))
