"""Quirks 30 to 35 and 39 to 41: how sessions go, and how they end."""

from dataclasses import replace
from threading import Event
from typing import Any

import pytest

from bridge.model.upstream import LedgerState
from bridge.net import pop3
from bridge.store.tx import WriteTx
from bridge.sync.providers import hints
from tests.pop_server import CAPABILITIES, Faults, PopServer
from tests.quirks.bridge import Bridge, verbs
from tests.quirks.servers import QUIRKS, letters


@pytest.mark.slow
def test_quirk_30_a_slow_disk_lets_no_session_idle(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk has nothing before the server was asked for all: only QUIT waits."""
    honest, all_asked, held = WriteTx.add_messages, Event(), 0

    def slowly(self: WriteTx, *args: Any, **options: Any) -> Any:
        nonlocal held
        assert all_asked.wait(60), "the disk is waited for between two messages"
        added = honest(self, *args, **options)
        held += len(added)
        return added

    monkeypatch.setattr(WriteTx, "add_messages", slowly)
    with QUIRKS[30]() as server:
        bridge.add(server)
        held_at: dict[str, int] = {}

        class Log(list[str]):
            def append(self, line: str) -> None:
                held_at[line] = held
                if line == "RETR 30":
                    all_asked.set()
                super().append(line)

        server.log = Log()
        assert bridge.fetched() == 30
        assert bridge.mail() == server.messages
        assert (held_at["RETR 30"], held_at["QUIT"]) == (0, 30)


def test_quirk_31_a_session_ends_after_so_many_messages(bridge: Bridge) -> None:
    with QUIRKS[31]() as server:
        bridge.add(server)
        for _ in range(3):
            bridge.poll()
        assert bridge.mail() == server.messages
        assert set(bridge.states().values()) == {LedgerState.STORED}
        assert bridge.status()["upstream"]["poisoned"] == 0


def test_quirk_32_the_connection_always_dies_at_one_message(bridge: Bridge) -> None:
    with QUIRKS[32]() as server:
        held = [server.messages[0], *server.messages[2:]]
        bridge.add(server, policy="delete")
        bridge.poll()
        bridge.poll(minutes=60)
        assert sorted(bridge.mail()) == sorted(held), "the others came by the second poll"
        for _ in range(4):
            bridge.poll(minutes=60)
        assert bridge.status()["upstream"]["poisoned"] == 1
        assert bridge.poll(minutes=60)["error"] is None
        assert b"Subject: m2" in b"".join(server.messages), "it stays upstream"


@pytest.mark.parametrize(
    "faults",
    [
        Faults(quit_applies_nothing=True),
        Faults(ignore_dele=True),
        Faults(refuse_quit=True, update_limit=1),
        Faults(refuse_dele=frozenset({1, 2, 3})),
    ],
    ids=["quit", "dele", "quit-err", "dele-err"],
)
def test_quirk_33_dele_that_is_not_applied_is_sent_again_until_the_message_is_gone(
    bridge: Bridge, faults: Faults
) -> None:
    with QUIRKS[33]() as server:
        held = list(server.messages)
        server.faults = faults
        bridge.add(server, policy="delete")
        for _ in range(2):
            bridge.poll()
        assert verbs(server).count("DELE") >= 4 and bridge.mail() == held
        server.faults = Faults()
        bridge.poll(minutes=60)
        bridge.poll(minutes=25 * 60)
        assert server.messages == []
        assert bridge.mail() == held and bridge.fetched() == 0


@pytest.mark.slow
@pytest.mark.parametrize("stalls", [True, False])
def test_quirk_34_quit_that_is_never_answered_is_settled_by_the_next_listing(
    bridge: Bridge, stalls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pop3.UPDATE_TIMEOUT_S == 600, "a slow UPDATE has ten minutes"
    bridge.close()
    monkeypatch.setattr(pop3, "UPDATE_TIMEOUT_S", 1.0)
    bridge.open()
    with QUIRKS[34]() as server:
        held = list(server.messages)
        faults = Faults(stall_at=frozenset({"QUIT"})) if stalls else server.faults
        server.faults = faults
        bridge.add(server, policy="delete")
        bridge.poll()
        bridge.poll()
        server.faults = Faults()
        for _ in range(2):
            assert bridge.poll()["error"] is None
        assert server.messages == [] and bridge.mail() == held
        assert not any(
            verbs(server, n).count("DELE") not in (0, 3) for n in range(1, server.sessions + 1)
        )


def test_quirk_35_a_server_that_loses_its_mailbox_when_a_connection_drops(
    bridge: Bridge,
) -> None:
    """POP3 1.004: what was fetched is held, nothing more is expected, and nothing is deleted."""
    with QUIRKS[35]() as server:
        held = list(server.messages)
        server.faults = replace(server.faults, cut_retr={3: 10})
        bridge.add(server)
        assert bridge.poll()["error"] is not None
        server.messages = []
        server.faults = replace(server.faults, cut_retr={})
        assert bridge.fetched() == 0
        assert bridge.mail() == held[:2]
        assert "DELE" not in verbs(server)


def test_quirk_39_expire_is_told(bridge: Bridge) -> None:
    with QUIRKS[39]() as server:
        added = bridge.add(server, check=True)
        assert "keeps mail 7 days" in added["found"]
        assert any("7 days old" in warning for warning in added["warnings"])
        bridge.fetched()
        assert bridge.profile().expire_days == 7


def test_quirk_39_expire_never_is_no_warning(bridge: Bridge) -> None:
    with PopServer(letters(1), capabilities=[*CAPABILITIES, "EXPIRE NEVER"]) as server:
        assert bridge.add(server, check=True)["warnings"] == []


@pytest.mark.slow
def test_quirk_40_a_server_that_only_claims_to_pipeline(bridge: Bridge) -> None:
    with QUIRKS[40]() as server:
        bridge.add(server)
        for _ in range(4):
            if bridge.poll()["error"] is None:
                break
        assert bridge.mail() == server.messages
        bridge.close()
        bridge.open()
        server.messages += letters(9, 50)
        for _ in range(2):
            bridge.poll()
        assert bridge.mail() == server.messages


def test_quirk_40_an_answer_out_of_step_ends_pipelining(bridge: Bridge) -> None:
    """WildDuck: the dot was flushed behind the next answer."""
    with QUIRKS[40]() as server:
        server.faults = Faults(extra_after_retr=b"+OK\r\n")
        bridge.add(server)
        bridge.fails("BR-POP-06")
        assert "QUIT" not in verbs(server)
        assert not bridge.profile().habits.pipelining
        server.faults = Faults()
        for _ in range(2):
            bridge.poll()
        assert sorted(bridge.mail()) == sorted(server.messages)


def test_quirk_41_sent_mail_in_the_listing_is_told(bridge: Bridge) -> None:
    assert hints("pop.gmail.com").all_mail
    with QUIRKS[41]() as server:
        added = bridge.add(server, pop3="pop3s://ann@pop.gmail.com")
        assert any("sent mail" in warning for warning in added["warnings"])
        assert bridge.add(server, login="plain")["warnings"] == []
