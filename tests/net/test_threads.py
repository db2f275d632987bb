from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from bridge.net.threads import ThreadedDatabase
from bridge.store.engine import Store, open_store
from bridge.store.tx import WriteTx


class FakeReactor:
    """Only what threads need of a reactor: a queue that the test empties in its own thread."""

    def __init__(self) -> None:
        self.calls: SimpleQueue[Callable[[], Any]] = SimpleQueue()

    def callFromThread(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        self.calls.put(lambda: call(*args, **kwargs))

    def wait(self, *deferreds: "Deferred[Any]") -> list[Any]:
        results: list[Any] = []
        for deferred in deferreds:
            deferred.addBoth(results.append)
        while len(results) < len(deferreds):
            self.calls.get(timeout=30)()
        return results


@pytest.fixture
def reactor() -> FakeReactor:
    return FakeReactor()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = open_store(tmp_path / "s.db", on_commit=lambda changes: None, clock_s=lambda: 1.0)
    yield made
    made.close()


@pytest.fixture
def database(store: Store, reactor: FakeReactor) -> Iterator[ThreadedDatabase]:
    made = ThreadedDatabase(store, reactor)  # type: ignore[arg-type]
    yield made
    made.close()


def count(tx: WriteTx) -> int:
    return tx.next_count("uidvalidity")


def test_what_is_written_is_read(database: ThreadedDatabase, reactor: FakeReactor) -> None:
    assert reactor.wait(Deferred.fromCoroutine(database.write(count))) == [2]
    assert reactor.wait(Deferred.fromCoroutine(database.read(lambda tx: tx.accounts()))) == [()]


def test_works_run_in_order_and_one_failure_is_its_own(
    database: ThreadedDatabase, reactor: FakeReactor
) -> None:
    def fails(tx: WriteTx) -> int:
        raise ValueError("this one")

    waiting = [Deferred.fromCoroutine(database.write(work)) for work in (count, fails, count)]
    first, failure, last = reactor.wait(*waiting)
    assert (first, last) == (2, 3)
    assert failure.check(ValueError)


def test_closing_finishes_what_waits(store: Store, reactor: FakeReactor) -> None:
    database = ThreadedDatabase(store, reactor)  # type: ignore[arg-type]
    waiting = [Deferred.fromCoroutine(database.write(count, ingest=bool(n % 2))) for n in range(40)]
    database.close()
    assert sorted(reactor.wait(*waiting)) == list(range(2, 42))
