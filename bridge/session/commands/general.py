"""CAPABILITY, NOOP, CHECK, NAMESPACE, LOGOUT."""

from bridge.imap.commands.general import Capability, Check, Logout, Namespace, Noop
from bridge.session.context import Context
from bridge.session.reply import Bye, Ok


async def capability(context: Context, command: Capability) -> Ok:
    """Lists what is offered in this state."""
    context.write(b"* CAPABILITY ", context.capability(), b"\r\n")
    return Ok("Done")


async def noop(context: Context, command: Noop | Check) -> Ok:
    """Does nothing: the refresh after it says what is new."""
    context.looked()
    return Ok("Done")


async def namespace(context: Context, command: Namespace) -> Ok:
    """There is the personal namespace, and no other."""
    context.write(b'* NAMESPACE (("" "/")) NIL NIL\r\n')
    return Ok("Done")


async def logout(context: Context, command: Logout) -> Ok:
    """Ends the session, in good order."""
    raise Bye("Until next time", tagged=Ok("Logged out"))
