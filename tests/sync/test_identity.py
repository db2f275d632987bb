"""Which retrieved messages are new: UIDLs that change or lack, and suspects that come again."""

from bridge.errors import ProtocolError
from bridge.intake import INLINE_OCTETS
from bridge.model.mailbox import INBOX
from bridge.model.upstream import LedgerState
from bridge.store.tx import WriteTx
from bridge.sync.entries import POISON_AFTER
from tests.sync.fakes import Message, World, fill, mail


def test_promise_4_two_equal_messages_are_two(world: World) -> None:
    for uidl in (b"a", b"b", b"b"):
        world.provider.add(uidl, mail("same"))
    world.sync()
    assert world.inbox() == [mail("same")] * 3
    world.sync()
    assert len(world.inbox()) == 3
    world.provider.add(b"c", mail("same"))
    world.sync()
    assert len(world.inbox()) == 4


def test_promise_4_when_every_uidl_changes_nothing_comes_twice(world: World) -> None:
    octets = [*fill(world, "a", "b", "c"), mail("b"), mail("large", 3 * INLINE_OCTETS)]
    world.provider.add(b"d", octets[3])
    world.provider.add(b"e", octets[4])
    world.sync()
    for message in world.provider.messages:
        assert message.uidl is not None
        message.uidl = b"new-" + message.uidl
    world.provider.add(b"f", mail("f"))
    result = world.sync()
    assert (result.fetched, result.error) == (1, None)
    assert world.inbox() == [*octets, mail("f")] and world.stages() == 0
    assert set(world.states()) == {m.uidl for m in world.provider.messages}
    world.provider.batches.clear()
    world.sync()
    assert world.provider.batches == []


def test_promise_4_what_was_expunged_here_stays_expunged_under_a_new_uidl(world: World) -> None:
    fill(world, "a")
    world.sync()
    expunge_all(world)
    world.provider.messages[0].uidl = b"new"
    world.sync()
    assert world.inbox() == [] and world.states() == {b"new": LedgerState.STORED}


def expunge_all(world: World) -> None:
    def work(tx: WriteTx) -> None:
        box = tx.mailbox(world.account.id, INBOX)
        assert box is not None
        tx.expunge(box.id, world.uids(), world.loop.now())

    world.store.write(work)


def test_a_failed_row_makes_room_for_the_message_that_its_uidl_now_names(world: World) -> None:
    fill(world, "a", "b")
    world.provider.refused = {b"b"}
    world.sync()
    world.provider.refused = set()
    world.provider.messages = [Message(b"b", mail("a"))]
    world.sync()
    assert world.inbox() == [mail("a")]
    world.provider.batches.clear()
    world.sync()
    assert world.provider.batches == [] and world.inbox() == [mail("a")]


def test_without_uidls_messages_are_told_apart_by_content(world: World) -> None:
    octets = [mail("a"), mail("same"), mail("same"), mail("b")]
    for each in octets:
        world.provider.add(None, each)
    for _ in range(3):
        assert world.sync().error is None
        assert world.inbox() == octets
    world.provider.add(None, mail("same"))
    del world.provider.messages[0]
    assert world.sync().fetched == 1
    assert world.inbox() == [*octets, mail("same")] and len(world.ledger()) == 5


def test_uidls_that_go_and_come_back_bring_nothing_twice(world: World) -> None:
    octets = fill(world, "a", "b")
    for uidls in ([b"a", b"b"], [None, None], [b"a", b"b"]):
        for message, uidl in zip(world.provider.messages, uidls, strict=True):
            message.uidl = uidl
        assert world.sync().error is None
        assert world.inbox() == octets and len(world.ledger()) == 2


def test_without_uidl_poison_is_tried_last_and_never_given_up(world: World) -> None:
    for number in range(3):
        world.provider.add(None, mail(f"number {number}", 100 + number))
    world.provider.cut[None] = ProtocolError("The connection was lost.")
    for _ in range(3 * POISON_AFTER):
        world.sync()
    assert world.inbox() == []
    world.provider.cut.clear()
    world.provider.batches.clear()
    world.sync()
    assert world.provider.batches == [[1], [2], [3]]
    assert len(world.inbox()) == 3 and len(world.ledger()) == 3


def test_without_uidl_what_failed_comes_after_the_others(world: World) -> None:
    for number in range(3):
        world.provider.add(None, mail(f"number {number}", 100 + number))
    world.provider.cut[None] = ProtocolError("The connection was lost.")
    world.sync()
    world.provider.cut.clear()
    assert world.sync().fetched == 3
    assert world.provider.batches[1:] == [[2, 3], [1]]


def test_too_large_messages_are_noted_once(world: World) -> None:
    fill(world, "a")
    for uidl in (b"huge", None, None):
        world.provider.add(uidl, b"", size=1 << 31)
    for _ in range(3):
        assert world.sync().error is None
    assert len(world.inbox()) == 1
    assert [row.state for row in world.ledger()].count(LedgerState.TOO_LARGE) == 3
