"""What a target does with one input, where it failed, and the smallest input that fails alike."""

import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from tests.fuzz.common import CONTROL_OCTETS

INPUT_SECONDS = 5
"""Of one input of at most 3 kB; more is a hang."""

Target = Callable[[bytes], None]


class Hang(Exception):
    """An input took more CPU time than it may: a neighbour's work is none of its doing."""


def place(error: BaseException) -> str:
    """The kind of a failure and the innermost line of `bridge` or the target it comes from."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/bridge/" in frame.filename] or list(frames)
    return f"{type(error).__name__} {_at(ours[-1])} {_at(_check(frames))}"


def _check(frames: traceback.StackSummary) -> traceback.FrameSummary:
    """The line of the target that found it."""
    checks = [frame for frame in frames if "/tests/fuzz/targets/" in frame.filename]
    return (checks or list(frames))[-1]


def _at(frame: traceback.FrameSummary) -> str:
    file = "/".join(frame.filename.rsplit("/", 3)[1:])
    return f"{file}:{frame.lineno}"


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise Hang(f"more than {seconds} s")

    handler = signal.signal(signal.SIGPROF, stop)
    timer = signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, *timer)
        signal.signal(signal.SIGPROF, handler)


def failure(target: Target, octets: bytes, seconds: float = INPUT_SECONDS) -> Exception | None:
    """What the target raises on the input; None if it is content."""
    try:
        with _limited(seconds):
            target(octets)
    except Exception as error:
        return error
    return None


def minimised(
    target: Target, octets: bytes, seconds: float = INPUT_SECONDS, tries: int = 2000
) -> bytes:
    """A smaller input that fails in the same place, pieces left out as long as that helps."""
    first = failure(target, octets, seconds)
    if first is None:
        return octets
    wanted, left = _kind(first), tries
    size = max(1, (len(octets) - CONTROL_OCTETS) // 2)
    while size and left:
        at, shorter = CONTROL_OCTETS, False
        while at < len(octets) and left:
            left -= 1
            candidate = octets[:at] + octets[at + size :]
            error = failure(target, candidate, seconds)
            if error is not None and _kind(error) == wanted:
                octets, shorter = candidate, True
            else:
                at += size
        size = size if shorter and size == 1 else size // 2
    return octets


def _kind(error: Exception) -> str:
    return type(error).__name__ if isinstance(error, Hang) else place(error)
