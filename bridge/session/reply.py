"""How a command ends (RFC 9051 §7.1): OK comes back, NO and BAD and BYE are raised."""

import re
from dataclasses import dataclass
from functools import lru_cache

_UNPRINTABLE = re.compile(rb"[^\x20-\x7e]+")
MAX_TEXT_OCTETS = 400
"""Of what people read in a status response: clients cut or choke on more."""


@dataclass(frozen=True, slots=True)
class Ok:
    """A tagged OK; `code` without brackets."""

    text: str
    code: bytes = b""


class Ending(Exception):
    """What NO, BAD and BYE have in common.

    `code` is an RFC 5530 one, where one fits; `limit` names to metrics the limit that was met.
    """

    status = b""

    def __init__(self, text: str, code: str = "", *, limit: str | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.code = code.encode("ascii")
        self.limit = limit


class No(Ending):
    """A tagged NO."""

    status = b"NO"


class Bad(Ending):
    """A tagged BAD."""

    status = b"BAD"


class Bye(Ending):
    """The server ends the session; `tagged` is the answer that comes after it, if any."""

    status = b"BYE"

    def __init__(
        self, text: str, code: str = "", *, limit: str | None = None, tagged: Ok | None = None
    ) -> None:
        super().__init__(text, code, limit=limit)
        self.tagged = tagged


def line(tag: bytes, status: bytes, text: str, code: bytes = b"") -> bytes:
    """A status response with its line end; what ASCII or one line can't carry is replaced."""
    bracket = b"[%b] " % code if code else b""
    return b"%b %b %b%b\r\n" % (tag, status, bracket, _shown(text))


@lru_cache(maxsize=64)
def _shown(text: str) -> bytes:
    return _UNPRINTABLE.sub(b"?", text.encode("ascii", "replace"))[:MAX_TEXT_OCTETS]


def bye_line(bye: Bye) -> bytes:
    """An untagged BYE."""
    return line(b"*", bye.status, bye.text, bye.code)
