"""A message on its way into the store: scanned as it arrives, staged when it is large.

Sync and APPEND both bring messages in and may not import each other, so what they share is here.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

from bridge.ingest.frames import Raw
from bridge.ingest.pipeline import Ingest
from bridge.model.message import StoredMessage
from bridge.store.port import Database
from bridge.store.schema import CHUNK_OCTETS
from bridge.store.tx import WriteTx

T = TypeVar("T")
INLINE_OCTETS = 1 << 20
"""Up to here the octets go in with the transaction that makes the message exist."""

FINISH_OCTETS = 32 << 10
"""Up to here a message is finished where it stands, in about a millisecond; megabytes of text
take tenths of a second."""


class Ingester(Protocol):
    """Takes whole messages in elsewhere, in the order in which it is asked."""

    def get_ready(self) -> None:
        """Begins what takes a while before the first message can be taken in."""
        ...

    async def ingest(self, raw: Raw) -> StoredMessage:
        """All that is known of the message."""
        ...


class Intake:
    """Feed the octets, `finish`, and give what comes out to `WriteTx.add_message`.

    Above `INLINE_OCTETS` chunks are committed as they come, under a stage that nobody can see;
    start-up sweeps a stage whose process died. So memory doesn't grow with the message.

    Args:
        database: where stages go.
        arrival, listed_size, internal_date: as for `Ingest`.
        ingest: whether writes wait behind clients' commands.
        elsewhere: takes in what isn't staged; None: that is done here, as octets arrive.
    """

    def __init__(
        self,
        database: Database,
        *,
        arrival: datetime,
        listed_size: int | None = None,
        internal_date: datetime | None = None,
        ingest: bool = True,
        elsewhere: Ingester | None = None,
    ) -> None:
        self._database = database
        self._behind_clients = ingest
        self._about = (arrival, listed_size, internal_date)
        self._elsewhere = elsewhere
        self._ingest: Ingest | None = None if elsewhere is not None else self._begun()
        self._held = bytearray()
        self._stage: int | None = None
        self._seq = 0

    @property
    def size(self) -> int:
        """Octets fed so far."""
        return len(self._held) if self._ingest is None else self._ingest.size

    @property
    def held(self) -> int:
        """Octets that are in memory, not in a stage."""
        return len(self._held)

    async def feed(self, octets: bytes) -> None:
        """Takes the next octets; waits for the disk where they are many.

        Raises:
            StoreFullError, StoreError: they can't be staged.
        """
        self._held += octets
        if self._ingest is not None:
            self._ingest.feed(octets)
        if self._stage is None and len(self._held) > INLINE_OCTETS:
            self._stay_here()
            self._stage = await self._write(lambda tx: tx.stage_begin())
        if self._stage is not None:
            while len(self._held) >= CHUNK_OCTETS:
                await self._stage_chunk(CHUNK_OCTETS)

    async def park(self) -> None:
        """Stages a whole message, however small, for it has to wait for others.

        Raises:
            StoreFullError, StoreError: it can't be staged.
        """
        self._stay_here()
        if self._stage is None and self._held:
            self._stage = await self._write(lambda tx: tx.stage_begin())
        while self._held:
            await self._stage_chunk(min(CHUNK_OCTETS, len(self._held)))

    async def finish(self) -> tuple[StoredMessage, bytes | int]:
        """The message, and its octets or the number of the stage that holds them.

        Raises:
            StoreFullError, StoreError: the last octets can't be staged.
        """
        if self._elsewhere is not None:
            octets = bytes(self._held)
            return await self._elsewhere.ingest(Raw(octets, *self._about)), octets
        if self._stage is None:
            return await self._finished(), bytes(self._held)
        if self._held:
            await self._stage_chunk(len(self._held))
        return await self._finished(), self._stage

    def _stay_here(self) -> None:
        """Takes the message in here: what is staged isn't held any more."""
        if self._ingest is None:
            self._elsewhere = None
            self._ingest = self._begun()
            self._ingest.feed(bytes(self._held))

    def _begun(self) -> Ingest:
        arrival, listed_size, internal_date = self._about
        return Ingest(arrival=arrival, listed_size=listed_size, internal_date=internal_date)

    async def _finished(self) -> StoredMessage:
        ingest = self._ingest
        assert ingest is not None
        if ingest.size <= FINISH_OCTETS:
            return ingest.finish()
        # A reader's thread is the one place beside the loop that a database offers.
        return await self._database.read(lambda tx: ingest.finish())

    async def drop(self) -> None:
        """Forgets the message and what was staged of it."""
        self._held.clear()
        if self._stage is not None:
            stage, self._stage = self._stage, None
            await self._write(lambda tx: tx.stage_drop(stage))

    async def _stage_chunk(self, size: int) -> None:
        data, seq, stage = bytes(self._held[:size]), self._seq, self._stage
        assert stage is not None
        del self._held[:size]
        self._seq += 1
        await self._write(lambda tx: tx.stage_chunk(stage, seq, data))

    async def _write(self, work: Callable[[WriteTx], T]) -> T:
        return await self._database.write(work, ingest=self._behind_clients)
