"""Workers: processes that take messages in, and that may end, be slow or never start."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred, gatherResults

from bridge.ingest.frames import Frames, Raw, frame, ingest
from bridge.model.message import StoredMessage
from bridge.net import workers
from bridge.net.workers import WorkerError, Workers
from tests.reactor import reactor, run

NOW = datetime(2026, 11, 30, tzinfo=UTC)
ROOT = Path(__file__).parent.parent.parent
MESSAGES = [
    Raw(b"Subject: %d\r\n\r\n" % number + b"text %d\r\n" % number * 500, NOW, None, None)
    for number in range(30)
]

_SLOW = """
import sys, time
from bridge import worker
answer = worker._answer
def slow(raw):
    time.sleep(0.05)
    return answer(raw)
worker._answer = slow
worker.main()
"""
_POISONED = """
import os, signal
from bridge import worker
answer = worker._answer
def poisoned(raw):
    if b"Subject: 3\\r" in raw.octets:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer(raw)
worker._answer = poisoned
worker.main()
"""
_FAULTY = """
from bridge import worker
def fault(raw):
    raise ValueError("no such header")
worker.ingest = fault
worker.main()
"""
_STUCK = _SLOW.replace("0.05", "100")


@pytest.fixture
def made() -> Iterator[list[Workers]]:
    found: list[Workers] = []
    yield found
    for one in found:
        run(_closed(one))


def _closed(one: Workers):  # type: ignore[no-untyped-def]
    async def close() -> None:
        one.close()

    return close


def _workers(made: list[Workers], most: int = 1, code: str = "") -> Workers:
    command = (sys.executable, "-c", code) if code else (sys.executable, "-m", "bridge.worker")
    made.append(Workers(reactor, most, command))
    return made[-1]


def _ask(one: Workers, raws: list[Raw]) -> list[StoredMessage | Exception]:
    async def ask() -> list[StoredMessage | Exception]:
        async def single(raw: Raw) -> StoredMessage | Exception:
            try:
                return await one.ingest(raw)
            except Exception as error:
                return error

        return await gatherResults([Deferred.fromCoroutine(single(raw)) for raw in raws])

    return run(ask, timeout=60)


EXPECTED = [ingest(raw) for raw in MESSAGES]


def test_a_worker_makes_of_messages_what_the_daemon_makes(made: list[Workers]) -> None:
    one = _workers(made)
    assert _ask(one, MESSAGES) == EXPECTED
    assert len(one.pids) == 1


def test_several_workers_share_the_work(made: list[Workers]) -> None:
    one = _workers(made, 2)
    assert _ask(one, MESSAGES) == EXPECTED
    assert len(one.pids) == 2


def test_no_workers_is_the_daemon_itself(made: list[Workers]) -> None:
    one = _workers(made, 0)
    assert _ask(one, MESSAGES) == EXPECTED
    assert one.pids == ()


def test_what_a_killed_worker_was_at_is_done_again(
    made: list[Workers], caplog: pytest.LogCaptureFixture
) -> None:
    one = _workers(made, code=_SLOW)

    async def killed() -> list[StoredMessage]:
        asked = [Deferred.fromCoroutine(one.ingest(raw)) for raw in MESSAGES]
        # Waiting for one takes its result.
        first = await asked.pop(0)
        os.kill(one.pids[0], signal.SIGKILL)
        return [first, *await gatherResults(asked)]

    with caplog.at_level(logging.WARNING):
        assert run(killed, timeout=60) == EXPECTED
    assert "A worker ended (-9)" in caplog.text


def test_a_message_that_kills_workers_fails_alone(made: list[Workers]) -> None:
    found = _ask(_workers(made, code=_POISONED), MESSAGES)
    assert isinstance(found[3], WorkerError)
    assert [*found[:3], *found[4:]] == [*EXPECTED[:3], *EXPECTED[4:]]


def test_a_message_that_the_parser_fails_on_fails_alone(made: list[Workers]) -> None:
    found = _ask(_workers(made, code=_FAULTY), MESSAGES[:2])
    assert all(isinstance(one, WorkerError) and "no such header" in str(one) for one in found)


@pytest.mark.parametrize(
    "command",
    [("/nonexistent",), (sys.executable, "-c", "raise SystemExit(3)")],
    ids=["no-program", "ends-at-once"],
)
def test_where_no_worker_starts_the_daemon_does_the_work(
    made: list[Workers], command: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    made.append(Workers(reactor, 1, command))
    with caplog.at_level(logging.WARNING):
        assert _ask(made[0], MESSAGES) == EXPECTED
    assert "the daemon does its work" in caplog.text
    assert _ask(made[0], MESSAGES) == EXPECTED


def test_a_stuck_worker_is_ended(made: list[Workers], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "PATIENCE_S", 1.0)
    found = _ask(_workers(made, code=_STUCK), MESSAGES[:1])
    assert isinstance(found[0], WorkerError)


def test_an_idle_worker_ends_and_another_follows(
    made: list[Workers], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "IDLE_S", 0.01)
    one = _workers(made)
    assert _ask(one, MESSAGES[:1]) == EXPECTED[:1]
    deadline = time.monotonic() + 20
    while one.pids and time.monotonic() < deadline:
        time.sleep(0.01)
    assert one.pids == ()
    assert _ask(one, MESSAGES[:1]) == EXPECTED[:1]


def test_a_worker_is_given_only_a_little_ahead(made: list[Workers]) -> None:
    one = _workers(made, code=_SLOW)

    async def flying() -> tuple[int, list[StoredMessage]]:
        asked = [Deferred.fromCoroutine(one.ingest(raw)) for raw in MESSAGES]
        given = len(one._workers[0].flying)
        return given, await gatherResults(asked)

    assert run(flying, timeout=60) == (workers.AHEAD, EXPECTED)


def test_a_worker_ends_when_whoever_started_it_is_killed() -> None:
    code = (
        "import socket, subprocess, sys, time\n"
        "ours, theirs = socket.socketpair()\n"
        "worker = subprocess.Popen([sys.executable, '-m', 'bridge.worker'], stdin=theirs)\n"
        "theirs.close()\n"
        "assert ours.recv(1)\n"
        "print(worker.pid, flush=True)\n"
        "time.sleep(100)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 20
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    """Whether it runs; a process that ended may wait to be asked about."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_frames_come_out_of_any_chunking(size: int) -> None:
    octets = b"".join(map(frame, MESSAGES[:3]))
    frames = Frames()
    found = [
        one for at in range(0, len(octets), size) for one in frames.feed(octets[at : at + size])
    ]
    assert found == MESSAGES[:3]


def test_a_worker_can_be_started_before_there_is_work(made: list[Workers]) -> None:
    one = _workers(made)

    async def get_ready() -> None:
        one.get_ready()
        one.get_ready()

    run(get_ready)
    started = one.pids
    assert len(started) == 1
    assert _ask(one, MESSAGES[:3]) == EXPECTED[:3]
    assert one.pids == started


def test_a_worker_that_has_work_is_not_ended_for_its_idleness(
    made: list[Workers], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The timer that an idle one has set is there still when it gets work that takes longer."""
    monkeypatch.setattr(workers, "IDLE_S", 0.3)
    one = _workers(made, code=_SLOW.replace("0.05", "0.5"))
    assert _ask(one, MESSAGES[:1]) == EXPECTED[:1]
    (first,) = one.pids
    assert _ask(one, MESSAGES[1:3]) == EXPECTED[1:3]
    assert one.pids == (first,)
