"""Messages that came empty, headerless or short: looked at again, and never guessed about."""

from datetime import timedelta

import pytest

from bridge.errors import ProtocolError
from bridge.intake import INLINE_OCTETS
from bridge.model.flags import FlagOp
from bridge.model.mailbox import INBOX
from bridge.model.upstream import EventKind, LedgerEvent, LedgerState
from bridge.store.tx import WriteTx
from bridge.sync.entries import POISON_AFTER
from bridge.sync.suspects import LOOKS, MAX_SHORT, WAITS, WRONG_SIZES
from tests.sync.fakes import World, mail

HOUR, DAY = timedelta(hours=1).total_seconds(), timedelta(days=1).total_seconds()


def events(world: World, row: int = 0) -> list[EventKind]:
    found: tuple[LedgerEvent, ...] = world.store.read(
        lambda tx: tx.ledger_events(world.ledger()[row].id)
    )
    return [event.kind for event in found]


@pytest.mark.parametrize(
    ("octets", "size"), [(b"", None), (b"\r\nno header", None), (mail("short"), 10_000)]
)
def test_promise_3_a_suspect_is_shown_and_confirmed_by_a_later_session(
    world: World, octets: bytes, size: int | None
) -> None:
    world.provider.add(b"a", octets, size)
    world.sync()
    assert world.provider.batches == [[1], [1]]
    assert world.inbox() == [octets] and world.states() == {b"a": LedgerState.SUSPECT}
    world.sync()
    assert world.inbox() == [octets] and world.states() == {b"a": LedgerState.STORED}
    assert world.sync().error is None and len(world.provider.batches) == 3
    assert events(world) == [EventKind.SUSPECTED, EventKind.CONFIRMED]


def test_a_suspect_is_confirmed_though_its_transport_fields_differ(world: World) -> None:
    world.provider.add(b"a", mail("a"), size=10_000)
    world.sync()
    world.provider.messages[0].octets = b"Status: RO\r\n" + mail("a")[:-2]
    world.sync()
    assert world.inbox() == [mail("a")] and world.states() == {b"a": LedgerState.STORED}


def later(world: World, octets: bytes) -> None:
    """The provider's message is whole from its second retrieval on."""
    message = world.provider.messages[0]
    wait = iter([message.octets])

    class Late(bytes):
        pass

    original = world.provider.connect

    async def connect(*arguments: object) -> object:
        session = await original(*arguments)  # type: ignore[arg-type]
        retrieve = session.retrieve

        async def again(batch: object, sink: object) -> None:
            await retrieve(batch, sink)  # type: ignore[arg-type]
            if next(wait, None) is not None:
                message.octets = octets

        session.retrieve = again  # type: ignore[method-assign, assignment]
        return session

    world.provider.connect = connect  # type: ignore[method-assign, assignment]


def test_promise_3_a_body_that_comes_late_is_had_in_the_same_session(world: World) -> None:
    world.provider.add(b"a", b"")
    later(world, mail("whole"))
    result = world.sync()
    assert world.provider.events == ["connect", "quit"] and result.fetched == 2
    assert world.inbox() == [mail("whole")] and world.uids() == [2]
    assert world.states() == {b"a": LedgerState.STORED}
    assert events(world) == [EventKind.SUSPECTED, EventKind.REPLACED]


@pytest.mark.parametrize("size", [0, 2 * INLINE_OCTETS])
@pytest.mark.parametrize("first", [b"", mail("whole")[:40]], ids=["empty", "prefix"])
def test_promise_3_whole_octets_take_the_place_of_their_beginning(
    world: World, first: bytes, size: int
) -> None:
    whole = mail("whole", size)
    world.provider.add(b"a", first, size=10_000)
    world.sync()
    world.provider.messages[0].octets = whole
    world.provider.messages[0].size = None
    world.sync()
    assert world.inbox() == [whole] and world.uids() == [2]
    assert world.states() == {b"a": LedgerState.STORED} and len(world.ledger()) == 1
    world.sync()
    assert world.inbox() == [whole] and len(world.provider.batches) == 3


def test_promise_3_other_octets_that_are_no_more_of_the_same_are_one_more_message(
    world: World,
) -> None:
    world.provider.add(b"a", mail("first"), size=10_000)
    world.sync()
    world.provider.messages[0].octets = mail("second", 9_000)
    world.sync()
    assert world.inbox() == [mail("first"), mail("second", 9_000)] and world.uids() == [1, 2]
    assert world.states() == {b"a": LedgerState.STORED} and len(world.ledger()) == 1


def flagged(tx: WriteTx, box: int) -> None:
    tx.store_flags(box, [1], FlagOp.ADD, frozenset({"\\Flagged"}))  # type: ignore[arg-type]


def flagged_and_back(tx: WriteTx, box: int) -> None:
    flagged(tx, box)
    tx.store_flags(box, [1], FlagOp.REMOVE, frozenset({"\\Flagged"}))  # type: ignore[arg-type]


@pytest.mark.parametrize("touch", [flagged, flagged_and_back, "copied", "expunged"])
def test_promise_3_a_copy_that_a_client_touched_stays_as_the_client_left_it(
    world: World, touch: object
) -> None:
    world.provider.add(b"a", b"")
    world.sync()

    def work(tx: WriteTx) -> None:
        box, drafts = tx.mailbox(world.account.id, INBOX), tx.mailbox(world.account.id, "Drafts")
        assert box is not None and drafts is not None
        if touch == "copied":
            tx.copy(box.id, [1], drafts.id, world.loop.now())
        elif touch == "expunged":
            tx.expunge(box.id, [1], world.loop.now())
        else:
            touch(tx, box.id)  # type: ignore[operator]

    world.store.write(work)
    world.provider.messages[0].octets = mail("whole")
    world.sync()
    kept = [] if touch == "expunged" else [b""]
    assert world.inbox() == [*kept, mail("whole")]


def test_promise_3_one_that_differs_each_time_is_looked_at_on_time_and_then_odd(
    world: World,
) -> None:
    world.provider.add(b"a", mail("at 0"), size=10_000)

    def sync(number: int) -> int:
        world.provider.messages[0].octets = mail(f"at {number}")
        before = len(world.provider.batches)
        assert world.sync().error is None
        return len(world.provider.batches) - before

    assert sync(0) == 2
    for number, wait in enumerate(WAITS, 1):
        if wait:
            world.loop.clock.advance(wait.total_seconds() - 1)
            assert sync(number) == 0
            world.loop.clock.advance(1)
        assert world.states() == {b"a": LedgerState.SUSPECT}
        assert sync(number) == 1
    assert world.states() == {b"a": LedgerState.ODD}
    assert world.inbox() == [mail(f"at {number}") for number in range(len(WAITS) + 1)]
    assert world.ledger()[0].rechecks == LOOKS
    world.loop.clock.advance(100 * DAY)
    assert sync(99) == 0 and events(world)[-1] is EventKind.ODD
    assert world.provider.events[-1] == "quit" and len(world.provider.messages) == 1


def test_a_clock_that_was_set_back_puts_no_look_off_for_ever(world: World) -> None:
    world.provider.add(b"a", mail("at 0"), size=10_000)
    for number in (1, 2):
        world.sync()
        world.provider.messages[0].octets = mail(f"at {number}")
    world.loop.clock.advance(-30 * DAY)
    world.sync()
    assert len(world.inbox()) == 3


def test_an_unconfirmed_suspect_that_cannot_be_had_again_stays_one_for_its_time_then_is_odd(
    world: World,
) -> None:
    world.provider.add(b"a", b"")
    world.sync()
    world.provider.refused = {b"a"}
    for number in range(1, POISON_AFTER):
        world.sync()
        assert world.states() == {b"a": LedgerState.SUSPECT}
        assert world.ledger()[0].attempts == number
    for _ in range(LOOKS * (POISON_AFTER + 1)):
        world.sync()
        world.loop.clock.advance(8 * DAY)
    assert world.states() == {b"a": LedgerState.ODD} and world.inbox() == [b""]
    assert EventKind.POISONED not in events(world)


def test_a_connection_that_dies_in_the_second_look_leaves_a_suspect(world: World) -> None:
    world.provider.add(b"a", mail("a"), size=10_000)
    world.sync()
    world.provider.cut[b"a"] = ProtocolError("The connection was lost.")
    assert isinstance(world.sync().error, ProtocolError)
    assert world.states() == {b"a": LedgerState.SUSPECT}
    world.provider.cut.clear()
    world.sync()
    assert world.states() == {b"a": LedgerState.STORED} and world.inbox() == [mail("a")]


def test_promise_3_a_provider_whose_sizes_are_wrong_is_judged_by_them_no_more(
    world: World,
) -> None:
    many = WRONG_SIZES + 30
    for number in range(many):
        world.provider.add(b"%d" % number, mail(f"{number}"), size=10_000)
    world.sync()
    assert set(world.states().values()) == {LedgerState.SUSPECT}
    assert list(map(len, world.provider.batches)) == [many, MAX_SHORT]
    world.sync()
    assert set(world.states().values()) == {LedgerState.STORED}
    profile = world.store.read(lambda tx: tx.profile(world.account.id))
    assert profile.wrong_sizes >= WRONG_SIZES
    world.provider.add(b"new", mail("new"), size=10_000)
    world.provider.add(b"empty", b"")
    world.sync()
    assert world.states()[b"new"] is LedgerState.STORED
    assert world.states()[b"empty"] is LedgerState.SUSPECT
    assert len(world.inbox()) == many + 2
