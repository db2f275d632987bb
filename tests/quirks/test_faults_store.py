"""Faults 1, 2, 13 to 18 and 42: the process, the disk and the clock."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bridge.errors import BridgeError, StoreError, StoreFullError
from bridge.store import sqlite
from bridge.store.engine import Store, open_store
from tests.pop_server import Faults, PopServer
from tests.quirks.bridge import Bridge, verbs
from tests.quirks.servers import letters
from tests.torture.house import House, World
from tests.torture.kills import last_life
from tests.torture.power import PowerCut

STEPS = ("auth", "uidl", "list", "retr", "first", "middle", "last", "complete", "quit", "bye")


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World() as made:
        yield made


def ends(house: House, step: str, which: int, number: signal.Signals) -> int:
    """A life that a signal ends at the step of that name and number; its exit code."""
    life, came = house.start(), []
    assert life.ready(), house.logged()

    def reached(name: str, count: int) -> None:
        if (name, count) == (step, which):
            came.append(name)
            life.kill(number)

    house.provider.on_step = reached
    life.ask_sync()
    house.provider.open.set()
    life.synced()
    assert came, f"it never came to {step} {which}"
    code = life.buried()
    house.provider.on_step = lambda name, count: None
    return code


@pytest.mark.e2e
@pytest.mark.timeout(900)
@pytest.mark.parametrize("policy", ["keep", "delete"])
def test_fault_01_kill_at_every_step(world: World, policy: str) -> None:
    steps = [(step, 1) for step in STEPS]
    if policy == "delete":
        steps += [("dele", 1), ("dele", 3), ("dele", 6)]
    for step, which in steps:
        with world.house(policy) as house:
            house.deliver(letters(6))
            assert ends(house, step, which, signal.SIGKILL) == -signal.SIGKILL, step
            last_life(house)


@pytest.mark.e2e
def test_fault_02_sigterm_at_every_step(world: World) -> None:
    for step in STEPS:
        with world.house("keep", hides=True) as house:
            house.deliver(letters(6))
            assert ends(house, step, 1, signal.SIGTERM) == 0, step
            last_life(house)


def refusing(monkeypatch: pytest.MonkeyPatch, at: int, error: BridgeError) -> list[int]:
    """Lets the commit with that number fail as a disk's does; what counts them."""
    honest, count = Store.write_group, [0]

    def write_group(self: Store, works: Any, *rest: Any) -> list[Any]:
        count[0] += 1
        if count[0] == at:
            return [error] * len(works)
        return honest(self, works, *rest)

    monkeypatch.setattr(Store, "write_group", write_group)
    return count


def failing_writes(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch, error: Callable[[], BridgeError]
) -> None:
    """The k-th write fails for each k until a poll is clean; each is followed by good polls."""
    with PopServer(letters(12), faults=Faults(hides_retrieved=True)) as server:
        held = list(server.messages)
        bridge.add(server, policy="delete")
        at, clean = 0, False
        while not clean:
            at += 1
            with monkeypatch.context() as patch:
                count = refusing(patch, at, error())
                bridge.poll()
                clean = count[0] < at
            everything = [*bridge.mail(), *server.messages]
            assert set(everything) == set(held), f"write {at} lost something"
            assert len(bridge.mail()) == len(set(bridge.mail()))
        for _ in range(3):
            assert bridge.poll()["error"] is None
        assert sorted(bridge.mail()) == sorted(held) and server.messages == []
        assert at > 4


def test_fault_13_disk_full_at_each_write(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    failing_writes(bridge, monkeypatch, lambda: StoreFullError("The disk is full.", "Free some."))


def test_fault_14_a_write_that_fails_with_an_io_error(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_writes(bridge, monkeypatch, lambda: StoreError("disk I/O error.", "Look at it."))


@pytest.mark.e2e
def test_fault_14_fsync_fails(world: World) -> None:
    """Each of the first syncs of a session in its turn, and all from one on."""
    for at in range(1, 8):
        with world.house("delete", hides=True) as house:
            house.deliver(letters(6))
            life = house.start()
            assert life.ready(), house.logged()
            house.control.fail(house.control.get("calls") + 3 * at, errno.EIO, calls=1 << 20)
            life.ask_sync()
            house.provider.open.set()
            life.synced()
            life.kill()
            life.buried()
            last_life(house)


@pytest.mark.e2e
@pytest.mark.parametrize("policy", ["keep", "delete"])
def test_fault_15_power_loss_after_each_acknowledged_step(world: World, policy: str) -> None:
    for step, which in [("complete", 3), ("quit", 1), ("bye", 1), ("bye", 2)][
        : 3 + (policy != "keep")
    ]:
        with world.house(policy, hides=True) as house:
            house.deliver(letters(6))
            cut = PowerCut(house, Random(f"{policy} {step} {which}"))
            cut.begin()
            life = house.start(journal=True)
            assert life.ready(), house.logged()

            def reached(name: str, count: int, at: Any = (step, which), life: Any = life) -> None:
                if (name, count) == at:
                    life.kill(signal.SIGKILL)

            house.provider.on_step = reached
            life.ask_sync()
            house.provider.open.set()
            life.synced()
            life.kill()
            life.buried()
            house.provider.on_step = lambda name, count: None
            cut.happen()
            last_life(house)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process holds the write lock: within one, SQLite's locks don't count."""
    program = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "c.execute('BEGIN IMMEDIATE'); print('locked', flush=True); sys.stdin.read()"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", program, path], stdin=pipe, stdout=pipe) as other:
        assert other.stdin is not None and other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        yield
        other.stdin.close()


def test_fault_16_database_locked_by_another_program(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PopServer(letters(3)) as server:
        bridge.add(server, policy="delete")
        # What waits is the same for 5 s as for 0.2 s.
        bridge.close()
        monkeypatch.setattr(sqlite, "BUSY_MS", 200)
        bridge.open()
        with locked(bridge.data / "popbridge.db"):
            assert bridge.poll()["error"] is not None
        assert not {"QUIT", "DELE"} & set(verbs(server)) and len(server.messages) == 3
        for _ in range(2):
            assert bridge.poll(minutes=60)["error"] is None
        assert len(bridge.mail()) == 3 and server.messages == []


def test_fault_16_database_that_became_read_only(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PopServer(letters(3)) as server:
        bridge.add(server, policy="delete")
        with monkeypatch.context() as patch:
            refused = StoreError("attempt to write a readonly database.", "Look at its mode.")
            patch.setattr(Store, "write_group", lambda self, works, *rest: [refused] * len(works))
            bridge.fails("BR-STORE-03")
        assert not {"QUIT", "DELE"} & set(verbs(server)) and len(server.messages) == 3
        for _ in range(2):
            assert bridge.poll(minutes=60)["error"] is None
        assert len(bridge.mail()) == 3 and server.messages == []


def test_fault_17_octets_that_rotted_in_the_store_are_never_deleted_upstream(
    bridge: Bridge,
) -> None:
    with PopServer(letters(4)) as server:
        held = list(server.messages)
        bridge.add(server, policy="delete-after=1d")
        assert bridge.fetched() == 4
        bridge.close()
        path = bridge.data / "popbridge.db"
        found = path.read_bytes()
        spoiled = found.replace(b"Subject: m2", b"Subject: mX")
        assert spoiled != found
        path.write_bytes(spoiled)
        bridge.open()
        for day in range(4):
            bridge.poll(minutes=24 * 60 + day)
        assert server.messages == [held[1]], "the only good copy stays where it is"


def test_fault_17_a_database_that_is_none_is_not_written_to(bridge: Bridge) -> None:
    with PopServer(letters(1)) as server:
        bridge.add(server)
        assert bridge.fetched() == 1
        bridge.close()
        path = bridge.data / "popbridge.db"
        whole = path.read_bytes()
        for octets in (b"garbage" * 1000, whole[:100] + bytes(8000) + whole[8100:]):
            path.write_bytes(octets)
            for beside in bridge.data.glob("popbridge.db-*"):
                beside.unlink()
            with pytest.raises(BridgeError):
                bridge.open()
                bridge.poll()
                assert bridge.poll()["error"] is None
                raise AssertionError("it was taken for a store")
            assert len(server.messages) == 1
        path.write_bytes(whole)
        bridge.open()
        assert bridge.fetched() == 0


@pytest.mark.parametrize("years", [-10, 10])
def test_fault_18_the_clock_jumps(bridge: Bridge, years: int) -> None:
    with PopServer(letters(3)) as server:
        bridge.add(server, policy="delete-after=30d")
        assert bridge.fetched() == 3
        before = bridge.inbox()
        bridge.jump(days=365 * years)
        for _ in range(3):
            bridge.poll()
        assert "DELE" not in verbs(server) and len(server.messages) == 3
        bridge.jump(days=-365 * years)
        bridge.poll()
        assert "DELE" not in verbs(server) and len(server.messages) == 3
        for _ in range(32):
            bridge.poll(minutes=24 * 60)
        assert server.messages == [], "thirty days with polls make thirty days"
        assert bridge.inbox() == before


def test_fault_18_the_clock_jumps_within_a_session(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PopServer(letters(3)) as server:
        bridge.add(server, policy="delete-after=30d")

        class Log(list[str]):
            def append(self, line: str) -> None:
                if line == "RETR 2":
                    bridge.jump(days=3650)
                super().append(line)

        server.log = Log()
        bridge.poll()
        bridge.poll()
        assert len(bridge.mail()) == 3
        assert "DELE" not in verbs(server)


def test_fault_42_schema_upgrade_interrupted(bridge: Bridge, tmp_path: Path) -> None:
    """A store is the old one or the new one, never half: killed at any write of its making."""
    path = tmp_path / "half" / "popbridge.db"
    path.parent.mkdir()
    for octets in (0, 1, 7):
        child = os.fork()
        if child == 0:
            _make_and_die(path, octets)
        os.waitpid(child, 0)
        store = open_store(path, on_commit=lambda _: None, clock_s=lambda: 1_700_000_000)
        try:
            assert store.read(lambda tx: tx.accounts()) == ()
        finally:
            store.close()
        for one in path.parent.iterdir():
            one.unlink()


def _make_and_die(path: Path, statements: int) -> None:
    """Dies after so many statements of the migration."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    seen = [0]

    def count(*_: Any) -> None:
        seen[0] += 1
        if seen[0] > 10 * (statements + 1):
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "after_cursor_execute", count)
    try:
        open_store(path, on_commit=lambda _: None, clock_s=lambda: 1_700_000_000)
    finally:
        os._exit(1)
