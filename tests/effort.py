"""Whether work is cheap, on machines where other work makes everything slower now and then."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
TRIES = 8


def cheap(seconds: float, work: Callable[[], T]) -> T:
    """What `work` returns, done in less than `seconds` of this process's CPU time.

    A neighbour on the same core only ever adds to that time, so the least of several tries tells
    what the work costs; they end with the first that is quick enough.
    """
    spent = []
    for _ in range(TRIES):
        began = time.process_time()
        result = work()
        spent.append(time.process_time() - began)
        if spent[-1] < seconds:
            return result
    raise AssertionError(f"took {min(spent):.3f} s at best, and may take {seconds} s")


def proportionate(spent: Callable[[int], float], size: int, *, times: int, most: float) -> None:
    """Whether work of `times` the size takes less than `most` times as long.

    `spent` does the work of a size and says what it took, in seconds of this process's CPU time;
    the least of several tries counts for either size, as in `cheap`.
    """
    small = large = float("inf")
    for _ in range(TRIES):
        small, large = min(small, spent(size)), min(large, spent(times * size))
        if large < most * small:
            return
    raise AssertionError(f"{times} times the size took {large / small:.1f} times as long, at best")
