"""The processes that take messages in beside the daemon, and what becomes of their work."""

import logging
import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from bridge.ingest.frames import Fault, Frames, Raw, frame, ingest
from bridge.model.message import StoredMessage

AHEAD = 16
AHEAD_OCTETS = 2 << 20
"""Given to a worker before it has answered, so that it never waits for more; one at least."""

PATIENCE_S = 120.0
"""A worker that takes longer over one message is stuck: megabytes of HTML take a second."""

START_S = 120.0
"""The same for its start."""

IDLE_S = 60.0
"""After this a worker ends; one costs as much memory as some hundred clients."""

MAX_DEATHS = 2
"""Of workers at one message. Then the message is at fault: it must not end the daemon, too."""

MAX_FAILED_STARTS = 2
"""In a row. Then the daemon does the work itself until it is started anew."""

_DYING_S = 0.05
_log = logging.getLogger("popbridge.sync")


class WorkerError(Exception):
    """A message that can't be taken in: our own parser fails on it, or dies of it."""


@dataclass(slots=True)
class _Job:
    raw: Raw
    deaths: int = 0
    done: "Deferred[StoredMessage]" = field(default_factory=Deferred)


class Workers:
    """A `bridge.intake.Ingester`. Workers start when there is work, and end after a while.

    Where none can be started the daemon does the work itself. Jobs of a worker that dies go to
    the next one.

    Args:
        reactor: which connects them.
        most: how many may run; 0: the daemon does all itself.
        command: what starts one, with the socket as its standard input.
    """

    def __init__(
        self,
        reactor: Any,
        most: int,
        command: tuple[str, ...] = (sys.executable, "-m", "bridge.worker"),
    ) -> None:
        self.most = most
        self._reactor = reactor
        self._command = command
        self._waiting: deque[_Job] = deque()
        self._workers: list[_Worker] = []
        self._failed_starts = 0

    @property
    def _broken(self) -> bool:
        return self._failed_starts >= MAX_FAILED_STARTS

    @property
    def pids(self) -> tuple[int, ...]:
        """Of the processes that run."""
        return tuple(worker.process.pid for worker in self._workers)

    def get_ready(self) -> None:
        """Starts a worker where none runs: there may be work soon, and one takes a while."""
        if self.most > 0 and not self._workers and not self._broken:
            self._start()

    async def ingest(self, raw: Raw) -> StoredMessage:
        """All that is known of the message.

        Raises:
            WorkerError: it can't be taken in; this is a fault of popbridge.
        """
        if self.most <= 0 or self._broken:
            return ingest(raw)
        job = _Job(raw)
        self._waiting.append(job)
        self._assign()
        return await job.done

    def close(self) -> None:
        """Ends all workers. Nobody waits for them any more."""
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.end()

    def _assign(self) -> None:
        while self._waiting and (worker := self._free()) is not None:
            worker.take(self._waiting.popleft())
        if self._broken:
            jobs, self._waiting = self._waiting, deque()
            for job in jobs:
                _do(job)

    def _free(self) -> "_Worker | None":
        """The worker with the least to do, if it may be given more; a new one before that."""
        least = min(self._workers, key=lambda worker: len(worker.flying), default=None)
        if least is not None and not least.flying:
            return least
        if not self._broken and len(self._workers) < self.most:
            return self._start()
        return least if least is not None and least.has_room else None

    def _start(self) -> "_Worker | None":
        ours, theirs = socket.socketpair()
        with ours, theirs:
            try:
                process = subprocess.Popen(
                    self._command,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    env=_environment(),
                    process_group=0,
                )
            except OSError as error:
                _log.warning("No worker can be started, so the daemon does its work: %s", error)
                self._failed_starts = MAX_FAILED_STARTS
                return None
            worker = _Worker(self._reactor, process, self._assign, self._lost)
            factory = Factory.forProtocol(lambda: worker)
            self._reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, factory)
        self._workers.append(worker)
        return worker

    def _lost(self, worker: "_Worker") -> None:
        """A worker has ended; what it was at is done again."""
        if worker not in self._workers:
            return
        self._workers.remove(worker)
        self._failed_starts = 0 if worker.ready else self._failed_starts + 1
        if self._broken:
            _log.error("No worker starts, so the daemon does its work: %s", worker.status)
        elif worker.flying:
            _log.warning(
                "A worker ended (%s) with %d messages; they are taken in again",
                worker.status,
                len(worker.flying),
            )
        jobs = list(worker.flying)
        if jobs and worker.ready:
            jobs[0].deaths += 1
            if jobs[0].deaths >= MAX_DEATHS:
                jobs.pop(0).done.errback(
                    WorkerError(f"Workers die of it: the last one's status was {worker.status}")
                )
        self._waiting.extendleft(reversed(jobs))
        self._assign()


class _Worker(Protocol):
    """One process: what it has been given is answered in order."""

    transport: Any

    def __init__(
        self,
        reactor: Any,
        process: "subprocess.Popen[bytes]",
        free: Callable[[], None],
        lost: Callable[["_Worker"], None],
    ) -> None:
        self.process = process
        self.flying: deque[_Job] = deque()
        self.ready = False
        self.status: int | None = None
        """With which it ended; negative: of which signal."""
        self._reactor = reactor
        self._tell_free = free
        self._tell_lost = lost
        self._frames = Frames()
        self._octets = 0
        self._timer: Any = None
        self._ends_s = 0.0

    @property
    def has_room(self) -> bool:
        """Whether it may be given another message."""
        return len(self.flying) < AHEAD and self._octets < AHEAD_OCTETS

    def take(self, job: _Job) -> None:
        """Gives it a message."""
        self.flying.append(job)
        self._octets += len(job.raw.octets)
        if len(self.flying) == 1 and self.ready:
            self._wait(PATIENCE_S)
        self.transport.write(frame(job.raw))

    def end(self) -> None:
        """Kills it; the answer it was at is lost."""
        self._stop_waiting()
        self.process.kill()
        self.status = self.process.wait()
        self.transport.abortConnection()
        # At once: it must be given nothing more.
        self._tell_lost(self)

    def connectionMade(self) -> None:
        """As `IProtocol`'s."""
        self._wait(START_S)

    def dataReceived(self, data: bytes) -> None:
        """As `IProtocol`'s: answers, the first of them to no message."""
        for answer in self._frames.feed(data):
            if not self.ready:
                self.ready = True
                self._wait(PATIENCE_S)
                continue
            job = self.flying.popleft()
            self._octets -= len(job.raw.octets)
            self._wait(PATIENCE_S if self.flying else IDLE_S)
            if isinstance(answer, Fault):
                job.done.errback(WorkerError(answer.traceback))
            else:
                job.done.callback(answer)
        self._tell_free()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """As `IProtocol`'s."""
        self._stop_waiting()
        try:
            self.status = self.process.wait(_DYING_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.status = self.process.wait()
        self._tell_lost(self)

    def _wait(self, seconds: float) -> None:
        """Ends it after so long, unless this is called again before.

        A timer that comes too early sets another: to move it at each message costs more than that.
        """
        self._ends_s = self._reactor.seconds() + seconds
        if self._timer is None or not self._timer.active():
            self._timer = self._reactor.callLater(seconds, self._is_time)
        elif self._timer.getTime() > self._ends_s:
            self._timer.reset(seconds)

    def _is_time(self) -> None:
        left_s = self._ends_s - self._reactor.seconds()
        if left_s > 0:
            self._wait(left_s)
        else:
            self.end()

    def _stop_waiting(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()


def _do(job: _Job) -> None:
    try:
        message = ingest(job.raw)
    except Exception as fault:
        job.done.errback(fault)
    else:
        job.done.callback(message)


def _environment() -> dict[str, str]:
    """This very package, and nothing that is secret."""
    here = str(Path(__file__).parent.parent.parent)
    return {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": here}
