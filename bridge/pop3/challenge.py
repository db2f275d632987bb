"""What SASL mechanisms are made of: challenges in, responses out (RFC 5034 §4, RFC 4422 §3)."""

import binascii
from base64 import b64encode
from collections.abc import Generator
from dataclasses import dataclass, field

from bridge.errors import ProtocolError

Exchange = Generator[bytes, bytes | None, None]
"""Yields responses, without base64, and is sent the challenges as they came, in base64.

Sent None: the server accepts the log-in. The exchange then ends, or raises ProtocolError because
the server has yet to prove something. It ends too when it is sent a challenge it has no answer to.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Who logs in where; `secret` is a password or a token. `nonce` is used for one exchange."""

    user: bytes
    secret: bytes = field(repr=False)
    host: str = ""
    port: int = 0
    nonce: bytes = field(default=b"", repr=False)


def challenge_of(line: bytes) -> bytes:
    """The base64 in a line that begins with "+", whether or not a space follows it."""
    return line[1:].strip(b" ")


def response_line(response: bytes) -> bytes:
    """A response in base64 with CRLF; an empty one is an empty line."""
    return encoded(response) + b"\r\n"


def encoded(octets: bytes) -> bytes:
    """Base64 on one line."""
    return b64encode(octets)


def decoded(text: bytes) -> bytes:
    """The octets in base64 (RFC 4648 §4, nothing but its alphabet).

    Raises:
        ProtocolError: it is none.
    """
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        raise fault("sent a challenge that is no base64") from None


def fault(what: str) -> ProtocolError:
    """The server did what no mechanism allows."""
    return ProtocolError(
        f"The POP3 server {what}.", "Nothing was changed; the next sync tries again."
    )
