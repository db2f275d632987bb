"""ENABLE (RFC 5161)."""

from bridge.imap.commands.enable import Enable
from bridge.session.context import Context
from bridge.session.reply import Ok


async def enable(context: Context, command: Enable) -> Ok:
    """Turns on what is asked for and offered, for the rest of the connection; names the rest not.

    What is on already is confirmed again: it is enabled by this command as well.
    """
    offered = {token.upper(): token for token in context.capability().decode("ascii").split()}
    enabled = [name for name in command.names if name in ENABLES and name in offered]
    context.write(b"* ENABLED", *(b" " + offered[name].encode() for name in enabled), b"\r\n")
    for name in enabled:
        await ENABLES[name](context)
    return Ok("Done")


ENABLES = {
    "CONDSTORE": Context.enable_condstore,
    "QRESYNC": Context.enable_qresync,
    "UIDONLY": Context.enable_uid_only,
    "METADATA": Context.enable_metadata,
    "UTF8=ACCEPT": Context.enable_utf8,
    "IMAP4REV2": Context.enable_rev2,
}
"""What can be enabled, and how."""
