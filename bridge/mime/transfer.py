"""Transfer encodings taken off octet for octet, as they come (RFC 2045 §6): what BINARY shows.

Broken encodings are read as far as they can be; whatever the portions, the same octets come out.
"""

import binascii
import re
from typing import Protocol

from bridge.mime.tree import IDENTITY

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64 = bytes(set(range(256)) - set(_ALPHABET))

_SPACES_AT_END = re.compile(rb"(?<![ \t])[ \t]++(?=\r?\n)")
_LONE_EQUALS = re.compile(rb"=(?==|\r(?!\n))")

LINE_OCTETS = 64 << 10
"""Of quoted-printable, whose lines have 76: from a longer one what is sure is decoded before its
end has come."""


class Decoder(Protocol):
    """Feed the octets, then `finish`. It holds little, and `copy.copy` of it goes on from there."""

    def feed(self, octets: bytes) -> bytes:
        """What is decoded so far and wasn't given before."""
        ...

    def finish(self) -> bytes:
        """The rest."""
        ...


def decoder(encoding: bytes) -> Decoder | None:
    """What takes off the encoding, in lower case; None if it isn't known."""
    if encoding in IDENTITY:
        return _Identity()
    if encoding == b"base64":
        return _Base64()
    if encoding == b"quoted-printable":
        return _QuotedPrintable()
    return None


class _Identity:
    __slots__ = ()

    def feed(self, octets: bytes) -> bytes:
        return octets

    def finish(self) -> bytes:
        return b""


class _Base64:
    """What is no letter is passed over, and "=" is the end (RFC 2045 §6.8)."""

    __slots__ = ("_ended", "_rest")

    def __init__(self) -> None:
        self._rest = b""
        self._ended = False

    def feed(self, octets: bytes) -> bytes:
        if self._ended:
            return b""
        data, equals, _ = octets.partition(b"=")
        self._ended = bool(equals)
        letters = self._rest + data.translate(None, _NOT_BASE64)
        whole = len(letters) & ~3
        self._rest = letters[whole:]
        return binascii.a2b_base64(letters[:whole])

    def finish(self) -> bytes:
        # One letter alone is no whole octet.
        return binascii.a2b_base64(self._rest + b"==") if len(self._rest) > 1 else b""


class _QuotedPrintable:
    """Spaces at a line's end were added on the way (RFC 2045 §6.7 (3)); "=" before what is no
    number stays."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, octets: bytes) -> bytes:
        octets = self._rest + octets
        end = octets.rfind(b"\n") + 1
        if len(octets) - end > LINE_OCTETS:
            end = _sure_end(octets)
        self._rest = octets[end:]
        return _unquoted(octets[:end])

    def finish(self) -> bytes:
        return _unquoted(self._rest.rstrip(b" \t"))


def _sure_end(octets: bytes) -> int:
    """Up to where a line is decoded alike whatever follows."""
    # More spaces than a line may have are content.
    end = len(octets.rstrip(b" \t\r")) or len(octets)
    equals = octets.rfind(b"=", max(0, end - 2), end)
    return end if equals < 0 else len(octets[:equals].rstrip(b"="))


def _unquoted(octets: bytes) -> bytes:
    octets = _SPACES_AT_END.sub(b"", octets)
    # The library takes "==" for one, and passes over what is between "=\r" and the line's end.
    return binascii.a2b_qp(_LONE_EQUALS.sub(b"=3D", octets))
