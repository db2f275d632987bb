"""What a client wants to hear of the mailbox that it has selected (RFC 5465 §3.1, §6.1)."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

Show = Callable[[Sequence[int]], Awaitable[None]]
"""Shows messages by their positions."""


@dataclass(frozen=True, slots=True)
class Interest:
    """All of it, unless NOTIFY has said otherwise.

    `messages` False: nothing of what others do, and the view stays as it is. `at_once` says that
    EXPUNGE may come between commands; `show` shows what has come from others.
    """

    messages: bool = True
    flags: bool = True
    at_once: bool = False
    show: Show | None = None


ALL = Interest()
NONE = Interest(messages=False, flags=False)
