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
    for name, turn_on in ENABLES.items():
        if name in enabled:
            await turn_on(context)
    return Ok("Done")


ENABLES = {
    "IMAP4REV2": Context.enable_rev2,
    "UTF8=ACCEPT": Context.enable_utf8,
    "UIDONLY": Context.enable_uid_only,
    "CONDSTORE": Context.enable_condstore,
    "QRESYNC": Context.enable_qresync,
    "METADATA": Context.enable_metadata,
}
"""What can be enabled, and how. What changes the grammar comes first: from ENABLED on the client
reads by the new one, and the others may tell it news."""
