"""What a test has begun and, because it failed, not ended: else one failure makes others."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

REMOVED_S = 30

_ends: list[Callable[[], object]] = []


def end_behind_the_test(end: Callable[[], object]) -> None:
    """Has `end` called behind the test that runs; where it was called before, that is harmless.

    What a fixture of a module or a session begins is that fixture's to end.
    """
    _ends.append(end)


@contextmanager
def ended() -> Iterator[None]:
    """Around a test: the last that it began is the first to end.

    What fails at that failed before, where somebody saw it.
    """
    before = len(_ends)
    yield
    while len(_ends) > before:
        with suppress(Exception):
            _ends.pop()()


def remove_tree(folder: Path) -> None:
    """Removes a folder, also where processes that are about to end still write into it."""
    deadline = time.monotonic() + REMOVED_S
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=time.monotonic() < deadline)
        time.sleep(0.01)
