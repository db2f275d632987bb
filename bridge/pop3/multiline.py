"""The body of a multi-line reply, un-stuffed chunk by chunk (RFC 1939 §3).

The end is CRLF "." CRLF and nothing else: a bare-LF dot line inside 8-bit mail has cut messages in
every fetcher that ends there. The CRLF of the status line counts as the first one.
"""

_END = b"\r\n.\r\n"


class BodyScanner:
    """Takes the octets after the status line; knows no line limit and holds at most four octets."""

    __slots__ = ("_done", "_first", "_held")

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
        end = octets.find(_END)
        if end >= 0:
            self._done = True
            self._held = b""
            return self._unstuff(octets[: end + 2]), octets[end + len(_END) :]
        keep = _tail(octets)
        self._held = octets[len(octets) - keep :]
        return self._unstuff(octets[: len(octets) - keep]), b""

    def _unstuff(self, octets: bytes) -> bytes:
        if not octets:
            return b""
        plain = octets.replace(b"\r\n..", b"\r\n.")
        if self._first:
            self._first = False
            return plain[2:]
        return plain


def _tail(octets: bytes) -> int:
    """How many last octets may belong to a terminator or stuffed dot yet to be completed.

    A lone leading dot that something else follows stays as it is: the server forgot to stuff it.
    """
    for size in (4, 3, 2, 1):
        if octets.endswith(_END[:size]):
            return size
    return 0
