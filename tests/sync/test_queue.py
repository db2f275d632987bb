import time
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bridge.model.ids import AccountId
from bridge.sync.queue import PollQueue
from tests.effort import proportionate


def taken(queue: PollQueue) -> list[int]:
    found = []
    while (account_id := queue.take()) is not None:
        found.append(account_id)
    return found


def test_providers_take_turns_and_accounts_wait_in_order() -> None:
    queue = PollQueue(connections=5, per_host=3)
    for number in range(6):
        queue.add(AccountId(number), "a")
    queue.add(AccountId(6), "b")
    assert taken(queue) == [0, 6, 1, 2]
    assert AccountId(3) in queue and AccountId(0) not in queue
    queue.ended(AccountId(1))
    assert taken(queue) == [3]


def test_who_goes_first_goes_first_of_all() -> None:
    queue = PollQueue(connections=1, per_host=1)
    for number, host in enumerate("aab"):
        queue.add(AccountId(number), host)
    queue.add(AccountId(2), "b", first=True)
    queue.add(AccountId(1), "a", first=True)
    order = []
    for _ in range(3):
        order += taken(queue)
        queue.ended(AccountId(order[-1]))
    assert order == [1, 2, 0]


def test_who_is_discarded_waits_no_longer() -> None:
    queue = PollQueue(connections=9, per_host=9)
    queue.add(AccountId(1), "a")
    queue.add(AccountId(2), "a")
    assert queue.discard(AccountId(1)) and not queue.discard(AccountId(1))
    assert queue.clear() == [2] and taken(queue) == []


HOSTS = "abc"
STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "first", "discard", "end", "take"]), st.integers(0, 11))
)


@given(STEPS, st.integers(1, 4), st.integers(1, 4))
def test_no_limit_is_passed_and_nobody_waits_without_need(
    steps: list[tuple[str, int]], connections: int, per_host: int
) -> None:
    queue = PollQueue(connections, per_host)
    waiting: set[int] = set()
    running: set[int] = set()
    for what, number in steps:
        account_id, host = AccountId(number), HOSTS[number % 3]
        if what in ("add", "first") and number not in running:
            queue.add(account_id, host, first=what == "first")
            waiting.add(number)
        elif what == "discard":
            assert queue.discard(account_id) is (number in waiting)
            waiting.discard(number)
        elif what == "end" and number in running:
            queue.ended(account_id)
            running.discard(number)
        elif what == "take":
            found = taken(queue)
            assert waiting.issuperset(found)
            waiting -= set(found)
            running |= set(found)
            busy = Counter(HOSTS[each % 3] for each in running)
            assert len(running) <= connections and max(busy.values(), default=0) <= per_host
            if len(running) < connections:
                assert all(busy[HOSTS[each % 3]] >= per_host for each in waiting)
        assert all((AccountId(each) in queue) is (each in waiting) for each in range(12))


def test_a_step_costs_the_same_however_many_wait() -> None:
    """Compared with itself at a quarter of the size: quadratic would be sixteen times."""

    def spent(count: int) -> float:
        queue = PollQueue(connections=32, per_host=2)
        began = time.process_time()
        for number in range(count):
            queue.add(AccountId(number), "one.example")
            queue.take()
        for number in range(count):
            queue.ended(AccountId(number))
            queue.take()
        return time.process_time() - began

    proportionate(spent, 2000, times=4, most=9)
