"""Quirks 1 to 9, 11 and 38: what servers list, and what they call it."""

from dataclasses import replace

import pytest

from bridge.model.upstream import LedgerState
from bridge.sync.providers import hints
from tests.pop_server import Faults, PopServer
from tests.quirks.bridge import Bridge, verbs
from tests.quirks.servers import ODD_UIDLS, QUIRKS, letter, letters


def test_quirk_01_no_uidl_at_all(bridge: Bridge) -> None:
    with QUIRKS[1]() as server:
        held = list(server.messages)
        warned = bridge.add(server, check=True)["warnings"]
        assert "no UIDL" in warned[0]
        assert bridge.fetched() == 4
        assert bridge.mail() == held, "equal messages that are listed together are two"
        assert bridge.fetched() == 0
        assert bridge.mail() == held
        assert "DELE" not in verbs(server)


def test_quirk_01_no_uidl_deletes_in_the_session_that_fetched(bridge: Bridge) -> None:
    with QUIRKS[1]() as server:
        held = list(server.messages)
        bridge.add(server, policy="delete")
        for _ in range(2):
            assert bridge.poll()["error"] is None
        assert server.messages == [] and bridge.mail() == held
        for session in range(1, server.sessions + 1):
            said = verbs(server, session)
            if "DELE" in said:
                assert said.count("RETR") == said.count("DELE")


def test_quirk_02_blank_uidl_for_some(bridge: Bridge) -> None:
    with QUIRKS[2]() as server:
        held = list(server.messages)
        bridge.add(server)
        assert bridge.fetched() == 3 and bridge.mail() == held
        assert bridge.fetched() == 0 and bridge.mail() == held
        assert bridge.states()[b"a"] is bridge.states()[b"c"] is LedgerState.STORED


def test_quirk_03_duplicate_uidls_are_all_fetched_and_not_deleted(bridge: Bridge) -> None:
    with QUIRKS[3]() as server:
        held = list(server.messages)
        bridge.add(server, policy="delete")
        bridge.poll()
        assert bridge.mail() == held
        assert bridge.fetched() == 0
        assert bridge.mail() == held
        assert server.messages == held[1:3], "which of the two is meant nobody can say"


def test_quirk_04_all_uidls_change(bridge: Bridge) -> None:
    with QUIRKS[4]() as server:
        bridge.add(server)
        assert bridge.fetched() == 30
        before = bridge.inbox()
        server.uidls = [b"new%d" % n for n in range(30)]
        for _ in range(3):
            assert bridge.fetched() == 0
        assert bridge.inbox() == before
        assert {row.uidl for row in bridge.ledger()} == set(server.uidls)
        assert bridge.profile().frozen_since is None


def test_quirk_04_nothing_is_deleted_until_changed_uidls_are_matched(bridge: Bridge) -> None:
    with QUIRKS[4]() as server:
        bridge.add(server, policy="delete-after=1d")
        bridge.poll()
        server.uidls = [b"new%d" % n for n in range(30)]
        server.faults = Faults(refuse_retr=frozenset(range(5, 31)))
        bridge.wait(days=3)
        bridge.poll()
        assert "DELE" not in verbs(server) and len(server.messages) == 30
        assert bridge.profile().frozen_since is not None
        assert bridge.status()["state"] in ("frozen", "retrying")
        server.faults = Faults()
        bridge.poll()
        assert bridge.profile().frozen_since is None
        assert len(bridge.mail()) == 30


@pytest.mark.parametrize(
    "body", [b"Hello\r\n", b"another size of body\r\n"], ids=["header", "size"]
)
def test_quirk_05_uidl_reused_for_a_new_message(bridge: Bridge, body: bytes) -> None:
    """Message 3 goes; its UIDL comes back for another one, of another size or header."""
    with QUIRKS[5]() as server:
        held = [*server.messages[:2], letter("mX")]
        server.messages[2] = held[2]
        bridge.add(server)
        assert bridge.fetched() == 3
        last, server.uidls = server.messages.pop(), [b"1", b"2"]
        assert bridge.fetched() == 0
        new = letter("mY", body)
        assert (len(new) == len(last)) == (body == b"Hello\r\n")
        server.messages.append(new)
        server.uidls = [b"1", b"2", b"3"]
        bridge.poll(minutes=120)
        bridge.poll(minutes=120)
        assert bridge.mail() == [*held, new]


def test_quirk_06_odd_uidls(bridge: Bridge) -> None:
    with QUIRKS[6]() as server:
        held = list(server.messages)
        bridge.add(server)
        assert bridge.fetched() == len(ODD_UIDLS)
        assert [row.uidl for row in bridge.ledger()] == ODD_UIDLS
        assert bridge.fetched() == 0
        assert bridge.mail() == held


def test_quirk_07_uidl_lacks_a_message_that_list_has(bridge: Bridge) -> None:
    with QUIRKS[7]() as server:
        held = list(server.messages)
        bridge.add(server, policy="delete")
        for _ in range(3):
            bridge.poll()
        assert all(row.missing_since is None for row in bridge.ledger())
        assert "DELE" not in verbs(server)
        server.faults = Faults()
        bridge.poll()
        bridge.poll()
        assert sorted(bridge.mail()) == sorted(held), "all, and each once"


def test_quirk_07_stat_counts_what_is_not_listed(bridge: Bridge) -> None:
    with QUIRKS[7]() as server:
        server.faults = Faults(stat=(9, 12345))
        bridge.add(server)
        assert bridge.fetched() == 4
        server.messages += letters(1, 10)
        bridge.poll()
        bridge.poll(minutes=60)
        assert bridge.mail() == server.messages


def test_quirk_08_a_listing_window_hides_the_rest(bridge: Bridge) -> None:
    """The oldest few, and the next ones once those were popped: Gmail's normal mode."""
    with QUIRKS[8]() as server:
        held = list(server.messages)
        bridge.add(server)
        for _ in range(4):
            assert bridge.poll()["error"] is None
        assert bridge.mail() == held


def test_quirk_08_what_a_window_no_longer_shows_stays(bridge: Bridge) -> None:
    """The newest few: WildDuck."""
    with PopServer(letters(4), faults=Faults(newest=4)) as server:
        bridge.add(server, policy="delete-after=30d")
        bridge.poll()
        server.messages += letters(6, 10)
        held = server.messages[:4] + server.messages[6:]
        bridge.poll()
        assert bridge.mail() == held
        server.faults = Faults()
        bridge.poll(minutes=90)
        assert sorted(bridge.mail()) == sorted(server.messages), "what was passed over comes now"
        assert "DELE" not in verbs(server)


def test_quirk_09_gmail_recent_mode_is_told_and_never_needs_dele(bridge: Bridge) -> None:
    with QUIRKS[9]() as server:
        assert hints("pop.gmail.com").user_prefix == "recent:"
        added = bridge.add(server, pop3="pop3s://ann%40gmail.com@pop.gmail.com", login="ann")
        assert any("recent%3A" in warning for warning in added["warnings"])
        again = bridge.add(
            server, pop3="pop3s://recent%3Aann%40gmail.com@pop.gmail.com", login="recent"
        )
        assert not any("recent%3A" in warning for warning in again["warnings"])
        bridge.add(server, policy="delete")
        for _ in range(12):
            assert bridge.poll()["error"] is None
        assert bridge.mail() == server.messages, "DELE does nothing there, and nothing comes twice"
        assert verbs(server).count("DELE") <= 3 * 5, "it isn't repeated at each poll for ever"


def test_quirk_11_dele_that_only_archives_is_told_and_brings_nothing_back(bridge: Bridge) -> None:
    with QUIRKS[11]() as server:
        added = bridge.add(server, login="ann", pop3="pop3s://ann@pop.gmail.com", policy="delete")
        assert any("settings of the mailbox decide" in warning for warning in added["warnings"])
        held, uidls = list(server.messages), [b"1", b"2", b"3"]
        server.uidls = list(uidls)
        bridge.add(server, policy="delete")
        bridge.poll()
        bridge.poll()
        assert server.messages == []
        server.messages, server.uidls = list(held), list(uidls)
        bridge.poll()
        assert bridge.mail() == held, "a UIDL that comes back is no new message"


def test_quirk_38_messages_inserted_in_the_middle(bridge: Bridge) -> None:
    with QUIRKS[38]() as server:
        held = list(server.messages)
        bridge.add(server)
        assert bridge.fetched() == 5
        moved = letters(1, 50)[0]
        server.messages.insert(2, moved)
        assert bridge.fetched() == 1
        assert bridge.mail() == [*held, moved]


def test_quirk_38_an_insertion_that_hides_behind_a_deletion_is_found_within_the_hour(
    bridge: Bridge,
) -> None:
    """Count, octets and the last UIDL stay what they were: no shortcut can see it."""
    with QUIRKS[38]() as server:
        bridge.add(server)
        assert bridge.fetched() == 5
        old = server.messages.pop(1)
        new = old.replace(b"Subject: m", b"Subject: n")
        server.messages.insert(2, new)
        for _ in range(13):
            bridge.poll()
        assert new in bridge.mail() and old in bridge.mail()


def test_quirk_07_no_state_changes_with_a_partial_listing(bridge: Bridge) -> None:
    with QUIRKS[7]() as server:
        server.faults = Faults()
        bridge.add(server)
        assert bridge.fetched() == 4
        server.faults = replace(server.faults, listing_cut=True)
        bridge.fails("BR-POP-06", minutes=90)
        server.messages, server.faults = server.messages[:1], Faults(missing_uidls=frozenset({1}))
        bridge.poll(minutes=90)
        assert all(row.missing_since is None for row in bridge.ledger())
