"""What a client is told of a command that takes long (RFC 9585)."""

from dataclasses import dataclass

PROGRESS_S = 10.0
"""Often enough for whoever watches, and for clients that hang up on a silent server."""


@dataclass(slots=True)
class Progress:
    """`done` of `goal` messages; a goal of 0 is none that is known."""

    done: int = 0
    goal: int = 0

    def line(self, tag: bytes) -> bytes:
        """The untagged OK.

        A tag may have "]" in it, at which some clients take the code to end. Done is never all:
        that is what the tagged answer says.
        """
        quoted = b"NIL" if b"]" in tag else b'"%b"' % tag
        numbers = b"NIL NIL"
        if self.goal:
            numbers = b"%d %d" % (min(self.done, self.goal - 1), self.goal)
        return b"* OK [INPROGRESS (%b %b)] Still at it\r\n" % (quoted, numbers)
