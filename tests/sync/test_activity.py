from datetime import timedelta

from bridge.sync.activity import KEPT, WINDOW_S, Activity
from bridge.sync.runner import Progress, SyncResult
from tests.sync.fakes import START


class Memory:
    def __init__(self) -> None:
        self.seconds = 0.0
        self.activity = Activity(lambda: START + timedelta(seconds=self.seconds))

    def told(self, after_s: float, fetched: int, to_fetch: int = 10_000) -> None:
        self.seconds += after_s
        self.activity.progressed(Progress("a", to_fetch, fetched, fetched * 10))

    def left_s(self) -> float | None:
        running = self.activity.running("a")
        assert running is not None
        return running.left_s


def test_no_time_is_told_before_a_rate_is_known() -> None:
    memory = Memory()
    assert memory.activity.running("a") is None
    for after_s, fetched in ((0, 0), (1, 100), (3, 200)):
        memory.told(after_s, fetched)
        assert memory.left_s() is None
    memory.told(1, 1000)
    assert memory.left_s() == 45.0


def test_a_few_messages_make_no_rate() -> None:
    memory = Memory()
    memory.told(0, 0)
    memory.told(50, 5)
    assert memory.left_s() is None


def test_a_rate_is_of_the_last_minute() -> None:
    memory = Memory()
    for n in range(100):
        memory.told(1, 100 * n, 100_000)
    for n in range(int(WINDOW_S) + 2):
        memory.told(1, 9900 + 10 * n, 100_000)
    left_s = memory.left_s()
    assert left_s is not None and 8000 < left_s < 9100


def test_one_that_stalls_takes_longer_and_longer() -> None:
    memory = Memory()
    memory.told(0, 0)
    memory.told(10, 1000)
    before = memory.left_s()
    memory.seconds += 100
    after = memory.left_s()
    assert before is not None and after is not None and after > 10 * before


def test_another_session_begins_anew_and_the_end_ends_it() -> None:
    memory = Memory()
    memory.told(0, 0)
    memory.told(10, 1000)
    memory.told(1, 0)
    assert memory.left_s() is None
    memory.activity.synced(SyncResult("a", 1, 0, 0, 0, 1.0, None))
    assert memory.activity.running("a") is None


def test_little_is_kept_however_often_it_is_told() -> None:
    memory = Memory()
    for n in range(5000):
        memory.told(0.01, n)
    assert len(memory.activity._of("a").told) < 2 * WINDOW_S
    for _ in range(KEPT + 1):
        memory.activity.synced(SyncResult("a", 1, 0, 0, 0, 1.0, None))
    assert len(memory.activity.ended("a")) == KEPT
    memory.activity.forget(["b"])
    assert memory.activity.ended("a") == ()
