"""Command lines of the client (RFC 1939 §5, §7; RFC 5034), built where injection can't happen."""

import hashlib
import re

from bridge.errors import UsageError

_UNSAFE = re.compile(rb"[\r\n\0]")


def line(verb: str, *arguments: bytes | int) -> bytes:
    """A command with CRLF.

    Raises:
        UsageError: an argument holds CR, LF or NUL and would be read as another command.
    """
    words = [verb.encode("ascii")]
    for argument in arguments:
        word = b"%d" % argument if isinstance(argument, int) else argument
        if _UNSAFE.search(word):
            raise UsageError(
                "A POP3 user name or password can't hold a line break or a NUL.",
                "Type it again, or look at the end of the password file.",
            )
        words.append(word)
    return b" ".join(words) + b"\r\n"


def apop(user: bytes, password: bytes, timestamp: bytes) -> bytes:
    """APOP with its digest (RFC 1939 §7)."""
    digest = hashlib.md5(timestamp + password, usedforsecurity=False).hexdigest()
    return line("APOP", user, digest.encode())
