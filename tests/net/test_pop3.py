import ssl
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater

from bridge.errors import ProtocolError, RefusedCommandError, TimedOutError, UpstreamError
from bridge.model.account import Secret, Security
from bridge.model.profile import Habits
from bridge.model.upstream import Listed
from bridge.net import pop3_session, pop3_wire
from bridge.net.pop3 import PopConnector
from bridge.net.pop3_wire import MAX_UNREAD
from tests.pop_client import (
    MESSAGES,
    Sink,
    Timers,
    connect,
    dripping,
    fails,
    fetch,
    fetched,
    numbered,
    scripted,
    upstream,
)
from tests.pop_server import CAPABILITIES, Faults, PopServer, Refused
from tests.reactor import reactor, run

ONE_RECEIVE = 64 * 1024
PATIENCE_S = 3
"""Long enough for every answer that does come, on a busy machine too."""

pytestmark = pytest.mark.usefixtures("small_collections", "clean")


def test_a_server_without_capa_uidl_and_pipelining() -> None:
    with PopServer(MESSAGES, faults=Faults(no_capa=True, no_uidl=True)) as server:
        sink = Sink()
        listed = run(lambda: fetch(upstream(server.port), sink))
    assert sink.whole == numbered(MESSAGES)
    assert {one.uidl for one in listed} == {None}


@pytest.mark.parametrize("octets", range(1, 8))
def test_promise_6_octets_in_any_slices(octets: int) -> None:
    with PopServer(MESSAGES, faults=Faults(slice_octets=octets)) as server:
        assert fetched(server).whole == numbered(MESSAGES)


def test_a_line_of_three_megabytes_and_a_dot_line_of_bare_line_feeds() -> None:
    messages = [b"x" * 3_000_000 + b"\r\n", b"a\n.\n" * 100_000 + b"\r\n", b"\r\n." * 100_000]
    with PopServer(messages) as server:
        assert fetched(server).whole == numbered([*messages[:2], messages[2] + b"\r\n"])


def test_dots_that_the_server_forgot_to_double() -> None:
    message = b"a\r\n.hidden\r\n"
    with PopServer([message], faults=Faults(unstuffed=True)) as server:
        assert fetched(server).whole == {1: message}


def test_many_small_messages_in_one_chunk() -> None:
    messages = [b"Subject: %d\r\n" % number for number in range(3000)] + [b""] * 100
    with PopServer(messages, faults=Faults()) as server:
        assert fetched(server, window=1000).whole == numbered(messages)


@pytest.mark.parametrize("protected", [False, True])
def test_promise_3_a_cut_anywhere_never_completes_a_message_cut_short(
    protected: bool, tls: ssl.SSLContext, roots: Path
) -> None:
    messages = [b"one\r\n.\r\n", b"two\n.\nthree\r\n"]
    security = Security.IMPLICIT if protected else Security.PLAIN
    for octets in range(0, 2000, 5 if protected else 1):
        sink = Sink()
        faults = Faults(cut_after_octets=octets)
        with PopServer(messages, tls=tls if protected else None, faults=faults) as server:
            try:
                run(lambda p=server.port, s=sink: fetch(upstream(p, security), s, roots))
            except ProtocolError:
                assert sink.whole.items() <= numbered(messages).items()
            else:
                assert sink.whole == numbered(messages)
                assert octets > 200
                return
    pytest.fail("the session never ended")


@pytest.mark.parametrize("octets", [0, 10, 150, 330, 100_000])
def test_a_server_that_stalls(octets: int) -> None:
    faults = Faults(stall_after_octets=octets)
    with PopServer([b"x" * 200_000 + b"\r\n"], faults=faults) as server:
        began = time.monotonic()
        fails(TimedOutError, upstream(server.port), timeout_s=0.3)
        assert 0.25 < time.monotonic() - began < 30


@pytest.mark.parametrize("security", [Security.IMPLICIT, Security.STLS])
def test_a_tls_handshake_that_stalls(security: Security, roots: Path) -> None:
    # Without a line end the script waits: ClientHello may hold one, so nothing may follow it.
    replies = (
        [b""]
        if security is Security.IMPLICIT
        else [b"+OK\r\n", b"+OK\r\nSTLS\r\n.\r\n", b"+OK\r\n"]
    )
    with scripted(*replies, *[b""] * 100) as (port, _):
        fails(TimedOutError, upstream(port, security), roots, timeout_s=0.3)


@pytest.mark.parametrize("security", [Security.IMPLICIT, Security.PLAIN])
def test_octets_that_drip_are_progress_under_tls_and_without(
    security: Security, tls: ssl.SSLContext, roots: Path
) -> None:
    timers = Timers()
    with (
        PopServer([b"x" * 300], tls=tls if security is Security.IMPLICIT else None) as server,
        dripping(server.port, timers, 10) as port,
    ):
        where = upstream(port, security)
        run(lambda: fetch(where, Sink(), roots, timeout_s=10, timers=timers))
    assert server.quits == 1 and timers.clock.seconds() > 10


def test_a_slow_sink_is_not_the_servers_fault() -> None:
    timers = Timers()

    async def pace() -> None:
        timers.clock.advance(11)

    with PopServer(MESSAGES[:2]) as server:
        sink = fetched(server, Sink(pace=pace), timeout_s=10, timers=timers)
    assert sink.whole == numbered(MESSAGES[:2]) and timers.clock.seconds() > 20


def test_one_message_refused() -> None:
    with PopServer(MESSAGES, faults=Faults(refuse_retr=frozenset({2}))) as server:
        sink = fetched(server)
    assert sink.whole == {n: m for n, m in numbered(MESSAGES).items() if n != 2}
    assert type(sink.refused[2]) is RefusedCommandError
    assert "RETR 2" in sink.refused[2].text and "can't be read" in sink.refused[2].text


def test_back_pressure_holds_the_server_off() -> None:
    most = 0
    message = b"0123456789" * 3_000_000 + b"\r\n"
    with PopServer([message]) as server:

        async def retrieve() -> Sink:
            session = await connect(upstream(server.port))

            async def pace() -> None:
                nonlocal most
                await deferLater(reactor, 0.0005)
                most = max(most, session._wire.unread)

            sink = Sink(pace=pace)
            await session.retrieve((await session.listing()).messages, sink)
            await session.quit()
            return sink

        assert run(retrieve).whole == {1: message}
    assert MAX_UNREAD < most <= MAX_UNREAD + ONE_RECEIVE


@pytest.mark.parametrize(
    ("pipelining", "window", "octets", "flying"),
    [(True, 3, 10**6, 3), (True, 50, 250, 2), (True, 50, 1, 1), (False, 50, 10**6, 1)],
)
def test_how_many_retrs_are_in_flight(
    pipelining: bool, window: int, octets: int, flying: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pop3_session, "MAX_OCTETS_IN_FLIGHT", octets)
    wanted = [name for name in CAPABILITIES if pipelining or name != "PIPELINING"]
    seen = []
    with PopServer([b"x" * 98 + b"\r\n"] * 20, capabilities=wanted) as server:

        def on_begin(number: int) -> None:
            sent = sum(line.startswith("RETR") for line in server.log)
            seen.append(sent - number + 1)

        fetched(server, Sink(on_begin=on_begin), window=window)
    assert len(seen) == 20
    assert max(seen) <= flying


def test_pipelining_told_after_the_log_in_only() -> None:
    none = b"+OK\r\n.\r\n"
    told = b"+OK\r\nPIPELINING\r\n.\r\n"
    listings = b"+OK\r\n1 a b\n.\n+OK\r\n1 3\r\n.\r\n"
    with scripted(b"+OK\r\n", none, b"+OK\r\n", b"+OK\r\n", told, listings, b"") as (port, lines):

        async def listing() -> Any:
            session = await connect(upstream(port))
            found = await session.listing()
            session.abort()
            return found.messages

        assert run(listing) == (Listed(1, b"a b", 3),)
    assert lines[3:] == [b"CAPA", b"UIDL", b"LIST"]


@pytest.mark.parametrize(
    ("replies", "kind"),
    [
        ([b"+OK\r\n1 a\r\n.\r\n", b"+OK\r\n1 3\r\n2 3\r\n.\r\n"], ProtocolError),
        ([b"+OK\r\n1 a\r\n.\r\n", b"+OK\r\n1 three\r\n.\r\n"], ProtocolError),
        ([b"+OK\r\n1 a\r\n.\r\n", b"+OK\r\n1 3\r\n"], ProtocolError),
        ([b"+OK\r\n1 " + b"a" * 70_000 + b"\r\n.\r\n"], ProtocolError),
        ([b"+OK\r\n1 a\r\n.\r\n", b"-ERR no\r\n"], RefusedCommandError),
        ([b"-ERR [SYS/TEMP] later\r\n", b"+OK\r\n1 3\r\n.\r\n"], RefusedCommandError),
    ],
)
def test_listings_that_count_for_nothing(replies: list[bytes], kind: type[UpstreamError]) -> None:
    log_in = [b"+OK\r\n", b"-ERR\r\n", b"+OK\r\n", b"+OK\r\n", b"-ERR\r\n"]
    with scripted(*log_in, *replies) as (port, _):
        fails(kind, upstream(port))


def test_a_listing_cut_short() -> None:
    with PopServer(MESSAGES, faults=Faults(listing_cut=True)) as server:
        fails(ProtocolError, upstream(server.port))
    assert server.quits == 0


def test_a_long_listing_takes_time_in_proportion() -> None:
    count = 200_000
    uidls = b"".join(b"%d %024d\r\n" % (n, n) for n in range(1, count + 1))
    sizes = b"".join(b"%d 1000\r\n" % n for n in range(1, count + 1))
    replies = [
        b"+OK\r\n", b"-ERR\r\n", b"+OK\r\n", b"+OK\r\n", b"-ERR\r\n",
        b"+OK\r\n" + uidls + b".\r\n", b"+OK\r\n" + sizes + b".\r\n", b"",
    ]  # fmt: skip

    async def listing() -> int:
        session = await connect(upstream(port))
        found = await session.listing()
        session.abort()
        return len(found.messages)

    with scripted(*replies) as (port, _):
        assert run(listing) == count


def test_the_small_commands() -> None:
    with PopServer(MESSAGES[:2]) as server:

        async def commands() -> None:
            session = await connect(upstream(server.port))
            assert await session.stat() == (2, sum(map(len, MESSAGES[:2])))
            assert await session.top(1, 1) == b"Subject: one\r\n\r\nfirst\r\n"
            with pytest.raises(RefusedCommandError, match="TOP 9"):
                await session.top(9, 1)
            await session.noop()
            await session.rset()
            await session.quit()
            await session.quit()
            session.abort()
            session.abort()

        run(commands)
    assert server.quits == 1
    assert server.log.count("QUIT") == 1


def test_abort_sends_no_quit_and_wakes_whoever_waits(tls: ssl.SSLContext, roots: Path) -> None:
    with PopServer(MESSAGES, tls=tls, faults=Faults(stall_after_octets=400)) as server:

        async def aborted() -> None:
            session = await connect(upstream(server.port, Security.IMPLICIT), roots)
            reactor.callLater(0.2, session.abort)
            with pytest.raises(ProtocolError):
                await session.retrieve([Listed(n, None, 1) for n in [1] * 40], Sink())
            await session.quit()
            session.abort()

        run(aborted)
    assert "QUIT" not in server.log


def test_quit_raises_what_keeps_its_answer_away() -> None:
    with scripted(
        b"+OK\r\n", b"-ERR\r\n", b"+OK\r\n", b"+OK\r\n", b"-ERR\r\n", b"-ERR not all removed\r\n"
    ) as (port, lines):

        async def quit_twice() -> None:
            session = await connect(upstream(port))
            with pytest.raises(RefusedCommandError, match="QUIT"):
                await session.quit()
            await session.quit()

        run(quit_twice)
    assert lines.count(b"QUIT") == 1


def test_a_server_that_does_not_close_after_quit_is_dropped(
    tls: ssl.SSLContext, roots: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.pop_server.Wire.say_goodbye", lambda wire: None)
    monkeypatch.setattr("bridge.net.pop3_wire.CLOSE_S", 0.2)
    with PopServer(MESSAGES, tls=tls) as server:
        run(lambda: fetch(upstream(server.port, Security.IMPLICIT), Sink(), roots))
    assert server.quits == 1


def test_promise_1_a_sink_that_fails_ends_the_session() -> None:
    async def full() -> None:
        raise OSError("disk full")

    with PopServer(MESSAGES) as server, pytest.raises(OSError, match="disk full"):
        fetched(server, Sink(pace=full))
    assert server.quits == 0


@pytest.mark.parametrize("octets", [0, 400])
def test_cancelling_leaves_nothing_behind(octets: int) -> None:
    with PopServer(MESSAGES, faults=Faults(stall_after_octets=octets)) as server:

        async def cancelled() -> None:
            running = Deferred.fromCoroutine(fetch(upstream(server.port), Sink()))
            reactor.callLater(0.2, running.cancel)
            with pytest.raises(CancelledError):
                await running

        run(cancelled)


def test_the_password_is_in_no_repr() -> None:
    with PopServer(MESSAGES[:1], password="hunter2") as server:

        async def shown() -> str:
            session = await connect(upstream(server.port), password="hunter2")
            session.abort()
            return f"{session!r} {session._wire!r} {session._wire.peer!r}"

        assert "hunter2" not in run(shown)


def test_promise_6_a_provider_of_bare_line_feeds_throughout() -> None:
    messages = [b"Subject: a\r\n\r\nline\r\n.\r\n..x\r\nend\r\n", b"", b"one\r\n"] * 50
    with PopServer(messages, faults=Faults(lf_only=True)) as server:
        assert fetched(server).whole == numbered(messages)


def test_one_crlf_line_from_the_server_makes_bare_line_feeds_text() -> None:
    retr = b"+OK\na\n.\nb\r\n.\r\n"
    log_in = [b"+OK\r\n", b"-ERR\n", b"+OK\n", b"+OK\n", b"-ERR\n"]
    listing = [b"+OK\n1 a\n.\n", b"+OK\n1 9\n.\n"]
    sink = Sink()
    with scripted(*log_in, *listing, retr, b"+OK\n") as (port, _):
        run(lambda: fetch(upstream(port), sink))
    assert sink.whole == {1: b"a\n.\nb\r\n"}


async def session_with(
    connector: PopConnector,
    port: int,
    sink: Sink,
    seen: list[Habits] | None = None,
    timeout_s: float = 60,
) -> None:
    """Fetches all with the last of the habits in `seen`, and adds what is known then."""
    seen = [Habits()] if seen is None else seen
    session = await connector.connect(upstream(port), Secret("secret"), timeout_s, seen[-1])
    try:
        await session.retrieve((await session.listing()).messages, sink)
        await session.quit()
    finally:
        session.abort()
        seen.append(session.habits)


def test_a_server_that_only_claims_to_know_pipelining_is_asked_one_by_one() -> None:
    connector = PopConnector(reactor)
    with PopServer(MESSAGES, faults=Faults(forgets_pipelined=True)) as server:
        with pytest.raises(TimedOutError):
            run(partial(session_with, connector, server.port, Sink(), timeout_s=PATIENCE_S))
        sink = Sink()
        run(partial(session_with, connector, server.port, sink))
        assert sink.whole == numbered(MESSAGES)
    # Only one session is spared after a lost connection; that might have been the network.
    with PopServer(MESSAGES) as server:
        connector._lost_ahead.add(upstream(server.port))
        run(partial(session_with, connector, server.port, Sink()))
        run(partial(session_with, connector, server.port, Sink()))
    first, second = (server.log.index("UIDL"), server.log.index("session 2"))
    assert server.log[first : first + 2] == ["UIDL", "LIST"]
    assert server.log[second:].count("RETR 2") == 1


def test_answers_that_cannot_be_read_end_pipelining_for_good() -> None:
    habits = [Habits()]
    with PopServer(MESSAGES, faults=Faults(extra_after_retr=b"\r\n")) as server:
        with pytest.raises(ProtocolError):
            run(partial(session_with, PopConnector(reactor), server.port, Sink(), habits))
        assert habits[-1] == Habits(mechanism="USER", pipelining=False)
    # Another one: the first may be reading yet what it was sent ahead, and writes that down.
    with PopServer(MESSAGES) as server:
        for _ in range(2):
            server.log.clear()
            seen: list[int] = []

            def on_begin(number: int, seen: list[int] = seen) -> None:
                seen.append(sum("RETR" in line for line in server.log))

            sink = Sink(on_begin=on_begin)
            run(partial(session_with, PopConnector(reactor), server.port, sink, habits))
            assert seen == list(range(1, len(MESSAGES) + 1))
    assert server.quits == 2


def test_what_nobody_asked_for_ends_the_session() -> None:
    extra = Faults(extra_after_retr=b"+OK once more\r\n")
    with PopServer(MESSAGES[:1], faults=extra) as server:

        async def retrieve_then_wait() -> None:
            session = await connect(upstream(server.port))
            await session.retrieve((await session.listing()).messages, Sink())
            await deferLater(reactor, 0.1)
            with pytest.raises(ProtocolError, match="not asked"):
                await session.quit()

        run(retrieve_then_wait)
    assert server.quits == 0


def test_uidl_refused_by_a_server_that_offers_it_is_no_lack_of_uidls() -> None:
    with PopServer(MESSAGES, faults=Faults(refuse_uidl=True)) as server:
        fails(RefusedCommandError, upstream(server.port))
    assert not any(line.startswith("RETR") for line in server.log)


def test_what_a_refusal_says_of_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    words = {1: "[SYS/TEMP] later", 2: "[SYS/PERM] gone", 3: "no"}

    def refuse(session: object, argument: bytes) -> None:
        raise Refused(words[int(argument)])

    monkeypatch.setattr("tests.pop_server.Session._on_retr", refuse)
    with PopServer(MESSAGES[:3]) as server:
        assert fetched(server).temporary == {1: True, 2: False, 3: False}


def test_the_login_delay_is_the_users_own() -> None:
    none, plain = b"+OK\r\n", b"+OK\r\nLOGIN-DELAY 60 USER\r\nPIPELINING\r\n.\r\n"
    own = b"+OK\r\nLOGIN-DELAY 900\r\nPIPELINING\r\n.\r\n"
    with scripted(none, plain, none, none, own, b"") as (port, _):

        async def delay() -> int:
            session = await connect(upstream(port))
            session.abort()
            return session.login_delay_s

        assert run(delay) == 900


def test_another_window_counts_for_the_next_session() -> None:
    connector = PopConnector(reactor, window=50)

    async def window() -> int:
        session = await connector.connect(upstream(server.port), Secret("secret"), 15)
        session.abort()
        return session._window

    with PopServer(MESSAGES) as server:
        assert run(window) == 50
        connector.reconfigure(window=3)
        assert run(window) == 3


def test_a_listing_of_empty_lines_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pop3_wire, "MAX_LISTING_OCTETS", 64 * 1024)
    capa = b"+OK\r\n" + b"\r\n" * 2000 + b".\r\n"
    with scripted(b"+OK\r\n", capa, b"") as (port, _):
        assert "without an end" in fails(ProtocolError, upstream(port)).text
