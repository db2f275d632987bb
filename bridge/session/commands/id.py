"""ID."""

from bridge import __version__
from bridge.imap.commands.id import Id
from bridge.imap.serialize import string
from bridge.session.context import Context
from bridge.session.reply import Ok

# Not NIL: Microsoft's mail apps ended a connection to a server that said nothing of itself.
_ID = (
    (b"name", b"popbridge"),
    (b"version", __version__.encode("ascii")),
    (b"vendor", b"popbridge"),
    (b"support-url", b"https://pypi.org/project/popbridge/"),
)


async def identify(context: Context, command: Id) -> Ok:
    """Says who we are; what the client says of itself changes nothing (RFC 2971 §3.3)."""
    pairs = b" ".join(string(name) + b" " + string(value) for name, value in _ID)
    context.write(b"* ID (", pairs, b")\r\n")
    return Ok("Done")
