"""Traces in files: where, for whom, for how long, and how large."""

import asyncio
import logging
import stat
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bridge.model.account import Account
from bridge.model.ids import AccountId
from bridge.net import trace
from bridge.net.trace import TraceFiles, remove_trace, trace_path
from tests.sync.fakes import ACCOUNT

T = TypeVar("T")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Bench:
    """Files that are written when `flush` is called, as if by another thread."""

    def __init__(self, folder: Path) -> None:
        self.now = NOW
        self.folder = folder
        self.works: list[Coroutine[Any, Any, None]] = []
        self.files = TraceFiles(folder, lambda: self.now, self.in_thread, self.works.append)

    async def in_thread(self, work: Callable[[], T]) -> T:
        return work()

    def flush(self) -> None:
        while self.works:
            asyncio.run(self.works.pop(0))

    def begin(self, account: Account) -> Callable[[str], None]:
        line = self.files.begin(account, "192.0.2.1")
        assert line is not None
        return line

    def path(self, account: Account) -> Path:
        return trace_path(self.folder, account)

    def text(self, account: Account) -> str:
        self.flush()
        return self.path(account).read_text()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "trace")


def traced(login: str = "alice", seconds: int = 60, number: int = 7) -> Account:
    until = NOW + timedelta(seconds=seconds)
    return replace(ACCOUNT, id=AccountId(number), login=login, trace_until=until)


def test_lines_with_time_session_and_address(bench: Bench, tmp_path: Path) -> None:
    a, b = bench.begin(traced()), bench.begin(traced())
    a("C: x NOOP")
    bench.now += timedelta(seconds=1.5)
    b("S: x OK Done")
    assert bench.text(traced()) == (
        "2026-11-24T12:00:00.000Z 1 192.0.2.1 A traced session begins.\n"
        "2026-11-24T12:00:00.000Z 2 192.0.2.1 A traced session begins.\n"
        "2026-11-24T12:00:00.000Z 1 192.0.2.1 C: x NOOP\n"
        "2026-11-24T12:00:01.500Z 2 192.0.2.1 S: x OK Done\n"
    )
    path = tmp_path / "trace" / "alice-7.log"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_only_accounts_whose_trace_is_on(bench: Bench) -> None:
    assert bench.files.begin(ACCOUNT, "x") is None
    assert bench.files.begin(traced(seconds=0), "x") is None
    bench.flush()
    assert bench.works == []


def test_it_ends_by_itself(bench: Bench) -> None:
    line = bench.begin(traced(seconds=60))
    bench.now += timedelta(seconds=60)
    line("C: late")
    line("C: later")
    text = bench.text(traced())
    assert text.count("\n") == 2
    assert text.endswith("The trace ends here.\n")


def test_a_file_has_a_limit(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "MAX_FILE_OCTETS", 1000)
    line = bench.begin(traced())
    for number in range(100):
        line(f"C: {number} " + "x" * 80)
        bench.flush()
    path = bench.path(traced())
    names = sorted(found.name for found in path.parent.iterdir())
    assert names in (["alice-7.log", "alice-7.log.1"], ["alice-7.log.1"])
    assert sum(found.stat().st_size for found in path.parent.iterdir()) < 2500
    whole = path.with_name(path.name + ".1").read_text() + (
        path.read_text() if path.exists() else ""
    )
    assert " 99 " in whole


def test_what_a_slow_disk_cannot_take_is_left_out(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace, "MAX_QUEUED_OCTETS", 500)
    line = bench.begin(traced())
    for number in range(100):
        line(f"C: {number}")
    assert len(bench.works) == 1
    assert len(bench.text(traced())) <= 500
    line("C: again")
    text = bench.text(traced())
    assert "lines are missing" in text
    assert text.endswith("C: again\n")


@pytest.mark.parametrize(
    "login", ["../../etc/x", "..", "a/b", "ü@x", "l" * 200, ".", "-", "a\x00b"]
)
def test_no_login_leads_elsewhere(bench: Bench, tmp_path: Path, login: str) -> None:
    account = traced(login)
    bench.begin(account)("C: x")
    bench.flush()
    (found,) = (tmp_path / "trace").iterdir()
    assert found == bench.path(account)
    assert found.name.endswith("-7.log")
    assert bench.path(traced(login + "x", number=8)) != found


def test_what_goes_is_one_account_s_only(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "MAX_FILE_OCTETS", 50)
    gone, other = traced(), traced("bob", number=8)
    for account in (gone, other):
        line = bench.begin(account)
        bench.flush()
        line("C: x")
        bench.flush()
    remove_trace(bench.folder, gone)
    assert {path.name.partition("-")[0] for path in bench.folder.iterdir()} == {"bob"}
    remove_trace(bench.folder, gone)


def test_a_link_is_not_followed(bench: Bench, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    (tmp_path / "trace").mkdir()
    bench.path(traced()).symlink_to(target)
    bench.begin(traced())("C: x")
    bench.flush()
    assert not target.exists()


def test_a_file_that_cannot_be_written_costs_nothing_else(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "trace").write_text("in the way")
    line = bench.begin(traced())
    with caplog.at_level(logging.WARNING, "popbridge.trace"):
        bench.flush()
    assert "can't be written" in caplog.text
    (tmp_path / "trace").unlink()
    line("C: x")
    assert "C: x" in bench.text(traced())
