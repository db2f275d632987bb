"""ENABLE (RFC 5161)."""

from bridge.imap.commands.enable import Enable
from bridge.session.context import Context
from bridge.session.reply import Ok


async def enable(context: Context, command: Enable) -> Ok:
    """Turns on what is asked for and offered, for the rest of the connection; names the rest not.

    What is on already is confirmed again: it is enabled by this command as well.
    """
    offered = context.capability().split()
    enabled = [name for name in command.names if name in ENABLES and name.encode() in offered]
    context.write(b"* ENABLED", *(b" " + name.encode() for name in enabled), b"\r\n")
    for name in enabled:
        await ENABLES[name](context)
    return Ok("Done")


ENABLES = {"CONDSTORE": Context.enable_condstore, "METADATA": Context.enable_metadata}
"""What can be enabled, and how."""
