"""One POP session of a poll, from the first command after log-in to QUIT."""

import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bridge.errors import (
    BridgeError,
    ProtocolError,
    RefusedCommandError,
    StoreFullError,
    TimedOutError,
    UpstreamError,
)
from bridge.intake import Ingester
from bridge.model.account import Account
from bridge.model.profile import Profile
from bridge.model.upstream import Listing, Retrieve, SyncPlan
from bridge.store.port import Database
from bridge.sync.blank import isolate
from bridge.sync.evidence import (
    FRESH,
    Evidence,
    gone_and_back,
    recognise,
    settled,
    slices,
    weigh,
)
from bridge.sync.freeze import REASONS
from bridge.sync.headers import header_hash
from bridge.sync.inquiry import Recognised, answered
from bridge.sync.port import Deleter, Loop, PopSession
from bridge.sync.providers import hints
from bridge.sync.record import Recorder
from bridge.sync.sink import Sink
from bridge.sync.step import Step
from bridge.sync.suspects import MAX_SHORT, SHORT
from bridge.sync.tally import Tally

MANY = 20
"""From so many messages on a worker takes them in; it takes as long to start as they all take."""

HEADERS = 50
"""Headers that are asked for at a time: they are held in memory until they are hashed."""

_log = logging.getLogger("popbridge.sync")


class Poll:
    """What is done in one POP session.

    Args:
        account: whose mailbox.
        profile: what is known of its provider; the attribute has what is known afterwards.
        database: where messages go.
        loop: time and tasks.
        tally: counts as it goes.
        stopped: what ends the poll, once it is to end.
        can_fetch: whether the disk has room.
        max_message_octets: a larger message stays upstream.
        deleter: deletes what has no UIDL; None deletes nothing.
        tell: told whenever the tally has moved on.
        remember: saves what is known of the provider.
        elsewhere: as for `Intake`, where there are many messages.
        durable: as for `Runner`.
    """

    def __init__(
        self,
        *,
        account: Account,
        profile: Profile,
        database: Database,
        loop: Loop,
        tally: Tally,
        stopped: Callable[[], BridgeError | None],
        can_fetch: Callable[[], bool],
        max_message_octets: int,
        deleter: Deleter | None,
        tell: Callable[[], None],
        remember: Callable[[Profile], Awaitable[None]],
        elsewhere: Ingester | None,
        durable: Callable[[float], None],
    ) -> None:
        self.profile = profile
        self._account = account
        self._database = database
        self._loop = loop
        self._tally = tally
        self._stopped = stopped
        self._can_fetch = can_fetch
        self._max_message_octets = max_message_octets
        self._deleter = deleter
        self._tell = tell
        self._remember = remember
        self._elsewhere = elsewhere
        self._durable = durable
        self._refused: StoreFullError | None = None

    async def run(self, session: PopSession) -> None:
        """Fetches what is new and ends the session.

        Raises:
            BridgeError: what went wrong; the session was dropped, or had nothing to keep.
        """
        try:
            self._hear(session)
            stat = await self._stat(session)
            if stat is not None and await self._is_old_news(session, stat):
                self._tally.listed, idle = stat[0], True
            else:
                idle = await self._fetch(session, stat)
            self._hear(session)
            if idle and self._deleter is not None:
                self._tally.went(await self._deleter.delete_idle(self._account, session))
        except BaseException:
            # What went wrong is a habit too: pipelining that only seems to be known.
            self._hear(session)
            session.abort()
            raise
        await _quit(session)
        if self._refused is not None:
            raise self._refused

    def _hear(self, session: PopSession) -> None:
        """Remembers what the session has told."""
        self._tally.login_delay_s = session.login_delay_s
        self.profile = replace(
            self.profile,
            habits=session.habits,
            login_delay_s=session.login_delay_s,
            expire_days=session.expire_days,
            implementation=session.implementation,
            bare_lf=self.profile.bare_lf or session.bare_lf,
        )

    async def _stat(self, session: PopSession) -> tuple[int, int] | None:
        """What STAT says, if there is anything to compare it with."""
        if self.profile.stat is None:
            return None
        try:
            return await session.stat()
        except RefusedCommandError:
            return None

    async def _is_old_news(self, session: PopSession, stat: tuple[int, int]) -> bool:
        """Whether the mailbox is as it was listed within the hour, and nothing else is to do."""
        profile, now = self.profile, self._loop.now()
        fresh = profile.listed_at is not None and timedelta() <= now - profile.listed_at < FRESH
        if not fresh or stat != profile.stat or profile.frozen_since is not None:
            return False
        if not await self._database.read(lambda tx: settled(tx, self._account, now)):
            return False
        return stat[0] == 0 or await session.uidl(stat[0]) == profile.last_uidl

    async def _fetch(self, session: PopSession, stat: tuple[int, int] | None) -> bool:
        """Lists, and retrieves what is wanted; whether that was nothing."""
        tally = self._tally
        listing = await session.listing()
        tally.listed, now = len(listing.messages), self._loop.now()
        evidence = await self._weigh(listing, now)
        plan, recognised = await self._inquire(session, evidence)
        plan = isolate(plan, evidence.matching.left)
        await self._note(evidence, plan, recognised, now)
        tally.to_fetch += len(plan.retrieve)
        tally.deferred = plan.deferred
        held, fetched = tally.held, tally.fetched
        if plan.retrieve and not self._can_fetch():
            # The session ends as it should: nothing was retrieved in it.
            self._refused = no_room()
            return False

        def kept(step: Step) -> None:
            tally.count(step)
            self._durable((self._loop.now() - now).total_seconds())

        await self._retrieve(session, plan.retrieve, evidence.recorder, kept)
        await self._look_again(session, evidence.recorder)
        if self._deleter is not None and tally.nameless:
            nameless = tuple(tally.nameless)
            tally.went(await self._deleter.delete_nameless(self._account, session, nameless))
        retrieved = tally.held - held
        known = bool(recognised) or retrieved > tally.fetched - fetched
        self._conclude(evidence, stat, now, retrieved=retrieved, known=known)
        return not plan.retrieve

    async def _weigh(self, listing: Listing, now: datetime) -> Evidence:
        profile = self.profile
        evidence = await self._database.read(
            # Here, in a reader's thread: a hundred thousand messages take a while to compare.
            lambda tx: weigh(
                tx,
                self._account,
                profile,
                listing,
                now=now,
                max_size=self._max_message_octets,
                hides=self._hides(),
            )
        )
        for warning in evidence.plan.warnings:
            _log.info("The listing is odd: %s", warning)
        # Until all is settled the next poll lists again, and nothing is deleted if this one ends.
        self.profile = replace(evidence.profile, stat=None)
        if self.profile.frozen_since != profile.frozen_since:
            reason = self.profile.frozen_reason
            _log.warning("Deleting upstream is frozen: %s", reason)
            await self._remember(self.profile)
        return evidence

    def _hides(self) -> bool:
        known = hints(self._account.upstream.host, self.profile.implementation)
        return self.profile.hides or known.quit_hides

    async def _inquire(
        self, session: PopSession, evidence: Evidence
    ) -> tuple[SyncPlan, tuple[Recognised, ...]]:
        """The plan once headers were asked for where it wants that."""
        plan = evidence.plan
        hashes: dict[int, bytes | None] = {}
        asked = [inquiry.listed for inquiry in plan.inquire]
        for start in range(0, len(asked), HEADERS):
            answers = await session.headers(asked[start : start + HEADERS])

            def work(answers: dict[int, bytes | None] = answers) -> dict[int, bytes | None]:
                return {
                    number: None if block is None else header_hash(block) or None
                    for number, block in answers.items()
                }

            hashes |= await self._database.read(lambda tx, work=work: work())  # type: ignore[misc]
            if all(block is None for block in answers.values()):
                # There is no TOP.
                break
            self._may_go_on()
        plan, recognised = answered(plan, evidence.pool, hashes)
        for one in recognised:
            evidence.recorder.taken(one.row)
        return plan, recognised

    async def _note(
        self,
        evidence: Evidence,
        plan: SyncPlan,
        recognised: Sequence[Recognised],
        now: datetime,
    ) -> None:
        """Writes what the listing says; only what has changed, a slice at a time."""
        account, recorder = self._account, evidence.recorder
        if plan.too_large:
            await self._database.write(
                lambda tx: recorder.too_large(tx, plan.too_large, now), ingest=True
            )
        for start in range(0, len(recognised), HEADERS):
            some = recognised[start : start + HEADERS]
            await self._database.write(
                lambda tx, some=some: recognise(tx, account, some, now),  # type: ignore[misc]
                ingest=True,
            )
        gone, back = gone_and_back(evidence.matching, recognised, plan.superseded)
        for rows in slices(gone):
            await self._database.write(
                lambda tx, rows=rows: tx.ledger_missing(rows, now),  # type: ignore[misc]
                ingest=True,
            )
        for rows in slices(back):
            await self._database.write(
                lambda tx, rows=rows: tx.ledger_present(rows),  # type: ignore[misc]
                ingest=True,
            )

    async def _retrieve(
        self,
        session: PopSession,
        items: Sequence[Retrieve],
        recorder: Recorder,
        count: Callable[[Step], None],
    ) -> None:
        """Returns only once everything that was retrieved is durable."""

        def held(steps: Sequence[Step]) -> None:
            for step in steps:
                count(step)
            self._tell()

        sink = Sink(
            database=self._database,
            loop=self._loop,
            recorder=recorder,
            items={item.listed.number: item for item in items},
            held=held,
            may_go_on=self._may_go_on,
            max_octets=self._max_message_octets,
            elsewhere=self._elsewhere if len(items) >= MANY else None,
        )
        self._tell()
        failure: Exception | None = None
        try:
            for batch in _batches(items):
                await session.retrieve([item.listed for item in batch], sink)
                if sink.unfinished:
                    raise ProtocolError(
                        "The provider's answer ended in the middle of a message.",
                        "Nothing of it was kept; it is fetched again by itself.",
                    )
        except Exception as raised:
            failure = raised
        else:
            failure = await self._out_of_step(session, items, sink, recorder)
        if isinstance(failure, (ProtocolError, TimedOutError)) and self._stopped() is None:
            sink.cut(failure)
        # What failed to be written is raised here: it matters more than what the provider did.
        await sink.settle()
        if failure is not None and session.doubtful:
            await self._detach(recorder)
        self._tally.capped |= sink.capped
        if failure is not None:
            raise failure

    async def _out_of_step(
        self, session: PopSession, items: Sequence[Retrieve], sink: Sink, recorder: Recorder
    ) -> Exception | None:
        """What shows that octets were taken for other messages' than they are; mostly nothing.

        All that this session brought is then held under no UIDL: what the provider lists is
        fetched again, and recognised by its octets.
        """
        try:
            if not items or await session.in_step(items[-1].listed):
                return None
            await sink.settle()
        except Exception as error:
            return error
        await self._detach(recorder)
        return ProtocolError(
            "The provider's answers were out of step: which message is which can't be told.",
            "All of them are fetched again, one at a time, and recognised by their octets.",
        )

    async def _detach(self, recorder: Recorder) -> None:
        account_id, now = self._account.id, self._loop.now()
        for start in range(0, len(recorder.stored), HEADERS):
            some = recorder.stored[start : start + HEADERS]
            await self._database.write(
                lambda tx, some=some: tx.ledger_detach(account_id, some, now),  # type: ignore[misc]
                ingest=True,
            )

    async def _look_again(self, session: PopSession, recorder: Recorder) -> None:
        """Retrieves again what this session stored and is in doubt."""
        suspects = recorder.suspects
        short = [item for item in suspects if _is_short(recorder, item)]
        others = [item for item in suspects if not _is_short(recorder, item)]
        items = [*others, *short[:MAX_SHORT]]
        if items and self._can_fetch():
            await self._retrieve(session, items, recorder, self._tally.looked)
        trusted = self.profile.wrong_sizes == recorder.wrong_sizes or recorder.sizes_trusted
        if not trusted:
            await self._database.write(
                lambda tx: tx.ledger_believe(self._account.id, SHORT), ingest=True
            )
        self.profile = replace(self.profile, wrong_sizes=recorder.wrong_sizes)

    def _conclude(
        self,
        evidence: Evidence,
        stat: tuple[int, int] | None,
        now: datetime,
        *,
        retrieved: int,
        known: bool,
    ) -> None:
        """Remembers what the session says of the provider, and whether another would help.

        `retrieved` is how many messages it brought, and `known` whether any had been held before.
        """
        tally, messages = self._tally, evidence.matching.listing.messages
        whole = tally.pending == 0
        profile = replace(self.profile, listed_at=now)
        if whole and not any(listed.uidl is None for listed in messages):
            octets = sum(listed.size for listed in messages)
            profile = replace(
                profile,
                stat=stat or (len(messages), octets),
                last_uidl=messages[-1].uidl if messages else None,
            )
        if evidence.all_gone and len(messages) > 1 and not known:
            profile = replace(profile, hides=True)
        elif evidence.matching.steady:
            profile = replace(profile, hides=False)
        if profile.frozen_reason in REASONS and messages and whole:
            _log.info("Deleting upstream is no longer frozen")
            profile = replace(profile, frozen_since=None, frozen_reason=None)
        self.profile = profile
        more = (tally.capped and not whole) or tally.deferred
        more = more or (self._hides() and retrieved == len(messages))
        tally.again = bool(more and (retrieved or known))

    def _may_go_on(self) -> None:
        stopped = self._stopped()
        if stopped is not None:
            raise stopped
        if not self._can_fetch():
            raise no_room()


def _is_short(recorder: Recorder, item: Retrieve) -> bool:
    row = recorder.row(item)
    return row is not None and row.reason == SHORT


def _batches(items: Sequence[Retrieve]) -> Iterator[Sequence[Retrieve]]:
    together = [item for item in items if not item.alone]
    if together:
        yield together
    for item in items:
        if item.alone:
            yield [item]


async def _quit(session: PopSession) -> None:
    try:
        await session.quit()
    except UpstreamError as error:
        # All is durable and nothing was asked to be deleted: the answer changes nothing.
        _log.info("The provider didn't answer QUIT: %s", error)
        session.abort()


def no_room() -> StoreFullError:
    """What speaks against fetching where the disk is nearly full."""
    return StoreFullError(
        "There is less free space than [store] reserve, so nothing is fetched.",
        "Free some space, or lower [store] reserve.",
    )
