"""How long answers to log-ins take, with a clock and a store of our own."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bridge import crypto
from bridge.admin import authentication
from bridge.admin.authentication import FIRST_DELAY_S, MAX_DELAY_S, PasswordChecker
from bridge.model.account import Account, Device
from bridge.store.engine import open_store
from bridge.store.port import InlineDatabase
from tests.sync.fakes import ACCOUNT

T = TypeVar("T")
KEY = b"k" * 32
CHECK_S = 0.02


class Time:
    """A clock that sleeping and checking passwords move on."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self.wake: asyncio.Event | None = None

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if self.wake is not None:
            await self.wake.wait()
        self.now += seconds

    async def in_thread(self, work: Callable[[], T]) -> T:
        self.now += CHECK_S
        return work()


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def checker(tmp_path: Path, clock: Time) -> Any:
    store = open_store(tmp_path / "db", on_commit=lambda changes: None, clock_s=lambda: 1.0)

    def add(login: str, password: str, made: bool) -> None:
        def work(tx: Any) -> None:
            account: Account = tx.add_account(replace(ACCOUNT, login=login))
            tx.add_device(
                Device(
                    account_id=account.id,
                    name="first",
                    verifier=crypto.verifier_for(password, made=made, key=KEY),
                    stored_key=b"",
                    server_key=b"",
                )
            )

        store.write(work)

    add("alice", "chosen", False)
    add("bob", "aaaa-bbbb", True)
    yield PasswordChecker(InlineDatabase(store), KEY, clock, clock.in_thread, lambda: clock.now)
    store.close()


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def took(clock: Time, checker: PasswordChecker, login: bytes, password: bytes, peer: str) -> float:
    began = clock.now
    assert run(checker.check(login, password, peer)) is None
    return clock.now - began


def test_an_unknown_login_takes_as_long_as_a_known_one(clock: Time, checker: Any) -> None:
    times = [
        took(clock, checker, login, b"wrong", f"192.0.2.{n}")
        for n, login in enumerate([b"alice", b"bob", b"nobody", b"\xff"])
    ]
    assert times == pytest.approx([FIRST_DELAY_S] * 4)


def test_failures_of_an_address_are_answered_later_and_later(clock: Time, checker: Any) -> None:
    times = [took(clock, checker, b"alice", b"wrong", "192.0.2.1") for _ in range(8)]
    assert times == pytest.approx([0.5, 1, 2, 4, 8, 15, 15, 15])
    assert times[-1] == pytest.approx(MAX_DELAY_S)
    assert took(clock, checker, b"alice", b"wrong", "192.0.2.2") == pytest.approx(0.5)


def test_the_owner_is_never_locked_out(clock: Time, checker: Any) -> None:
    for _ in range(20):
        took(clock, checker, b"alice", b"wrong", "192.0.2.1")
    clock.slept.clear()
    found = run(checker.check(b"ALICE", b"chosen", "192.0.2.1"))
    assert found is not None
    assert (found.account.login, found.device.account_id) == ("alice", found.account.id)
    assert clock.slept == []
    # And it is all forgiven.
    assert took(clock, checker, b"alice", b"wrong", "192.0.2.1") == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("a socket", "another", False),
    ],
)
def test_addresses_of_one_network_are_one(
    clock: Time, checker: Any, first: str, second: str, same: bool
) -> None:
    took(clock, checker, b"nobody", b"", first)
    assert took(clock, checker, b"nobody", b"", second) == pytest.approx(1 if same else 0.5)


def test_failures_do_not_pile_up(
    clock: Time, checker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authentication, "MAX_ASLEEP", 3)

    async def flood() -> None:
        clock.wake = asyncio.Event()
        tries = [asyncio.ensure_future(checker.check(b"x", b"", "192.0.2.1")) for _ in range(5)]
        for _ in range(2):
            await asyncio.wait(tries, return_when=asyncio.FIRST_COMPLETED)
        assert (len(clock.slept), sum(one.done() for one in tries)) == (3, 2)
        clock.wake.set()
        await asyncio.gather(*tries)

    run(flood())
    assert len(clock.slept) == 3


def test_a_slow_check_that_succeeded_is_not_made_again(clock: Time, checker: Any) -> None:
    for _ in range(3):
        assert run(checker.check(b"alice", b"chosen", "192.0.2.1")) is not None
    assert clock.now == pytest.approx(CHECK_S)
    assert run(checker.check(b"bob", b"AAAA BBBB", "192.0.2.1")) is not None
    assert clock.now == pytest.approx(CHECK_S)
