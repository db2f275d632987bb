"""A limit on what blocks, for clients that have none of their own and disks that hang."""

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def limited(work: Callable[[], T], seconds: float) -> T:
    """What `work` returns; after `seconds` its thread is left behind, for the process to end.

    Args:
        work: blocks.
        seconds: how long it may.

    Raises:
        TimeoutError: it took longer; else whatever `work` raises.
    """
    outcome: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            outcome.put((work(), None))
        except BaseException as error:
            outcome.put((None, error))

    Thread(target=run, name="doctor", daemon=True).start()
    try:
        result, error = outcome.get(timeout=seconds)
    except Empty:
        raise TimeoutError from None
    if error is not None:
        raise error
    return result  # type: ignore[return-value]
