"""What a poll costs, how many sessions it takes, and what it remembers of a provider."""

from dataclasses import replace
from typing import Any

import pytest

from bridge.errors import ProtocolError, RejectedPasswordError
from bridge.model.account import Account, AccountState
from bridge.model.profile import Habits, Profile
from bridge.model.upstream import LedgerState, Listing
from bridge.sync.port import PopSession
from bridge.sync.runner import MAX_SESSIONS
from bridge.sync.sink import MAX_REFUSED
from tests.sync.bench import INTERVAL_S, Bench
from tests.sync.fakes import FullAt, Provider, Session, World, fill, mail, now


def profile(world: World) -> Profile:
    return world.store.read(lambda tx: tx.profile(world.account.id))


@pytest.fixture
def listings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the listings that sessions gave."""
    given: list[int] = []
    listing = Session.listing

    async def counted(self: Session) -> Listing:
        found = await listing(self)
        given.append(len(found.messages))
        return found

    monkeypatch.setattr(Session, "listing", counted)
    return given


def test_a_poll_that_finds_nothing_new_lists_nothing(world: World, listings: list[int]) -> None:
    fill(world, "a", "b")
    world.sync()
    result = world.sync()
    assert (result.listed, result.fetched, result.error) == (2, 0, None)
    assert listings == [2] and world.provider.asked == ["stat", "uidl 2"]
    assert world.provider.events == ["connect", "quit"] * 2
    status = world.status()
    assert (status.state, status.listed, status.pending) == (AccountState.OK, 2, 0)


@pytest.mark.parametrize("change", ["added", "replaced", "moved", "suspect", "hour", "clock"])
def test_a_poll_lists_where_anything_may_be_new(
    world: World, listings: list[int], change: str
) -> None:
    fill(world, "a", "b")
    if change == "suspect":
        world.provider.add(b"s", b"")
    world.sync()
    match change:
        case "added":
            world.provider.add(b"c", mail("c"))
        case "replaced":
            world.provider.messages[0].octets = mail("longer")
        case "moved":
            world.provider.messages.reverse()
        case "hour":
            world.loop.clock.advance(3600)
        case "clock":
            world.loop.clock.advance(-60)
    world.sync()
    assert len(listings) == 2


def test_what_could_not_be_had_is_listed_again(world: World, listings: list[int]) -> None:
    fill(world, "a", "b")
    world.provider.refused = {b"b"}
    world.sync()
    world.provider.refused = set()
    world.sync()
    assert len(listings) == 2 and len(world.inbox()) == 2


def test_a_poll_that_failed_is_followed_by_a_listing(world: World, listings: list[int]) -> None:
    fill(world, "a", "b")
    world.sync()
    world.loop.clock.advance(3600)
    world.provider.messages[0].octets = mail("quite another")
    world.provider.cut[b"a"] = ProtocolError("The connection was lost.")
    assert world.sync().error is not None
    world.provider.cut.clear()
    world.sync()
    assert len(listings) == 3 and mail("quite another") in world.inbox()


def test_without_uidls_every_poll_lists(world: World, listings: list[int]) -> None:
    world.provider.add(None, mail("a"))
    world.sync()
    world.sync()
    assert len(listings) == 2 and world.provider.asked == ["top 1"]


def test_what_sessions_learn_is_remembered_and_handed_to_the_next(world: World) -> None:
    learned = Habits(mechanism="USER", capa=False, pipelining=False)
    world.provider.habits = learned
    world.provider.login_delay_s, world.provider.expire_days = 900, 30
    world.provider.implementation, world.provider.bare_lf = "Cyrus 3", True
    world.sync()
    found = profile(world)
    assert found.habits == learned and found.bare_lf
    assert (found.login_delay_s, found.expire_days) == (900, 30)
    assert found.implementation == "Cyrus 3" and found.listed_at == world.loop.now()
    world.provider.bare_lf = False
    world.sync()
    assert world.provider.habits_seen == [Habits(), learned]
    assert profile(world).bare_lf


def test_what_a_poll_that_failed_has_learned_is_kept(world: World) -> None:
    fill(world, "a")
    world.provider.habits = Habits(mechanism="APOP")
    world.provider.cut[b"a"] = ProtocolError("The connection was lost.")
    world.sync()
    assert profile(world).habits == world.provider.habits


def test_a_poll_changes_nothing_of_what_others_wrote_meanwhile(world: World) -> None:
    fill(world, "a")

    def others(_: object) -> None:
        known = replace(profile(world), frozen_since=world.loop.now(), frozen_reason="mirror")
        world.store.write(lambda tx: tx.save_profile(known))

    world.provider.login_delay_s = 5
    world.sync(progress=others)
    found = profile(world)
    assert (found.frozen_reason, found.login_delay_s) == ("mirror", 5)


class Capped(Provider):
    """Refuses all but the first messages that a session asks for."""

    limit = 12

    async def connect(self, *arguments: Any) -> PopSession:
        await super().connect(*arguments)
        return CappedSession(self)


class CappedSession(Session):
    async def _retrieve(self, listed: Any, sink: Any) -> None:
        self._given = getattr(self, "_given", 0) + 1
        self._provider.refused = {listed.uidl} if self._given > Capped.limit else set()
        await super()._retrieve(listed, sink)


def test_where_a_session_gives_so_many_and_no_more_the_next_begins_at_once(world: World) -> None:
    world.provider = Capped()
    octets = fill(world, *(f"m{n}" for n in range(5 * Capped.limit + MAX_REFUSED - 1)))
    result = world.sync()
    assert result.error is None and result.fetched == len(octets)
    assert world.inbox() == octets and world.status().pending == 0
    assert world.provider.events.count("connect") == 6


def test_sessions_of_one_poll_are_bounded(world: World) -> None:
    world.provider = Capped()
    octets = fill(world, *(f"m{n}" for n in range(Capped.limit * (MAX_SESSIONS + 3))))
    result = world.sync()
    assert result.again and len(world.inbox()) == Capped.limit * MAX_SESSIONS
    world.sync()
    assert world.inbox() == octets


def test_a_login_delay_is_kept_between_sessions_of_one_mailbox(world: World) -> None:
    world.provider = Capped(login_delay_s=60)
    fill(world, *(f"m{n}" for n in range(3 * Capped.limit)))
    result = world.sync()
    assert result.again and world.provider.events.count("connect") == 1


def test_a_further_session_that_fails_is_no_failure_of_the_poll(world: World) -> None:
    world.provider = Capped()
    fill(world, *(f"m{n}" for n in range(3 * Capped.limit)))

    def refuse(_: object) -> None:
        world.provider.connect_error = RejectedPasswordError("too often")

    result = world.sync(progress=refuse)
    assert result.error is None and result.fetched == Capped.limit
    status = world.status()
    assert (status.state, status.pending) == (AccountState.OK, 2 * Capped.limit)


class Window(Provider):
    """Lists so many of the messages that no session has retrieved, as Gmail does."""

    size = 25

    async def connect(self, *arguments: Any) -> PopSession:
        await super().connect(*arguments)
        return WindowSession(self)


class WindowSession(Session):
    def __init__(self, provider: Provider) -> None:
        super().__init__(provider)
        self._messages = self._messages[: Window.size]
        self._popped: list[Any] = []

    async def _retrieve(self, listed: Any, sink: Any) -> None:
        await super()._retrieve(listed, sink)
        self._popped.append(self._messages[listed.number - 1])

    async def quit(self) -> None:
        await super().quit()
        for message in self._popped:
            if message in self._provider.messages:
                self._provider.messages.remove(message)


def test_a_window_that_hides_what_was_retrieved_is_emptied_once_it_is_known(world: World) -> None:
    world.provider = Window()
    octets = fill(world, *(f"m{n}" for n in range(7 * Window.size)))
    assert world.sync().fetched == Window.size and not profile(world).hides
    assert world.sync().fetched == 6 * Window.size and profile(world).hides
    assert world.inbox() == octets and world.status().state is AccountState.OK
    assert not world.provider.messages
    for row in world.ledger():
        assert row.state is LedgerState.STORED


def test_a_provider_that_lists_what_was_retrieved_hides_nothing(world: World) -> None:
    fill(world, *(f"m{n}" for n in range(30)))
    world.sync()
    world.provider.add(b"new", mail("new"))
    world.sync()
    assert not profile(world).hides and world.provider.events.count("connect") == 2


def test_the_first_rejection_of_a_password_that_worked_may_be_throttling(world: World) -> None:
    fill(world, "a")
    world.sync()
    world.provider.connect_error = RejectedPasswordError("The provider refused.", "Type it again.")
    world.sync()
    status = world.status()
    assert status.state is AccountState.RETRYING and status.auth_failures == 1
    assert "too often" in (status.error_remedy or "")
    world.sync()
    assert world.status().state is AccountState.NEEDS_PASSWORD
    assert world.status().error_remedy == "Type it again."


def test_a_password_that_never_worked_is_asked_for_at_once(world: World) -> None:
    world.provider.connect_error = RejectedPasswordError("The provider refused.")
    world.sync()
    assert world.status().state is AccountState.NEEDS_PASSWORD


def test_a_login_delay_survives_a_restart(world: World) -> None:
    world.provider.login_delay_s = 3000
    world.sync()
    bench = Bench(world)
    bench.start()
    bench.advance(1)
    before = bench.polls()
    account = world.account
    for _ in range(4):
        bench.advance(INTERVAL_S)
        bench.service.demand(account.id)
        bench.advance(0)
    assert bench.polls() == before
    bench.advance(3000)
    assert bench.polls() == before + 1
    bench.service.stop()


def test_a_known_providers_interval_is_kept(world: World) -> None:
    bench = Bench(world)
    bench.add("bob", host="pop3.web.de")
    bench.start()
    for _ in range(2):
        bench.advance(INTERVAL_S)
    assert bench.polls("bob") == 1 and bench.polls() == 3
    bench.advance(300)
    assert bench.polls("bob") == 2
    bench.service.stop()


def test_an_account_that_has_more_to_fetch_is_polled_again_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.sync.runner.MAX_SESSIONS", 1)
    world.provider = Capped()
    octets = fill(world, *(f"m{n}" for n in range(3 * Capped.limit)))
    bench = Bench(world)
    bench.start()
    for _ in range(4):
        bench.advance(1)
    assert world.inbox() == octets and bench.polls() == 3
    bench.service.stop()


def test_a_profile_that_cannot_be_saved_lets_nothing_be_deleted(world: World) -> None:
    class Deletes:
        called = 0

        async def delete_idle(self, account: Account, session: PopSession) -> int:
            return 0

        async def delete_nameless(self, *_: Any) -> int:
            return 0

        async def delete(self, *_: Any) -> None:
            self.called += 1

    deleter = Deletes()
    runner = world.runner(FullAt(world.database, 2, stays=True))
    runner._deleter = deleter  # type: ignore[assignment]
    now(runner.run_once())
    assert deleter.called == 0
    runner = world.runner()
    runner._deleter = deleter  # type: ignore[assignment]
    now(runner.run_once())
    assert deleter.called == 1
