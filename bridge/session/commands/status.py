"""STATUS."""

from collections.abc import Iterable

from bridge.imap.commands.status import Status
from bridge.imap.serialize import mailbox_name
from bridge.model.mailbox import INBOX, MailboxStatus
from bridge.session.context import Context
from bridge.session.counted import Asked, Counters
from bridge.session.reply import No, Ok
from bridge.store.tx import ReadTx


async def status(context: Context, command: Status) -> Ok:
    """Counters of a mailbox that need not be selected."""
    found, deleted_size = await _counters(context, command)
    if found.mailbox.name == INBOX:
        context.looked()
    limit = context.services.limits.append_octets
    context.write(
        status_line(
            found,
            command.items,
            deleted_size=deleted_size or 0,
            append_octets=limit,
            utf8=context.mode.utf8,
        )
    )
    return Ok("Done")


async def _counters(context: Context, command: Status) -> Counters:
    """What the store has counted; it is asked only if it was written to since somebody asked."""
    database, counted = context.services.database, context.services.counted
    wanted = "DELETED-STORAGE" in command.items
    asked = Asked(context.user.id, command.mailbox, context.mode.utf8)
    writes = database.writes()
    known = counted.find(writes, asked, deleted_size=wanted)
    if known is not None:
        return known

    def read(tx: ReadTx) -> Counters:
        mailbox = context.mailbox(tx, command.mailbox)
        if mailbox is None:
            raise No("There is no such mailbox", "NONEXISTENT")
        return Counters(tx.status(mailbox), tx.deleted_size(mailbox.id) if wanted else None)

    counters = await database.read(read, brief=True)
    counted.keep(writes, asked, counters)
    return counters


def status_line(
    found: MailboxStatus,
    items: Iterable[str],
    *,
    deleted_size: int,
    append_octets: int,
    utf8: bool = False,
) -> bytes:
    """The STATUS response with these items, in their order; sizes are in octets."""
    values = {
        "MESSAGES": found.messages,
        "RECENT": found.recent,
        "UIDNEXT": found.mailbox.uidnext,
        "UIDVALIDITY": found.mailbox.uidvalidity,
        "UNSEEN": found.unseen,
        "HIGHESTMODSEQ": found.mailbox.highest_modseq,
        "SIZE": found.size,
        "DELETED": found.deleted,
        "DELETED-STORAGE": deleted_size,
        "MAILBOXID": f"({found.mailbox.mailboxid})",
        "APPENDLIMIT": append_octets,
    }
    shown = " ".join(f"{item} {values[item]}" for item in items)
    name = mailbox_name(found.mailbox.name, utf8=utf8)
    return b"* STATUS %b (%b)\r\n" % (name, shown.encode("ascii"))
