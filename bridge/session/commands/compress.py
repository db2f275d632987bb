"""COMPRESS (RFC 4978)."""

from bridge.imap.commands.compress import Compress
from bridge.session.context import Context
from bridge.session.reply import No, Ok


async def compress(context: Context, command: Compress) -> Ok:
    """Asks for compression; it starts behind the tagged OK, in both directions."""
    if context.compressed:
        # §3 has BAD for this too, but the code is what clients look at.
        raise No("This connection is compressed already", "COMPRESSIONACTIVE")
    context.compressed = True
    context.after_answer = context.connection.compress
    return Ok("Compressed from here on")
