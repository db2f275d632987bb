"""Faults 19 to 25 and 36: listings that lie, and mailboxes that are emptied or put back."""

import pytest

from bridge.model.upstream import LedgerState
from tests.pop_server import Faults, PopServer
from tests.quirks.bridge import Bridge, verbs
from tests.quirks.servers import ODD_UIDLS, letter, letters


def test_fault_19_an_empty_listing_for_one_poll(bridge: Bridge) -> None:
    with PopServer(letters(30)) as server:
        bridge.add(server)
        assert bridge.fetched() == 30
        before = bridge.inbox()
        server.faults = Faults(hidden=frozenset(range(1, 31)))
        bridge.poll(minutes=90)
        assert bridge.inbox() == before
        server.faults = Faults()
        for _ in range(3):
            assert bridge.fetched(minutes=90) == 0
        assert bridge.inbox() == before


def test_fault_19_a_listing_that_flaps(bridge: Bridge) -> None:
    with PopServer(letters(6)) as server:
        server.faults = Faults(hidden=frozenset({2, 3, 4}), flaps=True)
        bridge.add(server, policy="delete-after=2d")
        for _ in range(6):
            bridge.poll(minutes=90)
        assert bridge.mail() == server.messages and len(server.messages) == 6


@pytest.mark.parametrize(
    "faults",
    [
        Faults(listing_cut=True),
        Faults(missing_uidls=frozenset({3})),
        Faults(listing_line=b"junk"),
        Faults(listing_line=b"99 more"),
    ],
    ids=["cut", "missing", "junk", "more"],
)
def test_fault_20_a_partial_listing_changes_nothing(bridge: Bridge, faults: Faults) -> None:
    with PopServer(letters(6), uidls=[b"%d" % n for n in range(6)]) as server:
        bridge.add(server, policy="delete-after=1d")
        assert bridge.fetched() == 6
        before, ledger = bridge.inbox(), bridge.ledger()
        server.messages.pop()
        server.uidls = server.uidls[:-1] if server.uidls else None
        server.faults = faults
        for _ in range(3):
            bridge.poll(minutes=24 * 60)
        assert bridge.inbox() == before
        assert bridge.ledger() == ledger, "no deletes, nothing counted as missing"
        assert "DELE" not in verbs(server)


@pytest.mark.parametrize("changed", [15, 30], ids=["half", "all"])
@pytest.mark.parametrize("new", [0, 5])
def test_fault_21_uidls_change(bridge: Bridge, changed: int, new: int) -> None:
    with PopServer(letters(30), uidls=[b"old%d" % n for n in range(30)]) as server:
        bridge.add(server)
        assert bridge.fetched() == 30
        before = bridge.inbox()
        server.messages += letters(new, 100)
        server.uidls = [b"new%d" % n if n < changed else b"old%d" % n for n in range(30 + new)]
        got = sum(bridge.fetched(minutes=60) for _ in range(3))
        assert got == new
        assert bridge.mail() == [*before.values(), *letters(new, 100)]
        assert bridge.profile().frozen_since is None


def test_fault_22_uidl_used_again(bridge: Bridge) -> None:
    with PopServer(letters(3), uidls=[b"1", b"2", b"3"]) as server:
        held = list(server.messages)
        bridge.add(server, policy="delete")
        for _ in range(2):
            bridge.poll()
        assert server.messages == []
        server.messages, server.uidls = letters(2, 50), [b"1", b"2"]
        new = list(server.messages)
        for _ in range(3):
            bridge.poll(minutes=90)
        assert bridge.mail() == [*held, *new]


def test_fault_23_odd_and_ambiguous_uidls(bridge: Bridge) -> None:
    uidls = [b"dup", b"", *ODD_UIDLS, b"dup"]
    with PopServer(letters(len(uidls)), uidls=list(uidls)) as server:
        held = list(server.messages)
        bridge.add(server, policy="delete")
        for _ in range(3):
            bridge.poll()
        assert bridge.mail() == held, "all, and each once"
        assert {held[0], held[-1]} <= set(server.messages), "which one is meant nobody knows"
        assert not set(held[2:-1]) & set(server.messages)


def test_fault_24_upstream_is_wiped(bridge: Bridge) -> None:
    with PopServer(letters(30)) as server:
        bridge.add(server, policy="delete-after=30d")
        assert bridge.fetched() == 30
        before = bridge.inbox()
        server.messages.clear()
        for _ in range(3):
            bridge.poll(minutes=90)
        assert bridge.inbox() == before
        assert bridge.status()["messages"] == 30
        server.messages += letters(1, 90)
        assert bridge.fetched(minutes=90) == 1


def test_fault_25_upstream_is_restored_from_an_old_backup(bridge: Bridge) -> None:
    with PopServer(letters(30), uidls=[b"old%d" % n for n in range(30)]) as server:
        held = list(server.messages)
        bridge.add(server, policy="delete")
        for _ in range(2):
            bridge.poll()
        assert server.messages == [] and bridge.mail() == held
        bridge.expunge(1, 2, 3)
        server.messages, server.uidls = list(held), [b"back%d" % n for n in range(30)]
        for _ in range(3):
            bridge.poll()
        assert bridge.mail() == held[3:], "none twice, and what was expunged stays so"


def test_fault_36_numbers_move_within_a_session(bridge: Bridge) -> None:
    with PopServer(letters(10), uidls=[b"%d" % n for n in range(10)]) as server:
        held = list(server.messages)
        bridge.add(server, policy="keep-newest=6")
        server.faults = Faults(renumbers=True)
        for _ in range(6):
            bridge.poll()
            assert all(one in server.messages for one in held[4:]), "only those that were due"
        assert bridge.mail() == held
        assert LedgerState.POISONED not in bridge.states().values()
        server.faults = Faults()
        bridge.poll()
        assert server.messages == held[4:]
        assert letter("m1", b"line\r\n" * 2) == held[0]
