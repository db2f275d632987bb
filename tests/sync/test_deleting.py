"""The delete phase: only what is proven held goes, and only what is known to be gone is noted."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from bridge.errors import ProtocolError, StoreFullError, TimedOutError, UpstreamError
from bridge.ingest.pipeline import Ingest
from bridge.model.mailbox import INBOX
from bridge.model.upstream import EventKind, LedgerState, Listed
from bridge.store.tx import WriteTx
from bridge.sync.deleting import PolicyDeleter
from bridge.sync.port import PopSession, Retrieved
from bridge.sync.proof import SLICE_OCTETS
from bridge.sync.retention import MIRROR_MANY
from tests.sync.fakes import World, mail, now, secret

DAY = timedelta(days=1)


class Bench:
    """A world whose provider's messages are held, and what deletes there."""

    def __init__(self, world: World, policy: str = "delete", max_deles: int = 100) -> None:
        self.world = world
        self.monotonic_s: float | None = None
        self.went: list[int] = []
        self.set_policy(policy)
        self.deleter = PolicyDeleter(
            database=world.database,
            loop=world.loop,
            monotonic=self._monotonic,
            max_deles=max_deles,
        )

    def _monotonic(self) -> float:
        return self.world.loop.clock.seconds() if self.monotonic_s is None else self.monotonic_s

    def set_policy(self, policy: str) -> None:
        self.world.store.write(
            lambda tx: tx.update_account(replace(self.world.account, policy=policy))
        )

    def hold(self, *names: str, size: int = 0, named: bool = True) -> None:
        for name in names:
            octets = mail(name, size)
            uidl = name.encode() if named else None
            self.world.provider.add(uidl, octets)
            self.world.store.write(partial(self._hold, uidl=uidl, octets=octets))

    def _hold(self, tx: WriteTx, uidl: bytes | None, octets: bytes) -> None:
        ingest = Ingest(arrival=self.world.loop.now())
        ingest.feed(octets)
        message = ingest.finish()
        box = tx.mailbox(self.world.account.id, INBOX)
        assert box is not None
        at = self.world.loop.now()
        added = tx.add_message(box, message, octets, now=at)
        hashes = message.full_hash, message.canonical_hash, message.body_hash
        listed = Listed(1, uidl, len(octets))
        tx.ledger_add(
            self.world.account.id,
            listed,
            LedgerState.STORED,
            now=at,
            message_id=added.message_id,
            hashes=hashes,
        )

    def connect(self) -> Coroutine[Any, Any, PopSession]:
        return self.world.provider.connect(
            self.world.account.upstream, now(secret(self.world.account)), 60
        )

    def run(self, connect: Callable[[], Coroutine[Any, Any, PopSession]] | None = None) -> int:
        """Deletes once; how many went."""
        self.went.clear()
        now(self.deleter.delete(self.world.account, connect or self.connect, self.went.append))
        return sum(self.went)

    def advance(self, days: float) -> None:
        self.world.loop.clock.advance(days * 86_400)

    def poll_daily(self, days: int) -> None:
        for _ in range(days):
            self.advance(1)
            self.run()

    def left(self) -> list[str]:
        return [(m.uidl or b"?").decode() for m in self.world.provider.messages]

    def expunge(self, *positions: int) -> None:
        def work(tx: WriteTx) -> None:
            box = tx.mailbox(self.world.account.id, INBOX)
            assert box is not None
            uids = tx.snapshot(box).uids
            tx.expunge(box.id, [uids[p] for p in positions], self.world.loop.now())

        self.world.store.write(work)

    @property
    def events(self) -> list[str]:
        return self.world.provider.events


@pytest.fixture
def bench(world: World) -> Bench:
    return Bench(world)


def test_what_is_held_goes_and_is_noted(bench: Bench) -> None:
    bench.hold("one", "two", "three")
    assert bench.run() == 3
    assert bench.left() == []
    assert all(row.dele_at == bench.world.loop.now() for row in bench.world.ledger())
    assert [row.deles for row in bench.world.ledger()] == [1, 1, 1]
    assert bench.world.status().delete_due == 0
    assert bench.world.inbox() == [mail("one"), mail("two"), mail("three")]


def test_keep_opens_no_session(bench: Bench) -> None:
    bench.set_policy("keep")
    bench.hold("one")
    assert bench.run() == 0
    assert bench.events == []


def test_no_message_is_retrieved_in_a_session_that_deletes(bench: Bench) -> None:
    bench.hold("one")
    bench.run()
    assert bench.events == ["connect", "dele 1", "quit"]
    assert bench.world.provider.batches == []


def test_there_are_few_deletes_in_a_session(world: World) -> None:
    bench = Bench(world, max_deles=2)
    bench.hold("a", "b", "c", "d", "e")
    assert bench.run() == 5
    assert bench.went == [2, 2, 1]
    assert bench.events.count("connect") == 3


def test_what_is_stored_is_read_back_and_compared(bench: Bench) -> None:
    bench.hold("good", "bad")
    bad = bench.world.ledger()[1]
    bench.world.store.write(
        lambda tx: (
            tx.connection.execute(
                text(
                    "UPDATE chunk SET data = zeroblob(length(data)) WHERE blob_id ="
                    f" (SELECT blob_id FROM message WHERE id = {bad.message_id})"
                )
            )
            and None
        )
    )
    assert bench.run() == 1
    assert bench.left() == ["bad"]
    assert bench.world.states()[b"bad"] is LedgerState.ODD
    [event] = bench.world.store.read(lambda tx: tx.ledger_events(bad.id))
    assert event.kind is EventKind.ODD and "are not those that arrived" in event.detail
    assert bench.run() == 0


def test_a_message_of_several_slices_is_compared_whole(bench: Bench) -> None:
    bench.hold("large", size=SLICE_OCTETS + 300_000)
    bench.hold("larger", size=2 * SLICE_OCTETS)
    bench.hold("small")
    last = bench.world.ledger()[1].message_id
    bench.world.store.write(
        lambda tx: (
            tx.connection.execute(
                text(
                    "UPDATE chunk SET data = zeroblob(length(data)) WHERE blob_id ="
                    f" (SELECT blob_id FROM message WHERE id = {last}) AND seq ="
                    " (SELECT max(seq) FROM chunk c WHERE c.blob_id = chunk.blob_id)"
                )
            )
            and None
        )
    )
    assert bench.run() == 2
    assert bench.left() == ["larger"]


def test_a_servers_own_pseudo_message_stays(bench: Bench) -> None:
    bench.hold("DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA", "mail")
    assert bench.run() == 1
    assert len(bench.left()) == 1


def test_due_again_by_the_listing_of_the_session_itself(bench: Bench) -> None:
    bench.hold("one", "two", "three")
    bench.world.provider.messages[1].uidl = b"one"
    assert bench.run() == 1
    assert bench.left() == ["one", "one"]


def test_most_uidls_are_gone_so_nothing_is_deleted(bench: Bench) -> None:
    bench.hold(*[f"m{n}" for n in range(20)])
    for number, message in enumerate(bench.world.provider.messages[:11]):
        message.uidl = b"new%d" % number
    assert bench.run() == 0
    assert len(bench.left()) == 20
    assert bench.events == ["connect", "quit"]


def test_what_this_run_deleted_is_not_missed(world: World) -> None:
    bench = Bench(world, max_deles=15)
    bench.hold(*[f"m{n}" for n in range(40)])
    assert bench.run() == 40
    assert bench.went == [15, 15, 10]


def test_a_quit_that_fails_leaves_it_unknown_and_is_asked_for_again(bench: Bench) -> None:
    bench.hold("one", "two")
    bench.world.provider.quit_error = UpstreamError("-ERR some not removed")
    assert bench.run() == 0
    assert bench.events[-1] == "abort"
    assert [row.dele_at for row in bench.world.ledger()] == [None, None]
    bench.world.provider.quit_error = None
    assert bench.run() == 2
    assert bench.left() == []


def test_a_provider_that_forgets_is_asked_again_and_then_daily(bench: Bench) -> None:
    bench.hold("one")
    bench.world.provider.forgets_deletes = True
    assert [bench.run() for _ in range(5)] == [1, 1, 1, 0, 0]
    bench.advance(1)
    assert bench.run() == 1
    assert bench.world.ledger()[0].deles == 4
    bench.world.provider.forgets_deletes = False
    bench.advance(1)
    assert bench.run() == 1
    assert bench.left() == []


def test_a_delete_that_is_refused_is_not_noted(bench: Bench) -> None:
    bench.hold("one", "two")
    bench.world.provider.deletes_refused = {b"one"}
    assert bench.run() == 1
    assert bench.left() == ["one"]
    assert [row.deles for row in bench.world.ledger()] == [0, 1]
    assert bench.world.status().delete_due == 1


class Cut:
    """A session that is cut while it deletes."""

    def __init__(self, session: PopSession) -> None:
        self._session = session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    async def delete(self, batch: object) -> frozenset[int]:
        raise TimedOutError("nothing arrives any more")


def test_a_session_that_is_cut_while_deleting_is_left_without_quit(bench: Bench) -> None:
    bench.hold("one")

    async def connect() -> Any:
        return Cut(await bench.connect())

    with pytest.raises(TimedOutError):
        bench.run(connect)
    assert bench.events == ["connect", "abort"]
    assert bench.left() == ["one"]
    assert bench.run() == 1


def test_what_went_before_a_failure_was_told(world: World) -> None:
    bench = Bench(world, max_deles=1)
    bench.hold("one", "two")
    sessions = iter([bench.connect])

    async def connect() -> PopSession:
        for open_one in sessions:
            return await open_one()
        raise ProtocolError("gone")

    with pytest.raises(ProtocolError):
        bench.run(connect)
    assert bench.went == [1]


def test_a_listing_that_fails_deletes_nothing(bench: Bench) -> None:
    bench.hold("one")
    bench.world.provider.listing_error = ProtocolError("the listing is cut")
    with pytest.raises(ProtocolError):
        bench.run()
    assert bench.events == ["connect", "abort"]


@pytest.mark.parametrize("state", [s for s in LedgerState if s is not LedgerState.STORED])
def test_only_what_is_stored_goes(bench: Bench, state: LedgerState) -> None:
    bench.hold("one", "two")
    first = bench.world.ledger()[0]
    bench.world.store.write(lambda tx: tx.ledger_state(first.id, state, attempts=0, reason=None))
    assert bench.run() == 1
    assert bench.left() == ["one"]


def test_bare_lf_never_deletes(bench: Bench) -> None:
    bench.hold("one")
    bench.world.provider.bare_lf = True
    assert bench.run() == 0
    assert bench.left() == ["one"]


def test_frozen_never_deletes(bench: Bench) -> None:
    bench.hold("one")
    world = bench.world
    frozen = replace(
        world.store.read(lambda tx: tx.profile(world.account.id)),
        frozen_since=world.loop.now(),
        frozen_reason="x",
    )
    world.store.write(lambda tx: tx.save_profile(frozen))
    assert bench.run() == 0
    assert bench.events == []


def test_a_policy_that_changes_meanwhile_counts(bench: Bench) -> None:
    bench.hold("one")

    async def connect() -> PopSession:
        session = await bench.connect()
        bench.set_policy("keep")
        return session

    assert bench.run(connect) == 0
    assert bench.left() == ["one"]


def test_an_account_that_is_gone_deletes_nothing(bench: Bench) -> None:
    bench.hold("one")
    bench.world.store.write(lambda tx: tx.remove_account(bench.world.account.id))
    assert bench.run() == 0
    assert bench.left() == ["one"]


def test_a_full_disk_before_it_is_noted_is_asked_for_again(bench: Bench) -> None:
    bench.hold("one")
    deleter = PolicyDeleter(
        database=FullOnce(bench.world.database),
        loop=bench.world.loop,
        monotonic=lambda: 0.0,
    )
    with pytest.raises(StoreFullError):
        now(deleter.delete(bench.world.account, bench.connect, bench.went.append))
    assert bench.left() == []
    assert bench.world.ledger()[0].dele_at is None
    assert bench.run() == 0


class FullOnce:
    """The disk is full when it is to be noted what went."""

    def __init__(self, database: Any) -> None:
        self._database = database

    async def read(self, work: Any) -> Any:
        return await self._database.read(work)

    async def write(self, work: Any, *, ingest: bool = False) -> Any:
        if "_carry_out" in work.__qualname__:
            raise StoreFullError("The disk is full.")
        return await self._database.write(work, ingest=ingest)


def test_delete_after_waits_for_days_with_polls(world: World) -> None:
    bench = Bench(world, "delete-after=3d")
    bench.hold("one")
    bench.run()
    bench.poll_daily(2)
    assert bench.left() == ["one"]
    bench.poll_daily(1)
    assert bench.left() == []


def test_a_clock_that_jumps_deletes_nothing(world: World) -> None:
    bench = Bench(world, "delete-after=30d")
    bench.hold("one")
    bench.run()
    bench.monotonic_s = world.loop.clock.seconds()
    bench.advance(3650)
    for _ in range(3):
        bench.run()
        bench.monotonic_s += 300
        bench.advance(300 / 86_400)
    assert bench.left() == ["one"]


def test_a_clock_that_jumped_while_nothing_ran_deletes_nothing(world: World) -> None:
    bench = Bench(world)
    bench.hold("one")
    world.provider.deletes_refused = {b"one"}
    bench.run()
    world.provider.deletes_refused = set()
    bench.advance(3)
    restarted = PolicyDeleter(database=world.database, loop=world.loop, monotonic=lambda: 5.0)
    bench.deleter = restarted
    assert bench.run() == 0
    assert bench.run() == 1


def test_mirror_deletes_a_day_after_what_clients_expunged(world: World) -> None:
    bench = Bench(world, "mirror")
    bench.hold("one", "two", "three")
    bench.run()
    bench.expunge(1)
    bench.advance(0.9)
    assert bench.run() == 0
    bench.advance(0.2)
    assert bench.run() == 1
    assert bench.left() == ["one", "three"]


def test_mirror_freezes_where_most_was_expunged_at_once(world: World) -> None:
    bench = Bench(world, "mirror")
    bench.hold(*[f"m{n}" for n in range(20)])
    bench.run()
    bench.expunge(*range(11))
    assert bench.run() == 0
    profile = world.store.read(lambda tx: tx.profile(world.account.id))
    assert (profile.frozen_reason, profile.frozen_since) == (MIRROR_MANY, world.loop.now())
    bench.poll_daily(3)
    assert len(bench.left()) == 20


def test_keep_newest_and_keep_below(world: World) -> None:
    bench = Bench(world, "keep-newest=3")
    bench.hold("a", "b", "c", "d", "e", size=1000)
    assert bench.run() == 2
    assert bench.left() == ["c", "d", "e"]
    bench.set_policy("keep-below=2500B")
    assert bench.run() == 1
    assert bench.left() == ["d", "e"]


def test_login_delay_leaves_it_to_an_idle_poll(bench: Bench) -> None:
    world = bench.world
    bench.hold("one")
    world.provider.login_delay_s = 60
    profile = replace(world.store.read(lambda tx: tx.profile(world.account.id)), login_delay_s=60)
    world.store.write(lambda tx: tx.save_profile(profile))
    assert bench.run() == 0
    assert bench.events == []
    assert world.status().delete_due == 1
    session = now(bench.connect())
    assert now(bench.deleter.delete_idle(world.account, session)) == 1
    assert bench.left() == []


def test_without_login_delay_an_idle_poll_deletes_nothing(bench: Bench) -> None:
    bench.hold("one")
    session = now(bench.connect())
    assert now(bench.deleter.delete_idle(bench.world.account, session)) == 0
    assert bench.left() == ["one"]


def nameless(bench: Bench, *octets: bytes) -> int:
    retrieved = []
    for number, one in enumerate(octets, 1):
        ingest = Ingest(arrival=bench.world.loop.now())
        ingest.feed(one)
        retrieved.append(Retrieved(Listed(number, None, len(one)), ingest.finish().full_hash))
    session = now(bench.connect())
    return now(bench.deleter.delete_nameless(bench.world.account, session, retrieved))


def test_without_uidl_what_was_retrieved_and_is_held_goes(bench: Bench) -> None:
    bench.hold("one", "two", named=False)
    assert nameless(bench, mail("one"), mail("two")) == 2
    assert bench.left() == []
    assert [row.deles for row in bench.world.ledger()] == [1, 1]


def test_without_uidl_equal_messages_need_a_row_each(bench: Bench) -> None:
    bench.hold("one", named=False)
    bench.world.provider.add(None, mail("one"))
    assert nameless(bench, mail("one"), mail("one")) == 1
    assert bench.left() == ["?"]


def test_without_uidl_a_clock_that_jumped_deletes_nothing(bench: Bench) -> None:
    bench.run()
    bench.hold("one", named=False)
    bench.monotonic_s = bench.world.loop.clock.seconds()
    bench.advance(30)
    assert nameless(bench, mail("one")) == 0
    bench.run()
    assert nameless(bench, mail("one")) == 1


def test_without_uidl_other_policies_keep(bench: Bench) -> None:
    bench.hold("one", named=False)
    for policy in ("keep", "mirror", "keep-newest=1", "delete-after=1d"):
        bench.set_policy(policy)
        assert nameless(bench, mail("one")) == 0
    assert bench.left() == ["?"]
