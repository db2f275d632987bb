"""Where retrieved octets go: into an intake each, and from there, many at once, to the store."""

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from bridge.errors import BridgeError, StoreError, StoreFullError, UpstreamError
from bridge.intake import INLINE_OCTETS, Ingester, Intake
from bridge.model.message import StoredMessage
from bridge.model.upstream import Known, Listed, Retrieve
from bridge.store.port import Database
from bridge.store.tx import WriteTx
from bridge.sync.port import Loop, Promise
from bridge.sync.record import Recorder
from bridge.sync.step import Arrived, Step

MAX_PENDING = 128
"""Messages that may wait for their commit while the next ones arrive: some batches of them."""

MAX_PENDING_OCTETS = 8 << 20
"""The same in octets, so that memory doesn't grow with the messages."""

BATCH = 32
"""Messages that are written as one, in about 8 ms: more would make a client's next command wait
for them, fewer cost more each."""

BATCH_OCTETS = 1 << 20
"""The same in octets."""

MAX_REFUSED = 10
"""More refusals in a row, up to the end, are about the provider (a quota, a fault)."""

_log = logging.getLogger("popbridge.sync")


class Sink:
    """A `RetrieveSink` for one POP session.

    Args:
        database: where messages go.
        loop: gives the time, and runs writes beside the retrieval.
        recorder: what a write does.
        items: what is retrieved, by number in the session.
        held: told of messages once they are durable.
        may_go_on: raises what speaks against another message, as a full disk.
        max_octets: a message that turns out to be larger stays upstream.
        elsewhere: as for `Intake`.
    """

    def __init__(
        self,
        *,
        database: Database,
        loop: Loop,
        recorder: Recorder,
        items: Mapping[int, Retrieve],
        held: Callable[[Sequence[Step]], None],
        may_go_on: Callable[[], None],
        max_octets: int,
        elsewhere: Ingester | None = None,
    ) -> None:
        self._database = database
        self._loop = loop
        self._recorder = recorder
        self._items = items
        self._tell_held = held
        self._may_go_on = may_go_on
        self._max_octets = max_octets
        self._elsewhere = elsewhere
        self._awaited = deque(items.values())
        self._current: tuple[Listed, Intake] | None = None
        self._beginning: _Beginning | None = None
        self._arrived = 0
        self._queue: deque[_Waiting] = deque()
        self._writing = False
        self._finishing = 0
        self._ready_octets = 0
        self._refused: list[tuple[Listed, UpstreamError, bool]] = []
        self._pending = 0
        self._pending_octets = 0
        self._room: Promise[None] | None = None
        self._error: Exception | None = None

    @property
    def unfinished(self) -> bool:
        """Whether a message began and didn't end."""
        return self._current is not None

    @property
    def capped(self) -> bool:
        """Whether the provider refused so many at the end that it gives no more in a session."""
        return len(self._refused) > MAX_REFUSED

    def begin(self, listed: Listed) -> None:
        """As `RetrieveSink.begin`."""
        self._awaited.popleft()
        arrival = self._loop.now()
        intake = Intake(
            self._database,
            arrival=arrival,
            listed_size=listed.size,
            elsewhere=self._elsewhere,
        )
        self._current = listed, intake
        held = self._recorder.row(self._items[listed.number])
        self._beginning = _Beginning(held) if held is not None else None

    async def chunk(self, listed: Listed, data: bytes) -> None:
        """As `RetrieveSink.chunk`.

        Raises:
            StoreFullError, StoreError: this message can't be staged, or an earlier one not stored.
            UpstreamError: it is larger than is taken, whatever LIST said.
        """
        self._raise_error()
        if self._current is None:
            return
        if self._current[1].size + len(data) > self._max_octets:
            await self._too_large(listed)
            self._raise_error()
        try:
            if self._beginning is not None:
                self._beginning.feed(data)
            await self._current[1].feed(data)
        except BridgeError:
            raise
        except Exception as fault:
            await self._unreadable(listed, fault)

    async def complete(self, listed: Listed) -> None:
        """As `RetrieveSink.complete`; waits while too much waits for the disk.

        Raises:
            StoreFullError, StoreError: as `chunk`.
        """
        self._raise_error()
        if self._current is None:
            return
        intake, self._current = self._current[1], None
        self._judge_refused()
        waiting = _Waiting(
            item=self._items[listed.number],
            intake=intake,
            now=self._loop.now(),
            weight=min(intake.size, INLINE_OCTETS),
            extends=self._beginning is not None and self._beginning.extends,
        )
        self._arrived += 1
        self._pending += 1
        self._pending_octets += waiting.weight
        self._queue.append(waiting)
        self._finishing += 1
        # The next one may arrive meanwhile.
        self._loop.spawn(self._finish(waiting))
        if not self._has_room():
            await self._until(self._has_room)
        self._raise_error()
        self._may_go_on()

    def failed(self, listed: Listed, error: UpstreamError, *, temporary: bool) -> None:
        """As `RetrieveSink.failed`: an attempt, unless the provider refuses all from here on."""
        self._awaited.popleft()
        self._refused.append((listed, error, temporary))

    def cut(self, error: UpstreamError) -> None:
        """The connection died: an attempt for the message whose fault it may be, and no other.

        That is the one that was arriving. Between two messages it may be the next one's, which
        the server can't even begin to send; but most often it is the network's. So the next one
        is blamed only where nothing came before it: it would come first again, and delay the rest.
        """
        if self._current is not None:
            self._attempt(self._current[0], error)
        elif self._awaited and (self._arrived == 0 or self._awaited[0].alone):
            self._attempt(self._awaited[0].listed, error)

    async def settle(self) -> None:
        """Returns once all that was retrieved is durable.

        Raises:
            StoreFullError, StoreError: something isn't; whatever else a write raised.
            UpstreamError: the provider refused all that it was asked for.
        """
        await self._drop_current()
        if len(self._refused) <= MAX_REFUSED:
            self._judge_refused()
        elif self._arrived == 0:
            self._note(self._refused[-1][1])
        await self._until(lambda: self._pending == 0)
        self._raise_error()

    def _has_room(self) -> bool:
        return self._pending < MAX_PENDING and self._pending_octets < MAX_PENDING_OCTETS

    async def _finish(self, waiting: "_Waiting") -> None:
        try:
            waiting.outcome = await waiting.intake.finish()
        except Exception as fault:
            waiting.outcome = fault
        self._finishing -= 1
        self._ready_octets += waiting.weight
        if not self._writing:
            await self._write_queue()

    @property
    def _fills_a_batch(self) -> bool:
        """Whether as much is finished as is written together, or nothing is left to wait for.

        What another process takes in comes out one after the other, and each commit has its price.
        """
        return (
            self._finishing == 0
            or len(self._queue) - self._finishing >= BATCH
            or self._ready_octets >= BATCH_OCTETS
        )

    async def _write_queue(self) -> None:
        """Writes what is finished, batch after batch: none begins before the one before is durable.

        So no message overtakes another, whatever fits on a disk that is nearly full, and whichever
        is finished first.
        """
        self._writing = True
        try:
            while self._queue and self._queue[0].outcome is not None and self._fills_a_batch:
                batch = self._next_batch()
                octets = sum(waiting.weight for waiting in batch)
                self._ready_octets -= octets
                try:
                    await self._write_batch(await self._decided(batch))
                except Exception as fault:
                    # Who waits for what is still queued must hear of it.
                    self._note(fault)
                self._written(len(batch), octets)
        finally:
            self._writing = False

    def _next_batch(self) -> "list[_Waiting]":
        """The first that waits and what is finished behind it; a failure is one by itself."""
        batch = [self._queue.popleft()]
        octets = batch[0].weight
        while self._queue and len(batch) < BATCH and batch[0].came and self._queue[0].came:
            octets += self._queue[0].weight
            if octets > BATCH_OCTETS:
                break
            batch.append(self._queue.popleft())
        return batch

    async def _decided(self, batch: "list[_Waiting]") -> "list[tuple[Step, Intake]]":
        """What is written; nothing once something couldn't be, nor of a message that failed."""
        steps = []
        for waiting in batch:
            outcome = waiting.outcome
            if isinstance(outcome, tuple) and self._error is None:
                steps.append((self._recorder.decide(waiting.arrived(*outcome)), waiting.intake))
                continue
            if isinstance(outcome, BridgeError):
                self._note(outcome)
            elif isinstance(outcome, Exception):
                self._blame(waiting.item.listed, outcome)
            await self._drop(waiting.intake)
        return steps

    async def _write_batch(self, batch: "list[tuple[Step, Intake]]") -> None:
        def work(tx: WriteTx) -> list[int]:
            return self._recorder.keep(tx, [step for step, _ in batch])

        if batch and self._error is None:
            try:
                rows = await self._database.write(work, ingest=True)
            except Exception as error:
                if not isinstance(error, BridgeError) and len(batch) > 1:
                    # One of them can't be written. That one is to be found, and the rest kept.
                    for one in batch:
                        await self._write_batch([one])
                    return
                self._refuse(batch[0][0], error)
            else:
                for (step, _), row_id in zip(batch, rows, strict=True):
                    self._recorder.kept(step, row_id)
                self._tell_held([step for step, _ in batch])
                return
        for _, intake in batch:
            await self._drop(intake)

    def _refuse(self, step: Step, error: Exception) -> None:
        """A message, or the first of several, could not be written."""
        if isinstance(error, BridgeError):
            self._note(error)
        else:
            self._blame(step.arrived.item.listed, error)

    def _judge_refused(self) -> None:
        """What was refused before a message that came, or a few at the end, is refused itself."""
        refused, self._refused = self._refused, []
        for listed, error, temporary in refused:
            self._attempt(listed, error, temporary=temporary)

    def _attempt(self, listed: Listed, error: UpstreamError, *, temporary: bool = False) -> None:
        item, reason, now = self._items[listed.number], error.text, self._loop.now()
        self._spawn_write(
            lambda tx: self._recorder.attempt(tx, item, reason, now, temporary=temporary)
        )

    def _spawn_write(self, work: Callable[[WriteTx], None]) -> None:
        self._pending += 1
        self._loop.spawn(self._note_in_ledger(work))

    async def _note_in_ledger(self, work: Callable[[WriteTx], None]) -> None:
        try:
            await self._database.write(work, ingest=True)
        except Exception as error:
            self._note(error)
        finally:
            self._written(1, 0)

    def _written(self, messages: int, octets: int) -> None:
        self._pending -= messages
        self._pending_octets -= octets
        room, self._room = self._room, None
        if room is not None:
            room.succeed(None)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            if self._room is None:
                self._room = self._loop.promise()
            await self._room

    async def _too_large(self, listed: Listed) -> None:
        item, now = self._items[listed.number], self._loop.now()
        size = self._max_octets + 1
        self._spawn_write(lambda tx: self._recorder.outgrown(tx, item, size, now))
        await self._drop_current()
        self._note(
            UpstreamError(
                f"Message {listed.number} is larger than [limits] pop_message, whatever the"
                " provider said of its size, so it stays there.",
                "Raise [limits] pop_message to have it; the next sync goes on with the others.",
            )
        )

    async def _unreadable(self, listed: Listed, fault: Exception) -> None:
        """A message that our own parser fails on is as bad as one that can't be retrieved."""
        self._blame(listed, fault)
        await self._drop_current()

    def _blame(self, listed: Listed, fault: Exception) -> None:
        _log.error("Message %d can't be taken in", listed.number, exc_info=fault)
        error = UpstreamError(
            "A message can't be taken in; this is a fault of popbridge.",
            "It stays with the provider. Report the log's traceback.",
        )
        self._attempt(listed, error)
        # It was retrieved and isn't durable: this keeps the session from ending with QUIT.
        self._note(error)

    async def _drop_current(self) -> None:
        current, self._current = self._current, None
        if current is not None:
            await self._drop(current[1])

    async def _drop(self, intake: Intake) -> None:
        try:
            await intake.drop()
        except (StoreFullError, StoreError) as error:
            _log.warning("A staged message stays until the next start: %s", error)

    def _note(self, error: Exception) -> None:
        if self._error is None:
            self._error = error

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error


@dataclass(slots=True)
class _Waiting:
    """A message that arrived to its end and isn't durable yet."""

    item: Retrieve
    intake: Intake
    now: datetime
    weight: int
    """Octets of memory that it holds; those of a large one are staged."""
    extends: bool
    outcome: tuple[StoredMessage, bytes | int] | Exception | None = None
    """What its intake gave or raised, once it has."""

    @property
    def came(self) -> bool:
        """Whether all is known of it."""
        return isinstance(self.outcome, tuple)

    def arrived(self, message: StoredMessage, body: bytes | int) -> Arrived:
        """As decisions take it."""
        return Arrived(
            item=self.item, message=message, body=body, now=self.now, extends=self.extends
        )


class _Beginning:
    """Whether a message begins with the octets that are held as a suspect, told by their hash."""

    def __init__(self, held: Known) -> None:
        self._wanted = held.full_hash
        self._left = held.octets or 0
        self._hash = sha256()

    def feed(self, data: bytes) -> None:
        if self._left:
            self._hash.update(data[: self._left])
            self._left -= min(self._left, len(data))

    @property
    def extends(self) -> bool:
        return self._left == 0 and self._hash.digest() == self._wanted
