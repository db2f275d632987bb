"""The messages of one APPEND, from their first octet until all are stored together."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from functools import partial

from bridge.intake import INLINE_OCTETS, Intake
from bridge.mime.recode import NulFinder, Recoder, encodable
from bridge.model.message import StoredMessage
from bridge.session.port import Services
from bridge.store.tx import ReadTx

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
        self._binary = self._nul = False
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

    def begin(self, date: datetime | None, *, binary: bool = False) -> None:
        """A message comes; `date` is what its internal date shall be, `binary` says literal8."""
        self._binary, self._nul = binary, False
        self._taken.append(self._intake(date))

    def _intake(self, date: datetime | None) -> Intake:
        services = self._services
        return Intake(services.database, arrival=services.clock(), internal_date=date, ingest=False)

    async def feed(self, octets: bytes, *, last: bool) -> None:
        """Takes octets of the message that came last; after a failure they go nowhere.

        Raises:
            StoreFullError, StoreError: they can't be kept; then `drop` all.
        """
        if not self._taken:
            return
        self._nul = self._nul or b"\0" in octets
        await self._taken[-1].feed(octets)
        if not last:
            return
        message, kept = await self._finish(self._taken[-1])
        if self._binary and self._nul:
            message, kept = await self._without_nul(message, kept)
        self._finished.append((message, kept))
        self._memory_octets += sum(
            map(len, (message.search_text, message.header, message.envelope, message.bodystructure))
        )

    async def _finish(self, intake: Intake) -> Upload:
        self._inline_octets += intake.held
        if self._inline_octets > INLINE_OCTETS:
            self._inline_octets -= intake.held
            await intake.park()
        return await intake.finish()

    async def _without_nul(self, message: StoredMessage, kept: bytes | int) -> Upload:
        """The message with base64 where only that keeps NUL out of FETCH BODY (RFC 3516 §6)."""
        finder = NulFinder(encodable(message.parts))
        async for octets in self._octets(kept):
            finder.feed(octets)
        if not finder.found:
            # It is where no encoding can be, and goes out as 0x80 like other mail's.
            return message, kept
        old, recoder = self._taken[-1], Recoder(finder.found)
        new = self._intake(message.internal_date)
        self._taken.append(new)
        async for octets in self._octets(kept):
            await new.feed(recoder.feed(octets))
        if isinstance(kept, bytes):
            self._inline_octets -= len(kept)
        await old.drop()
        self._taken.remove(old)
        return await self._finish(new)

    async def _octets(self, kept: bytes | int) -> AsyncIterator[bytes]:
        """A message that came just now, from memory or from its stage."""
        if isinstance(kept, bytes):
            yield kept
            return
        seq = 0
        while octets := await self._services.database.read(partial(_chunk, stage=kept, seq=seq)):
            yield octets
            seq += 1

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


def _chunk(tx: ReadTx, *, stage: int, seq: int) -> bytes:
    return tx.staged_chunk(stage, seq)
