"""Syncs of many accounts: none waits for, or ends with, another."""

from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from bridge.admin.syncing import sync
from bridge.errors import RejectedPasswordError, StoreError
from bridge.model.ids import AccountId
from bridge.sync.runner import Progress, SyncResult
from tests.sync.fakes import ACCOUNT

ACCOUNTS = [
    replace(ACCOUNT, id=AccountId(n), login=login, paused=login == "paused")
    for n, login in enumerate(["alice", "bob", "paused"], 1)
]


class Database:
    async def read(self, work: Any) -> Any:
        class Tx:
            def accounts(self) -> Any:
                return tuple(ACCOUNTS)

            def account(self, login: str) -> Any:
                return next((one for one in ACCOUNTS if one.login == login.lower()), None)

        return work(Tx())


class Admin:
    """Of `Admin` what a sync needs; each poll ends when its Deferred does."""

    def __init__(self) -> None:
        self.database = Database()
        self.syncs = self
        self.polls: dict[int, Deferred[SyncResult]] = {}
        self.progress: dict[int, Any] = {}

    async def together(self, works: Any) -> Any:
        return await gatherResults(map(Deferred.fromCoroutine, works))

    async def sync_now(self, account_id: int, progress: Any) -> SyncResult:
        self.progress[account_id] = progress
        self.polls[account_id] = Deferred()
        return await self.polls[account_id]


def result(login: str, error: Any = None) -> SyncResult:
    return SyncResult(login, 3, 2, 1000, 0, 0.12345, error)


def begun(admin: Any, *logins: str, told: Any = lambda progress: None) -> tuple[Any, list[Any]]:
    done: list[Any] = []
    going = Deferred.fromCoroutine(sync(admin, logins, told))
    going.addBoth(done.append)
    return going, done


def test_a_slow_provider_keeps_no_other_waiting() -> None:
    admin = Admin()
    _, done = begun(admin)
    assert sorted(admin.polls) == [1, 2]
    admin.polls[2].callback(result("bob"))
    assert done == []
    admin.polls[1].callback(result("alice", RejectedPasswordError("No.", "Look.")))
    ((alice, bob),) = done
    assert alice["error"] == {"code": "BR-AUTH-01", "text": "No.", "remedy": "Look.", "exit": 77}
    assert bob == {
        "login": "bob", "listed": 3, "fetched": 2, "octets": 1000, "deleted": 0,
        "seconds": 0.123, "error": None,
    }  # fmt: skip


def test_one_that_raises_ends_no_other() -> None:
    admin = Admin()
    _, done = begun(admin)
    admin.polls[1].errback(StoreError("Broken.", "Mend it."))
    admin.polls[2].callback(result("bob"))
    ((alice, bob),) = done
    assert (alice["login"], alice["listed"], alice["error"]["exit"]) == ("alice", None, 73)
    assert bob["error"] is None


def test_a_login_named_twice_is_synced_once_and_a_paused_one_when_named() -> None:
    admin = Admin()
    begun(admin, "alice", "ALICE", "paused")
    assert sorted(admin.polls) == [1, 3]


def test_progress_is_told() -> None:
    admin, told = Admin(), list[Any]()
    begun(admin, "alice", told=told.append)
    admin.progress[1](Progress("alice", 5, 2, 300))
    assert told == [{"login": "alice", "to_fetch": 5, "fetched": 2, "octets": 300}]
