"""SUBSCRIBE and UNSUBSCRIBE."""

from bridge.imap.commands.subscribe import Subscribe
from bridge.model.mailbox import canonical_name
from bridge.session.context import Context
from bridge.session.reply import No, Ok
from bridge.store.tx import WriteTx


async def subscribe(context: Context, command: Subscribe) -> Ok:
    """Adds or drops a subscription; what doesn't exist can't be subscribed."""
    account, name = context.user.id, canonical_name(command.mailbox)

    def work(tx: WriteTx) -> None:
        if not command.wanted:
            tx.unsubscribe(account, name)
        elif tx.mailbox(account, name) is None:
            raise No("There is no such mailbox", "NONEXISTENT")
        else:
            tx.subscribe(account, name)

    await context.services.database.write(work)
    return Ok("Done")
