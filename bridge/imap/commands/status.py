"""STATUS (RFC 9051 §6.3.11; RFC 7889; RFC 8438; RFC 8474; RFC 9208 §4.1.4)."""

from dataclasses import dataclass

from bridge.imap.grammar import Cursor, SyntaxFault

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
    return Status(mailbox, parse_items(cursor))


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
