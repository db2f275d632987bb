from datetime import timedelta
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from bridge.errors import (
    BridgeError,
    RefusedError,
    RejectedPasswordError,
    UnknownLoginError,
)
from bridge.model.account import Account
from bridge.model.ids import AccountId
from bridge.sync.runner import Progress, Runner
from tests.sync.bench import INTERVAL_S, Bench
from tests.sync.fakes import (
    START,
    FullAt,
    Task,
    mail,
    now,
)


def test_a_new_account_is_polled_at_once_and_then_on_time(bench: Bench) -> None:
    bench.start()
    assert bench.polls() == 1
    bench.advance(INTERVAL_S - 1)
    assert bench.polls() == 1
    bench.advance(1)
    assert bench.polls() == 2
    due = bench.status(bench.world.account).next_attempt
    assert due == bench.world.loop.now() + timedelta(seconds=INTERVAL_S)
    assert [result.login for result in bench.results] == ["alice"] * 2


def test_an_interval_of_its_own_and_jitter_count(bench: Bench) -> None:
    own = bench.add("own", interval_s=10)
    bench.service = bench.make(jitter=lambda: 0.5)
    bench.start()
    assert bench.status(own).next_attempt == START + timedelta(seconds=10.5)


def test_a_restart_waits_as_long_as_the_last_poll_said(bench: Bench) -> None:
    bench.start()
    bench.service.stop()
    bench.advance(100)
    bench.service = bench.make()
    bench.start()
    bench.advance(199)
    assert bench.polls() == 1
    bench.advance(1)
    assert bench.polls() == 2


def test_failures_back_off(bench: Bench) -> None:
    bench.providers["alice"].connect_error = RefusedError("nobody there")
    bench.service = bench.make(interval_s=1)
    bench.start()
    waits = []
    for _ in range(7):
        due = bench.status(bench.world.account).next_attempt
        assert due is not None
        waits.append((due - bench.world.loop.now()).total_seconds())
        bench.advance(waits[-1])
    assert waits == [60, 120, 300, 600, 1800, 1800, 1800]
    bench.providers["alice"].connect_error = None
    bench.advance(1800)
    polls = bench.polls()
    bench.advance(1)
    assert bench.polls() == polls + 1


def test_failures_back_off_though_a_full_disk_keeps_no_status(bench: Bench) -> None:
    full = FullAt(bench.world.database, 1, stays=True)
    bench.providers["alice"].connect_error = RefusedError("nobody there")
    bench.service = bench.make(
        interval_s=1,
        database=full,
        runner_for=lambda account: bench.world.runner(full, account),
    )
    bench.start()
    for wait, polls in ((60, 2), (119, 2), (1, 3), (300, 4)):
        bench.advance(wait)
        assert bench.polls() == polls


def test_a_rejected_password_is_tried_rarely_until_it_is_changed(bench: Bench) -> None:
    bench.providers["alice"].connect_error = RejectedPasswordError("wrong")
    bench.start()
    bench.advance(15 * 60 - 1)
    assert bench.polls() == 1
    bench.advance(1)
    bench.service.demand(bench.world.account.id)
    bench.advance(3599)
    assert bench.polls() == 2
    bench.providers["alice"].connect_error = None
    bench.change(bench.world.account, sealed_password=b"other")
    bench.advance(0)
    assert bench.polls() == 3 and bench.results[-1].error is None


def test_promise_7_one_hanging_account_delays_no_other(bench: Bench) -> None:
    others = [bench.add(f"other{n}") for n in range(9)]
    bench.providers["alice"].hang = Deferred()
    bench.start()
    for _ in range(3):
        bench.advance(INTERVAL_S)
    assert bench.polls() == 1
    assert [bench.polls(account.login) for account in others] == [4] * 9
    bench.providers["alice"].hang.callback(None)


def test_promise_7_one_faulty_account_delays_no_other_and_is_tried_again(bench: Bench) -> None:
    bench.add("bob")
    runner_for = bench.runner_for

    def faulty(account: Account) -> Runner:
        if account.login == "alice":
            raise ValueError("a fault of ours")
        return runner_for(account)

    bench.service = bench.make(runner_for=faulty)
    bench.start()
    bench.advance(INTERVAL_S)
    codes = [None if r.error is None else r.error.code for r in bench.results if r.login == "alice"]
    assert codes == [BridgeError.code] * 2 and bench.polls("bob") == 2


@pytest.mark.parametrize(("connections", "per_host", "at_once"), [(4, 9, 4), (9, 2, 2)])
def test_no_more_connections_than_allowed(
    bench: Bench, connections: int, per_host: int, at_once: int
) -> None:
    accounts = [bench.add(f"a{n}", host="one.example") for n in range(8)]
    for provider in bench.providers.values():
        provider.hang = Deferred()
    bench.change(bench.world.account, paused=True)
    bench.service = bench.make(connections=connections, per_host=per_host)
    bench.start()
    for done in range(8):
        begun = [account.login for account in accounts if bench.polls(account.login)]
        assert len(begun) == min(8, done + at_once)
        hang = bench.providers[begun[done]].hang
        assert hang is not None
        hang.callback(None)
        bench.advance(0)
    assert len(bench.results) == 8


def test_a_full_provider_does_not_keep_others_waiting(bench: Bench) -> None:
    for name in ("a", "b", "c"):
        bench.add(name, host="slow.example")
        bench.providers[name].hang = Deferred()
    bench.add("d", host="fast.example")
    bench.start()
    assert [bench.polls(name) for name in "abcd"] == [1, 1, 0, 1]


def test_a_client_that_looks_causes_a_poll_but_not_too_often(bench: Bench) -> None:
    account = bench.world.account
    bench.service = bench.make(interval_s=100_000, demand_after_s=60, demand_per_hour=3)
    bench.service.demand(account.id)
    assert bench.polls() == 0
    bench.start()
    for seconds, polls in ((59, 1), (1, 2), (30, 2), (30, 3), (60, 4), (60, 4), (3419, 4), (1, 5)):
        bench.advance(seconds)
        bench.service.demand(account.id)
        assert bench.polls() == polls, seconds
    bench.service.demand(AccountId(99))


def test_looking_does_not_poll_an_account_that_fails_or_is_paused(bench: Bench) -> None:
    account = bench.world.account
    bench.providers["alice"].connect_error = RefusedError("nobody there")
    bench.start()
    bench.advance(100)
    bench.service.demand(account.id)
    assert bench.polls() == 1
    bench.providers["alice"].connect_error = None
    bench.advance(200)
    bench.change(account, paused=True)
    bench.advance(100)
    bench.service.demand(account.id)
    assert bench.polls() == 2


def test_a_paused_account_is_polled_only_when_asked_for(bench: Bench) -> None:
    account = bench.world.account
    bench.change(account, paused=True)
    bench.start()
    bench.advance(INTERVAL_S * 9)
    assert bench.polls() == 0
    assert now(bench.service.sync_now(account.id)).error is None
    bench.advance(INTERVAL_S * 9)
    assert bench.polls() == 1
    bench.change(account, paused=False)
    bench.advance(0)
    assert bench.polls() == 2


def test_sync_now_joins_the_poll_that_runs(bench: Bench) -> None:
    provider = bench.providers["alice"]
    provider.add(b"a", mail("a"))
    provider.hang = Deferred()
    bench.start()
    told: list[Progress] = []
    tasks = [Task(bench.service.sync_now(bench.world.account.id, told.append)) for _ in range(2)]
    assert bench.polls() == 1 and not any(task.done for task in tasks)
    provider.hang.callback(None)
    assert [task.result().fetched for task in tasks] == [1, 1]
    assert [each.fetched for each in told] == [0, 0, 1, 1]
    bench.advance(0)
    assert now(bench.service.sync_now(bench.world.account.id)).fetched == 0
    assert len(told) == 4


def test_sync_now_needs_no_start_and_goes_first(bench: Bench) -> None:
    accounts = [bench.add(f"a{n}", host="one.example") for n in range(5)]
    for account in accounts[:4]:
        bench.providers[account.login].hang = Deferred()
    tasks = [Task(bench.service.sync_now(account.id)) for account in accounts[:3]]
    last = Task(bench.service.sync_now(accounts[4].id))
    assert [bench.polls(f"a{n}") for n in range(5)] == [1, 1, 0, 0, 0]
    hang = bench.providers["a0"].hang
    assert hang is not None
    hang.callback(None)
    bench.advance(0)
    assert last.done and tasks[0].done and not tasks[1].done
    bench.advance(INTERVAL_S)
    assert bench.polls("a0") == 1


def test_an_unknown_account_is_named_as_such(bench: Bench) -> None:
    with pytest.raises(UnknownLoginError):
        now(bench.service.sync_now(AccountId(99)))


def test_accounts_come_and_go_while_it_runs(bench: Bench) -> None:
    bench.start()
    bob = bench.add("bob")
    now(bench.service.accounts_changed())
    bench.advance(0)
    assert bench.polls("bob") == 1 and bench.polls() == 1
    bench.providers["bob"].hang = Deferred()
    bench.advance(INTERVAL_S)
    bench.world.store.write(lambda tx: tx.remove_account(bob.id))
    now(bench.service.accounts_changed())
    bench.providers["bob"].hang.callback(None)
    bench.advance(INTERVAL_S * 3)
    assert bench.polls("bob") == 2


def test_a_time_that_cannot_be_saved_is_kept_all_the_same(bench: Bench) -> None:
    bench.service = bench.make(database=FullAt(bench.world.database, 1))
    bench.start()
    assert bench.status(bench.world.account).next_attempt is None
    bench.advance(INTERVAL_S)
    assert bench.polls() == 2


def test_a_store_fault_while_the_time_is_saved_frees_the_connection(bench: Bench) -> None:
    class Faulty(FullAt):
        async def write(self, work: Any, *, ingest: bool = False) -> Any:
            raise RuntimeError("the store is closing")

    database = Faulty(bench.world.database, 0)
    bench.service = bench.make(database=database, connections=1)
    bench.start()
    assert now(bench.service.sync_now(bench.world.account.id)).error is None
    assert [str(fault.value) for fault in bench.world.loop.faults] == ["the store is closing"] * 2
    bench.world.loop.faults.clear()
