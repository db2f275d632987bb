"""Faults 39 and 40, and twenty accounts of which four are trouble."""

import functools
import resource
import time
from typing import Any

import pytest

from bridge.app import core as composition
from bridge.sync.runner import Runner
from tests.pop_server import Faults, PopServer
from tests.quirks.bridge import Bridge
from tests.quirks.servers import letters
from tests.reactor import run

COUNT = 100_000
OTHERS = 16


@pytest.mark.slow
def test_fault_39_a_hundred_thousand_messages_listed(bridge: Bridge) -> None:
    """Of which one is new: what a poll that finds nothing costs, in octets and in memory."""
    listed = [b"Subject: x\r\n\r\nx\r\n"] * COUNT
    uidls = [b"uidl-%08d" % n for n in range(COUNT)]
    refused = frozenset(range(1, COUNT))
    with PopServer(listed, uidls=uidls, faults=Faults(refuse_retr=refused)) as server:
        bridge.add(server)
        _as_imported(bridge, uidls[:-1])
        before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert bridge.fetched() == 1
        grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
        assert grown_kb < 250_000, "server and bridge together"
        before = len(server.log)
        for _ in range(3):
            assert bridge.fetched() == 0
        said = [line for line in server.log[before:] if line in ("UIDL", "LIST")]
        assert said == [], "STAT and the last UIDL are as they were: no listing"


def _as_imported(bridge: Bridge, uidls: list[bytes]) -> None:
    """Another program has fetched all of these."""
    from bridge.model.upstream import LedgerState, Listed

    def write(tx: Any) -> None:
        account = tx.account("alice")
        for number, uidl in enumerate(uidls, 1):
            listed = Listed(number, uidl, 17)
            tx.ledger_add(account.id, listed, LedgerState.POISONED, now=bridge.now)

    run(lambda: bridge.core.database.write(write), timeout=300)


@pytest.mark.slow
def test_fault_40_one_account_hangs_for_ever(bridge: Bridge) -> None:
    with (
        PopServer(letters(1), faults=Faults(stall_at=frozenset({"UIDL"}))) as hanging,
        PopServer(letters(3)) as server,
    ):
        bridge.add(hanging, login="hanging")
        bridge.add(server)
        told = {one["login"]: one for one in bridge.ask("sync")}
        assert told["hanging"]["error"]["code"] == "BR-POP-05", "the watchdog ends it"
        assert told["alice"]["fetched"] == 3 and told["alice"]["error"] is None


@pytest.mark.slow
def test_twenty_accounts_of_which_four_are_trouble_leave_sixteen_on_time(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One hangs, one sends an octet at a time, one has a wrong password, one speaks garbage.

    The sixteen are done while two of the four are still going on.
    """
    trouble = {
        "hanging": PopServer(letters(1), faults=Faults(stall_at=frozenset({"UIDL"}))),
        "slow": PopServer(letters(9), faults=Faults(slow_s=1.5)),
        "wrong": PopServer(letters(1), faults=Faults(reject_login=True)),
        "garbage": PopServer(letters(1), faults=Faults(before={"UIDL": b"\xff\0 junk\r\n"})),
    }
    servers = {f"good{n:02}": PopServer(letters(5, 10 * n)) for n in range(OTHERS)}
    done: dict[str, float] = {}
    patient = functools.partial(Runner, progress_timeout_s=20.0)
    monkeypatch.setattr(composition, "Runner", patient)
    every = {**trouble, **servers}
    try:
        for login, server in every.items():
            server.__enter__()
            bridge.add(server, login=login)
        honest = bridge.core.syncs._results

        def note(result: Any) -> None:
            done[result.login] = time.monotonic()
            honest(result)

        bridge.core.syncs._results = note
        bridge.core.syncs.reconfigure(
            interval_s=300, demand_after_s=60, demand_per_hour=20, connections=8, per_host=8
        )
        told = {one["login"]: one for one in bridge.ask("sync")}
    finally:
        for server in every.values():
            server.stop()
    for login, server in servers.items():
        assert told[login]["error"] is None and bridge.mail(login) == server.messages
    late = max(done[login] for login in servers)
    assert late < done["hanging"] and late < done["slow"], "nobody waited for these"
    codes = {login: (told[login]["error"] or {}).get("code") for login in trouble}
    assert codes == {
        "hanging": "BR-POP-05", "slow": None, "wrong": "BR-AUTH-01", "garbage": "BR-POP-06"
    }  # fmt: skip
    assert bridge.status("wrong")["state"] == "needs_password"
