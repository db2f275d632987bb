"""EXPUNGE, UID EXPUNGE, CLOSE, UNSELECT."""

from bridge.imap.commands.expunge import Close, Expunge
from bridge.model.ids import MailboxId, Uid
from bridge.session.context import Context
from bridge.session.refresh import highest_modseq_code
from bridge.session.reply import Ok
from bridge.store.tx import WriteTx


async def expunge(context: Context, command: Expunge) -> Ok:
    """Expunges what is marked \\Deleted, and says so (RFC 7162 §3.2.7, §3.2.9)."""
    view = context.writable()
    only = None
    if command.uids is not None:
        only = {view.uids[p] for p in view.resolve(command.uids, uid=True)}
    gone = await _expunge(context, view.mailbox.id, only)
    await context.tell_expunged(gone)
    return Ok("Done", highest_modseq_code(view) if gone and context.qresync else b"")


async def close(context: Context, command: Close) -> Ok:
    """Leaves the mailbox; CLOSE of one that isn't read-only expunges without a word."""
    view = context.selected
    if command.expunge and not view.read_only:
        await _expunge(context, view.mailbox.id, None)
    context.deselect()
    return Ok("Left")


async def _expunge(
    context: Context, mailbox_id: MailboxId, only: set[int] | None
) -> tuple[Uid, ...]:
    """The UIDs that are expunged."""
    marked = await context.services.database.read(lambda tx: tx.marked_deleted(mailbox_id))
    if not marked:
        return ()

    def work(tx: WriteTx) -> tuple[Uid, ...]:
        uids = [uid for uid in tx.marked_deleted(mailbox_id) if only is None or uid in only]
        return tx.expunge(mailbox_id, uids, context.services.clock())

    return await context.change(work)
