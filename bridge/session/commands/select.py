"""SELECT and EXAMINE (RFC 9051 §6.3.2, §6.3.3; RFC 3501 §6.3.1; RFC 7162 §3.2.5)."""

from bridge.imap.commands.select import Resync, Select
from bridge.model.fetch import FetchItem
from bridge.model.flags import SEEN
from bridge.model.mailbox import INBOX, Mailbox
from bridge.session.commands.fetch import show_view
from bridge.session.context import Context
from bridge.session.names import told_name
from bridge.session.refresh import (
    claim_recent,
    counts,
    highest_modseq_line,
    keyword_lines,
    refresh,
)
from bridge.session.reply import Bad, Bye, No, Ok
from bridge.session.resync import known_uids, vanished_earlier
from bridge.session.snapshots import Listing, listing
from bridge.session.view import View
from bridge.store.tx import ReadTx


async def select(context: Context, command: Select) -> Ok:
    """Opens a mailbox; one that was open is left, even if this fails.

    Raises:
        No: there is no such mailbox.
        Bad: QRESYNC isn't enabled; then one that was open stays so.
    """
    if command.resync is not None and not context.qresync:
        raise Bad("QRESYNC has to be enabled first")
    if context.view is not None or context.closed_unsaid:
        # What comes before it is of the mailbox that was open (RFC 7162 §3.2.11).
        context.write(b"* OK [CLOSED] The mailbox that was open\r\n")
    context.deselect()
    context.closed_unsaid = False
    context.condstore |= command.condstore
    services, account, rev2 = context.services, context.user.id, context.mode.rev2

    def open_mailbox(tx: ReadTx) -> tuple[Mailbox, Listing, bytes]:
        mailbox = context.mailbox(tx, command.mailbox)
        if mailbox is None:
            raise No("There is no such mailbox", "NONEXISTENT")
        shared = services.snapshots.find(mailbox.id, mailbox.highest_modseq)
        name = told_name(tx, account, mailbox.name, old=command.mailbox) if rev2 else b""
        return mailbox, shared or listing(tx.snapshot(mailbox)), name

    mailbox, messages, name = await services.database.read(open_mailbox)
    view = View(
        mailbox,
        messages,
        services.snapshots,
        read_only=command.read_only,
        tells_recent=not rev2,
    )
    view.uid_only = context.mode.uid_only
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
    context.write(name, *_opening(view))
    if context.offers("OBJECTID"):
        # RFC 8474 §4.2
        name = mailbox.mailboxid.encode("ascii")
        context.write(b"* OK [MAILBOXID (%b)] What it is, whatever its name\r\n" % name)
    if context.offers("CONDSTORE"):
        context.write(highest_modseq_line(view))
    if command.resync is not None and command.resync.uidvalidity == view.mailbox.uidvalidity:
        await _resync(context, view, command.resync)
    code = b"READ-ONLY" if command.read_only else b"READ-WRITE"
    return Ok("Opened", code)


async def _resync(context: Context, view: View, resync: Resync) -> None:
    """Tells what the client has missed: what is gone, then what has changed or come."""
    known = resync.known
    named = range(view.count) if known is None else view.resolve(known, uid=True)

    def look(tx: ReadTx) -> tuple[bytes, list[int]]:
        among = known_uids(view, known, resync.sample)
        gone = vanished_earlier(tx, view, among, resync.modseq)
        return gone, view.changed_since(named, resync.modseq)

    gone, changed = await context.services.database.read(look)
    context.write(gone)
    # After UIDONLY each response has the UID outside its items.
    await show_view(context, view, changed, _RESYNCED[view.uid_only :])


_RESYNCED = tuple(FetchItem(name, echo=name.encode()) for name in ("UID", "FLAGS", "MODSEQ"))


def _opening(view: View) -> list[bytes]:
    view.note_keywords()
    lines = [*keyword_lines(view), *counts(view)]
    if view.uid_only or not view.tells_recent:
        # [UNSEEN] has gone where \\Recent has (RFC 9051 Appendix E.11).
        return [*lines, *_numbers(view)]
    unseen = next((n for n in range(view.count) if SEEN not in view.flags(n)), None)
    if unseen is not None:
        lines.append(b"* OK [UNSEEN %d] The first unseen message\r\n" % (unseen + 1))
    return [*lines, *_numbers(view)]


def _numbers(view: View) -> list[bytes]:
    return [
        b"* OK [UIDVALIDITY %d] UIDs are valid\r\n" % view.mailbox.uidvalidity,
        b"* OK [UIDNEXT %d] The next UID\r\n" % view.mailbox.uidnext,
    ]
