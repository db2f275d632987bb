"""Messages that are taken in elsewhere: whichever is finished first, none overtakes another."""

from twisted.internet.defer import Deferred

from bridge.ingest.frames import Raw, ingest
from bridge.model.message import StoredMessage
from bridge.sync.plan import MAX_MESSAGE_OCTETS
from bridge.sync.poll import MANY
from bridge.sync.runner import GET_READY_S, Runner
from bridge.sync.sink import BATCH, MAX_PENDING
from tests.sync.fakes import Task, World, fill, secret

NAMES = [f"message {number}" for number in range(MANY)]


class Elsewhere:
    """Finishes only when told, in whatever order."""

    def __init__(self) -> None:
        self.asked: list[tuple[Raw, Deferred[StoredMessage]]] = []
        self.ready = 0

    def get_ready(self) -> None:
        self.ready += 1

    async def ingest(self, raw: Raw) -> StoredMessage:
        done: Deferred[StoredMessage] = Deferred()
        self.asked.append((raw, done))
        return await done

    def finish(self, number: int) -> None:
        raw, done = self.asked[number]
        done.callback(ingest(raw))

    def fail(self, number: int) -> None:
        self.asked[number][1].errback(ValueError("a fault of the parser"))


def syncing(world: World, elsewhere: Elsewhere) -> Task:
    runner = Runner(
        account=world.account,
        database=world.database,
        connector=world.provider,
        open_secret=secret,
        loop=world.loop,
        max_message_octets=MAX_MESSAGE_OCTETS,
        elsewhere=elsewhere,
    )
    return Task(runner.run_once())


def test_promise_1_there_is_no_quit_before_the_slowest_is_durable(world: World) -> None:
    octets, elsewhere = fill(world, *NAMES), Elsewhere()
    task = syncing(world, elsewhere)
    assert len(elsewhere.asked) == MANY
    for number in reversed(range(1, MANY)):
        elsewhere.finish(number)
        assert world.inbox() == [] and not task.done
    assert "quit" not in world.provider.events
    elsewhere.finish(0)
    assert task.done and world.inbox() == octets
    assert world.provider.events == ["connect", "quit"]


def test_uids_are_in_the_order_of_the_listing(world: World) -> None:
    octets, elsewhere = fill(world, *NAMES), Elsewhere()
    task = syncing(world, elsewhere)
    for number in sorted(range(MANY), key=lambda number: number * 7 % MANY):
        elsewhere.finish(number)
        inbox = world.inbox()
        assert inbox == octets[: len(inbox)]
    assert task.done and world.inbox() == octets


def test_what_came_before_a_message_that_fails_is_kept_and_the_rest_comes_again(
    world: World,
) -> None:
    octets, elsewhere = fill(world, *NAMES), Elsewhere()
    task = syncing(world, elsewhere)
    elsewhere.fail(5)
    for number in (*range(6, MANY), *range(5)):
        elsewhere.finish(number)
    assert task.done and world.inbox() == octets[:5]
    assert world.provider.events == ["connect", "abort"]
    assert world.sync().error is None
    assert sorted(world.inbox()) == sorted(octets)


def test_few_messages_are_taken_in_where_they_arrive(world: World) -> None:
    octets, elsewhere = fill(world, *NAMES[1:]), Elsewhere()
    task = syncing(world, elsewhere)
    assert task.done and not elsewhere.asked
    assert task.result().error is None and world.inbox() == octets


def test_what_is_finished_is_written_by_full_batches_while_more_is_taken_in(world: World) -> None:
    octets, elsewhere = fill(world, *(f"message {n}" for n in range(2 * BATCH + 3))), Elsewhere()
    task = syncing(world, elsewhere)
    assert len(octets) <= MAX_PENDING == 4 * BATCH
    for number in range(len(octets)):
        assert len(world.inbox()) == number // BATCH * BATCH
        elsewhere.finish(number)
    # Nothing is being taken in any more, so there is nothing to wait for.
    assert task.done and world.inbox() == octets


def test_a_first_log_in_that_takes_long_is_the_time_to_get_ready(world: World) -> None:
    elsewhere = Elsewhere()
    for name, expected in (("first", 1), ("second", 1)):
        fill(world, name)
        world.provider.hang = Deferred()
        task = syncing(world, elsewhere)
        world.loop.clock.advance(GET_READY_S)
        assert elsewhere.ready == expected
        world.provider.hang.callback(None)
        assert task.done and task.result().error is None


def test_a_log_in_that_is_quick_starts_nothing(world: World) -> None:
    elsewhere = Elsewhere()
    fill(world, "first")
    task = syncing(world, elsewhere)
    world.loop.clock.advance(GET_READY_S)
    assert task.done and elsewhere.ready == 0
