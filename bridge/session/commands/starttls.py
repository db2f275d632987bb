"""STARTTLS."""

from bridge.imap.commands.general import Starttls
from bridge.session.context import Context
from bridge.session.reply import Bad, Ok


async def starttls(context: Context, command: Starttls) -> Ok:
    """Asks for TLS; it starts behind the tagged OK, on a connection without old octets."""
    if context.connection.secure:
        raise Bad("TLS is on already")
    context.after_answer = context.connection.start_tls
    return Ok("Begin TLS now")
