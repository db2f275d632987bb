"""A service over several accounts, for tests of when polls happen."""

from dataclasses import replace
from typing import Any

from sqlalchemy import update

from bridge.model.account import Account, SyncStatus
from bridge.store import schema
from bridge.sync.runner import Runner, SyncResult
from bridge.sync.service import SyncService
from tests.sync.fakes import (
    ACCOUNT,
    Provider,
    World,
    now,
)

INTERVAL_S = 300


class Bench:
    """A service over several accounts, each with a provider of its own."""

    def __init__(self, world: World, **settings: Any) -> None:
        self.world = world
        self.providers: dict[str, Provider] = {"alice": world.provider}
        self.results: list[SyncResult] = []
        self.service = self.make(**settings)

    def make(self, **settings: Any) -> SyncService:
        chosen: dict[str, Any] = {
            "database": self.world.database,
            "loop": self.world.loop,
            "runner_for": self.runner_for,
            "interval_s": INTERVAL_S,
            "jitter": lambda: 0.0,
            "results": self.results.append,
        }
        return SyncService(**{**chosen, **settings})

    def runner_for(self, account: Account) -> Runner:
        return self.world.runner(account=account, provider=self.providers[account.login])

    def add(self, login: str, host: str = "", **changes: Any) -> Account:
        self.providers[login] = Provider()
        upstream = replace(ACCOUNT.upstream, host=host or f"{login}.example")
        return self.world.add_account(login, upstream=upstream, **changes)

    def change(self, account: Account, **values: object) -> None:
        table = schema.account
        statement = update(table).where(table.c.id == account.id)
        self.world.store.write(lambda tx: tx.do(statement, **values))
        now(self.service.accounts_changed())

    def start(self) -> None:
        now(self.service.start())
        self.advance(0)

    def advance(self, seconds: float) -> None:
        # A run that ends puts what waits off by a call, so time moves in two steps.
        self.world.loop.clock.pump([seconds, 0, 0, 0])

    def polls(self, login: str = "alice") -> int:
        return self.providers[login].events.count("connect")

    def status(self, account: Account) -> SyncStatus:
        return self.world.store.read(lambda tx: tx.sync_status(account.id))
