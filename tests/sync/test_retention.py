"""What is due: laws that hold for every ledger, listing and policy."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model.ids import AccountId, MessageId
from bridge.model.policy import Policy
from bridge.model.profile import Profile
from bridge.model.upstream import Known, LedgerState, Listed, Listing
from bridge.sync.retention import (
    MIRROR_LEAST,
    clock_jumped,
    due,
    expunged_at_once,
    presumed,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)
PROFILE = Profile(account_id=AccountId(1))
EVERY_DAY = [NOW.date() - timedelta(days=n) for n in range(400, -1, -1)]


def row(number: int, **changes: object) -> Known:
    made = Known(
        id=number,
        uidl=b"u%d" % number,
        generation=0,
        state=LedgerState.STORED,
        size=100,
        message_id=MessageId(number),
        full_hash=b"hash %d" % number,
        attempts=0,
        stored_at=NOW - 10 * DAY,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def listing(*rows: Known) -> Listing:
    return Listing(tuple(Listed(n, one.uidl or None, one.size) for n, one in enumerate(rows, 1)))


def ids(policy: Policy, *rows: Known, seen: Listing | None = None, **changes: object) -> list[int]:
    given_: dict[str, object] = {"now": NOW, "profile": PROFILE, "poll_days": EVERY_DAY, **changes}
    there = listing(*rows) if seen is None else seen
    return [one.row.id for one in due(policy, there, rows, **given_)]  # type: ignore[arg-type]


TIMES = st.integers(0, 400 * 24).map(lambda hours: NOW - timedelta(hours=hours))
POLICIES = st.builds(
    Policy,
    delete=st.booleans(),
    delete_after_s=st.none() | st.integers(1, 60 * 86_400),
    mirror=st.booleans(),
    keep_newest=st.none() | st.integers(1, 10),
    keep_below=st.none() | st.integers(1, 1500),
)


@st.composite
def ledgers(draw: st.DrawFn) -> tuple[Known, ...]:
    return tuple(
        row(
            number,
            uidl=draw(st.sampled_from([b"u%d" % number] * 8 + [b"u1", b""])),
            state=draw(st.sampled_from([LedgerState.STORED] * 8 + list(LedgerState))),
            size=draw(st.integers(0, 300)),
            message_id=draw(st.sampled_from([MessageId(number)] * 8 + [None])),
            proven=draw(st.sampled_from([True] * 8 + [False])),
            missing_since=draw(st.none() | TIMES),
            stored_at=draw(TIMES),
            dele_at=draw(st.none() | TIMES),
            deles=draw(st.integers(0, 5)),
            expunged_at=draw(st.none() | TIMES),
        )
        for number in range(1, draw(st.integers(0, 14)) + 1)
    )


@st.composite
def worlds(draw: st.DrawFn) -> tuple[tuple[Known, ...], Listing]:
    rows = draw(ledgers())
    there = draw(st.lists(st.sampled_from(rows or (row(99),)), max_size=16))
    stranger = [row(98)] * draw(st.integers(0, 1))
    return rows, listing(*there, *stranger)


@given(POLICIES, worlds())
def test_only_what_is_held_beyond_doubt_is_due(
    policy: Policy, world: tuple[tuple[Known, ...], Listing]
) -> None:
    rows, seen = world
    uidls = [one.uidl for one in seen.messages]
    for one in due(policy, seen, rows, now=NOW, profile=PROFILE, poll_days=EVERY_DAY):
        assert one.row.state is LedgerState.STORED
        assert one.row.message_id is not None and one.row.proven
        assert one.listed in seen.messages and one.listed.uidl == one.row.uidl != b""
        assert uidls.count(one.row.uidl) == 1
        assert one.listed.size == one.row.size
        assert one.row.missing_since is None
        twins = [other for other in rows if other.uidl == one.row.uidl]
        assert [other for other in twins if other.missing_since is None] == [one.row]
        assert one.reason


@given(POLICIES, POLICIES, worlds())
def test_rules_that_are_joined_want_what_each_wants(
    one: Policy, other: Policy, world: tuple[tuple[Known, ...], Listing]
) -> None:
    rows, seen = world
    one = replace(one, keep_newest=None, keep_below=None)
    other = Policy(keep_newest=other.keep_newest, keep_below=other.keep_below)
    both = replace(one, keep_newest=other.keep_newest, keep_below=other.keep_below)
    alone = set(ids(one, *rows, seen=seen)) | set(ids(other, *rows, seen=seen))
    assert set(ids(both, *rows, seen=seen)) == alone


@given(worlds(), st.integers(1, 40 * 86_400), st.integers(0, 40 * 86_400))
def test_a_longer_time_wants_less(
    world: tuple[tuple[Known, ...], Listing], seconds: int, more: int
) -> None:
    rows, seen = world
    long = ids(Policy(delete_after_s=seconds + more), *rows, seen=seen)
    assert set(long) <= set(ids(Policy(delete_after_s=seconds), *rows, seen=seen))


@given(worlds(), st.integers(1, 10), st.integers(0, 10))
def test_more_room_wants_less(
    world: tuple[tuple[Known, ...], Listing], count: int, more: int
) -> None:
    rows, seen = world
    for field in ("keep_newest", "keep_below"):
        roomy = ids(Policy(**{field: 100 * (count + more)}), *rows, seen=seen)  # type: ignore[arg-type]
        assert set(roomy) <= set(ids(Policy(**{field: 100 * count}), *rows, seen=seen))  # type: ignore[arg-type]


@given(POLICIES, worlds())
def test_nothing_is_due_while_deleting_is_frozen(
    policy: Policy, world: tuple[tuple[Known, ...], Listing]
) -> None:
    rows, seen = world
    for profile in (
        replace(PROFILE, frozen_since=NOW, frozen_reason="x"),
        replace(PROFILE, bare_lf=True),
        replace(PROFILE, uidls_unstable=True),
    ):
        assert ids(policy, *rows, seen=seen, profile=profile) == []


@given(worlds())
def test_keep_keeps(world: tuple[tuple[Known, ...], Listing]) -> None:
    rows, seen = world
    assert ids(Policy(), *rows, seen=seen) == []


def test_what_was_recognised_by_its_header_alone_is_not_due() -> None:
    rows = (row(1), row(2, proven=False), row(3))
    assert ids(Policy(delete=True), *rows) == [1, 3]


def test_delete_wants_what_is_held() -> None:
    odd = row(2, state=LedgerState.ODD)
    assert ids(Policy(delete=True), row(1), odd, row(3)) == [1, 3]


@pytest.mark.parametrize(
    ("after", "polls", "wanted"),
    [
        (30, range(0, 31), True),
        (30, range(0, 30), False),
        (30, [0, 40], False),
        (0.5, [0], True),
        (41, range(0, 41), False),
    ],
)
def test_an_age_is_wall_time_and_days_with_polls(
    after: float, polls: "range | list[int]", wanted: bool
) -> None:
    stored = NOW - 40 * DAY
    days = [stored.date() + timedelta(days=n) for n in polls]
    policy = Policy(delete_after_s=int(after * 86_400))
    found = ids(policy, row(1, stored_at=stored), poll_days=days)
    assert found == [1] * wanted


def test_days_in_the_future_are_not_counted() -> None:
    stored = NOW - 3 * DAY
    future: list[date] = [NOW.date() + timedelta(days=n) for n in range(1, 9)]
    policy = Policy(delete_after_s=2 * 86_400)
    assert ids(policy, row(1, stored_at=stored), poll_days=future) == []


def test_mirror_waits_for_a_day() -> None:
    rows = [row(1), row(2, expunged_at=NOW - DAY), row(3, expunged_at=NOW - timedelta(hours=23))]
    assert ids(Policy(mirror=True), *rows) == [2]


def test_the_newest_are_those_first_seen_last() -> None:
    rows = [row(n) for n in range(1, 6)]
    backwards = listing(*reversed(rows))
    assert ids(Policy(keep_newest=2), *rows, seen=backwards) == [1, 2, 3]
    assert ids(Policy(keep_below=250), *rows, seen=backwards) == [1, 2, 3]
    assert ids(Policy(keep_below=500), *rows, seen=backwards) == []


def test_what_was_never_fetched_counts_as_newest() -> None:
    stranger = Listed(1, b"new", 100)
    seen = Listing((stranger, Listed(2, b"u1", 100), Listed(3, b"u2", 100)))
    assert ids(Policy(keep_newest=2), row(1), row(2), seen=seen) == [1]


def test_deleting_in_vain_becomes_rarer() -> None:
    tried = row(1, deles=3, dele_at=NOW - timedelta(hours=23))
    assert ids(Policy(delete=True), tried) == []
    assert ids(Policy(delete=True), replace(tried, deles=2)) == [1]
    assert ids(Policy(delete=True), replace(tried, dele_at=NOW - DAY)) == [1]
    assert ids(Policy(delete=True), replace(tried, dele_at=NOW + DAY)) == [1]


def at_once(rows: list[Known], approved: datetime | None = None) -> int:
    return expunged_at_once(listing(*rows), rows, profile=PROFILE, approved=approved)


def test_most_of_a_mailbox_expunged_within_an_hour_is_held_for_a_mishap() -> None:
    gone = [row(n, expunged_at=NOW - timedelta(minutes=n)) for n in range(1, 12)]
    live = [row(n) for n in range(20, 29)]
    assert len(gone) + len(live) == MIRROR_LEAST
    assert at_once(gone + live) == 11
    assert at_once([*gone[:10], *live, row(40)]) == 0
    assert at_once(gone + live[:8]) == 0
    assert at_once(gone + live, approved=NOW) == 0
    slow = [row(n, expunged_at=NOW - timedelta(minutes=10 * n)) for n in range(1, 12)]
    assert at_once(slow + live) == 0


def test_the_ledger_presumes_what_is_listed() -> None:
    rows = [row(3), row(1), row(2, missing_since=NOW), row(4, uidl=b"")]
    assert [listed.uidl for listed in presumed(rows).messages] == [b"u1", b"u3"]


@pytest.mark.parametrize(
    ("passed", "elapsed", "jumped"),
    [
        (timedelta(minutes=5), 300.0, False),
        (timedelta(minutes=5), None, False),
        (timedelta(hours=30), 108_000.0, False),
        (timedelta(hours=30), 300.0, True),
        (timedelta(hours=30), None, True),
        (timedelta(seconds=-1), 300.0, True),
        (timedelta(minutes=5), 100_000.0, True),
    ],
)
def test_a_clock_that_was_set_is_noticed(
    passed: timedelta, elapsed: float | None, jumped: bool
) -> None:
    assert clock_jumped(NOW - passed, NOW, elapsed) is jumped
    assert not clock_jumped(None, NOW, elapsed)
