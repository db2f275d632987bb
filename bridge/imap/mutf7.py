"""Modified UTF-7, the spelling of mailbox names on the wire (RFC 3501 §5.1.3)."""

import base64
import binascii
import re

_RUN = re.compile(r"&|[^\x20-\x7e]+")
_SHIFT = re.compile(rb"&([A-Za-z0-9+,]*)-")


def encode(name: str) -> bytes:
    """The wire form of a name, which holds no lone surrogate."""
    return _RUN.sub(lambda run: _encode_run(run[0]), name).encode("ascii")


def decode(octets: bytes) -> str:
    """The name.

    Raises:
        ValueError: 8-bit octets, an unfinished shift, base64 that isn't, half a surrogate pair,
            or a form that `encode` would never make: a name must have one spelling, or it would
            be two mailboxes.
    """
    parts: list[str] = []
    position = 0
    while (start := octets.find(b"&", position)) >= 0:
        shift = _SHIFT.match(octets, start)
        if shift is None:
            raise ValueError("unfinished shift")
        parts += octets[position:start].decode("ascii"), _decode_run(shift[1])
        position = shift.end()
    parts.append(octets[position:].decode("ascii"))
    name = "".join(parts)
    if encode(name) != octets:
        raise ValueError("not the shortest form")
    return name


def _encode_run(run: str) -> str:
    if run == "&":
        return "&-"
    utf16 = run.encode("utf-16-be")
    return "&" + base64.b64encode(utf16).decode().rstrip("=").replace("/", ",") + "-"


def _decode_run(run: bytes) -> str:
    if not run:
        return "&"
    padded = run.replace(b",", b"/") + b"=" * (-len(run) % 4)
    try:
        return base64.b64decode(padded, validate=True).decode("utf-16-be")
    except binascii.Error as error:
        raise ValueError("not base64") from error
