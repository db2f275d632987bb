"""The view's arrays: shared, small, and cheap to change."""

import gc
import tracemalloc
from array import array
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.imap.grammar import Cursor
from bridge.model.change import FlagChange, MailboxDelta, MailboxSnapshot
from bridge.model.ids import AccountId, MailboxId, ModSeq, Uid
from bridge.model.mailbox import Mailbox
from bridge.session.snapshots import Snapshots, listing
from bridge.session.uids import UidArray, UidRanges
from bridge.session.view import View
from tests.effort import cheap


def mailbox(modseq: int, uidnext: int) -> Mailbox:
    return Mailbox(
        id=MailboxId(1),
        account_id=AccountId(1),
        name="INBOX",
        uidvalidity=1,
        uidnext=Uid(uidnext),
        highest_modseq=ModSeq(modseq),
        first_recent_uid=Uid(1),
        special_use=None,
        mailboxid="m",
    )


def snapshot(count: int, modseq: int = 5) -> MailboxSnapshot:
    return MailboxSnapshot(
        mailbox(modseq, count + 1),
        array("I", range(1, count + 1)),
        array("I", [0]) * count,
        array("Q", [3]) * count,
        (frozenset({"\\Seen"}),),
    )


def view(snapshots: Snapshots, count: int) -> View:
    made = snapshot(count)
    return View(made.mailbox, listing(made), snapshots, read_only=False)


def change(uid: int, modseq: int, *flags: str) -> FlagChange:
    return FlagChange(uid=Uid(uid), flags=frozenset(flags), modseq=ModSeq(modseq))


def test_sessions_share_and_a_message_costs_at_most_24_octets() -> None:
    count = 100_000
    snapshots = Snapshots()
    gc.collect()
    tracemalloc.start()
    first = view(snapshots, count)
    first.recent.add(1, count + 1)
    one = tracemalloc.get_traced_memory()[0]
    others = [view(snapshots, count) for _ in range(50)]
    for other in others:
        other.recent.add(1, count + 1)
    gc.collect()
    all_of_them = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert one / count <= 24
    assert (all_of_them - one) / 50 < 4096
    assert all(other.uids is first.uids for other in others)
    assert first.recent_count == count


def test_sessions_share_again_once_they_have_seen_the_same() -> None:
    snapshots = Snapshots()
    first, second = view(snapshots, 10), view(snapshots, 10)
    delta = MailboxDelta(
        mailbox=mailbox(9, 12),
        since=ModSeq(5),
        changed=(change(3, 7, "Work"),),
        added=(change(11, 8),),
        vanished=(Uid(4),),
    )
    for one in (first, second):
        one.apply(delta)
    assert first.uids is not second.uids
    assert first.count == 11
    assert first.drop_vanished() == second.drop_vanished() == [4]
    assert first.uids is second.uids
    assert list(first.uids) == [1, 2, 3, 5, 6, 7, 8, 9, 10, 11]


def test_what_a_client_believes_is_not_shared() -> None:
    """Hints may be lost: then what one stored is no snapshot of that modseq."""
    snapshots = Snapshots()
    first, second = view(snapshots, 3), view(snapshots, 3)
    first.apply(MailboxDelta(mailbox=mailbox(6, 4), since=ModSeq(5), vanished=(Uid(1),)))
    first.set_flags(Uid(2), frozenset({"Believed"}), 7)
    first.drop_vanished()
    second.apply(MailboxDelta(mailbox=mailbox(6, 4), since=ModSeq(5), vanished=(Uid(1),)))
    second.drop_vanished()
    assert second.flags(0) == {"\\Seen"}


def test_what_is_gone_is_shown_with_flags_that_it_had() -> None:
    """A silent STORE hid what another had changed, and then a third expunged the message."""
    seen = view(Snapshots(), 3)
    believed, stored = frozenset({"\\Seen", "\\Flagged"}), frozenset({"\\Flagged"})
    seen.set_flags(Uid(2), believed, 7, stored)
    assert seen.flags(1) == believed
    seen.apply(MailboxDelta(mailbox=mailbox(8, 4), since=ModSeq(5), vanished=(Uid(2),)))
    assert seen.flags(1) == stored


@pytest.mark.parametrize("count", [20_000])
def test_many_distinct_sets_of_flags_cost_linear_time(count: int) -> None:
    changed = tuple(change(uid, 6, f"k{uid}") for uid in range(1, count + 1))

    def apply() -> View:
        one = view(Snapshots(), count)
        one.apply(MailboxDelta(mailbox=mailbox(6, count + 1), since=ModSeq(5), changed=changed))
        one.note_keywords()
        return one

    # Comparing each with all before takes minutes.
    one = cheap(5, apply)
    assert one.flags(count - 1) == {f"k{count}"}


def test_sets_that_nobody_has_any_more_are_forgotten() -> None:
    one = view(Snapshots(), 10)
    for turn in range(1000):
        flags = (change(1, 6 + turn, f"k{turn}"),)
        found = MailboxDelta(mailbox=mailbox(6 + turn, 11), since=ModSeq(5 + turn), changed=flags)
        one.apply(found)
    assert len(one._listing.table) < 100
    assert one.flags(0) == {"k999"} and one.flags(1) == {"\\Seen"}


def test_expunging_many_costs_linear_time() -> None:
    count = 100_000
    gone = tuple(Uid(uid) for uid in range(1, count, 2))

    def expunge() -> View:
        one = view(Snapshots(), count)
        one.apply(MailboxDelta(mailbox=mailbox(6, count + 1), since=ModSeq(5), vanished=gone))
        assert len(one.drop_vanished()) == count // 2
        return one

    one = cheap(5, expunge)
    assert list(one.uids) == list(range(2, count + 1, 2))


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40))))
def test_ranges_are_a_set(pairs: list[tuple[int, int]]) -> None:
    ranges, plain = UidRanges(), set[int]()
    for start, size in pairs:
        ranges.add(start, start + size + 1)
        plain |= set(range(start, start + size + 1))
    assert {uid for uid in range(100) if uid in ranges} == plain
    assert ranges.count(array("I", range(100))) == len(plain)


@given(st.lists(st.lists(st.integers(1, 50))))
def test_an_array_is_a_set(batches: list[list[int]]) -> None:
    uids, plain = UidArray(), set[int]()
    for batch in batches:
        uids.add(batch)
        plain |= set(batch)
    assert list(uids) == sorted(plain)
    assert {uid for uid in range(60) if uid in uids} == plain
    uids.clear()
    assert len(uids) == 0


def test_a_set_resolves_whatever_its_order() -> None:
    one = view(Snapshots(), Random(1).randrange(5, 9))
    last = one.count - 1
    for text, positions in (
        (b"*", [last]),
        (b"2:1,*", [0, 1, last]),
        (b"99:*", [last]),
        (b"*:99", [last]),
    ):
        assert list(one.resolve(Cursor([text]).numset(), uid=True)) == positions
    empty = view(Snapshots(), 0)
    for text in (b"*", b"1:*", b"*:5"):
        assert not list(empty.resolve(Cursor([text]).numset(), uid=True))
    assert not list(empty.resolve(Cursor([b"1:*"]).numset(), uid=False))
