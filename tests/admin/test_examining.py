"""What is asked of an account's provider, and when nobody logs in there."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bridge.admin.operations import perform
from bridge.admin.origin import Origin
from bridge.errors import (
    ProtocolError,
    RejectedPasswordError,
    TimedOutError,
    UnknownLoginError,
    UpstreamError,
)
from bridge.model.account import Account, AccountState, Secret, SyncStatus
from bridge.model.profile import Habits, Profile
from bridge.model.upstream import Listed, Listing
from bridge.store.engine import Store, open_store
from bridge.store.port import InlineDatabase
from bridge.sync.port import Seen
from tests.sync.fakes import ACCOUNT

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


@dataclass
class Session:
    """A POP session that knows nothing but what may be asked; `said` is what was."""

    stat_error: UpstreamError | None = None
    said: list[str] = field(default_factory=list)
    habits = Habits(mechanism="PLAIN")
    implementation = "Test"
    bare_lf = False
    login_delay_s = 60
    seen = Seen({"UIDL": ()}, "TLSv1.3", NOW)

    async def stat(self) -> tuple[int, int]:
        self.said.append("STAT")
        if self.stat_error is not None:
            raise self.stat_error
        return 2, 30

    async def listing(self) -> Listing:
        self.said.append("LIST")
        return Listing((Listed(1, b"a", 10), Listed(2, b"a", 20)))

    async def quit(self) -> None:
        self.said.append("QUIT")

    def abort(self) -> None:
        self.said.append("abort")


class Admin:
    """Of `Admin` what examining needs."""

    max_message_octets = 1 << 30

    def __init__(self, store: Store) -> None:
        self.database = InlineDatabase(store)
        self.store = store
        self.session = Session()
        self.error: UpstreamError | None = None
        self.busy = False
        self.late = 0
        self.connector = self.syncs = self

    def clock(self) -> datetime:
        return NOW

    async def in_background(self, work: Callable[[], Any]) -> Any:
        return work()

    async def limited(self, work: Any, seconds: float) -> Any:
        if seconds == self.late:
            work.close()
            raise TimedOutError("It took too long.", "Try again.")
        return await work

    def as_told(self, login: str, known: SyncStatus) -> SyncStatus:
        return known

    async def secret(self, account: Account) -> Secret:
        return Secret("secret")

    async def undisturbed(self, account_id: int, work: Callable[[], Any]) -> tuple[Any] | None:
        return None if self.busy else (await work(),)

    async def connect(self, *how: object) -> Session:
        if self.error is not None:
            raise self.error
        return self.session


@contextmanager
def opened(folder: Path, port: int, **changes: Any) -> Iterator[Admin]:
    store = open_store(folder / "db", on_commit=lambda changes: None, clock_s=lambda: 1.0)
    upstream = replace(ACCOUNT.upstream, host="127.0.0.1", port=port)
    try:
        store.write(lambda tx: tx.add_account(replace(ACCOUNT, upstream=upstream, **changes)))
        yield Admin(store)
    finally:
        store.close()


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def admin(tmp_path: Path, port: int) -> Iterator[Admin]:
    with opened(tmp_path, port) as made:
        yield made


def ask(admin: Any, login: str = "alice", *, insist: bool = False) -> dict[str, Any]:
    arguments = {"login": login, "insist": insist}
    found: Any = asyncio.run(
        perform(admin, "doctor account", arguments, lambda _: None, Origin.OWNER)
    )
    return dict(found)


def note(admin: Admin, status: dict[str, Any], profile: dict[str, Any]) -> None:
    key = admin.store.read(lambda tx: tx.account("alice")).id  # type: ignore[union-attr]
    admin.store.write(lambda tx: tx.save_sync_status(SyncStatus(account_id=key, **status)))
    admin.store.write(lambda tx: tx.save_profile(Profile(account_id=key, **profile)))


def test_a_log_in_asks_for_counts_and_listing_alone(admin: Admin) -> None:
    found = ask(admin)
    session = found["session"]
    assert (found["error"], found["skipped"], found["addresses"]["error"]) == (None, "", "")
    assert [each["error"] for each in found["addresses"]["found"]] == [""]
    assert (session["stat"], session["listed"], session["uidls"]) == (2, 2, 2)
    assert (session["doubled"], session["pending"], session["pending_octets"]) == (1, 2, 30)
    assert (session["tls"], session["certificate_ends"]) == ("TLSv1.3", "2026-12-01T12:00:00Z")
    assert session["capabilities"] == {"UIDL": []}
    assert admin.session.said == ["STAT", "LIST", "QUIT", "abort"]


def test_a_refusal_is_told_with_its_exit_code(admin: Admin) -> None:
    admin.error = RejectedPasswordError("It was rejected.", "Check it.")
    found = ask(admin)
    assert found["session"] is None
    assert (found["error"]["code"], found["error"]["exit"]) == ("BR-AUTH-01", 77)


def test_what_fails_after_the_log_in_leaves_what_it_told(admin: Admin) -> None:
    admin.session.stat_error = ProtocolError("It hung up.")
    found = ask(admin)
    assert found["session"]["error"]["code"] == "BR-POP-06"
    assert found["session"]["listed"] is None and found["session"]["mechanism"] == "PLAIN"
    assert admin.session.said == ["STAT", "abort"]


def test_a_session_that_takes_too_long_is_told(admin: Admin) -> None:
    admin.late = 60
    assert ask(admin)["error"]["text"] == "It took too long."


def test_no_second_session_while_a_sync_runs(admin: Admin) -> None:
    admin.busy = True
    found = ask(admin, insist=True)
    assert "a sync of this account runs" in found["skipped"]
    assert admin.session.said == []


def test_not_sooner_than_the_provider_allows(admin: Admin) -> None:
    note(
        admin,
        {"last_attempt": NOW - timedelta(seconds=20)},
        {"login_delay_s": 60, "expire_days": 30, "listed_at": NOW},
    )
    found = ask(admin, insist=True)
    assert "1m between two log-ins; try again in 40s" in found["skipped"]
    assert found["remembered"] == {"expire_days": 30, "login_delay_s": 60}
    assert admin.session.said == []
    note(admin, {"last_attempt": NOW + timedelta(days=1)}, {"login_delay_s": 60})
    assert ask(admin)["skipped"] == ""


def test_a_refused_password_is_tried_again_for_who_names_the_account(admin: Admin) -> None:
    note(admin, {"state": AccountState.NEEDS_PASSWORD}, {})
    assert "popbridge doctor alice" in ask(admin)["skipped"]
    assert admin.session.said == []
    assert ask(admin, insist=True)["session"] is not None


def test_a_paused_account_is_left_alone_unless_it_is_named(tmp_path: Path, port: int) -> None:
    with opened(tmp_path, port, paused=True) as admin:
        assert "paused" in ask(admin)["skipped"]
        assert ask(admin, insist=True)["session"] is not None


def test_where_nobody_listens_nobody_logs_in(admin: Admin, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free = listener.getsockname()[1]
    (tmp_path / "other").mkdir()
    with opened(tmp_path / "other", free) as lonely:
        found = ask(lonely)
    assert "refuses connections" in found["addresses"]["found"][0]["error"]
    assert found["skipped"] == "the POP3 server can't be reached"


def test_an_unknown_login(admin: Admin) -> None:
    with pytest.raises(UnknownLoginError):
        ask(admin, "nobody")


def test_the_store_tells_versions_backups_and_accounts(admin: Admin) -> None:
    found: Any = asyncio.run(
        perform(admin, "doctor store", {}, lambda _: None, Origin.OWNER)  # type: ignore[arg-type]
    )
    assert [one["login"] for one in found["accounts"]] == ["alice"]
    assert found["last_backup_s"] is None and found["sqlite"][0] == "3"
