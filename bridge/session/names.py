"""What mailboxes are called: which names a client means, and LIST that it hasn't asked for.

In that, OLDNAME says what the client called a mailbox where that isn't its name, or what it was
called before (RFC 9051 §6.3.9.7).
"""

from collections.abc import Iterable

from bridge.imap.serialize import mailbox_name
from bridge.model.ids import AccountId
from bridge.model.mailbox import DELIMITER, MAX_NAME_CHARACTERS, normal_form
from bridge.query.listing import Matches
from bridge.query.names import matcher
from bridge.store.tx import ReadTx


def matches_any(patterns: Iterable[str], *, utf8: bool) -> Matches:
    """Whether a name matches one of the patterns: as written, or in UTF-8 by its normal form."""
    written = tuple(patterns)
    every = dict.fromkeys((*written, *(map(normal_form, written) if utf8 else ())))
    tests = [matcher(pattern, MAX_NAME_CHARACTERS) for pattern in every]
    return tests[0] if len(tests) == 1 else lambda name: any(test(name) for test in tests)


def told_name(
    tx: ReadTx, account: AccountId, name: str, *, old: str | None = None, utf8: bool = True
) -> bytes:
    """The LIST response, with all attributes as they are now (RFC 9051 §6.3.2).

    Args:
        tx: the snapshot to look at.
        account: whose mailbox it is.
        name: as it is stored; of a mailbox that isn't there it says so.
        old: for OLDNAME, which is left out where it is the name.
        utf8: how names are written.
    """
    mailbox = tx.mailbox(account, name)
    attributes = ["\\NonExistent"] if mailbox is None else []
    if tx.subscribed(account, name):
        attributes.append("\\Subscribed")
    attributes.append("\\HasChildren" if tx.has_inferiors(account, name) else "\\HasNoChildren")
    if mailbox is not None and mailbox.special_use:
        attributes.append(mailbox.special_use)
    return list_line(attributes, name, old=None if old == name else old, utf8=utf8)


def list_line(
    attributes: list[str], name: str, *, old: str | None = None, utf8: bool = False
) -> bytes:
    """LIST with these attributes, and OLDNAME where there is one (RFC 9051 §6.3.9.7)."""
    written = mailbox_name(name, utf8=utf8)
    delimiter = DELIMITER.encode("ascii")
    more = b"" if old is None else b' ("OLDNAME" (%b))' % mailbox_name(old, utf8=utf8)
    shown = " ".join(attributes).encode("ascii")
    return b'* LIST (%b) "%b" %b%b\r\n' % (shown, delimiter, written, more)
