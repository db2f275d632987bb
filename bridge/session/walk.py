"""A client that fetches one message after the other: what it asks for next is read beforehand.

Mail apps that fill their cache, and programs that copy mailboxes, ask for each message by itself
and wait for its answer. To read the next few with one of them takes hardly longer than to read
that one, and they are answered from memory.
"""

STEPS = 2
"""In the same direction before anything is read ahead: who opens a message and then its neighbour
may be reading."""

FIRST_AHEAD = 4
MOST_AHEAD = 16
"""Messages: what is read ahead of a client that then stops was read in vain."""

AHEAD_OCTETS = 256 << 10
"""Of mail read ahead at a time."""


class Walk:
    """The way of one client through its selected mailbox. Positions are from 0."""

    __slots__ = ("_ahead", "_at", "_direction", "_names", "_steps")

    def __init__(self) -> None:
        self._at = -1
        self._names: frozenset[str] = frozenset()
        self._direction = 0
        self._steps = 0
        self._ahead = FIRST_AHEAD

    def step(self, position: int, names: frozenset[str]) -> None:
        """The client asks for those columns of the message at `position`, and of no other."""
        direction = position - self._at
        if abs(direction) != 1 or names != self._names:
            self._direction = self._steps = 0
        elif direction != self._direction:
            self._direction, self._steps, self._ahead = direction, 1, FIRST_AHEAD
        else:
            self._steps += 1
        self._at, self._names = position, names

    def ahead(self, count: int) -> range:
        """Ascending positions, of `count`, that are to be read beside the last; more each time."""
        if self._steps < STEPS:
            return range(0)
        many, self._ahead = self._ahead, min(2 * self._ahead, MOST_AHEAD)
        if self._direction > 0:
            return range(self._at + 1, min(self._at + 1 + many, count))
        return range(max(0, self._at - many), self._at)
