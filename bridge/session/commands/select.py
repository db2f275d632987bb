"""SELECT and EXAMINE (RFC 9051 §6.3.2, §6.3.3; RFC 3501 §6.3.1)."""

from bridge.imap.commands.select import Select
from bridge.model.flags import SEEN
from bridge.model.mailbox import INBOX, Mailbox
from bridge.session.context import Context
from bridge.session.refresh import (
    claim_recent,
    counts,
    highest_modseq_line,
    keyword_lines,
    refresh,
)
from bridge.session.reply import Bye, No, Ok
from bridge.session.snapshots import Listing, listing
from bridge.session.view import View
from bridge.store.tx import ReadTx


async def select(context: Context, command: Select) -> Ok:
    """Opens a mailbox; one that was open is left, even if this fails."""
    context.deselect()
    context.condstore |= command.condstore
    services, account = context.services, context.user.id

    def open_mailbox(tx: ReadTx) -> tuple[Mailbox, Listing]:
        mailbox = tx.mailbox(account, command.mailbox)
        if mailbox is None:
            raise No("There is no such mailbox", "NONEXISTENT")
        shared = services.snapshots.find(mailbox.id, mailbox.highest_modseq)
        return mailbox, shared or listing(tx.snapshot(mailbox))

    mailbox, messages = await services.database.read(open_mailbox)
    view = View(mailbox, messages, services.snapshots, read_only=command.read_only)
    await claim_recent(services, view)
    context.select(view)
    if mailbox.name == INBOX:
        context.looked()
    # What changed between the snapshot and the subscription had no hint. The client knows nothing
    # yet: told as it is now, UIDNEXT agrees with EXISTS.
    try:
        await refresh(services, view, expunge=True)
    except Bye:
        context.deselect()
        raise No("There is no such mailbox", "NONEXISTENT") from None
    context.write(*_opening(view))
    if context.offers("OBJECTID"):
        # RFC 8474 §4.2
        name = mailbox.mailboxid.encode("ascii")
        context.write(b"* OK [MAILBOXID (%b)] What it is, whatever its name\r\n" % name)
    if context.offers("CONDSTORE"):
        context.write(highest_modseq_line(view))
    code = b"READ-ONLY" if command.read_only else b"READ-WRITE"
    return Ok("Opened", code)


def _opening(view: View) -> list[bytes]:
    view.note_keywords()
    lines = [*keyword_lines(view), *counts(view)]
    unseen = next((n for n in range(view.count) if SEEN not in view.flags(n)), None)
    if unseen is not None:
        lines.append(b"* OK [UNSEEN %d] The first unseen message\r\n" % (unseen + 1))
    lines.append(b"* OK [UIDVALIDITY %d] UIDs are valid\r\n" % view.mailbox.uidvalidity)
    lines.append(b"* OK [UIDNEXT %d] The next UID\r\n" % view.mailbox.uidnext)
    return lines
