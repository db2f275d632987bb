"""The messages of one APPEND, from their first octet until all are stored together."""

from collections.abc import Sequence
from datetime import datetime

from bridge.intake import INLINE_OCTETS, Intake
from bridge.model.message import StoredMessage
from bridge.session.port import Services

MAX_MESSAGES = 1000
"""Of one APPEND (RFC 3502): alpine sends a whole selection so, others one."""

MAX_MEMORY_OCTETS = 32 << 20
"""What is worked out of the messages of one APPEND, text to search above all, waits in memory."""

Upload = tuple[StoredMessage, bytes | int]
"""A message, and its octets or the number of the stage that holds them."""


class Uploads:
    """Streams messages one after another; what they hold in memory has a limit."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._taken: list[Intake] = []
        self._finished: list[Upload] = []
        self._inline_octets = 0
        self._memory_octets = 0
        self.last_mailbox: str | None = None
        """Where the last APPEND of the session went; None if it failed."""

    @property
    def begun(self) -> bool:
        """Whether there is anything to forget."""
        return bool(self._taken)

    @property
    def finished(self) -> Sequence[Upload]:
        """Those that are here whole, in their order."""
        return self._finished

    @property
    def octets(self) -> int:
        """Of all messages that are here whole."""
        return sum(message.size for message, _ in self._finished)

    @property
    def full(self) -> bool:
        """Whether one more would be too much for one command."""
        return len(self._finished) >= MAX_MESSAGES or self._memory_octets > MAX_MEMORY_OCTETS

    def begin(self, date: datetime | None) -> None:
        """A message comes; `date` is what its internal date shall be."""
        self._taken.append(
            Intake(
                self._services.database,
                arrival=self._services.clock(),
                internal_date=date,
                ingest=False,
            )
        )

    async def feed(self, octets: bytes, *, last: bool) -> None:
        """Takes octets of the message that came last; after a failure they go nowhere.

        Raises:
            StoreFullError, StoreError: they can't be kept; then `drop` all.
        """
        if not self._taken:
            return
        intake = self._taken[-1]
        await intake.feed(octets)
        if not last:
            return
        self._inline_octets += intake.held
        if self._inline_octets > INLINE_OCTETS:
            self._inline_octets -= intake.held
            await intake.park()
        message, kept = await intake.finish()
        self._finished.append((message, kept))
        self._memory_octets += sum(
            map(len, (message.search_text, message.header, message.envelope, message.bodystructure))
        )

    def stored(self, mailbox: str) -> None:
        """All have become messages, in the mailbox of that name."""
        self._start_over()
        self.last_mailbox = mailbox

    async def drop(self) -> None:
        """Forgets them, and what was staged of them.

        Raises:
            StoreFullError, StoreError: stages are left, for the next start to sweep.
        """
        taken, self.last_mailbox = self._taken, None
        self._start_over()
        for intake in taken:
            await intake.drop()

    def _start_over(self) -> None:
        self._taken = []
        self._finished = []
        self._inline_octets = self._memory_octets = 0
