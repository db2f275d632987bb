"""The body of a multi-line reply, un-stuffed chunk by chunk (RFC 1939 §3).

The end is CRLF "." CRLF and nothing else: a bare-LF dot line inside 8-bit mail has cut messages in
every fetcher that ends there. The CRLF of the status line counts as the first one.
"""

import re

_END = b"\r\n.\r\n"
_BARE_END = re.compile(rb"\n\.\r?\n")
_BARE = re.compile(rb"(?<!\r)\n")


class BodyScanner:
    """Takes the octets after the status line; knows no line limit and holds at most four octets."""

    __slots__ = ("_done", "_first", "_held")

    END = _END
    """What a body that begins behind a status line's CRLF ends with, that CRLF included."""

    def __init__(self) -> None:
        self._held = b"\r\n"
        self._first = True
        self._done = False

    @property
    def done(self) -> bool:
        """Whether the terminator has arrived."""
        return self._done

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """(un-stuffed octets, octets behind the terminator); the second is empty until `done`.

        The CRLF before the final dot belongs to the message. Linear in the input: what might be
        the start of the terminator or of a stuffed dot is held back, at most four octets of it.
        """
        if self._done:
            return b"", data
        octets = self._held + data
        if (found := self._end(octets)) is not None:
            end, behind = found
            self._done = True
            self._held = b""
            return self._body(octets[:end]), octets[behind:]
        keep = _tail(octets)
        self._held = octets[len(octets) - keep :]
        return self._body(octets[: len(octets) - keep]), b""

    def _end(self, octets: bytes) -> tuple[int, int] | None:
        """Where the message ends and where the terminator does."""
        at = octets.find(_END)
        return None if at < 0 else (at + 2, at + len(_END))

    def _unstuffed(self, octets: bytes) -> bytes:
        return octets.replace(b"\r\n..", b"\r\n.")

    def _body(self, octets: bytes) -> bytes:
        if not octets:
            return b""
        plain = self._unstuffed(octets)
        if self._first:
            self._first = False
            return plain[2:]
        return plain


class BareLfScanner(BodyScanner):
    """The same for a server that ends all its lines in LF alone: LF is its CRLF.

    Only for one that has sent no CRLF so far: from any other a dot between two LFs is text.
    """

    __slots__ = ()

    END = b"\n.\n"

    def __init__(self) -> None:
        super().__init__()
        self._held = b"\n"

    def _end(self, octets: bytes) -> tuple[int, int] | None:
        found = _BARE_END.search(octets)
        return None if found is None else (found.start() + 1, found.end())

    def _unstuffed(self, octets: bytes) -> bytes:
        return _BARE.sub(b"\r\n", octets.replace(b"\n..", b"\n."))


def _tail(octets: bytes) -> int:
    """How many last octets may belong to a terminator or stuffed dot yet to be completed.

    A lone leading dot that something else follows stays as it is: the server forgot to stuff it.
    """
    for tail in _TAILS:
        if octets.endswith(tail):
            return len(tail)
    return 0


_TAILS = (b"\r\n.\r", b"\n.\r", b"\r\n.", b"\n.", b"\r\n", b"\n", b"\r")
