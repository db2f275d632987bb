"""DELETE."""

from bridge.imap.commands.delete import Delete
from bridge.model.ids import MailboxId
from bridge.model.mailbox import INBOX, canonical_name
from bridge.session.context import Context
from bridge.session.names import told_name
from bridge.session.reply import No, Ok
from bridge.store.tx import WriteTx


async def delete(context: Context, command: Delete) -> Ok:
    """Removes a mailbox without inferiors, with all that is in it.

    Another session that has it selected is told BYE (RFC 2180 §3.3); one's own is left without.
    """
    account, name = context.user.id, canonical_name(command.mailbox)
    if name == INBOX:
        raise No("INBOX stays", "CANNOT")

    def work(tx: WriteTx) -> tuple[MailboxId, bytes]:
        mailbox = context.mailbox(tx, name)
        if mailbox is None:
            raise No("There is no such mailbox", "NONEXISTENT")
        if tx.has_inferiors(account, mailbox.name):
            raise No("There are mailboxes below it: delete those first", "HASCHILDREN")
        tx.delete_mailbox(mailbox, context.services.clock())
        tells = context.mode.rev2 and mailbox.name != command.mailbox
        told = told_name(tx, account, mailbox.name, old=command.mailbox) if tells else b""
        return mailbox.id, told

    gone, told = await context.change(work)
    context.write(told)
    if context.view is not None and context.view.mailbox.id == gone:
        context.deselect()
        context.closed_unsaid = True
    return Ok("Deleted")
