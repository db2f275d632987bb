"""AUTHENTICATE (RFC 9051 §6.2.2; RFC 4959) and the SASL mechanism PLAIN (RFC 4616)."""

import base64
import binascii
from dataclasses import dataclass, field

from bridge.imap.grammar import Cursor, SyntaxFault


@dataclass(frozen=True, slots=True)
class Authenticate:
    """AUTHENTICATE; `initial` is the initial response, decoded, or None."""

    mechanism: str
    initial: bytes | None = field(repr=False)


def parse_authenticate(cursor: Cursor) -> Authenticate:
    """The arguments of AUTHENTICATE."""
    cursor.space()
    mechanism = cursor.word()
    if not cursor.skip(b" "):
        return Authenticate(mechanism, None)
    if cursor.skip(b"="):
        return Authenticate(mechanism, b"")
    return Authenticate(mechanism, decode_response(cursor.rest()))


def decode_response(text: bytes) -> bytes:
    """A SASL response out of base64.

    Raises:
        SyntaxFault: it isn't base64.
    """
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise SyntaxFault("The response is not base64") from error


@dataclass(frozen=True, slots=True)
class Plain:
    """A PLAIN response (RFC 4616 §2); `authorize` is whom the client wants to act for, or b""."""

    authorize: bytes
    user: bytes
    password: bytes = field(repr=False)


def split_plain(octets: bytes) -> Plain:
    """The parts of a PLAIN response.

    Raises:
        SyntaxFault: it hasn't three parts.
    """
    parts = octets.split(b"\0")
    if len(parts) != 3:
        raise SyntaxFault("A PLAIN response has three parts")
    return Plain(*parts)
