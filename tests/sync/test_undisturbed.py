"""Other log-ins of popbridge's own and polls keep out of each other's way."""

import pytest
from twisted.internet.defer import Deferred

from bridge.errors import UnknownLoginError, UpstreamError
from bridge.model.ids import AccountId
from bridge.sync.service import SyncService
from tests.sync.bench import INTERVAL_S, Bench
from tests.sync.fakes import Task, now


class Work:
    """What is done meanwhile: ends when `done` is fired."""

    def __init__(self) -> None:
        self.begun = False
        self.done: Deferred[str] = Deferred()

    async def __call__(self) -> str:
        self.begun = True
        return await self.done


def begun(service: SyncService, account_id: AccountId) -> tuple[Work, Task]:
    work = Work()
    return work, Task(service.undisturbed(account_id, work))


def test_no_poll_begins_meanwhile_and_the_next_comes_on_time(bench: Bench) -> None:
    account = bench.world.account.id
    bench.start()
    work, task = begun(bench.service, account)
    bench.advance(2 * INTERVAL_S)
    bench.service.demand(account)
    assert (work.begun, bench.polls()) == (True, 1)
    work.done.callback("seen")
    assert task.result() == ("seen",)
    bench.advance(0)
    assert bench.polls() == 2


def test_it_does_nothing_while_a_poll_runs(bench: Bench) -> None:
    bench.providers["alice"].hang = Deferred()
    bench.start()
    work, task = begun(bench.service, bench.world.account.id)
    assert (task.result(), work.begun) == (None, False)
    bench.providers["alice"].hang.callback(None)


def test_whoever_syncs_meanwhile_is_served_right_after_it(bench: Bench) -> None:
    account = bench.world.account.id
    bench.start()
    work, _ = begun(bench.service, account)
    syncing = Task(bench.service.sync_now(account))
    bench.advance(1)
    assert bench.polls() == 1
    work.done.callback("seen")
    bench.advance(0)
    assert (bench.polls(), syncing.result().error) == (2, None)


def test_it_counts_as_a_log_in_for_the_providers_pause(bench: Bench) -> None:
    account = bench.add("web", host="pop3.web.de")
    bench.start()
    bench.advance(INTERVAL_S)
    work, _ = begun(bench.service, account.id)
    work.done.callback("seen")
    bench.advance(15 * 60 - 1)
    assert bench.polls("web") == 1
    bench.advance(1)
    assert bench.polls("web") == 2


@pytest.mark.parametrize(("end", "told"), [("stop", UpstreamError), ("remove", UnknownLoginError)])
def test_who_waits_hears_of_an_end(bench: Bench, end: str, told: type[Exception]) -> None:
    account = bench.world.account
    bench.start()
    work, _ = begun(bench.service, account.id)
    syncing = Task(bench.service.sync_now(account.id))
    if end == "stop":
        bench.service.stop()
    else:
        bench.world.store.write(lambda tx: tx.remove_account(account.id))
        now(bench.service.accounts_changed())
    work.done.callback("seen")
    assert isinstance(syncing.result().error, told)
    assert bench.polls() == 1


def test_a_failure_is_passed_on_and_polling_goes_on(bench: Bench) -> None:
    bench.start()
    work, task = begun(bench.service, bench.world.account.id)
    work.done.errback(UpstreamError("gone"))
    with pytest.raises(UpstreamError, match="gone"):
        _ = task.result()
    bench.advance(INTERVAL_S)
    assert bench.polls() == 2


def test_a_service_that_polls_nothing_lets_it_work(bench: Bench) -> None:
    work, task = begun(bench.service, AccountId(99))
    work.done.callback("seen")
    assert task.result() == ("seen",)
