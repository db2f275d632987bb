"""A mailbox, its counters, and the names that every account starts with."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from unicodedata import normalize

from bridge.model.ids import AccountId, MailboxId, ModSeq, Uid

INBOX = "INBOX"
DELIMITER = "/"
MAX_NAME_CHARACTERS = 250
"""Of a whole name, delimiters included; clients show and store less."""

SPECIAL_USE = {
    "Sent": "\\Sent",
    "Drafts": "\\Drafts",
    "Trash": "\\Trash",
    "Junk": "\\Junk",
    "Archive": "\\Archive",
}
"""Made and subscribed with each account (RFC 6154 §2)."""


_FORBIDDEN = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029*%]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """One mailbox as of one transaction."""

    id: MailboxId
    account_id: AccountId
    name: str
    uidvalidity: int
    uidnext: Uid
    highest_modseq: ModSeq
    first_recent_uid: Uid
    """UIDs from here on have been \\Recent in no session yet."""
    special_use: str | None
    """Its uses as LIST shows them: separated by spaces."""
    mailboxid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxStatus:
    """Counters of one mailbox; `size` is in octets."""

    mailbox: Mailbox
    messages: int
    unseen: int
    recent: int
    deleted: int
    size: int


def canonical_name(name: str) -> str:
    """The stored form: the first component INBOX in upper case, one trailing delimiter dropped."""
    trimmed = name[:-1] if name.endswith(DELIMITER) and len(name) > 1 else name
    head, slash, rest = trimmed.partition(DELIMITER)
    return INBOX + slash + rest if head.upper() == INBOX else trimmed


def normal_form(name: str) -> str:
    """The name in the one form that Net-Unicode has for it, NFC (RFC 5198 §2)."""
    return name if name.isascii() else normalize("NFC", name)


def superiors(name: str) -> Iterator[str]:
    """The names above, from the top."""
    parts = name.split(DELIMITER)
    for count in range(1, len(parts)):
        yield DELIMITER.join(parts[:count])


def is_name(name: str) -> bool:
    """Whether a mailbox can have that name: no empty level, control character or wildcard.

    Control characters as RFC 6855 §3 has them, with line and paragraph separators.
    """
    if not all(name.split(DELIMITER)) or len(name) > MAX_NAME_CHARACTERS:
        return False
    return _FORBIDDEN.search(name) is None
