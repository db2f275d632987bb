"""APPEND (RFC 9051 §6.3.12; RFC 3502; RFC 4315 §3)."""

from bridge.imap.commands.append import Append
from bridge.model.flags import RECENT
from bridge.model.mailbox import normal_form
from bridge.session.context import Context
from bridge.session.names import told_name
from bridge.session.quota import require_room
from bridge.session.reply import No, Ok
from bridge.store.tx import WriteTx


async def append(context: Context, command: Append) -> Ok:
    """Adds messages, all or none; they are durable when this returns."""
    services, account = context.services, context.user.id
    uploads = tuple(context.uploads.finished)
    if len(uploads) != len(command.messages):
        raise No("The message could not be kept: is the disk full?", "UNAVAILABLE")
    if not all(message.size for message, _ in uploads):
        raise No("A message of no octets is none: nothing was added", "CANNOT")
    now, octets = services.clock(), context.uploads.octets

    def work(tx: WriteTx) -> tuple[int, list[int], bytes]:
        mailbox = context.mailbox(tx, command.mailbox)
        if mailbox is None:
            raise No("There is no such mailbox", "TRYCREATE")
        require_room(tx, account, octets)
        uids = [
            tx.add_message(mailbox, message, kept, now=now, flags=said.flags - {RECENT}).uid
            for (message, kept), said in zip(uploads, command.messages, strict=True)
        ]
        told = b""
        if context.mode.rev2 and normal_form(command.mailbox) != command.mailbox:
            told = told_name(tx, account, mailbox.name, old=command.mailbox)
        return mailbox.uidvalidity, [int(uid) for uid in uids], told

    uidvalidity, uids, told = await context.change(work)
    context.write(told)
    context.made(uidvalidity, uids)
    # The stages are messages now.
    context.uploads.stored(command.mailbox)
    # One transaction takes one run of UIDs, in the order of the messages.
    added = b"%d" % uids[0] if len(uids) == 1 else b"%d:%d" % (uids[0], uids[-1])
    if not context.offers("UIDPLUS"):
        return Ok("Added")
    return Ok("Added", b"APPENDUID %d %b" % (uidvalidity, added))
