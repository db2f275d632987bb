"""What a listing says and doesn't say: UIDLs that go, come back, are reused or all change."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.model.account import AccountState
from bridge.model.profile import Profile
from bridge.model.upstream import EventKind, Known, LedgerState
from bridge.sync.freeze import EMPTIED, LEAST, UIDLS_CHANGED
from bridge.sync.plan import MAX_DOUBTED
from tests.sync.fakes import Message, World, fill, mail

DAY = timedelta(days=1).total_seconds()
MANY = 3 * LEAST


def profile(world: World) -> Profile:
    return world.store.read(lambda tx: tx.profile(world.account.id))


def kinds(world: World, row: Known) -> list[EventKind]:
    return [event.kind for event in world.store.read(lambda tx: tx.ledger_events(row.id))]


def many(world: World, count: int = MANY) -> list[bytes]:
    return fill(world, *(f"m{number}" for number in range(count)))


def fetched(world: World) -> int:
    """Messages retrieved since the last call."""
    count = sum(map(len, world.provider.batches))
    world.provider.batches.clear()
    return count


def hour(world: World) -> None:
    world.loop.clock.advance(3600)


def test_promise_4_an_empty_listing_says_nothing_and_a_whole_one_after_it_brings_nothing(
    world: World,
) -> None:
    octets = many(world)
    world.sync()
    before, messages = world.ledger(), world.provider.messages
    fetched(world)
    world.provider.messages = []
    assert world.sync().listed == 0
    assert world.ledger() == before and world.inbox() == octets
    world.provider.messages = messages
    assert world.sync().fetched == 0
    assert fetched(world) == 0 and world.ledger() == before


@pytest.mark.parametrize("days", [0.5, 30])
def test_promise_4_a_mailbox_that_was_cut_and_is_whole_again_is_not_fetched_again(
    world: World, days: float
) -> None:
    octets = many(world)
    world.sync()
    messages = world.provider.messages
    world.provider.messages = messages[:1]
    hour(world)
    world.sync()
    gone = {row.uidl for row in world.ledger() if row.missing_since is not None}
    assert len(gone) == MANY - 1
    world.loop.clock.advance(days * DAY)
    world.provider.messages = messages
    fetched(world)
    world.sync()
    assert fetched(world) == 0 and world.inbox() == octets
    assert not [row for row in world.ledger() if row.missing_since is not None]
    asked = [each for each in world.provider.asked if each.startswith("top")]
    assert len(asked) == (0 if days < 1 else MANY - 1)


def test_missing_is_written_when_it_changes_and_never_again(world: World) -> None:
    many(world, 3)
    world.sync()
    away = world.provider.messages.pop()
    hour(world)
    world.sync()
    since = world.ledger()[2].missing_since
    assert since == world.loop.now()
    before = world.ledger()
    hour(world)
    world.sync()
    assert world.ledger() == before
    world.provider.messages.append(away)
    world.sync()
    assert world.ledger()[2].missing_since is None and len(world.inbox()) == 3


@pytest.mark.parametrize(
    ("days", "other", "top"),
    [
        (0.1, "another subject", True),
        (0.1, "another subject", False),
        (0.1, "short", True),
        (5, "another subject", False),
        (5, "short", True),
        # It has the same size, and only its octets show that it is another.
        (5, "short", False),
    ],
)
def test_promise_4_a_uidl_that_is_given_to_another_message_brings_that_message(
    world: World, days: float, other: str, top: bool
) -> None:
    assert len(mail("first")) == len(mail("short"))
    fill(world, "first", "b")
    world.sync()
    world.provider.no_top = not top
    del world.provider.messages[0]
    hour(world)
    world.sync()
    world.loop.clock.advance(days * DAY)
    world.provider.messages.append(Message(b"first", mail(other)))
    world.sync()
    assert world.inbox() == [mail("first"), mail("b"), mail(other)]
    rows = [row for row in world.ledger() if row.uidl == b"first"]
    assert [(row.generation, row.missing_since is None) for row in rows] == [(0, False), (1, True)]
    assert kinds(world, rows[1]) == [EventKind.REUSED]
    fetched(world)
    hour(world)
    world.sync()
    assert fetched(world) == 0 and len(world.inbox()) == 3


def test_a_uidl_that_is_given_away_between_two_listings_is_seen_by_its_size(world: World) -> None:
    fill(world, "a", "b")
    world.sync()
    world.provider.messages[0].octets = mail("quite another")
    world.sync()
    assert world.inbox() == [mail("a"), mail("b"), mail("quite another")]


def test_after_an_empty_listing_a_uidl_may_be_another_messages(world: World) -> None:
    fill(world, "a")
    world.sync()
    world.provider.messages.clear()
    world.sync()
    world.provider.add(b"a", mail("z"))
    assert world.sync().fetched == 1
    assert world.inbox() == [mail("a"), mail("z")]


def test_a_message_whose_size_changed_is_retrieved_and_known_again(world: World) -> None:
    octets = fill(world, "a", "b")
    world.sync()
    world.provider.messages[0].octets = b"Status: RO\r\n" + octets[0]
    hour(world)
    assert world.sync().fetched == 0
    assert world.inbox() == octets
    fetched(world)
    hour(world)
    world.sync()
    assert fetched(world) == 0 and profile(world).wrong_sizes == 1


def test_a_provider_that_changes_every_size_is_found_out_before_all_is_fetched_again(
    world: World,
) -> None:
    octets = many(world, 200)
    world.sync()
    for message in world.provider.messages:
        message.octets = b"X-UIDL: 1\r\n" + message.octets
    fetched(world)
    hour(world)
    for _ in range(3):
        assert world.sync().error is None
    assert fetched(world) <= 2 * MAX_DOUBTED and world.inbox() == octets
    assert profile(world).wrong_sizes >= MAX_DOUBTED


def test_uidls_that_are_numbers_are_not_believed_once_they_shift(world: World) -> None:
    octets = [mail("x" * number) for number in range(1, 9)]
    for number, each in enumerate(octets, 1):
        world.provider.add(b"%d" % number, each)
    world.sync()
    world.sync()
    assert not profile(world).uidls_unstable
    fetched(world)
    for _ in range(3):
        del world.provider.messages[0]
        world.provider.add(b"", mail("new"))
        octets.append(mail("new"))
        for number, message in enumerate(world.provider.messages, 1):
            message.uidl = b"%d" % number
        hour(world)
        assert world.sync().error is None
        assert world.inbox() == octets and profile(world).uidls_unstable
    assert fetched(world) == 3


def renamed(world: World) -> None:
    for message in world.provider.messages:
        message.uidl = b"new-" + (message.uidl or b"")


def test_promise_4_when_all_uidls_change_deletes_freeze_until_all_is_matched(
    world: World,
) -> None:
    octets = many(world)
    world.sync()
    renamed(world)
    for number in range(5):
        world.provider.add(b"%d" % number, mail(f"fresh {number}"))
        octets.append(mail(f"fresh {number}"))
    world.provider.refused = {b"4"}
    fetched(world)
    hour(world)
    result = world.sync()
    assert result.fetched == 4 and fetched(world) == 5
    assert profile(world).frozen_reason == UIDLS_CHANGED
    status = world.status()
    assert status.state is AccountState.FROZEN and status.error_since == world.loop.now()
    assert "nothing is deleted" in (status.error_text or "") and status.error_remedy
    world.provider.refused = set()
    world.sync()
    assert world.inbox() == octets and profile(world).frozen_since is None
    assert world.status().state is AccountState.OK and world.status().error_code is None
    assert len(world.ledger()) == len(octets)
    # What was told by header and size is held, and not proven: it must not be deleted.
    assert sum(row.proven for row in world.ledger()) == 5
    assert EventKind.RENAMED in kinds(world, world.ledger()[0])


def test_what_was_recognised_is_proven_before_a_policy_may_delete_it(world: World) -> None:
    octets = many(world)
    world.sync()
    renamed(world)
    hour(world)
    world.sync()
    fetched(world)
    world.account = replace(world.account, policy="delete")
    hour(world)
    world.sync()
    assert fetched(world) == MANY and all(row.proven for row in world.ledger())
    assert world.inbox() == octets
    hour(world)
    world.sync()
    assert fetched(world) == 0


def test_promise_4_where_a_policy_deletes_changed_uidls_are_matched_by_octets_alone(
    world: World,
) -> None:
    octets = many(world)
    world.sync()
    world.account = replace(world.account, policy="delete-after=30d")
    renamed(world)
    messages = world.provider.messages
    world.provider.refused = {message.uidl for message in messages[MANY // 2 :]}
    hour(world)
    world.sync()
    assert profile(world).frozen_reason == UIDLS_CHANGED
    world.provider.refused = set()
    world.sync()
    assert profile(world).frozen_since is None and world.inbox() == octets
    assert all(row.proven for row in world.ledger())
    assert not [each for each in world.provider.asked if each.startswith("top")]


def test_without_uidls_what_a_policy_wants_deleted_is_retrieved(world: World) -> None:
    for name in ("a", "b"):
        world.provider.add(None, mail(name))
    world.account = replace(world.account, policy="delete")
    world.sync()
    fetched(world)
    world.sync()
    assert fetched(world) == 2 and len(world.inbox()) == 2


def test_without_top_changed_uidls_are_matched_by_their_octets(world: World) -> None:
    octets = many(world)
    world.sync()
    world.provider.no_top = True
    renamed(world)
    hour(world)
    result = world.sync()
    assert (result.fetched, result.error) == (0, None)
    assert world.inbox() == octets and profile(world).frozen_since is None
    assert all(row.proven for row in world.ledger())


def test_promise_4_a_migration_that_adds_headers_brings_nothing_twice(world: World) -> None:
    for number in range(MANY):
        octets = b"Message-ID: <%d@x>\r\n" % number + mail(f"m{number}")
        world.provider.add(b"%d" % number, octets)
    world.sync()
    before = world.inbox()
    renamed(world)
    for message in world.provider.messages:
        message.octets = b"X-Moved: yes\r\n" + message.octets
    # The same Message-ID with another body is another message.
    world.provider.add(b"other", b"Message-ID: <1@x>\r\n" + mail("other", 500))
    hour(world)
    assert world.sync().fetched == 1
    assert world.inbox()[:-1] == before


def test_a_message_with_a_known_id_and_body_is_a_new_one_while_uidls_are_as_they_were(
    world: World,
) -> None:
    world.provider.add(b"a", b"Message-ID: <1@x>\r\n" + mail("a"))
    world.sync()
    world.provider.messages = [Message(b"b", b"X-List: yes\r\nMessage-ID: <1@x>\r\n" + mail("a"))]
    world.sync()
    assert len(world.inbox()) == 2


def test_promise_4_a_wiped_mailbox_freezes_and_says_so(world: World) -> None:
    octets = many(world)
    world.sync()
    world.provider.messages.clear()
    world.sync()
    assert profile(world).frozen_reason == EMPTIED and world.inbox() == octets
    assert world.status().state is AccountState.FROZEN
    assert "no message" in (world.status().error_text or "")
    world.sync()
    assert world.status().state is AccountState.FROZEN
    world.provider.add(b"next", mail("next"))
    world.sync()
    assert profile(world).frozen_since is None and world.status().state is AccountState.OK


def test_a_few_that_go_freeze_nothing(world: World) -> None:
    many(world, LEAST - 1)
    world.sync()
    world.provider.messages = [Message(b"x", mail("x"))]
    world.sync()
    assert profile(world).frozen_since is None
    many(world, 2 * LEAST)
    world.sync()
    del world.provider.messages[: LEAST - 1]
    hour(world)
    world.sync()
    assert profile(world).frozen_since is None


def test_promise_4_old_mail_that_returns_under_new_uidls_is_known(world: World) -> None:
    octets = fill(world, "a", "b", "c")
    world.sync()
    del world.provider.messages[:2]
    hour(world)
    world.sync()
    world.provider.add(b"restored", octets[0])
    world.provider.add(b"also restored", octets[1])
    assert world.sync().fetched == 0
    assert world.inbox() == octets
    world.provider.add(b"a copy", octets[0])
    assert world.sync().fetched == 1


def test_without_uidls_a_poll_asks_for_headers_and_retrieves_what_is_new(world: World) -> None:
    octets = [mail(f"m{number}") for number in range(5)]
    octets.append(octets[0])
    for each in octets:
        world.provider.add(None, each)
    world.sync()
    fetched(world)
    world.provider.add(None, mail("n0"))
    assert world.sync().fetched == 1
    assert fetched(world) == 1 and world.inbox() == [*octets, mail("n0")]
    world.provider.messages[2].octets = mail("m8")
    assert world.sync().fetched == 1
    assert world.inbox() == [*octets, mail("n0"), mail("m8")]


def test_promise_4_an_equal_message_without_uidl_is_one_more(world: World) -> None:
    world.provider.add(None, mail("same"))
    world.sync()
    world.provider.add(None, mail("same"))
    world.sync()
    assert world.inbox() == [mail("same")] * 2


def test_too_large_is_fetched_once_the_limit_is_raised(world: World) -> None:
    world.provider.add(b"a", mail("a", 300))
    world.provider.add(b"b", mail("b", 300), size=50)
    for _ in range(3):
        world.sync(max_message_octets=200)
    assert set(world.states().values()) == {LedgerState.TOO_LARGE}
    hour(world)
    world.sync(max_message_octets=1000)
    assert set(world.states().values()) == {LedgerState.STORED}
    assert world.inbox() == [mail("a", 300), mail("b", 300)]


def test_a_reused_uidl_that_cannot_be_retrieved_is_poison_and_the_old_message_stays(
    world: World,
) -> None:
    fill(world, "a", "b")
    world.sync()
    world.provider.messages[0].octets = mail("quite another")
    world.provider.refused = {b"a"}
    for _ in range(6):
        world.sync()
    rows = [row for row in world.ledger() if row.uidl == b"a"]
    assert [row.state for row in rows] == [LedgerState.STORED, LedgerState.POISONED]
    assert world.inbox() == [mail("a"), mail("b")]


@pytest.mark.parametrize("uidl", [b"internal", None])
def test_a_servers_own_record_of_the_mailbox_is_not_shown_and_fetched_once(
    world: World, uidl: bytes | None
) -> None:
    record = (
        b"Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\r\n"
        b"X-IMAP: 1096033133 0000000007\r\n\r\nThis is not a real message.\r\n"
    )
    world.provider.add(uidl, record)
    # One that only speaks of it is mail.
    world.provider.add(b"b", mail("DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA"))
    result = world.sync()
    assert (result.fetched, result.error) == (1, None)
    assert world.inbox() == [world.provider.messages[1].octets]
    assert world.ledger()[0].state is LedgerState.POISONED and world.stages() == 0
    fetched(world)
    hour(world)
    world.sync()
    assert fetched(world) == 0 and len(world.ledger()) == 2
