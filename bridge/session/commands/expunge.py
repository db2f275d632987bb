"""EXPUNGE, UID EXPUNGE, CLOSE, UNSELECT."""

from bridge.imap.commands.expunge import Close, Expunge
from bridge.model.ids import MailboxId
from bridge.session.context import Context
from bridge.session.reply import Ok
from bridge.store.tx import WriteTx


async def expunge(context: Context, command: Expunge) -> Ok:
    """Expunges what is marked \\Deleted; the refresh after it says so."""
    view = context.writable()
    only = None
    if command.uids is not None:
        only = {view.uids[p] for p in view.resolve(command.uids, uid=True)}
    await _expunge(context, view.mailbox.id, only)
    return Ok("Done")


async def close(context: Context, command: Close) -> Ok:
    """Leaves the mailbox; CLOSE of one that isn't read-only expunges without a word."""
    view = context.selected
    if command.expunge and not view.read_only:
        await _expunge(context, view.mailbox.id, None)
    context.deselect()
    return Ok("Left")


async def _expunge(context: Context, mailbox_id: MailboxId, only: set[int] | None) -> None:
    marked = await context.services.database.read(lambda tx: tx.marked_deleted(mailbox_id))
    if not marked:
        return

    def work(tx: WriteTx) -> None:
        uids = [uid for uid in tx.marked_deleted(mailbox_id) if only is None or uid in only]
        tx.expunge(mailbox_id, uids, context.services.clock())

    await context.services.database.write(work)
