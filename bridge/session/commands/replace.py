"""REPLACE (RFC 8508)."""

from bridge.imap.commands.replace import Replace
from bridge.model.flags import RECENT
from bridge.model.ids import Uid
from bridge.model.numset import NumSet
from bridge.session.context import Context
from bridge.session.quota import require_room
from bridge.session.refresh import highest_modseq_code
from bridge.session.reply import Bad, No, Ok
from bridge.store.tx import WriteTx


def replaced(context: Context, number: NumSet, *, uid: bool) -> Uid:
    """The UID of the message that is to be replaced.

    Raises:
        Bad: no mailbox is selected, or it has no message with that number.
        No: the mailbox is read-only, or it has no message with that UID.
    """
    if context.view is None:
        raise Bad("REPLACE needs a mailbox that is selected")
    view = context.writable()
    positions = view.resolve(number, uid=uid)
    if not positions:
        raise No("The message to be replaced is not here", "NONEXISTENT")
    return Uid(view.uids[positions[0]])


async def replace(context: Context, command: Replace) -> Ok:
    """Adds a message and expunges another in one transaction, or does neither.

    Of quota only what it takes more counts (RFC 8508 §3.4).
    """
    services, account = context.services, context.user.id
    old = replaced(context, command.number, uid=command.uid)
    view = context.selected
    uploads = tuple(context.uploads.finished)
    if len(uploads) != 1:
        raise No("The message could not be kept: is the disk full?", "UNAVAILABLE")
    ((message, kept),) = uploads
    if not message.size:
        raise No("A message of no octets is none: nothing was replaced", "CANNOT")
    now, flags = services.clock(), command.message.flags - {RECENT}

    def work(tx: WriteTx) -> tuple[int, int]:
        target = context.mailbox(tx, command.mailbox)
        if target is None:
            raise No("There is no such mailbox", "TRYCREATE")
        if not tx.expunge(view.mailbox.id, [old], now):
            raise No("The message to be replaced is expunged", "EXPUNGEISSUED")
        require_room(tx, account, message.size)
        return target.uidvalidity, tx.add_message(target, message, kept, now=now, flags=flags).uid

    uidvalidity, uid = await context.change(work)
    context.made(uidvalidity, [uid])
    context.uploads.stored(command.mailbox)
    if context.offers("UIDPLUS"):
        # Before the client hears that the old one is gone (RFC 8508 §4.3).
        context.write(b"* OK [APPENDUID %d %d] It is here\r\n" % (uidvalidity, uid))
    await context.tell_expunged([old])
    # RFC 8508 §4.5: as UID EXPUNGE does (RFC 7162 §3.2.9).
    return Ok("Replaced", highest_modseq_code(view) if context.qresync else b"")
