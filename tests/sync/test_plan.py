from collections import Counter
from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from bridge.model.ids import MessageId
from bridge.model.upstream import Known, LedgerState, Listed, Listing, Retrieve, SyncPlan
from bridge.sync.plan import SETTLED, plan

UIDLS = st.sampled_from([None, b"a", b"b", b"c", b"d"])
LISTINGS = st.lists(st.tuples(UIDLS, st.integers(0, 300))).map(
    lambda rows: Listing(tuple(Listed(n, uidl, size) for n, (uidl, size) in enumerate(rows, 1)))
)
ROWS = st.lists(
    st.tuples(
        UIDLS.filter(bool),
        st.integers(0, 3),
        st.sampled_from(LedgerState),
        st.integers(0, 2),
    )
).map(lambda rows: [known(n, *row) for n, row in enumerate(rows, 1)])


def known(
    row: int,
    uidl: bytes,
    generation: int = 0,
    state: LedgerState = LedgerState.STORED,
    tries: int = 0,
) -> Known:
    size = 1000 if state is LedgerState.TOO_LARGE else 10
    return Known(
        id=row,
        uidl=uidl,
        generation=generation,
        state=state,
        size=size,
        message_id=MessageId(row),
        full_hash=b"",
        attempts=tries,
    )


def executed(result: SyncPlan, rows: list[Known]) -> list[Known]:
    """The ledger after every retrieval succeeded and every large message was noted."""
    after = {row.id: row for row in rows}
    done = [(item.listed, item.known_id, LedgerState.STORED) for item in result.retrieve]
    done += [(listed, None, LedgerState.TOO_LARGE) for listed in result.too_large]
    for listed, row_id, state in done:
        if row_id is not None:
            after[row_id] = replace(after[row_id], state=state)
        elif listed.uidl is not None:
            number = len(after) + 1
            after[number] = known(number, listed.uidl, 9, state)
    return list(after.values())


@given(LISTINGS, ROWS)
def test_planning_again_after_execution_retrieves_nothing_with_a_uidl(
    listing: Listing, rows: list[Known]
) -> None:
    settled = executed(plan(listing, rows, max_size=999), rows)
    assert all(item.listed.uidl is None for item in plan(listing, settled, max_size=999).retrieve)


@given(LISTINGS, ROWS, st.randoms())
def test_the_order_of_listing_and_ledger_is_ignored(
    listing: Listing, rows: list[Known], random: Random
) -> None:
    shuffled, others = list(listing.messages), list(rows)
    random.shuffle(shuffled)
    random.shuffle(others)
    assert plan(Listing(tuple(shuffled)), others, max_size=999) == plan(listing, rows, max_size=999)


@given(LISTINGS, ROWS)
def test_fresh_messages_come_in_listing_order_and_no_message_twice(
    listing: Listing, rows: list[Known]
) -> None:
    result = plan(listing, rows, max_size=999)
    fresh = [item.listed.number for item in result.retrieve if item.known_id is None]
    assert fresh == sorted(fresh)
    numbers = [item.listed.number for item in result.retrieve]
    assert len(numbers) == len(set(numbers))


@given(LISTINGS)
def test_nothing_listed_is_passed_over_by_an_empty_ledger(listing: Listing) -> None:
    result = plan(listing, [], max_size=200)
    assert {item.listed for item in result.retrieve} | set(result.too_large) == set(
        listing.messages
    )


@given(LISTINGS, ROWS)
def test_only_as_many_are_passed_over_as_are_settled(listing: Listing, rows: list[Known]) -> None:
    result = plan(listing, rows, max_size=200)
    met = {item.listed for item in result.retrieve} | set(result.too_large)
    passed = Counter(each.uidl for each in listing.messages if each not in met)
    settled = Counter(row.uidl for row in rows if row.state in SETTLED)
    assert None not in passed
    assert all(count <= settled[uidl] for uidl, count in passed.items() if uidl)
    assert {item.listed for item in result.retrieve}.isdisjoint(result.too_large)
    assert all(item.listed.size <= 200 for item in result.retrieve)


@given(LISTINGS, ROWS)
def test_a_ledger_row_stands_for_one_message(listing: Listing, rows: list[Known]) -> None:
    used = [
        item.known_id
        for item in plan(listing, rows, max_size=999).retrieve
        if item.known_id is not None
    ]
    assert len(used) == len(set(used))
    by_id = {row.id: row for row in rows}
    for item in plan(listing, rows, max_size=999).retrieve:
        if item.known_id is not None:
            assert by_id[item.known_id].uidl == item.listed.uidl
            assert by_id[item.known_id].state not in SETTLED


def test_promise_4_two_messages_listed_together_are_two() -> None:
    listing = Listing((Listed(1, b"a", 5), Listed(2, b"a", 5)))
    assert plan(listing, [known(1, b"a")]).retrieve == (Retrieve(Listed(2, b"a", 5)),)


def test_suspects_come_after_fresh_ones_and_failures_last_and_alone() -> None:
    listing = Listing(tuple(Listed(n, uidl, 5) for n, uidl in enumerate([b"x", b"s", b"f"], 1)))
    rows = [
        known(1, b"s", state=LedgerState.SUSPECT),
        known(2, b"x", state=LedgerState.LISTED, tries=1),
    ]
    assert plan(listing, rows, max_size=999).retrieve == (
        Retrieve(Listed(3, b"f", 5)),
        Retrieve(Listed(2, b"s", 5), 1, recheck=True),
        Retrieve(Listed(1, b"x", 5), 2, alone=True),
    )
