"""What takes too long is ended, and told."""

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from bridge.app.core import Core
from bridge.errors import TimedOutError
from tests.sync.fakes import Task


def begun(work: Any) -> tuple[Task, Clock]:
    clock = Clock()
    core: Any = SimpleNamespace(reactor=clock)
    return Task(Core.limited(core, work, 5)), clock


def test_in_time_it_is_as_if_there_were_no_limit() -> None:
    answer: Deferred[int] = Deferred()

    async def work() -> int:
        return await answer

    task, clock = begun(work())
    clock.advance(4)
    answer.callback(7)
    assert task.result() == 7
    assert not clock.getDelayedCalls()


def test_after_it_the_work_is_cancelled_and_cleans_up() -> None:
    ended = []

    async def work() -> None:
        try:
            await Deferred[None]()
        except CancelledError:
            ended.append(True)
            raise

    task, clock = begun(work())
    clock.advance(5)
    with pytest.raises(TimedOutError, match="within 5 seconds"):
        task.result()
    assert ended == [True]
