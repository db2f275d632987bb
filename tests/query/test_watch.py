"""What is watched, and what of the difference between two states of an account is told."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model.ids import MailboxId
from bridge.model.notify import (
    AccountState,
    Event,
    EventGroup,
    MailboxFilter,
    MailboxState,
    Scope,
)
from bridge.query.watch import Picture, Watch, Watched, covers, parent_of, without_own

NAMES = ("INBOX", "a", "a/b", "a/b/c", "ab", "d", "d/e")
EVERY = Watch((EventGroup(MailboxFilter(Scope.PERSONAL), frozenset(Event)),))


@st.composite
def accounts(draw: st.DrawFn) -> AccountState:
    names = sorted({*draw(st.sets(st.sampled_from(NAMES))), "INBOX"})
    small = st.integers(1, 4)
    ids = draw(st.lists(st.integers(1, 9), unique=True, min_size=len(names), max_size=len(names)))
    boxes = [
        MailboxState(
            MailboxId(number),
            name,
            draw(small),
            draw(small),
            draw(small),
            draw(small),
            draw(small),
            draw(st.sampled_from([None, "\\Trash"])),
        )
        for number, name in zip(ids, names, strict=True)
    ]
    return AccountState(tuple(boxes), frozenset(draw(st.sets(st.sampled_from(NAMES)))))


@st.composite
def watches(draw: st.DrawFn) -> Watch:
    scopes = st.sampled_from([s for s in Scope if not s.value.startswith("SELECTED")])
    names = st.lists(st.sampled_from(NAMES), min_size=1, max_size=2).map(tuple)
    groups = [
        EventGroup(
            MailboxFilter(draw(scopes), draw(names)),
            frozenset(draw(st.sets(st.sampled_from(list(Event)), min_size=1))),
        )
        for _ in range(draw(st.integers(1, 3)))
    ]
    return Watch.of(groups)


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (MailboxFilter(Scope.PERSONAL), NAMES),
        (MailboxFilter(Scope.INBOXES), ("INBOX",)),
        (MailboxFilter(Scope.SELECTED), ()),
        (MailboxFilter(Scope.SUBSCRIBED), ("ab",)),
        (MailboxFilter(Scope.SUBTREE, ("a",)), ("a", "a/b", "a/b/c")),
        (MailboxFilter(Scope.SUBTREE_ONE, ("a",)), ("a", "a/b")),
        (MailboxFilter(Scope.MAILBOXES, ("a", "d", "*")), ("a", "d")),
    ],
)
def test_which_mailboxes_a_filter_means(wanted: MailboxFilter, names: tuple[str, ...]) -> None:
    assert tuple(name for name in NAMES if covers(wanted, name, frozenset({"ab"}))) == names


@given(watches(), accounts(), accounts())
def test_a_picture_made_of_another_is_as_one_made_anew(
    watch: Watch, before: AccountState, after: AccountState
) -> None:
    then, now = watch.picture(before), watch.picture(after)
    made = watch.picture_after(before, then, after)
    assert (made.mailboxes, made.subscriptions) == (now.mailboxes, now.subscriptions)
    told = watch.names_to_tell(then, now, after)
    assert told == watch.names_to_tell(then, made, after)


@given(watches(), accounts())
def test_what_is_the_same_is_not_told(watch: Watch, account: AccountState) -> None:
    one, other = watch.picture(account), watch.picture(account)
    assert not watch.names_to_tell(one, other, account)
    assert not watch.counters_to_tell(one, other, selected=None, aware=True)


@given(accounts(), accounts())
def test_who_hears_of_all_knows_all_names_and_counters(
    before: AccountState, after: AccountState
) -> None:
    known, now = EVERY.picture(before), EVERY.picture(after)
    names = {box.name for box in before.mailboxes}
    subscribed = set(before.subscriptions)
    for news in EVERY.names_to_tell(known, now, after):
        names -= {str(news.old_name)}
        (names.add if news.exists else names.discard)(news.name)
        subscribed -= {news.name}
        subscribed |= {news.name} & after.subscriptions
    # What went along with a mailbox that was renamed isn't told, so none is here by its id.
    assert {box.name for box in after.mailboxes} <= names | _went_along(before, after)
    assert subscribed == after.subscriptions
    told = {one.state.id for one in EVERY.counters_to_tell(known, now, selected=None, aware=True)}
    for box in after.mailboxes:
        was = known.mailboxes.get(box.id)
        if was is not None and was.state.highest_modseq != box.highest_modseq:
            assert box.id in told


def _went_along(before: AccountState, after: AccountState) -> set[str]:
    old = {box.id: box.name for box in before.mailboxes}
    return {box.name for box in after.mailboxes if old.get(box.id, box.name) != box.name}


@given(watches(), accounts(), accounts(), accounts())
def test_of_what_others_did_nothing_is_lost_by_ones_own_doing(
    watch: Watch, known: AccountState, before: AccountState, after: AccountState
) -> None:
    said, then, now = map(watch.picture, (known, before, after))
    left = without_own(said, then, now)
    for mailbox_id in {*said.mailboxes, *then.mailboxes}:
        if said.mailboxes.get(mailbox_id) != then.mailboxes.get(mailbox_id):
            assert left.mailboxes.get(mailbox_id) == said.mailboxes.get(mailbox_id)
    # And where others did nothing, nothing is left to be told.
    alone = without_own(then, then, now)
    assert (alone.mailboxes, alone.subscriptions) == (now.mailboxes, now.subscriptions)


def test_a_rename_is_told_once_and_out_of_what_is_watched_too() -> None:
    boxes = tuple(
        MailboxState(MailboxId(n), name, 1, 1, 1, 0, 0, None)
        for n, name in enumerate(("a", "a/b", "a/b/c"), 1)
    )
    moved = tuple(box._replace(name="x" + box.name[1:]) for box in boxes)
    before, after = AccountState(boxes, frozenset()), AccountState(moved, frozenset())
    below = Watch.of(
        [EventGroup(MailboxFilter(Scope.SUBTREE, ("a/b",)), frozenset({Event.MAILBOX_NAME}))]
    )
    for watch, told in ((EVERY, ("x", "a")), (below, ("x/b", "a/b"))):
        known, now = watch.picture(before), watch.picture(after)
        (news,) = watch.names_to_tell(known, now, after)
        assert (news.name, news.old_name, news.exists) == (*told, True)


def test_names_that_were_exchanged_are_both_there() -> None:
    a, b = (
        MailboxState(MailboxId(n), name, 1, 1, 1, 0, 0, None) for n, name in ((1, "a"), (2, "b"))
    )
    known = EVERY.picture(AccountState((a, b), frozenset()))
    after = AccountState((b._replace(name="a"), a._replace(name="b")), frozenset())
    told = EVERY.names_to_tell(known, EVERY.picture(after), after)
    assert [(news.name, news.exists, news.old_name) for news in told] == [
        ("a", True, None),
        ("b", True, None),
    ]


def test_a_name_that_is_made_anew_is_told_behind_the_rename() -> None:
    box = MailboxState(MailboxId(1), "a", 1, 1, 1, 0, 0, None)
    known = EVERY.picture(AccountState((box,), frozenset()))
    after = AccountState((box._replace(id=MailboxId(2)), box._replace(name="b")), frozenset())
    told = EVERY.names_to_tell(known, EVERY.picture(after), after)
    assert [(news.name, news.old_name) for news in told] == [("b", "a"), ("a", None)]


def test_a_name_that_another_mailbox_has_now_is_news_of_flags() -> None:
    box = MailboxState(MailboxId(1), "a", 7, 1, 1, 0, 0, None)
    before = EVERY.picture(AccountState((box,), frozenset()))
    anew = box._replace(id=MailboxId(2), uidvalidity=8)
    now = EVERY.picture(AccountState((anew,), frozenset()))
    (news,) = EVERY.counters_to_tell(before, now, selected=None, aware=False)
    assert news.state.uidvalidity == 8 and not news.arrivals


def test_parents() -> None:
    assert [parent_of(name) for name in ("a", "a/b", "a/b/c")] == [None, "a", "a/b"]
    assert replace(Picture({}, frozenset()), mailboxes={}).names() == frozenset()
    assert Watched(MailboxState(MailboxId(1), "a", 1, 1, 1, 0, 0, None), 0).children == 0
