"""What a commit of several works does when one of them, or the disk, fails."""

import resource
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from bridge.errors import StoreError, StoreFullError
from bridge.model.change import Change
from bridge.store.engine import Store
from bridge.store.tx import WriteTx
from tests.store.test_store import ACCOUNT, add, inbox, opened

PAGE = 8192


@pytest.fixture
def heard() -> list[Change]:
    return []


@pytest.fixture
def store(tmp_path: Path, heard: list[Change]) -> Iterator[Store]:
    made = opened(tmp_path / "popbridge.db", heard)
    made.write(lambda tx: tx.add_account(ACCOUNT))
    heard.clear()
    yield made
    made.close()


def uids(store: Store) -> list[int]:
    return list(store.read(lambda tx: tx.snapshot(inbox(tx))).uids)


def works(ran: "Counter[str]", *pieces: tuple[str, int]) -> list[Callable[[WriteTx], Any]]:
    def work(name: str, size: int, tx: WriteTx) -> int:
        ran[name] += 1
        return add(tx, name.encode() * size)

    return [partial(work, name, size) for name, size in pieces]


def check(store: Store, results: list[Any]) -> None:
    """Every value is a message that is there, and there is no other."""
    values = [result for result in results if not isinstance(result, BaseException)]
    assert uids(store) == values
    box, status = store.read(lambda tx: (inbox(tx), tx.status(inbox(tx))))
    assert status.messages == len(values) and status.recent == len(values)
    assert box.uidnext == len(values) + 1
    with store._writer.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").first() is None


def test_a_statement_that_is_refused_fails_its_work_alone(
    store: Store, heard: list[Change]
) -> None:
    ran: Counter[str] = Counter()
    first, last = works(ran, ("a", 1), ("b", 1))

    def refused(tx: WriteTx) -> None:
        add(tx, b"never")
        tx.add_account(ACCOUNT)

    results = store.write_group([first, refused, last])
    assert isinstance(results[1], StoreError) and "popbridge" in str(results[1])
    assert ran == {"a": 1, "b": 1}
    assert [change.modseq for change in heard] == [2, 3]
    check(store, results)


def test_a_work_that_hides_a_lost_transaction_loses_nobody(store: Store) -> None:
    def hides(tx: WriteTx) -> str:
        tx.connection.exec_driver_sql("ROLLBACK")
        return "done"

    ran: Counter[str] = Counter()
    first, last = works(ran, ("a", 1), ("b", 1))
    results = store.write_group([first, hides, last])
    assert isinstance(results[1], StoreError)
    check(store, results)


@pytest.mark.parametrize("extra", range(0, 36, 2))
def test_a_disk_full_at_any_page_loses_nothing_that_was_answered(store: Store, extra: int) -> None:
    with store._writer.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + extra}")
    ran: Counter[str] = Counter()
    sizes = [("a", 10), ("b", 9 * PAGE), ("c", 10), ("d", 12 * PAGE), ("e", 10)]
    results = store.write_group(works(ran, *sizes))
    for result in results:
        assert isinstance(result, (int, StoreFullError))
    check(store, results)
    with store._writer.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1073741823")
    missing = [size for size, result in zip(sizes, results, strict=True) if result not in range(9)]
    again = store.write_group(works(ran, *missing))
    check(store, [*(r for r in results if isinstance(r, int)), *again])


@pytest.mark.parametrize("room", [0, 100, 3 * PAGE, 10 * PAGE, 60 * PAGE])
def test_a_file_that_cannot_grow_fails_what_needs_it(
    store: Store, tmp_path: Path, room: int
) -> None:
    ran: Counter[str] = Counter()
    before = store.write_group(works(ran, ("kept", 10)))
    log = (tmp_path / "popbridge.db-wal").stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log + room, limits[1]))
    try:
        results = store.write_group(works(ran, *((c, 2 * PAGE) for c in "abcde")))
        assert uids(store)[:1] == before
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    check(store, [*before, *results])
    failed = [isinstance(result, StoreError | StoreFullError) for result in results]
    assert any(failed) is (room <= 10 * PAGE)
    later = store.write_group(works(ran, ("f", 10)))
    check(store, [*before, *results, *later])


@pytest.mark.parametrize("moment", ["begin", "savepoint", "release", "commit"])
def test_a_full_disk_at_any_moment_of_a_group(
    store: Store, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the group, or of one of its works alone, which has no savepoint."""
    cause = sqlite3.OperationalError("database or disk is full")
    cause.sqlite_errorcode = 13
    failures = 0
    honest = getattr(store._transactions, moment)

    def fail() -> Any:
        nonlocal failures
        failures += 1
        if failures in (1, 3):
            raise OperationalError("", {}, cause)
        return honest()

    ran: Counter[str] = Counter()
    with monkeypatch.context() as patched:
        patched.setattr(store._transactions, moment, fail)
        results = store.write_group(works(ran, ("a", 1), ("b", 1), ("c", 1)))
    failed = sum(isinstance(result, StoreFullError) for result in results)
    assert failed == (moment in ("begin", "commit"))
    check(store, results)


def test_a_work_that_is_alone_leaves_nothing_when_it_fails(
    store: Store, heard: list[Change]
) -> None:
    def fails(tx: WriteTx) -> None:
        add(tx, b"never")
        raise ValueError("halfway")

    with pytest.raises(ValueError, match="halfway"):
        store.write(fails)
    assert not heard
    check(store, store.write_group(works(Counter(), ("a", 1))))


def test_a_work_that_is_alone_and_hides_a_lost_transaction_fails(store: Store) -> None:
    def hides(tx: WriteTx) -> str:
        add(tx, b"never")
        tx.connection.exec_driver_sql("ROLLBACK")
        return "done"

    with pytest.raises(StoreError):
        store.write(hides)
    check(store, store.write_group(works(Counter(), ("a", 1))))


def test_a_commit_that_cannot_be_announced_stands(tmp_path: Path) -> None:
    def deaf(changes: tuple[Change, ...]) -> None:
        raise RuntimeError("nobody listens")

    store = opened(tmp_path / "popbridge.db")
    store.write(lambda tx: tx.add_account(ACCOUNT))
    store._on_commit = deaf
    assert store.write(lambda tx: add(tx, b"a")) == 1
    assert uids(store) == [1]
    store.close()


def test_a_group_ends_where_it_may_not_go_on(store: Store) -> None:
    ran: Counter[str] = Counter()
    asked: list[tuple[int, int]] = []

    def may_go_on(done: int, octets: int) -> bool:
        asked.append((done, octets))
        return octets < 5

    results = store.write_group(works(ran, ("a", 3), ("b", 3), ("c", 3)), may_go_on)
    assert results == [1, 2] and asked == [(1, 3), (2, 6)] and "c" not in ran


def test_a_second_thread_waits_for_the_first_one_to_commit(store: Store) -> None:
    """Or it would write within the first one's transaction, and either could end it."""
    inside, go_on = Event(), Event()

    def slow(tx: WriteTx) -> int:
        inside.set()
        assert go_on.wait(60)
        return add(tx, b"first")

    with ThreadPoolExecutor() as threads:
        first = threads.submit(store.write, slow)
        assert inside.wait(60)
        second = threads.submit(store.write, partial(add, octets=b"second"))
        third = threads.submit(store.tidy)
        hurried, _ = wait([second, third], timeout=0.2)
        go_on.set()
        assert not hurried
        assert [first.result(), second.result(), third.result()] == [1, 2, False]
    assert uids(store) == [1, 2]
