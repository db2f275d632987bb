"""Faults 3 to 12: what the connection does to a message, and the server to an answer."""

import socket
import struct
from dataclasses import replace

import pytest

from bridge.model.upstream import LedgerState
from tests.pop_server import Faults, PopServer
from tests.quirks.bridge import Bridge, verbs
from tests.quirks.servers import BINARY, letter, letters


def quiet_sessions(server: PopServer, first: int = 1) -> None:
    """No session from `first` on said QUIT or DELE."""
    for session in range(first, server.sessions + 1):
        assert not {"QUIT", "DELE"} & set(verbs(server, session)), verbs(server, session)


def answer(message: bytes) -> int:
    """Octets of the whole answer to RETR."""
    return len(b"+OK\r\n" + message.replace(b"\r\n.", b"\r\n..") + b".\r\n")


@pytest.mark.slow
@pytest.mark.parametrize("how", ["fin", "reset", "black-hole"])
def test_fault_03_network_cut_in_a_message(
    bridge: Bridge, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PopServer(letters(3)) as server:
        held = list(server.messages)
        bridge.add(server, policy="delete")
        server.faults = Faults(cut_retr={2: 40})

        def end(wire: object) -> None:
            _ended_badly(wire, server, hole=how == "black-hole")

        with monkeypatch.context() as patch:
            if how != "fin":
                patch.setattr("tests.pop_server.Wire.close", end)
            error = bridge.poll()["error"]
        assert error is not None and error["code"] in ("BR-POP-05", "BR-POP-06")
        assert bridge.mail() == held[:1], "what was whole is kept, what was cut isn't"
        quiet_sessions(server)
        server.faults = Faults()
        for _ in range(3):
            bridge.poll(minutes=60)
        assert sorted(bridge.mail()) == sorted(held) and server.messages == []


def _ended_badly(wire: object, server: PopServer, *, hole: bool) -> None:
    """The connection's end is a RST, or never comes."""
    connection: socket.socket = wire._socket  # type: ignore[attr-defined]
    if hole:
        server.stopping.wait()
    else:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize("left", range(1, 6))
@pytest.mark.parametrize("tail", [b"end\r\n", b"end\r\n.\r\n", b""], ids=["text", "dot", "blank"])
def test_fault_04_cut_within_the_terminator(bridge: Bridge, left: int, tail: bytes) -> None:
    """After CRLF, CRLF., CRLF.CR, and CRLF.. where a line of dots is the last."""
    last = letter("last", tail)
    with PopServer([letter("first"), last]) as server:
        bridge.add(server)
        server.faults = Faults(cut_retr={2: answer(last) - left})
        assert bridge.poll()["error"] is not None
        assert bridge.mail() == server.messages[:1]
        quiet_sessions(server)
        server.faults = Faults()
        bridge.poll(minutes=60)
        assert bridge.mail() == server.messages


def test_fault_05_ok_and_nothing_behind_it(bridge: Bridge) -> None:
    with PopServer(letters(3), uidls=[b"1", b"2", b"3"]) as server:
        held = list(server.messages)
        server.faults = Faults(empty_retr=frozenset({2}))
        bridge.add(server, policy="delete")
        bridge.poll()
        assert bridge.states()[b"2"] is LedgerState.SUSPECT
        assert server.messages == [held[1]], "the others are proven held; this one isn't"
        assert bridge.mail() == [held[0], b"", held[2]]
        bridge.poll()
        server.faults = Faults()
        for _ in range(3):
            bridge.poll(minutes=120)
        assert sorted(bridge.mail()) == sorted(held), "it came, and the empty copy went"
        assert bridge.states()[b"2"] is LedgerState.STORED


@pytest.mark.parametrize("factor", [0.1, 0.9, 0.99, 1.01, 1.1, 10])
def test_fault_06_size_is_not_what_list_said(bridge: Bridge, factor: float) -> None:
    with PopServer(
        [letter("long", b"line\r\n" * 200), letter("b", b"x" * 900 + b"\r\n")]
    ) as server:
        held = list(server.messages)
        server.faults = Faults(size_factor=factor)
        bridge.add(server)
        assert bridge.fetched() == 2
        assert bridge.mail() == held
        assert bridge.fetched() == 0 and bridge.mail() == held
        assert set(bridge.states().values()) == {LedgerState.STORED}
        assert verbs(server).count("RETR") == (6 if factor == 10 else 2), (
            "at the end, and once more"
        )


@pytest.mark.parametrize("slices", [None, 1, 2, 3])
def test_fault_07_dots_between_bare_line_ends(bridge: Bridge, slices: int | None) -> None:
    messages = [
        letter("lf", b"a\n.\nb\n.\r\nc\r\n"),
        letter("cr", b"a\r.\rb\r.\r\nc\r\n"),
        letter("mixed", b".\n\n.\r\n\r.\r\n.\r.\n.\r\n"),
        b".\n.\r\n\n.\r\n",
    ]
    with PopServer(messages, faults=Faults(slice_octets=slices)) as server:
        bridge.add(server)
        assert bridge.fetched() == 4
        assert bridge.mail() == messages


def test_fault_08_dots_unstuffed_and_dots_at_the_end_of_the_connection(bridge: Bridge) -> None:
    message = letter("dots", b".foo\r\n.bar.\r\nlast\r\n")
    with PopServer([message]) as server:
        server.faults = Faults(unstuffed=True)
        bridge.add(server)
        assert bridge.fetched() == 1 and bridge.mail() == [message]
        ends = letter("ends", b"x\r\n..\r\n")
        server.messages.append(ends)
        server.faults = Faults(cut_retr={2: answer(ends) - 5})
        assert bridge.poll()["error"] is not None
        assert bridge.mail() == [message]
        server.faults = Faults()
        bridge.poll(minutes=60)
        assert bridge.mail() == [message, ends]


@pytest.mark.slow
@pytest.mark.parametrize("end", [b"", b"\r\n.\r"], ids=["none", "dot-cr"])
def test_fault_09_terminator_never_comes(bridge: Bridge, end: bytes) -> None:
    """The last message of a session, so that nothing follows which could be taken for its end."""
    with PopServer(letters(3)) as server:
        server.faults = Faults(terminator={3: end})
        bridge.add(server)
        for _ in range(5):
            bridge.poll(minutes=60)
        assert bridge.mail() == server.messages[:2]
        assert bridge.status()["upstream"]["poisoned"] == 1
        new = letter("new")
        server.messages.append(new)
        assert bridge.fetched(minutes=60) == 1
        assert bridge.mail() == [*server.messages[:2], new]


@pytest.mark.slow
def test_fault_10_nul_8bit_long_lines_large_messages_and_many_header_lines(
    bridge: Bridge,
) -> None:
    many = b"".join(b"X-%d: y\r\n" % n for n in range(100_000)) + b"\r\nbody\r\n"
    large = letter("large", (b"y" * 998 + b"\r\n") * 30_000)
    with PopServer([*BINARY, many, large, letter("last")]) as server:
        bridge.add(server)
        assert bridge.fetched() == 6
        assert bridge.mail() == server.messages


@pytest.mark.parametrize("words", [b"no", b"[SYS/TEMP] later", b"[SYS/PERM] gone"])
def test_fault_11_retr_refused_once_and_always(bridge: Bridge, words: bytes) -> None:
    with PopServer(letters(3)) as server:
        held = list(server.messages)
        refused = Faults(refuse_retr=frozenset({2}), retr_refusal=words)
        server.faults = refused
        bridge.add(server, policy="keep")
        bridge.poll()
        assert bridge.mail() == [held[0], held[2]], "the others don't wait"
        server.faults = Faults()
        bridge.poll(minutes=60)
        assert sorted(bridge.mail()) == sorted(held)
        server.messages += letters(3, 10)
        server.faults = replace(refused, refuse_retr=frozenset({5}))
        for _ in range(6):
            bridge.poll(minutes=60)
        poisoned = bridge.status()["upstream"]["poisoned"]
        assert poisoned == (0 if b"TEMP" in words else 1)
        server.faults = Faults()
        bridge.poll(minutes=60)
        assert len(bridge.mail()) == (6 if b"TEMP" in words else 5)


@pytest.mark.parametrize(
    "extra",
    [
        b"+OK\r\n",
        b"\r\n",
        b"+OK\r\n+OK\r\n",
        b"-ERR\r\n",
    ],
    ids=["ok", "empty", "two", "err"],
)
def test_fault_12_answers_out_of_step(bridge: Bridge, extra: bytes) -> None:
    with PopServer(letters(8)) as server:
        held = list(server.messages)
        server.faults = Faults(extra_after_retr=extra)
        bridge.add(server, policy="delete")
        bridge.fails("BR-POP-06")
        quiet_sessions(server)
        assert set(bridge.mail()) <= set(held), "nothing that isn't a message was taken for one"
        assert not bridge.profile().habits.pipelining
        first = server.sessions
        bridge.poll(minutes=60)
        quiet_sessions(server, first + 1)
        server.faults = Faults()
        for _ in range(4):
            bridge.poll(minutes=60)
        assert sorted(bridge.mail()) == sorted(held) and server.messages == []
