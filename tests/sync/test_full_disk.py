"""What a full disk may do to a sync: delay it, and nothing else."""

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from bridge.errors import StoreFullError
from bridge.intake import INLINE_OCTETS
from bridge.sync.runner import SyncResult
from tests.sync.fakes import FullAt, GroupDatabase, World, mail, now

LARGE = mail("large", INLINE_OCTETS + 600_000)
SAME = mail("same")
OCTETS = [mail("a"), mail("b", 30_000), mail("c"), LARGE, mail("d"), SAME, SAME, mail("e")]
SMALL = [octets for octets in OCTETS if octets is not LARGE]


@pytest.fixture
def paths(tmp_path: Path) -> Iterator[Path]:
    return (tmp_path / f"{number}.db" for number in count())


def made(path: Path, messages: Sequence[bytes] = OCTETS) -> World:
    world = World(path)
    for number, octets in enumerate(messages):
        world.provider.add(b"%d" % number, octets)
    return world


def renumber(world: World) -> None:
    for message in world.provider.messages:
        message.uidl = None if message.uidl is None else b"new-" + message.uidl


def check_and_recover(world: World, result: SyncResult) -> None:
    """Each message is there once or still to come, in order, and the next sync ends the matter."""
    held = world.inbox()
    assert held == OCTETS[: len(held)]
    if len(held) < len(OCTETS):
        assert isinstance(result.error, StoreFullError)
        assert "quit" not in world.provider.events
    before = dict(zip(world.uids(), held, strict=True))
    assert world.sync().error is None
    assert world.inbox() == OCTETS
    assert before.items() <= dict(zip(world.uids(), OCTETS, strict=True)).items()
    assert world.uids() == sorted(set(world.uids()))
    world.close()


@pytest.mark.slow
@pytest.mark.parametrize("stays", [False, True])
def test_promise_8_a_disk_full_at_any_write_delays_and_nothing_else(
    paths: Iterator[Path], stays: bool
) -> None:
    for full_at in count(1):
        world = made(next(paths))
        database = FullAt(world.database, full_at, stays=stays)
        result = world.sync(database)
        writes = database.writes
        assert stays or world.stages() == 0
        check_and_recover(world, result)
        if writes < full_at:
            assert result.error is None
            assert full_at > len(OCTETS)
            break


@pytest.mark.slow
def test_a_disk_full_while_uidls_change_brings_nothing_twice(paths: Iterator[Path]) -> None:
    for full_at in count(1):
        world = made(next(paths))
        world.sync()
        renumber(world)
        world.provider.events.clear()
        database = FullAt(world.database, full_at)
        world.sync(database)
        assert world.inbox() == OCTETS
        assert world.sync().error is None
        assert world.inbox() == OCTETS and len(world.ledger()) == len(OCTETS)
        world.close()
        if database.writes < full_at:
            break


def full() -> OperationalError:
    error = Exception("database or disk is full")
    error.sqlite_errorcode = 13  # type: ignore[attr-defined]
    return OperationalError("COMMIT", {}, error)


@pytest.mark.parametrize("member", [1, 2, 3, 4])
@pytest.mark.parametrize("uidls", ["new", "renumbered", "none", "none, seen before"])
def test_promise_1_works_that_ran_and_whose_commit_failed_are_not_believed(
    paths: Iterator[Path], uidls: str, member: int
) -> None:
    for failing in count(1):
        world = made(next(paths), SMALL)
        if uidls.startswith("none"):
            for message in world.provider.messages:
                message.uidl = None
        if uidls in ("renumbered", "none, seen before"):
            world.sync()
            renumber(world)
            world.provider.add(b"last" if uidls == "renumbered" else None, mail("last"))
        octets = [message.octets for message in world.provider.messages]
        held, commits = world.inbox(), 0

        honest = world.store._transactions.commit

        def commit(failing: int = failing, honest: Callable[[], None] = honest) -> None:
            nonlocal commits
            commits += 1
            # A group's commit, then that of one of its members alone.
            if commits in (failing, failing + member):
                raise full()
            honest()

        database = GroupDatabase(world.store)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(world.store._transactions, "commit", commit)
            database.run(world.runner(database).run_once(), size=4)
        after = world.inbox()
        assert len(held) <= len(after) and after == octets[: len(after)]
        assert world.sync().error is None
        assert world.inbox() == octets and len(world.ledger()) == len(octets)
        world.close()
        if commits < failing:
            break


def test_promise_1_a_small_message_does_not_overtake_one_that_did_not_fit(
    paths: Iterator[Path],
) -> None:
    world = World(next(paths))
    octets = [mail(f"{n}", 100_000 if n % 5 == 3 else 0) for n in range(40)]
    for number, each in enumerate(octets):
        world.provider.add(b"%d" % number, each)
    pages = 30
    while len(world.inbox()) < len(octets):
        with world.store._writer.connect() as connection:
            used = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count={used + pages}")
        world.provider.events.clear()
        database = GroupDatabase(world.store)
        result = database.run(world.runner(database).run_once())
        held = world.inbox()
        assert held == octets[: len(held)]
        if len(held) < len(octets):
            assert isinstance(result.error, StoreFullError)
            assert world.provider.events == ["connect", "abort"]
    assert world.uids() == sorted(set(world.uids())) and len(world.ledger()) == len(octets)
    world.close()


def test_a_status_that_cannot_be_saved_hides_nothing(paths: Iterator[Path]) -> None:
    world = made(next(paths))
    world.provider.messages.clear()
    result = now(world.runner(FullAt(world.database, 1, stays=True)).run_once())
    assert result.error is None and result.listed == 0
    world.close()
