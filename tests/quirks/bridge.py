"""popbridge as it is put together, real but for the clock, polling a scripted POP3 server."""

import functools
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
from twisted.internet.threads import blockingCallFromThread

from bridge.admin.operations import perform
from bridge.admin.origin import Origin
from bridge.app import core as composition
from bridge.app.core import Core
from bridge.config import Config
from bridge.model.account import Account
from bridge.model.mailbox import INBOX
from bridge.model.profile import Profile
from bridge.model.upstream import Known, LedgerState
from bridge.net.loop import ReactorLoop
from bridge.store.tx import ReadTx
from bridge.sync.runner import Runner
from tests.pop_server import HOST, PopServer
from tests.reactor import reactor, run, start

T = TypeVar("T")
BEGAN = datetime(2026, 11, 24, 10, tzinfo=UTC)
SILENCE_S = 3.0
"""Seconds of silence that end a POP session: enough for a busy machine, soon over in a test."""


class ShiftedLoop(ReactorLoop):
    """Its wall clock stands still until it is moved; timers are the reactor's."""

    def __init__(self, made_for: Any) -> None:
        super().__init__(made_for)
        self.time = BEGAN

    def now(self) -> datetime:
        """As `Loop.now`."""
        return self.time


class Bridge:
    """One data folder and what runs on it; accounts are alice's unless they are named."""

    def __init__(self, data: Path, patch: pytest.MonkeyPatch) -> None:
        data.mkdir(exist_ok=True)
        self.data = data
        self._patch = patch
        self._passed_s = 0.0
        self.settings = replace(Config(), store=replace(Config().store, reserve_octets=0))
        self.open()

    def open(self) -> None:
        """Starts it, also after `close`."""
        start()
        began = self._loop.time if hasattr(self, "core") else BEGAN
        self._patch.setattr(composition, "ReactorLoop", ShiftedLoop)
        steady = SimpleNamespace(monotonic=lambda: time.monotonic() + self._passed_s)
        self._patch.setattr(composition, "time", steady)
        patient = functools.partial(Runner, progress_timeout_s=SILENCE_S)
        self._patch.setattr(composition, "Runner", patient)
        self.core: Core = blockingCallFromThread(
            reactor, lambda: Core(reactor, self.data, self.settings, "test")
        )
        self._loop.time = began

    def close(self) -> None:
        """Stops it, as at the end of the process."""

        def close() -> None:
            self.core.syncs.stop()
            self.core.close()

        blockingCallFromThread(reactor, close)

    @property
    def now(self) -> datetime:
        """The wall clock."""
        return self._loop.time

    def wait(self, **passing: float) -> None:
        """Lets time pass, as `timedelta` has it; nothing happens meanwhile."""
        self._passed_s += timedelta(**passing).total_seconds()
        self.jump(**passing)

    def jump(self, **by: float) -> None:
        """Sets the wall clock forward, or back; no time passes."""
        self._loop.time += timedelta(**by)

    def ask(self, operation: str, **arguments: Any) -> Any:
        """What an operation returns, as the command line's owner asks for it."""
        return run(
            lambda: perform(self.core.admin, operation, arguments, lambda _: None, Origin.OWNER),
            timeout=300,
        )

    def add(self, server: PopServer, login: str = "alice", **options: Any) -> Any:
        """Adds an account at the server."""
        scheme = "pop3+plain" if server.tls is None and server.stls is None else "pop3"
        scheme = "pop3s" if server.tls is not None else scheme
        wanted = {
            "login": login,
            "pop3": f"{scheme}://{server.user}@{HOST}:{server.port}",
            "pop3_password": server.password,
            "password": "device",
            "check": False,
            **options,
        }
        return self.ask("account add", **wanted)

    def poll(self, login: str = "alice", *, minutes: float = 5) -> dict[str, Any]:
        """Syncs one account after so many minutes, and tells how that went."""
        self.wait(minutes=minutes)
        [told] = self.ask("sync", logins=[login])
        found: dict[str, Any] = told
        return found

    def fetched(self, login: str = "alice", *, minutes: float = 5) -> int:
        """New messages of a poll that goes well."""
        told = self.poll(login, minutes=minutes)
        assert told["error"] is None, told["error"]
        return int(told["fetched"])

    def fails(self, code: str, login: str = "alice", *, minutes: float = 5) -> dict[str, Any]:
        """The error of a poll that fails with this code; it has words and a remedy."""
        error = self.poll(login, minutes=minutes)["error"]
        assert error is not None and error["code"] == code, error
        assert error["text"].endswith(".") and error["remedy"].endswith(".")
        found: dict[str, Any] = error
        return found

    def read(self, work: Callable[[ReadTx, Account], T], login: str = "alice") -> T:
        """What `work` finds in the store about an account."""

        def found(tx: ReadTx) -> T:
            account = tx.account(login)
            assert account is not None
            return work(tx, account)

        return self.core.store.read(found)

    def inbox(self, login: str = "alice") -> dict[int, bytes]:
        """The octets of each live message by UID."""

        def read(tx: ReadTx, account: Account) -> dict[int, bytes]:
            box = tx.mailbox(account.id, INBOX)
            assert box is not None
            rows = tx.rows(box.id, list(tx.snapshot(box).uids))
            return {row.uid: tx.octets(row.message_id, 0, row.size) for row in rows}

        return self.read(read, login)

    def mail(self, login: str = "alice") -> list[bytes]:
        """The octets of the live messages, by UID."""
        return list(self.inbox(login).values())

    def ledger(self, login: str = "alice") -> tuple[Known, ...]:
        """What is known of each upstream message."""
        return self.read(lambda tx, account: tx.known(account.id), login)

    def states(self, login: str = "alice") -> dict[bytes, LedgerState]:
        """The ledger's states by UIDL."""
        return {row.uidl: row.state for row in self.ledger(login)}

    def profile(self, login: str = "alice") -> Profile:
        """What is remembered of the provider."""
        return self.read(lambda tx, account: tx.profile(account.id), login)

    def status(self, login: str = "alice") -> dict[str, Any]:
        """What `status --json` tells of an account."""
        told = self.ask("status")
        accounts = told["accounts"] if isinstance(told, dict) else told
        found: dict[str, Any] = next(one for one in accounts if one["login"] == login)
        return found

    def expunge(self, *uids: int, login: str = "alice") -> None:
        """What a client does that deletes messages and expunges them."""

        def write(tx: Any) -> None:
            account = tx.account(login)
            box = tx.mailbox(account.id, INBOX)
            tx.expunge(box.id, list(uids), now=self.now)

        run(lambda: self.core.database.write(write))

    @property
    def _loop(self) -> ShiftedLoop:
        loop = self.core.loop
        assert isinstance(loop, ShiftedLoop)
        return loop


def verbs(server: PopServer, session: int | None = None) -> list[str]:
    """The commands' verbs that clients sent: in all sessions, or in one; -1 is the last."""
    sessions: list[list[str]] = []
    for line in server.log:
        if line.startswith("session "):
            sessions.append([])
        else:
            sessions[-1].append(line.partition(" ")[0].upper())
    if session is None:
        return [verb for one in sessions for verb in one]
    return sessions[session if session < 0 else session - 1]
