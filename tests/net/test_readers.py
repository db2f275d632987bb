from collections.abc import Iterator
from pathlib import Path
from threading import Event, current_thread
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from bridge.net.readers import Readers
from bridge.store.engine import Store, open_store
from bridge.store.tx import ReadTx
from tests.net.test_threads import FakeReactor

LONG_S = 100.0
"""Of patience: what is brief is waited for, however slow the machine."""


@pytest.fixture
def reactor() -> FakeReactor:
    return FakeReactor()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = open_store(tmp_path / "s.db", on_commit=lambda changes: None, clock_s=lambda: 1.0)
    yield made
    made.close()


def readers(store: Store, reactor: FakeReactor, many: int, patience_s: float) -> Readers:
    return Readers(store, reactor, many, patience_s)  # type: ignore[arg-type]


def begun(work: Any) -> "tuple[Deferred[Any], list[Any]]":
    """A read that has been asked for, and what has come of it so far."""
    found: list[Any] = []

    def note(result: Any) -> Any:
        found.append(result)
        return result

    return Deferred.fromCoroutine(work).addBoth(note), found


class Held:
    """Works that wait until they are let go."""

    def __init__(self) -> None:
        self.reached, self.go = Event(), Event()

    def work(self, tx: ReadTx) -> str:
        self.reached.set()
        assert self.go.wait(120)
        return "held"


def test_what_is_brief_is_there_without_the_reactor(store: Store, reactor: FakeReactor) -> None:
    pool = readers(store, reactor, 1, LONG_S)
    _, found = begun(pool.read(lambda tx: tx.accounts(), brief=True))
    assert found == [()]
    assert reactor.calls.empty()
    pool.close()


def test_what_takes_longer_comes_by_the_reactor(store: Store, reactor: FakeReactor) -> None:
    pool, held = readers(store, reactor, 1, 0.0), Held()
    waiting, found = begun(pool.read(held.work, brief=True))
    assert held.reached.wait(120)
    assert not found
    held.go.set()
    assert reactor.wait(waiting) == ["held"]
    pool.close()


def test_nobody_stays_for_what_isnt_brief(store: Store, reactor: FakeReactor) -> None:
    pool = readers(store, reactor, 1, LONG_S)
    waiting, found = begun(pool.read(lambda tx: 7))
    assert not found
    assert reactor.wait(waiting) == [7]
    pool.close()


@pytest.mark.parametrize("brief", [True, False])
def test_what_a_work_raises_is_raised(store: Store, reactor: FakeReactor, brief: bool) -> None:
    def fails(tx: ReadTx) -> None:
        raise ValueError("this one")

    pool = readers(store, reactor, 1, LONG_S)
    waiting, found = begun(pool.read(fails, brief=brief))
    (failure,) = found or reactor.wait(waiting)
    assert failure.check(ValueError)
    assert begun(pool.read(lambda tx: 7, brief=True))[1] == [7]
    pool.close()


def test_what_waits_for_a_thread_is_read_in_order(store: Store, reactor: FakeReactor) -> None:
    pool, held = readers(store, reactor, 1, LONG_S), Held()
    first, _ = begun(pool.read(held.work))
    assert held.reached.wait(120)
    order: list[int] = []
    more = [begun(pool.read(lambda tx, n=n: order.append(n), brief=True)) for n in range(3)]
    assert not any(found for _, found in more)
    held.go.set()
    reactor.wait(first, *(waiting for waiting, _ in more))
    assert order == [0, 1, 2]
    pool.close()


def test_closing_finishes_what_waits(store: Store, reactor: FakeReactor) -> None:
    pool, held = readers(store, reactor, 2, LONG_S), Held()
    waiting = [begun(pool.read(work))[0] for work in (held.work, held.work, lambda tx: 7)]
    assert held.reached.wait(120)
    held.go.set()
    pool.close()
    assert sorted(map(str, reactor.wait(*waiting))) == ["7", "held", "held"]


def test_who_worked_last_is_woken_first(store: Store, reactor: FakeReactor) -> None:
    pool = readers(store, reactor, 3, LONG_S)
    names = {
        begun(pool.read(lambda tx: current_thread().name, brief=True))[1][0] for _ in range(20)
    }
    assert len(names) == 1
    pool.close()
