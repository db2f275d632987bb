from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from threading import Event
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from bridge.net import threads
from bridge.net.threads import TURN_OCTETS, ThreadedDatabase
from bridge.store.blobs import DROP_CHUNKS
from bridge.store.engine import Store, open_store
from bridge.store.tx import WriteTx
from tests.store.test_store import ACCOUNT


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
            self.calls.get(timeout=120)()
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


def ingest(name: str, octets: int, order: list[str], tx: WriteTx) -> str:
    order.append(name)
    tx.octets_written += octets
    return name


class Gate:
    """Holds the writer in a first work until what is to wait behind it has been queued."""

    def __init__(self) -> None:
        self._reached = Event()
        self._open = Event()

    def work(self, tx: WriteTx) -> None:
        self._reached.set()
        assert self._open.wait(120)

    def reached(self) -> None:
        assert self._reached.wait(120)

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def groups(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many works each commit took."""
    found: list[int] = []
    write_group = store.write_group

    def counted(*arguments: Any) -> list[Any]:
        results = write_group(*arguments)
        found.append(len(results))
        return results

    monkeypatch.setattr(store, "write_group", counted)
    return found


def test_clients_go_before_ingest_whose_turn_ends_with_its_octets(
    database: ThreadedDatabase,
    reactor: FakeReactor,
    groups: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "TURN_S", 60)
    gate, order = Gate(), list[str]()
    waiting = [Deferred.fromCoroutine(database.write(gate.work))]
    gate.reached()
    for name in ("m1", "m2", "m3", "m4", "m5"):
        work = partial(ingest, name, TURN_OCTETS // 2, order)
        waiting.append(Deferred.fromCoroutine(database.write(work, ingest=True)))
    for name in ("c1", "c2"):
        work = partial(ingest, name, 0, order)
        waiting.append(Deferred.fromCoroutine(database.write(work)))
    gate.open()
    reactor.wait(*waiting)
    assert order == ["c1", "c2", "m1", "m2", "m3", "m4", "m5"]
    assert [size for size in groups if size][:4] == [1, 4, 2, 1]


def test_ingest_gets_one_work_in_when_clients_have_used_up_the_turn(
    database: ThreadedDatabase,
    reactor: FakeReactor,
    groups: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "TURN_S", -1)
    gate, order = Gate(), list[str]()
    waiting = [Deferred.fromCoroutine(database.write(gate.work))]
    gate.reached()
    for name, behind in (("m1", True), ("m2", True), ("c1", False), ("c2", False)):
        work = partial(ingest, name, 0, order)
        waiting.append(Deferred.fromCoroutine(database.write(work, ingest=behind)))
    gate.open()
    reactor.wait(*waiting)
    assert order == ["c1", "c2", "m1", "m2"]
    assert [size for size in groups if size][:3] == [1, 3, 1]


def test_the_writer_outlives_a_fault_and_tells_it(
    database: ThreadedDatabase, reactor: FakeReactor, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> list[Any]:
        raise RuntimeError("a fault")

    with monkeypatch.context() as patched:
        patched.setattr(store, "write_group", broken)
        (failure,) = reactor.wait(Deferred.fromCoroutine(database.write(count)))
    assert failure.check(RuntimeError)
    assert reactor.wait(Deferred.fromCoroutine(database.write(count))) == [2]


def test_a_commit_is_announced_before_its_result(tmp_path: Path, reactor: FakeReactor) -> None:
    heard: list[str] = []
    store = open_store(
        tmp_path / "a.db",
        on_commit=lambda changes: database.announce(lambda: heard.append("announced")),
        clock_s=lambda: 1.0,
    )
    database = ThreadedDatabase(store, reactor)  # type: ignore[arg-type]
    reactor.wait(Deferred.fromCoroutine(database.write(lambda tx: tx.add_account(ACCOUNT))))
    assert heard == ["announced"]

    def change(tx: WriteTx) -> None:
        account = tx.account(ACCOUNT.login)
        assert account is not None
        tx.remove_account(account.id)

    done = Deferred.fromCoroutine(database.write(change))
    done.addCallback(lambda _: heard.append("result"))
    reactor.wait(done)
    assert heard == ["announced", "announced", "result"]
    database.close()
    store.close()


def test_what_can_wait_is_done_while_nothing_else_is(
    store: Store,
    reactor: FakeReactor,
    database: ThreadedDatabase,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def large(tx: WriteTx) -> None:
        stage = tx.stage_begin()
        for seq in range(DROP_CHUNKS * 3):
            tx.stage_chunk(stage, seq, b"x")
        tx.stage_drop(stage)

    tidy, nothing_left = store.tidy, Event()

    def observed() -> bool:
        more = tidy()
        if not more:
            nothing_left.set()
        return more

    reactor.wait(Deferred.fromCoroutine(database.write(count)))
    monkeypatch.setattr(store, "tidy", observed)
    reactor.wait(Deferred.fromCoroutine(database.write(large)))
    assert nothing_left.wait(120)
    left = store.read(
        lambda tx: tx.connection.exec_driver_sql("SELECT count(*) FROM blob").scalar_one()
    )
    assert left == 0
