import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from bridge.errors import (
    BridgeError,
    InUseError,
    ProtocolError,
    RefusedError,
    RejectedPasswordError,
    StoreError,
    StoreFullError,
    TimedOutError,
    UpstreamError,
)
from bridge.intake import INLINE_OCTETS, Intake
from bridge.model.account import AccountState
from bridge.model.upstream import LedgerState, Listed
from bridge.store.tx import WriteTx
from bridge.sync.entries import POISON_AFTER
from bridge.sync.port import PopSession, RetrieveSink
from bridge.sync.record import Recorder
from bridge.sync.runner import Progress
from bridge.sync.sink import MAX_PENDING, MAX_REFUSED
from bridge.sync.step import Step
from tests.effort import proportionate
from tests.sync.fakes import GroupDatabase, Provider, Session, Task, World, fill, mail, now


def test_a_first_sync_brings_every_message_in_listing_order_and_a_second_nothing(
    world: World,
) -> None:
    octets = fill(world, "c", "a", "b")
    result = world.sync()
    assert (result.listed, result.fetched, result.octets) == (3, 3, sum(map(len, octets)))
    assert result.error is None and world.inbox() == octets
    assert world.sync().fetched == 0
    assert world.provider.events == ["connect", "quit"] * 2
    assert world.inbox() == octets
    status = world.status()
    assert (status.state, status.listed, status.pending) == (AccountState.OK, 3, 0)


def test_how_long_each_message_took_from_the_listing_is_told_once_it_is_durable(
    world: World,
) -> None:
    fill(world, "a", "b", "c")
    told: list[tuple[float, int]] = []

    def a_second_later() -> bool:
        world.loop.clock.advance(1)
        return True

    def durable(seconds: float) -> None:
        told.append((seconds, len(world.inbox())))

    assert now(world.runner(can_fetch=a_second_later, durable=durable).run_once()).fetched == 3
    waited, held = zip(*told, strict=True)
    assert list(waited) == sorted(waited) and waited[0] >= 1
    assert all(messages >= count for count, messages in enumerate(held, 1))


def test_promise_6_octets_are_sacred(world: World) -> None:
    odd = bytes(range(256)) * 9 + b"\n.\r\n..\r\nno line end"
    large = mail("large") + odd * 1000
    assert len(large) > INLINE_OCTETS * 2
    for number, octets in enumerate([b"Subject: 8bit\r\n\r\n" + odd, large, mail("tail")]):
        world.provider.add(b"%d" % number, octets)
    assert world.sync().error is None
    assert world.inbox() == [message.octets for message in world.provider.messages]
    assert world.stages() == 0


def test_promise_1_no_quit_while_a_retrieved_message_is_not_durable(world: World) -> None:
    fill(world, *"abcdefghij")
    database = GroupDatabase(world.store)
    task = Task(world.runner(database).run_once())
    while len(world.inbox()) < 10:
        assert "quit" not in world.provider.events and not task.done
        database.flush(3)
    while not task.done:
        database.flush()
    assert world.provider.events == ["connect", "quit"]


@pytest.mark.parametrize(
    ("sizes", "most"),
    [([0] * 3 * MAX_PENDING, MAX_PENDING), ([INLINE_OCTETS - 100] * 30, 9)],
    ids=["messages", "octets"],
)
def test_little_waits_for_the_disk(world: World, sizes: list[int], most: int) -> None:
    octets = [mail(f"{number}", size) for number, size in enumerate(sizes)]
    for number, each in enumerate(octets):
        world.provider.add(b"%d" % number, each)
    database = GroupDatabase(world.store)
    task = Task(world.runner(database).run_once())
    waited = []
    while not task.done:
        waited.append(world.provider.begun - len(world.uids()))
        database.flush()
    assert task.result().error is None and world.inbox() == octets
    assert most // 2 < max(waited) <= most


def test_promise_3_a_message_that_is_cut_is_not_kept_and_counts_an_attempt_for_itself_alone(
    world: World,
) -> None:
    octets = fill(world, "a", "b", "c")
    world.provider.messages[1].octets = octets[1] = mail("b", 3 * INLINE_OCTETS)
    world.provider.cut[b"b"] = ProtocolError("The connection was lost.")
    result = world.sync()
    assert isinstance(result.error, ProtocolError) and result.fetched == 1
    assert world.inbox() == octets[:1] and world.stages() == 0
    assert world.provider.events == ["connect", "abort"]
    assert [(row.uidl, row.attempts) for row in world.ledger()] == [(b"a", 0), (b"b", 1)]
    status = world.status()
    assert (status.state, status.pending) == (AccountState.RETRYING, 2)
    world.provider.cut.clear()
    assert world.sync().fetched == 2
    # The one that failed comes alone, after the others.
    assert world.provider.batches[1:] == [[3], [2]]
    assert world.inbox() == [octets[0], octets[2], octets[1]]
    assert {row.attempts for row in world.ledger()} == {0}


@pytest.mark.parametrize("error", [StoreError("no"), RefusedError("no"), InUseError("no")])
def test_only_a_lost_connection_counts_an_attempt(world: World, error: BridgeError) -> None:
    fill(world, "a")
    world.provider.cut[b"a"] = error
    assert world.sync().error is error
    assert world.ledger() == () and world.provider.events == ["connect", "abort"]


def test_promise_7_poison_is_given_up_after_four_attempts_and_delays_nobody(world: World) -> None:
    octets = fill(world, "bad", "good")
    world.provider.cut[b"bad"] = TimedOutError("Nothing came.")
    for number in range(POISON_AFTER):
        assert world.states().get(b"bad") in (None, LedgerState.LISTED)
        world.provider.add(b"%d" % number, mail(f"new {number}"))
        assert isinstance(world.sync().error, TimedOutError)
    assert world.states()[b"bad"] is LedgerState.POISONED
    # The very first attempt took the rest of its session with it, and no other did.
    assert len(world.inbox()) == 1 + POISON_AFTER and octets[1] in world.inbox()
    assert world.sync().error is None
    assert len(world.ledger()) == 2 + POISON_AFTER


@dataclass
class Dies(Provider):
    """A server whose connection ends before the status line of a message in `deadly`."""

    deadly: frozenset[bytes | None] = frozenset()

    async def connect(self, *arguments: Any) -> PopSession:
        await super().connect(*arguments)
        return DiesSession(self)


class DiesSession(Session):
    async def _retrieve(self, listed: Listed, sink: RetrieveSink) -> None:
        assert isinstance(self._provider, Dies)
        if listed.uidl in self._provider.deadly:
            raise ProtocolError("The connection was lost.")
        await super()._retrieve(listed, sink)


def test_promise_7_a_message_that_kills_the_server_before_it_answers_is_found_out(
    world: World,
) -> None:
    world.provider = Dies(deadly=frozenset({b"bad"}))
    octets = fill(world, "a", "bad", "c")
    for polls, held in enumerate([1, 1, 2, 2, 2], 1):
        assert isinstance(world.sync().error, ProtocolError)
        assert len(world.inbox()) == held, polls
    assert world.inbox() == [octets[0], octets[2]]
    assert world.states()[b"bad"] is LedgerState.POISONED
    world.provider.add(b"d", mail("d"))
    assert world.sync().error is None and len(world.inbox()) == 3


def test_a_connection_lost_between_messages_keeps_their_order(world: World) -> None:
    world.provider = Dies(deadly=frozenset({b"b"}))
    octets = fill(world, "a", "b", "c")
    assert isinstance(world.sync().error, ProtocolError)
    world.provider.deadly = frozenset()
    assert world.sync().error is None
    assert world.inbox() == octets


def test_a_message_above_the_limit_stays_upstream_whatever_its_listed_size(world: World) -> None:
    octets = [mail("a"), mail("huge", 3 * INLINE_OCTETS), mail("listed", 300), mail("c")]
    for number, each in enumerate(octets):
        world.provider.add(b"%d" % number, each, size=100 if number == 1 else None)
    limit = 2 * INLINE_OCTETS
    error = world.sync(max_message_octets=limit).error
    assert isinstance(error, UpstreamError) and "pop_message" in error.text
    assert world.provider.events == ["connect", "abort"] and world.stages() == 0
    assert world.sync(max_message_octets=limit).error is None
    assert world.inbox() == [octets[0], *octets[2:]]
    assert world.states()[b"1"] is LedgerState.TOO_LARGE
    assert world.sync(max_message_octets=200).error is None
    assert len(world.ledger()) == 4 and world.provider.batches[-1] != []


def test_a_listed_size_above_the_limit_is_not_asked_for(world: World) -> None:
    octets = fill(world, "a", "b")
    world.provider.add(b"large", mail("large", 201))
    world.sync(max_message_octets=200)
    assert world.inbox() == octets and world.provider.batches == [[1, 2]]
    assert world.states()[b"large"] is LedgerState.TOO_LARGE


def test_an_endless_message_without_uidl_is_tried_last_from_then_on(world: World) -> None:
    world.provider.add(None, mail("huge", 500), size=99)
    world.provider.add(None, mail("small"))
    for _ in range(2 * POISON_AFTER):
        assert isinstance(world.sync(max_message_octets=200).error, UpstreamError)
    assert world.inbox() == [mail("small")]


def test_a_poll_that_is_stopped_keeps_what_is_durable_and_blames_nobody(world: World) -> None:
    octets = fill(world, "a", "b", "c")
    runner = world.runner()
    told: list[Progress] = []

    def stop_after_one(progress: Progress) -> None:
        told.append(progress)
        if progress.fetched == 1:
            runner.stop(UpstreamError("popbridge is stopping."))

    result = now(runner.run_once(stop_after_one))
    assert result.interrupted and result.error is not None
    assert result.error.text == "popbridge is stopping."
    assert world.inbox() == octets[:1] and world.provider.events[0] == "connect"
    assert "quit" not in world.provider.events and "abort" in world.provider.events
    status = world.status()
    assert (status.state, status.failures, status.error_code) == (AccountState.NEW, 0, None)
    assert [row.attempts for row in world.ledger()] == [0]
    world.sync()
    assert world.inbox() == octets


def test_a_stop_within_a_message_blames_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = world.runner()

    async def stopped(session: Session, listed: Listed, sink: RetrieveSink) -> None:
        sink.begin(listed)
        await sink.chunk(listed, mail("half"))
        runner.stop(UpstreamError("popbridge is stopping."))
        raise ProtocolError("The connection was hung up on.")

    fill(world, "a", "b")
    monkeypatch.setattr(Session, "_retrieve", stopped)
    assert now(runner.run_once()).interrupted
    assert world.ledger() == () and world.inbox() == []


def test_a_poll_that_still_connects_is_stopped_at_once(world: World) -> None:
    world.provider.hang = Deferred()
    runner = world.runner()
    task = Task(runner.run_once())
    assert not task.done
    runner.stop(UpstreamError("popbridge is stopping."))
    assert task.result().interrupted
    world.provider.hang.callback(None)
    assert world.provider.events == ["connect", "abort"]
    assert Task(runner.run_once()).result().interrupted
    assert world.provider.events == ["connect", "abort"]


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (RejectedPasswordError("wrong"), AccountState.NEEDS_PASSWORD),
        (RefusedError("nobody"), AccountState.RETRYING),
        (None, AccountState.OK),
    ],
)
def test_a_poll_that_is_stopped_leaves_the_state_it_found(
    world: World, error: UpstreamError | None, state: AccountState
) -> None:
    world.provider.connect_error = error
    world.sync()
    before = world.status()
    runner = world.runner()
    runner.stop(UpstreamError("popbridge is stopping."))
    now(runner.run_once())
    assert world.status() == replace(before, last_attempt=world.status().last_attempt)
    assert world.status().state is state


def test_promise_3_a_retrieval_that_ends_within_a_message_keeps_nothing_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stops_short(session: Session, listed: Listed, sink: RetrieveSink) -> None:
        sink.begin(listed)
        await sink.chunk(listed, mail("half"))

    fill(world, "a")
    monkeypatch.setattr(Session, "_retrieve", stops_short)
    assert isinstance(world.sync().error, ProtocolError)
    assert world.inbox() == [] and world.provider.events == ["connect", "abort"]


def test_promise_7_a_refused_message_does_not_end_the_session(world: World) -> None:
    octets = fill(world, "a", "b", "c")
    world.provider.refused = {b"b"}
    for number in range(1, POISON_AFTER + 1):
        result = world.sync()
        assert result.error is None and world.provider.events[-1] == "quit"
        assert world.status().pending == 1
        assert [r.attempts for r in world.ledger() if r.uidl == b"b"] == [number]
    assert world.inbox() == [octets[0], octets[2]]
    assert world.states()[b"b"] is LedgerState.POISONED
    assert world.sync().error is None and world.status().pending == 0


@pytest.mark.parametrize("count", [MAX_REFUSED + 1, 50])
def test_a_provider_that_refuses_everything_poisons_nothing(world: World, count: int) -> None:
    octets = fill(world, *(f"m{n}" for n in range(count)))
    world.provider.refused = {message.uidl for message in world.provider.messages}
    for _ in range(2 * POISON_AFTER):
        assert isinstance(world.sync().error, UpstreamError)
    assert world.ledger() == ()
    world.provider.refused = set()
    world.sync()
    assert world.inbox() == octets


def test_a_quota_on_a_session_is_no_fault_and_the_next_one_goes_on_in_order(world: World) -> None:
    octets = fill(world, *(f"m{n}" for n in range(3 * MAX_REFUSED)))
    uidls = [message.uidl for message in world.provider.messages]
    for got in range(MAX_REFUSED, 3 * MAX_REFUSED + 1, MAX_REFUSED):
        world.provider.refused = set(uidls[got:])
        assert world.sync().error is None
        assert world.inbox() == octets[:got]
        assert world.status().pending == 3 * MAX_REFUSED - got
    assert {row.attempts for row in world.ledger()} == {0}


def test_what_is_refused_for_now_is_tried_last_and_never_given_up(world: World) -> None:
    octets = fill(world, "a", "b")
    world.provider.refused, world.provider.temporary = {b"a"}, True
    for _ in range(3 * POISON_AFTER):
        assert world.sync().error is None
    assert world.states()[b"a"] is LedgerState.LISTED
    world.provider.refused = set()
    world.sync()
    assert world.provider.batches[-1] == [1] and world.inbox() == octets[::-1]


def test_many_refused_messages_among_others_are_tried_each(world: World) -> None:
    octets = fill(world, *(f"m{n}" for n in range(4 * MAX_REFUSED)))
    world.provider.refused = {message.uidl for message in world.provider.messages[::2]}
    assert world.sync().error is None
    assert world.inbox() == octets[1::2] and len(world.ledger()) == 4 * MAX_REFUSED


def test_promise_7_a_message_that_breaks_our_parser_delays_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    octets = fill(world, "a", "bad", "c")
    finish = Intake.finish

    async def fails(self: Intake) -> object:
        if self.size == len(octets[1]):
            raise ValueError("a fault of ours")
        return await finish(self)

    monkeypatch.setattr(Intake, "finish", fails)
    for _ in range(POISON_AFTER):
        assert isinstance(world.sync().error, UpstreamError)
        assert world.provider.events[-1] == "abort"
    assert world.inbox() == [octets[0], octets[2]]
    assert world.sync().error is None
    assert world.states()[b"bad"] is LedgerState.POISONED


def test_promise_7_a_message_that_cannot_be_written_delays_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    octets = fill(world, *(f"m{n}" for n in range(20)))
    keep = Recorder.keep

    def fails(self: Recorder, tx: WriteTx, steps: Sequence[Step]) -> list[int]:
        kept = keep(self, tx, steps)
        if any(step.arrived.item.listed.uidl == b"m9" for step in steps):
            raise OverflowError("a fault of ours")
        return kept

    monkeypatch.setattr(Recorder, "keep", fails)
    database = GroupDatabase(world.store)
    for _ in range(POISON_AFTER):
        assert isinstance(database.run(world.runner(database).run_once()).error, UpstreamError)
        assert world.provider.events[-1] == "abort"
    assert world.inbox() == [*octets[:9], *octets[10:]]
    assert world.states()[b"m9"] is LedgerState.POISONED
    assert world.sync().error is None


def test_a_listener_that_fails_ends_the_poll_and_hangs_nothing(world: World) -> None:
    fill(world, *(f"m{n}" for n in range(30)))

    def fails(progress: Progress) -> None:
        if progress.fetched:
            raise ValueError("a fault of ours")

    database = GroupDatabase(world.store)
    result = database.run(world.runner(database).run_once(fails))
    assert result.error is not None and result.error.code == BridgeError.code
    assert world.provider.events == ["connect", "abort"]


def test_a_thousand_equal_messages_take_time_in_proportion(tmp_path: Path) -> None:
    """Compared with itself at a quarter of the size: quadratic would be sixteen times."""
    stores = count(1)

    def spent(messages: int) -> float:
        world = World(tmp_path / f"{next(stores)}.db")
        for number in range(messages):
            world.provider.add(b"%d" % number, b"")
        database = GroupDatabase(world.store)
        began = time.process_time()
        for _ in range(2):
            assert database.run(world.runner(database).run_once()).error is None
        taken = time.process_time() - began
        assert len(world.inbox()) == messages
        world.close()
        return taken

    proportionate(spent, 250, times=4, most=8)


def test_promise_4_a_listing_that_is_empty_or_fails_changes_nothing(world: World) -> None:
    octets = fill(world, "a", "b")
    world.sync()
    before, messages = world.ledger(), world.provider.messages
    world.provider.messages = []
    assert world.sync().error is None
    world.provider.listing_error = ProtocolError("The listing was partial.")
    world.loop.clock.advance(3600)
    assert isinstance(world.sync().error, ProtocolError)
    assert world.inbox() == octets and world.ledger() == before
    world.provider.messages, world.provider.listing_error = messages, None
    assert world.sync().fetched == 0


def test_no_room_means_no_retrieval(world: World) -> None:
    fill(world, "a")
    result = world.sync(can_fetch=lambda: False)
    assert isinstance(result.error, StoreFullError) and "reserve" in result.error.text
    assert world.provider.batches == [] and world.provider.events == ["connect", "quit"]
    world.sync()
    assert world.sync(can_fetch=lambda: False).error is None


def test_retrieval_stops_where_the_reserve_begins(world: World) -> None:
    fill(world, "a", "b", "c")
    room = iter([True, True, False])
    result = world.sync(can_fetch=lambda: next(room))
    assert isinstance(result.error, StoreFullError) and result.fetched == 2
    assert len(world.inbox()) == 2 and world.provider.events[-1] == "abort"


def test_the_status_tells_how_it_went(world: World) -> None:
    seen = []
    fill(world, "a")
    world.sync(progress=lambda _: seen.append(world.status().state))
    assert seen[0] is AccountState.FIRST_SYNC
    world.provider.connect_error = RejectedPasswordError("wrong", "type it again")
    for number in (1, 2):
        world.loop.clock.advance(60)
        world.sync()
        status = world.status()
        # A password that has worked may be refused once to slow us down.
        state = (AccountState.RETRYING, AccountState.NEEDS_PASSWORD)[number - 1]
        assert status.state is state
        assert (status.failures, status.auth_failures, status.listed) == (number, number, 1)
    first = status.error_since
    assert (status.error_code, status.error_remedy) == ("BR-AUTH-01", "type it again")
    assert first is not None and status.last_attempt is not None and first < status.last_attempt
    world.provider.connect_error = RefusedError("nobody there")
    world.loop.clock.advance(60)
    world.sync()
    status = world.status()
    assert (status.state, status.failures, status.auth_failures) == (AccountState.RETRYING, 3, 0)
    assert status.error_since == world.loop.now()
    world.provider.connect_error = None
    world.sync()
    status = world.status()
    assert (status.state, status.failures, status.error_code) == (AccountState.OK, 0, None)
    assert status.last_success == world.loop.now() and status.error_since is None


def test_progress_counts_durable_messages(world: World) -> None:
    octets = fill(world, "a", "b")
    told: list[Progress] = []
    world.sync(progress=told.append)
    sizes = [0, len(octets[0]), len(octets[0]) + len(octets[1])]
    assert told == [Progress("alice", 2, n, size) for n, size in enumerate(sizes)]


def test_an_unanswered_quit_is_no_failure(world: World) -> None:
    fill(world, "a")
    world.provider.quit_error = ProtocolError("The connection was lost.")
    assert world.sync().error is None
    assert world.provider.events == ["connect", "quit", "abort"]


def test_a_fault_is_reported_and_not_raised(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.provider, "cut", None)
    fill(world, "a")
    result = world.sync()
    assert result.error is not None and result.error.code == BridgeError.code
    assert world.status().state is AccountState.RETRYING
    assert world.provider.events == ["connect", "abort"]


def test_an_account_removed_meanwhile_gets_nothing(world: World) -> None:
    fill(world, "a")
    world.store.write(lambda tx: tx.remove_account(world.account.id))
    assert world.sync().error is not None
    assert world.provider.events == ["connect", "abort"]
