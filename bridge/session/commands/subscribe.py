"""SUBSCRIBE and UNSUBSCRIBE."""

from bridge.imap.commands.subscribe import Subscribe
from bridge.model.mailbox import canonical_name, normal_form
from bridge.session.context import Context
from bridge.session.reply import No, Ok
from bridge.store.tx import WriteTx


async def subscribe(context: Context, command: Subscribe) -> Ok:
    """Adds or drops a subscription; what doesn't exist can't be subscribed."""
    account, name = context.user.id, canonical_name(command.mailbox)

    def work(tx: WriteTx) -> None:
        mailbox = context.mailbox(tx, name)
        if not command.wanted:
            # As names are found; there needn't be a mailbox any more.
            exact = not context.mode.utf8 or tx.subscribed(account, name)
            tx.unsubscribe(account, name if exact else normal_form(name))
        elif mailbox is None:
            raise No("There is no such mailbox", "NONEXISTENT")
        else:
            tx.subscribe(account, mailbox.name)

    await context.change(work)
    return Ok("Done")
