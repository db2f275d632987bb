"""Parts that have NUL in them, as base64: what only literal8 can carry (RFC 3516 §4.4, §6).

A message may be appended with NUL, but a client that asks for BODY must get what a literal can
carry, described as it is sent. All other octets stay what they are, for signatures' sake.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

from bridge.mime.tree import IDENTITY
from bridge.model.message import Part

MAX_HEADER_OCTETS = 1 << 20
"""Of a part whose header would be rewritten; it has to be in memory."""

_LINE_OCTETS = 57
"""Make a line of 76 letters (RFC 2045 §6.8)."""

_ENCODING = re.compile(
    rb"^content-transfer-encoding[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*", re.IGNORECASE | re.MULTILINE
)
_BASE64 = b"Content-Transfer-Encoding: base64\r\n"


def encodable(parts: Sequence[Part]) -> list[Part]:
    """The parts that can become base64, in their order: none lies in another."""
    return [
        part
        for part in parts
        if not (part.multipart or part.rfc822)
        # The others are of messages, whose parts have numbers of their own.
        and part.number[-1:].isdigit()
        and part.encoding.encode("latin-1") in IDENTITY
        and 0 < part.header_end - part.mime_start <= MAX_HEADER_OCTETS
    ]


class NulFinder:
    """Feed all octets of the message; `found` are those of `parts` that have NUL."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.found: list[Part] = []
        self._parts = list(reversed(parts))
        self._at = 0

    def feed(self, octets: bytes) -> None:
        """Takes the next octets."""
        end = self._at + len(octets)
        if b"\0" in octets:
            while self._parts and self._parts[-1].body_start < end:
                part = self._parts[-1]
                inside = max(0, part.body_start - self._at), max(0, part.body_end - self._at)
                if b"\0" in octets[inside[0] : inside[1]]:
                    self.found.append(self._parts.pop())
                elif part.body_end <= end:
                    self._parts.pop()
                else:
                    break
        self._at = end


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Octets up to `end` that become what `kind` says: "as it is", "header" or "body"."""

    end: int
    kind: str


class Recoder:
    """Feed all octets of the message: what comes out has `parts` in base64.

    Args:
        parts: some of `encodable`, in their order.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self._stretches: list[_Stretch] = []
        for part in parts:
            self._stretches += (
                _Stretch(part.mime_start, "as it is"),
                _Stretch(part.header_end, "header"),
                _Stretch(part.body_start, "as it is"),
                _Stretch(part.body_end, "body"),
            )
        self._stretches.reverse()
        self._at = 0
        self._held = b""

    def feed(self, octets: bytes) -> bytes:
        """What the next octets become, as far as that is known."""
        made: list[bytes] = []
        while self._stretches:
            stretch = self._stretches[-1]
            taken = octets[: stretch.end - self._at]
            octets = octets[len(taken) :]
            self._at += len(taken)
            ends = self._at == stretch.end
            made.append(self._take(stretch.kind, taken, ends=ends))
            if not ends:
                return b"".join(made)
            self._stretches.pop()
        self._at += len(octets)
        return b"".join(made) + octets

    def _take(self, kind: str, octets: bytes, *, ends: bool) -> bytes:
        if kind == "as it is":
            return octets
        self._held += octets
        if kind == "header" and not ends:
            return b""
        whole = len(self._held) if ends else len(self._held) // _LINE_OCTETS * _LINE_OCTETS
        ready, self._held = self._held[:whole], self._held[whole:]
        if kind == "header":
            return _with_base64(ready)
        return base64.encodebytes(ready).replace(b"\n", b"\r\n")


def _with_base64(header: bytes) -> bytes:
    """The header, which ends with its blank line, with another transfer encoding."""
    old = _ENCODING.search(header)
    if old is not None:
        rest = _ENCODING.sub(b"", header[old.end() :])
        return header[: old.start()] + _BASE64 + rest
    blank = b"\r\n" if header.endswith(b"\r\n") else b"\n"
    return header.removesuffix(blank) + _BASE64 + blank
