"""Quirks 10, 12 to 21, 36 and 37: what servers make of messages, and of their ends."""

import pytest

from bridge.errors import StoreFullError
from bridge.model.upstream import LedgerState
from bridge.store.tx import WriteTx
from tests.pop_server import Faults, PopServer
from tests.quirks.bridge import Bridge, verbs
from tests.quirks.servers import BINARY, QUIRKS, X_IMAP, letter, letters


def test_quirk_10_quit_hides_what_was_retrieved_so_it_waits_for_the_disk(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    with QUIRKS[10]() as server:
        held = list(server.messages)
        bridge.add(server)
        with monkeypatch.context() as full:

            def refuse(self: WriteTx, *args: object, **options: object) -> None:
                raise StoreFullError("The disk is full.", "Free some space.")

            full.setattr(WriteTx, "add_messages", refuse)
            bridge.fails("BR-STORE-02")
            assert "RETR" in verbs(server) and "QUIT" not in verbs(server)
        assert server.messages == held and server.popped == []
        assert bridge.fetched() == 3
        assert bridge.mail() == held == server.popped and server.messages == []
        assert bridge.fetched() == 0 and bridge.mail() == held


def test_quirk_12_wrong_sizes_are_a_suspicion_and_then_not_looked_at(bridge: Bridge) -> None:
    with QUIRKS[12]() as server:
        bridge.add(server)
        assert bridge.fetched() == 25
        assert bridge.fetched() == 0
        assert set(bridge.states().values()) == {LedgerState.STORED}, "the same octets confirm"
        assert bridge.mail() == server.messages
        assert bridge.profile().wrong_sizes >= 20
        server.messages += letters(2, 50)
        assert bridge.fetched() == 2
        before = len(server.log)
        assert bridge.fetched() == 0
        assert not any(line.startswith("RETR") for line in server.log[before:])
        assert set(bridge.states().values()) == {LedgerState.STORED}


def test_quirk_12_sizes_that_are_too_small_change_nothing(bridge: Bridge) -> None:
    with QUIRKS[12]() as server:
        server.faults = Faults(size_factor=0.3)
        bridge.add(server)
        assert bridge.fetched() == 25
        assert set(bridge.states().values()) == {LedgerState.STORED}


@pytest.mark.parametrize("faults", [{"top_octets": 20}, {"no_top": True}], ids=["cut", "none"])
def test_quirk_13_top_is_broken_and_no_message_comes_by_it(
    bridge: Bridge, faults: dict[str, bool]
) -> None:
    with QUIRKS[13]() as server:
        server.faults = Faults(**faults)  # type: ignore[arg-type]
        bridge.add(server)
        assert bridge.fetched() == 3
        assert bridge.mail() == server.messages and "TOP" not in verbs(server)


@pytest.mark.slow
def test_quirk_14_terminator_glued_to_the_last_line(bridge: Bridge) -> None:
    never_ends(bridge, 14)


@pytest.mark.slow
def test_quirk_15_terminator_without_line_feed(bridge: Bridge) -> None:
    never_ends(bridge, 15)


def never_ends(bridge: Bridge, number: int) -> None:
    """Message 2 waits alone, then is given up; the others don't wait for it."""
    with QUIRKS[number]() as server:
        bridge.add(server, policy="delete")
        held = [server.messages[0], server.messages[2]]
        for _ in range(5):
            bridge.poll(minutes=60)
        assert bridge.mail() == held, "the others are held, and nothing of this one"
        assert bridge.status()["upstream"]["poisoned"] == 1
        assert bridge.poll(minutes=60)["error"] is None
        assert b"Subject: m2" in b"".join(server.messages)
        bad = [n for n in range(1, server.sessions + 1) if "RETR 2" in _lines(server, n)]
        assert all("QUIT" not in verbs(server, n) for n in bad[:4])


def _lines(server: PopServer, session: int) -> list[str]:
    said = "\n".join(server.log).split(f"session {session}\n")[1]
    return said.split("session ")[0].splitlines()


def test_quirk_16_bare_line_feeds_and_dots_in_a_message(bridge: Bridge) -> None:
    with QUIRKS[16]() as server:
        bridge.add(server)
        assert bridge.fetched() == 3
        assert bridge.mail() == server.messages
        assert set(bridge.states().values()) == {LedgerState.STORED}


def test_quirk_17_server_that_speaks_line_feeds_only_is_never_deleted_from(
    bridge: Bridge,
) -> None:
    with QUIRKS[17]() as server:
        bridge.add(server, policy="delete")
        assert bridge.fetched() == 3
        assert bridge.mail() == server.messages, "LF became CRLF as transport"
        assert bridge.profile().bare_lf
        for _ in range(3):
            assert bridge.fetched() == 0
        assert len(server.messages) == 3 and "DELE" not in verbs(server)


def test_quirk_18_dots_that_were_not_stuffed_stay(bridge: Bridge) -> None:
    with QUIRKS[18]() as server:
        bridge.add(server)
        assert bridge.fetched() == 1
        assert bridge.mail() == server.messages


def test_quirk_19_nul_8bit_and_long_lines(bridge: Bridge) -> None:
    with QUIRKS[19]() as server:
        bridge.add(server)
        assert bridge.fetched() == len(BINARY)
        assert bridge.mail() == BINARY


def test_quirk_20_body_lines_that_look_like_status_lines(bridge: Bridge) -> None:
    with QUIRKS[20]() as server:
        bridge.add(server)
        assert bridge.fetched() == 2
        assert bridge.mail() == server.messages


@pytest.mark.parametrize(
    ("verb", "before", "behind"),
    [
        ("UIDL", b"\r\n", b""),
        ("LIST", b"garbage\r\n", b""),
        ("RETR", b"\n\r\n.\r\n", b""),
        ("RETR", b"", b"\n\r\n.\r\n+OK\r\n"),
        ("DELE", b"\r\n", b""),
        ("DELE", b"", b"+OK again\r\n"),
    ],
)
def test_quirk_21_octets_that_belong_to_no_answer_end_the_session_without_quit(
    bridge: Bridge, verb: str, before: bytes, behind: bytes
) -> None:
    with QUIRKS[21]() as server:
        held = list(server.messages)
        bridge.add(server, policy="delete")
        server.faults = Faults(before={verb: before}, behind={verb: behind})
        for _ in range(2):
            bridge.poll(minutes=60)
        assert verb in verbs(server)
        for session in range(1, server.sessions + 1):
            said = verbs(server, session)
            assert not (verb in said and "QUIT" in said), said
        assert server.messages == held
        server.faults = Faults()
        for _ in range(3):
            bridge.poll(minutes=60)
        assert sorted(bridge.mail()) == sorted(held) and server.messages == []


def test_quirk_36_folder_internal_data_is_hidden_and_not_deleted(bridge: Bridge) -> None:
    with QUIRKS[36]() as server:
        held = server.messages[1:]
        bridge.add(server, policy="delete")
        bridge.poll()
        bridge.poll(minutes=90)
        assert bridge.mail() == held
        assert server.messages == [X_IMAP]


def test_quirk_36_mail_that_quotes_it_is_mail(bridge: Bridge) -> None:
    with QUIRKS[36]() as server:
        server.messages = [letter("quote", b"X-IMAP: 1096033133 0000000007\r\n" + X_IMAP)]
        bridge.add(server)
        assert bridge.fetched() == 1 and bridge.mail() == server.messages


def test_quirk_37_a_blank_line_more_is_kept_and_does_not_make_a_message_new(
    bridge: Bridge,
) -> None:
    """All UIDLs change, and the new server adds a blank line to each message: qmail."""
    with QUIRKS[37]() as server:
        bridge.add(server)
        assert bridge.fetched() == 30
        before = bridge.inbox()
        server.uidls = [b"new%d" % n for n in range(31)]
        server.messages.append(letter("fresh"))
        server.faults = Faults(blank_line=True)
        assert bridge.fetched() == 1
        assert list(bridge.inbox().values()) == [*before.values(), letter("fresh") + b"\r\n"]


def test_quirk_20_mail_about_pop3_comes_in_its_place_and_leaves_pipelining_alone(
    bridge: Bridge,
) -> None:
    """A line that ends in a dot, and one behind it that looks like the next answer."""
    with PopServer(letters(9)) as server:
        about = (
            b"Subject: POP3\r\n\r\nIt answers.\r\n+OK 120 octets\r\nand\r\n-ERR no\r\n"
            + b"x\r\n" * 9
        )
        server.messages.insert(4, about)
        held = list(server.messages)
        bridge.add(server)
        assert bridge.poll()["error"] is None
        assert bridge.mail() == held
        assert bridge.profile().habits.pipelining
        assert verbs(server).count("QUIT") == 1 and server.sessions == 1
