"""What changes while the service runs: settings, clocks, accounts, and the end of it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from bridge.errors import (
    RefusedError,
    UnknownLoginError,
    UpstreamError,
)
from bridge.model.account import Account, SyncStatus
from bridge.model.ids import AccountId
from bridge.model.profile import Profile
from bridge.store.port import InlineDatabase
from bridge.store.tx import ReadTx, WriteTx
from bridge.sync.service import FEW_ACCOUNTS
from tests.sync.bench import INTERVAL_S, Bench
from tests.sync.fakes import (
    ACCOUNT,
    START,
    GroupDatabase,
    Provider,
    Task,
    World,
    mail,
    now,
)


class Listing(InlineDatabase):
    """A store that lists accounts which it doesn't have."""

    def __init__(self, world: World, accounts: Sequence[Account]) -> None:
        super().__init__(world.store)
        self._accounts = tuple(accounts)

    async def read(self, work: Callable[[ReadTx], Any]) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ReadTx, "accounts", lambda tx: self._accounts)
            return await super().read(work)


def test_a_stop_begins_nothing_and_ends_what_runs(bench: Bench) -> None:
    account, provider = bench.world.account, bench.providers["alice"]
    provider.hang = Deferred()
    waits = [bench.add(f"b{n}", host=ACCOUNT.upstream.host) for n in range(2)]
    bench.providers["b0"].hang = Deferred()
    bench.start()
    joined = Task(bench.service.sync_now(account.id))
    waiting = Task(bench.service.sync_now(waits[1].id))
    bench.service.stop()
    assert isinstance(waiting.result().error, UpstreamError)
    assert isinstance(joined.result().error, UpstreamError)
    assert Task(bench.service.drained()).done
    assert isinstance(now(bench.service.sync_now(waits[1].id)).error, UpstreamError)
    for hang in (bench.providers["b0"].hang, provider.hang):
        hang.callback(None)
    bench.service.demand(account.id)
    bench.advance(INTERVAL_S * 9)
    assert bench.polls() == 1 and bench.polls("b1") == 0
    assert provider.events == ["connect", "abort"] and bench.results == []
    assert bench.status(account).next_attempt is None
    bench.service, provider.hang = bench.make(), None
    bench.start()
    assert bench.polls() == 2


def test_a_stop_waits_for_what_a_poll_still_writes(bench: Bench) -> None:
    database = GroupDatabase(bench.world.store)
    bench.service = bench.make(
        database=database,
        runner_for=lambda account: bench.world.runner(database, account),
    )
    bench.providers["alice"].add(b"a", mail("a"))
    bench.start()
    bench.service.stop()
    drained = Task(bench.service.drained())
    while not drained.done:
        assert database.waiting
        database.flush()
    assert Task(bench.service.drained()).done


def test_removing_an_account_ends_its_poll(bench: Bench) -> None:
    bench.providers["alice"].hang = Deferred()
    bench.start()
    joined = Task(bench.service.sync_now(bench.world.account.id))
    bench.world.store.write(lambda tx: tx.remove_account(bench.world.account.id))
    now(bench.service.accounts_changed())
    assert isinstance(joined.result().error, UnknownLoginError)
    bench.providers["alice"].hang.callback(None)
    assert bench.providers["alice"].events == ["connect", "abort"]


def test_settings_are_taken_over_while_it_runs(bench: Bench) -> None:
    account = bench.world.account
    accounts = [bench.add(f"a{n}", host="one.example", interval_s=10_000) for n in range(3)]
    bench.service = bench.make(interval_s=1000, demand_after_s=500, per_host=1)
    bench.start()
    settings: dict[str, Any] = {
        "interval_s": 100,
        "demand_after_s": 20,
        "demand_per_hour": 1,
        "connections": 9,
        "per_host": 3,
    }
    bench.service.reconfigure(**settings)
    bench.advance(19)
    bench.service.demand(account.id)
    assert bench.polls() == 1
    bench.advance(1)
    bench.service.demand(account.id)
    assert bench.polls() == 2
    bench.advance(30)
    bench.service.demand(account.id)
    assert bench.polls() == 2
    bench.advance(70)
    assert bench.polls() == 3
    for each in accounts:
        bench.providers[each.login].hang = Deferred()
    bench.advance(10_000)
    assert [bench.polls(each.login) for each in accounts] == [2, 2, 2]
    bench.service.reconfigure(**{**settings, "interval_s": 50_000})
    polls = bench.polls()
    bench.advance(100)
    assert bench.polls() == polls + 1
    bench.advance(49_000)
    assert bench.polls() == polls + 1


def test_a_lower_interval_counts_for_a_poll_that_is_due_later(bench: Bench) -> None:
    bench.service = bench.make(interval_s=100_000)
    bench.start()
    bench.service.reconfigure(
        interval_s=100, demand_after_s=60, demand_per_hour=20, connections=32, per_host=2
    )
    bench.advance(109)
    assert bench.polls() == 1
    bench.advance(1)
    assert bench.polls() == 2


def test_more_connections_are_used_at_once(bench: Bench) -> None:
    bench.add("bob")
    for provider in bench.providers.values():
        provider.hang = Deferred()
    bench.service = bench.make(connections=1)
    bench.start()
    assert bench.polls() + bench.polls("bob") == 1
    bench.service.reconfigure(
        interval_s=100, demand_after_s=60, demand_per_hour=20, connections=2, per_host=2
    )
    assert bench.polls() + bench.polls("bob") == 2


def test_a_clock_that_was_set_back_silences_nobody(bench: Bench) -> None:
    years = timedelta(days=3650)
    status = replace(
        bench.status(bench.world.account),
        last_attempt=START + years,
        next_attempt=START + years,
    )
    bench.world.store.write(lambda tx: tx.save_sync_status(status))
    bench.start()
    bench.advance(INTERVAL_S * 1.1)
    assert bench.polls() == 1


def test_the_providers_login_delay_wins(bench: Bench) -> None:
    bench.providers["alice"].login_delay_s = 900
    bench.service = bench.make(demand_after_s=0)
    bench.start()
    assert bench.status(bench.world.account).next_attempt == START + timedelta(seconds=900)
    bench.advance(899)
    bench.service.demand(bench.world.account.id)
    assert bench.polls() == 1
    # A poll that fails before the provider can tell it doesn't end it.
    bench.providers["alice"].connect_error = RefusedError("nobody there")
    bench.advance(1)
    bench.advance(899)
    assert bench.polls() == 2
    bench.advance(1)
    assert bench.polls() == 3
    # A shorter one than the interval changes nothing.
    bench.providers["alice"].connect_error = None
    bench.providers["alice"].login_delay_s = 5
    bench.advance(900)
    bench.advance(INTERVAL_S - 1)
    assert bench.polls() == 4
    bench.advance(1)
    assert bench.polls() == 5


def test_looking_while_a_poll_runs_or_waits_spends_nothing(bench: Bench) -> None:
    account = bench.world.account
    bench.service = bench.make(demand_per_hour=1, demand_after_s=0)
    bench.providers["alice"].hang = Deferred()
    bench.start()
    bench.service.demand(account.id)
    bench.providers["alice"].hang.callback(None)
    bench.advance(1)
    bench.service.demand(account.id)
    assert bench.polls() == 2


def test_accounts_that_did_not_change_are_left_alone(bench: Bench) -> None:
    bench.start()
    reads: list[int] = []
    sync_status = ReadTx.sync_status

    def counted(tx: ReadTx, account_id: AccountId) -> SyncStatus:
        reads.append(account_id)
        return sync_status(tx, account_id)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ReadTx, "sync_status", counted)
        bob = bench.add("bob")
        timers = bench.world.loop.clock.getDelayedCalls()
        now(bench.service.accounts_changed())
    assert reads == [bob.id]
    assert all(timer.active() for timer in timers)


def test_many_accounts_are_read_in_a_query_each_kind(bench: Bench) -> None:
    many = [bench.add(f"user{number}") for number in range(FEW_ACCOUNTS + 1)]
    due = START + timedelta(days=1)

    def write(tx: WriteTx) -> None:
        tx.save_sync_status(SyncStatus(account_id=many[0].id, next_attempt=due))
        tx.save_profile(Profile(account_id=many[1].id, login_delay_s=900))

    bench.world.store.write(write)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ReadTx, "sync_status", None)
        patch.setattr(ReadTx, "profile", None)
        now(bench.service.start())
    entries = bench.service._entries
    assert [entries[one.id].due for one in many[:2]] == [due, START]
    assert [entries[one.id].login_delay_s for one in many[:3]] == [0, 900, 0]


@pytest.mark.parametrize("hosts", [1, 2000])
def test_a_start_with_thousands_due_begins_no_more_than_allowed(bench: Bench, hosts: int) -> None:
    accounts = [
        replace(
            ACCOUNT,
            id=AccountId(number),
            login=f"a{number}",
            upstream=replace(ACCOUNT.upstream, host=f"{number % hosts}.example"),
        )
        for number in range(2000)
    ]
    provider = Provider(hang=Deferred())
    bench.service = bench.make(
        database=Listing(bench.world, accounts),
        runner_for=lambda account: bench.world.runner(account=account, provider=provider),
    )
    bench.start()
    assert provider.events.count("connect") == min(32, 2 * hosts)


@pytest.mark.parametrize(
    ("changes", "polls"),
    [
        ({"quota_octets": 1}, 1),
        ({"withheld": frozenset({"QUOTA"})}, 1),
        ({"trace_until": START}, 1),
        ({"sealed_password": b"new"}, 2),
        ({"interval_s": 60}, 2),
        ({"paused": True}, 1),
    ],
)
def test_what_concerns_its_sessions_alone_polls_nothing(
    bench: Bench, changes: dict[str, Any], polls: int
) -> None:
    bench.start()
    changed = replace(bench.world.account, **changes)
    bench.world.store.write(lambda tx: tx.update_account(changed))
    now(bench.service.accounts_changed())
    bench.advance(1)
    assert bench.polls() == polls
