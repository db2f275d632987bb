"""LIST that nobody asked for: what a mailbox is called, to a client of IMAP4rev2 (RFC 9051 §6.3.2).

OLDNAME says what the client called it, where that isn't its name, or what it was called before.
"""

from bridge.imap.serialize import mailbox_name
from bridge.model.ids import AccountId
from bridge.model.mailbox import DELIMITER
from bridge.store.tx import ReadTx


def told_name(
    tx: ReadTx, account: AccountId, name: str, *, old: str | None = None, utf8: bool = True
) -> bytes:
    """The response, with all attributes as they are now.

    Args:
        tx: the snapshot to look at.
        account: whose mailbox it is.
        name: as it is stored; of a mailbox that isn't there it says so.
        old: for OLDNAME, which is left out where it is the name.
        utf8: how names are written.
    """
    mailbox = tx.mailbox(account, name)
    attributes = ["\\NonExistent"] if mailbox is None else []
    if name in tx.subscriptions(account):
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
