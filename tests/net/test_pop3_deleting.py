from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from bridge.errors import ProtocolError, RefusedCommandError, TimedOutError
from bridge.model.account import Secret
from bridge.model.profile import Habits
from bridge.model.upstream import Listed
from bridge.net.pop3 import PopConnector
from bridge.net.pop3_session import Pop3Session
from tests.pop_client import scripted, upstream
from tests.pop_server import CAPABILITIES, Faults, PopServer
from tests.reactor import reactor, run

T = TypeVar("T")
MAIL = [b"Subject: %d\r\n\r\nbody\r\n" % number for number in range(1, 8)]
HEADS = {number: b"Subject: %d\r\n\r\n" % number for number in range(1, 8)}

pytestmark = pytest.mark.usefixtures("small_collections", "clean")


def within(
    port: int,
    work: Callable[[Pop3Session], Awaitable[T]],
    *,
    timeout_s: float = 60,
    **options: Any,
) -> T:
    """What `work` returns of a session, which is dropped then."""

    async def session() -> T:
        connector = PopConnector(reactor, **options)
        opened = await connector.connect(upstream(port), Secret("secret"), timeout_s)
        try:
            return await work(opened)
        finally:
            opened.abort()

    return run(session)


async def delete_all(session: Pop3Session) -> frozenset[int]:
    marked = await session.delete((await session.listing()).messages)
    await session.quit()
    return marked


def without(capability: str) -> list[str]:
    return [name for name in CAPABILITIES if name != capability]


@pytest.mark.parametrize("pipelining", [True, False])
def test_deleting(pipelining: bool) -> None:
    offered = list(CAPABILITIES) if pipelining else without("PIPELINING")
    faults = Faults(refuse_dele=frozenset({2, 5}))
    with PopServer(MAIL, capabilities=offered, faults=faults) as server:
        assert within(server.port, delete_all) == {1, 3, 4, 6, 7}
    assert server.messages == [MAIL[1], MAIL[4]]


@pytest.mark.parametrize(("window", "flying"), [(1, 1), (3, 12), (50, 200), (100, 200)])
def test_so_many_deletes_are_under_way(window: int, flying: int) -> None:
    log_in = [b"+OK\r\n", b"+OK\r\nPIPELINING\r\n.\r\n", b"+OK\r\n", b"+OK\r\n"]
    # Nothing is answered before all have come that may be under way; then they are, all at once.
    deletes = [*[b""] * (flying - 1), b"+OK\r\n" * 300, *[b""] * (300 - flying)]
    with scripted(*log_in, *deletes, b"+OK 0 0\r\n") as (port, lines):
        batch = [Listed(number, b"x", 10**9) for number in range(1, 301)]

        async def work(session: Pop3Session) -> frozenset[int]:
            return await session.delete(batch)

        if window == 1:
            with pytest.raises(ProtocolError):
                within(port, work, window=window)
        else:
            assert len(within(port, work, window=window)) == 300
    assert lines[3] == b"DELE 1"


def test_extra_octets_before_an_answer_end_the_session_and_pipelining() -> None:
    habits: list[Habits] = []

    async def work(session: Pop3Session) -> None:
        try:
            await delete_all(session)
        finally:
            habits.append(session.habits)

    with (
        PopServer(MAIL, faults=Faults(before={"DELE": b"\r\n"})) as server,
        pytest.raises(ProtocolError),
    ):
        within(server.port, work)
    assert server.quits == 0 and server.messages == MAIL
    assert habits == [Habits(mechanism="USER")], "the first answer can't be read at any pace"
    with (
        PopServer(MAIL, faults=Faults(behind={"DELE": b"oops\r\n"})) as server,
        pytest.raises(ProtocolError),
    ):
        within(server.port, work)
    assert server.quits == 0 and server.messages == MAIL
    assert habits[1] == Habits(mechanism="USER", pipelining=False)


def test_two_answers_to_one_dele_are_noticed() -> None:
    with (
        PopServer(MAIL, faults=Faults(behind={"DELE": b"+OK again\r\n"})) as server,
        pytest.raises(ProtocolError),
    ):
        within(server.port, delete_all)
    assert server.quits == 0 and server.messages == MAIL


def test_a_connection_lost_while_deleting_deletes_nothing() -> None:
    with (
        PopServer(MAIL, faults=Faults(cut_at=frozenset({"DELE"}))) as server,
        pytest.raises(ProtocolError),
    ):
        within(server.port, delete_all)
    assert server.messages == MAIL


def test_quit_waits_longer_where_something_is_deleted() -> None:
    async def work(session: Pop3Session) -> frozenset[int]:
        return await delete_all(session)

    with PopServer(MAIL, faults=Faults(stall_at=frozenset({"QUIT"}))) as server:
        with pytest.raises(TimedOutError, match=r"5 seconds"):
            within(server.port, work, timeout_s=3, update_timeout_s=5)
        with pytest.raises(TimedOutError, match=r"3 seconds"):
            within(server.port, Pop3Session.quit, timeout_s=3, update_timeout_s=5)


@pytest.mark.parametrize(
    ("faults", "kind"),
    [(Faults(refuse_quit=True), RefusedCommandError), (Faults(mute_quit=True), ProtocolError)],
)
def test_a_quit_that_is_not_answered_as_it_should(faults: Faults, kind: type[Exception]) -> None:
    with PopServer(MAIL, faults=faults) as server, pytest.raises(kind):
        within(server.port, delete_all)
    assert server.quits == 0


@pytest.mark.parametrize("pipelining", [True, False])
def test_headers(pipelining: bool) -> None:
    offered = list(CAPABILITIES) if pipelining else without("PIPELINING")

    async def work(session: Pop3Session) -> dict[int, bytes | None]:
        listed = (await session.listing()).messages
        found = await session.headers([*listed, Listed(99, None, 0)])
        await session.quit()
        return found

    with PopServer(MAIL, capabilities=offered) as server:
        assert within(server.port, work) == {**HEADS, 99: None}


@pytest.mark.parametrize("told", [True, False])
def test_headers_of_a_server_without_top(told: bool) -> None:
    offered = list(CAPABILITIES) if told else without("TOP")

    async def work(session: Pop3Session) -> dict[int, bytes | None]:
        return await session.headers((await session.listing()).messages)

    with PopServer(MAIL, capabilities=offered, faults=Faults(no_top=True)) as server:
        assert within(server.port, work) == dict.fromkeys(range(1, 8))
    assert sum(line.startswith("TOP") for line in server.log) == (7 if told else 1)


def test_top_that_is_not_told_works() -> None:
    async def work(session: Pop3Session) -> dict[int, bytes | None]:
        return await session.headers((await session.listing()).messages)

    with PopServer(MAIL, capabilities=without("TOP")) as server:
        assert within(server.port, work) == HEADS


def test_headers_in_bare_line_feeds() -> None:
    async def work(session: Pop3Session) -> dict[int, bytes | None]:
        assert session.bare_lf
        found = await session.headers((await session.listing()).messages)
        assert session.bare_lf
        return found

    with PopServer(MAIL, faults=Faults(lf_only=True)) as server:
        assert within(server.port, work) == HEADS

    async def not_bare(session: Pop3Session) -> bool:
        return session.bare_lf

    with PopServer(MAIL) as server:
        assert not within(server.port, not_bare)


def test_a_second_answer_behind_top_ends_the_session() -> None:
    async def work(session: Pop3Session) -> dict[int, bytes | None]:
        return await session.headers((await session.listing()).messages)

    with (
        PopServer(MAIL, faults=Faults(behind={"TOP": b"\r\n"})) as server,
        pytest.raises(ProtocolError),
    ):
        within(server.port, work)


def test_stat_and_the_uidl_of_one_message() -> None:
    async def work(session: Pop3Session) -> tuple[Any, ...]:
        return (
            await session.stat(),
            await session.uidl(2),
            await session.uidl(3),
            await session.uidl(4),
        )

    with PopServer(MAIL[:3], uidls=[b"a", b"b c", b""]) as server:
        assert within(server.port, work) == ((3, len(b"".join(MAIL[:3]))), b"b c", None, None)
        server.faults = Faults(stat=(7, 70), no_uidl=True)
        assert within(server.port, work) == ((7, 70), None, None, None)
        server.faults = Faults(no_stat=True)
        with pytest.raises(RefusedCommandError):
            within(server.port, work)


@pytest.mark.parametrize("said", [b"+OK", b"+OK 1", b"+OK one two", b"+OK -1 5"])
def test_a_stat_without_numbers(said: bytes) -> None:
    yes, no = b"+OK\r\n", b"-ERR\r\n"
    script = scripted(yes, no, yes, yes, no, said + b"\r\n", b"")
    with script as (port, _), pytest.raises(ProtocolError, match="STAT"):
        within(port, Pop3Session.stat)


def test_what_the_server_says_of_itself() -> None:
    capa = (
        b"+OK\r\nEXPIRE 30\r\nIMPLEMENTATION Old Post v2\r\nLOGIN-DELAY 60\r\nPIPELINING\r\n.\r\n"
    )
    own = capa.replace(b"EXPIRE 30", b"EXPIRE 7")

    async def work(session: Pop3Session) -> tuple[Any, ...]:
        return session.expire_days, session.implementation, session.login_delay_s

    with scripted(b"+OK\r\n", capa, b"+OK\r\n", b"+OK\r\n", b"") as (port, _):
        assert within(port, work) == (30, "Old Post v2", 60)
    told = capa.replace(b"EXPIRE 30", b"EXPIRE 30 USER")
    with scripted(b"+OK\r\n", told, b"+OK\r\n", b"+OK\r\n", own, b"") as (port, _):
        assert within(port, work) == (7, "Old Post v2", 60)
