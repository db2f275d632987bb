"""IDLE (RFC 2177)."""

from bridge.imap.commands.general import Idle
from bridge.imap.framing import CommandLine
from bridge.model.mailbox import INBOX
from bridge.session.context import Context
from bridge.session.reply import Bad, Ok


async def idle(context: Context, command: Idle) -> Ok:
    """Tells what changes as it changes, until the client says DONE."""
    context.write(b"+ idling\r\n")
    if context.view is not None and context.view.mailbox.name == INBOX:
        context.looked()
    context.idling = True
    try:
        if context.view is not None:
            await context.sync(expunge=True, always=True)
        await context.tell_news(always=True)
        while not isinstance(said := await context.read_line(), CommandLine):
            if context.view is not None:
                await context.sync(expunge=True, always=True)
            await context.tell_annotations(always=False)
            await context.tell_news(always=False)
            await context.connection.drain()
    finally:
        context.idling = False
    word = said.pieces[0]
    if len(said.pieces) != 1 or not isinstance(word, bytes) or word.strip().upper() != b"DONE":
        raise Bad("Expected DONE")
    return Ok("Done")
