"""The orders in which the answers of a store behind threads can reach its sessions.

`Slow` is a database whose looks at the store and whose answers are steps of their own: what was
read before a commit may be told long after it, as with three readers and a writer. A `Scene` lets
clients say their scripts, one step after another, in an order that somebody chooses: `every` tries
all orders there are.
"""

import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from twisted.internet.defer import Deferred

from bridge.intake import Intake
from bridge.model.change import Change
from bridge.model.ids import MailboxId, ModSeq
from bridge.store.engine import Store
from bridge.store.port import InlineDatabase
from bridge.store.tx import ReadTx
from tests.imap_harness import NOW, Client, Server
from tests.session.hammer.agent import Agent, Kind, Link, Oracle, Step, lowered
from tests.session.hammer.deeds import Deeds
from tests.session.hammer.memory import MemoryLink

Choose = Callable[[int], int]
"""Given how many steps are possible, says which is next."""

MESSAGES = 3
HERE = b"HERE"
"""In a command: the mailbox that it is all about."""

_STORE = re.compile(
    rb"(UID )?STORE (\S+) (\(UNCHANGEDSINCE \d+\) )?([+-]?)FLAGS(\.SILENT)? \((.*)\)"
)


def every(run: Callable[[Choose], None]) -> int:
    """Calls `run` once for each sequence of choices that it can be given; how many there are."""
    trail: list[list[int]] = []
    count = 0
    while True:
        run(_follow(trail))
        count += 1
        while trail and trail[-1][0] + 1 == trail[-1][1]:
            trail.pop()
        if not trail:
            return count
        trail[-1][0] += 1


def some(run: Callable[[Choose], None], chance: Random, times: int) -> None:
    """Calls `run` as often, with choices by chance."""
    for _ in range(times):
        run(chance.randrange)


def _follow(trail: list[list[int]]) -> Choose:
    """Chooses as the trail says, and behind its end what is first."""
    at = 0

    def choose(count: int) -> int:
        nonlocal at
        if at == len(trail):
            trail.append([0, count])
        chosen, among = trail[at]
        assert among == count, "the same choices must lead to the same place"
        at += 1
        return chosen

    return choose


class Slow:
    """A `Database` that does nothing unless one of its `steps` is taken.

    A look that nothing can come between any more is done when its answer is told: what is read
    depends on commits alone, so looks are steps of their own only while something can be
    committed.

    Args:
        store: where all is.
        publish: told what a commit has changed, before its results are.
        note: called within each transaction that writes, at its end.
    """

    def __init__(
        self,
        store: Store,
        publish: Callable[[tuple[Change, ...]], None],
        note: Callable[[ReadTx], None],
    ) -> None:
        self._store = store
        self._publish = publish
        self._note = note
        self._reads: list[_Read] = []
        self._writes: deque[tuple[Any, Deferred[Any]]] = deque()
        self._told: deque[Callable[[], None]] = deque()
        """Hints and results of what is committed, in their order."""
        store._on_commit = self._committed

    async def read(self, work: Any, *, brief: bool = False) -> Any:
        asked = _Read(work)
        self._reads.append(asked)
        return await asked.done

    async def write(self, work: Any, *, ingest: bool = False) -> Any:
        done: Deferred[Any] = Deferred()
        self._writes.append((work, done))
        return await done

    def newest(self, mailbox_id: MailboxId) -> ModSeq:
        return self._store.newest(mailbox_id)

    def writes(self) -> int | None:
        return self._store.writes()

    def steps(self) -> list[Callable[[], None]]:
        """What may happen next."""
        found: list[Callable[[], None]] = []
        for asked in self._reads:
            found.append(lambda asked=asked: self._tell(asked))  # type: ignore[misc]
            if self._writes and not asked.looked:
                found.append(lambda asked=asked: asked.look(self._store))  # type: ignore[misc]
        if self._writes:
            found.append(lambda: self._commit(1))
        if len(self._writes) > 1:
            found.append(lambda: self._commit(len(self._writes)))
        if self._told:
            found.append(lambda: self._told.popleft()())
        return found

    def _tell(self, asked: "_Read") -> None:
        asked.look(self._store)
        self._reads.remove(asked)
        _end(asked.done, asked.result)

    def _commit(self, count: int) -> None:
        """Writes as many works in one commit."""
        group = [self._writes.popleft() for _ in range(count)]
        results = self._store.write_group([self._noting(work) for work, _ in group])

        def tell() -> None:
            for (_, done), result in zip(group, results, strict=True):
                _end(done, result)

        self._told.append(tell)

    def _noting(self, work: Any) -> Any:
        def noted(tx: Any) -> Any:
            result = work(tx)
            self._note(tx)
            return result

        return noted

    def _committed(self, changes: tuple[Change, ...]) -> None:
        self._told.append(lambda: self._publish(changes))


@dataclass(slots=True, eq=False)
class _Read:
    """A look at the store, whose answer may be under way."""

    work: Any
    done: "Deferred[Any]" = field(default_factory=Deferred)
    looked: bool = False
    result: Any = None

    def look(self, store: Store) -> None:
        if not self.looked:
            self.looked = True
            try:
                self.result = store.read(self.work)
            except Exception as error:
                self.result = error


def _end(done: "Deferred[Any]", result: Any) -> None:
    if isinstance(result, BaseException):
        done.errback(result)
    else:
        done.callback(result)


@dataclass(frozen=True, slots=True)
class Part:
    """Who says what in a scene."""

    kind: Kind
    commands: tuple[bytes, ...]
    verb: bytes = b"SELECT"
    before: tuple[bytes, ...] = ()
    """What it has said when the scene begins."""

    @property
    def deaf(self) -> bool:
        """Whether it wants to hear nothing of what others do."""
        return b"NOTIFY NONE" in self.before


class Scene:
    """A client for each part; each run is in a mailbox of its own that all of them know whole."""

    def __init__(self, server: Server, parts: Sequence[Part]) -> None:
        self._server = server
        self._parts = parts
        self._name = f"scene{len(server.clients)}"
        self._source = _fill(server, self._name)
        self._runs = 0
        self._agents = [self._agent(part) for part in parts]

    def _begin(self) -> None:
        """A new mailbox, and all have it selected."""
        self._runs += 1
        server, name = self._server, f"{self._name}.{self._runs}"
        server.services.database = InlineDatabase(server.store)
        server.store._on_commit = server.bus.publish
        self._oracle = Oracle()
        self._gone: dict[int, int] = {}
        """At which modseq a message was expunged."""
        self._seen = ModSeq(0)
        self._mailbox = _copy(server, self._source, name)
        server.store.read(self._note)
        for agent, part in zip(self._agents, self._parts, strict=True):
            self._open(agent, part, name.encode())
        here = name.encode()
        self._left = [
            deque(command.replace(HERE, here) for command in part.commands) for part in self._parts
        ]
        self._slow = Slow(server.store, server.bus.publish, self._note)
        server.services.database = self._slow

    def run(self, choose: Choose) -> None:
        """Takes one step after another, and checks all that is said and what is known in the end.

        Raises:
            AssertionError, ProtocolViolation: somebody is told what isn't so, or not told what is.
        """
        self._begin()
        while steps := self._steps():
            steps[choose(len(steps)) if len(steps) > 1 else 0]()
            self._hear_all()
        self._settle()
        self._compare()

    def _steps(self) -> list[Callable[[], None]]:
        says = [
            lambda agent=agent, left=left: agent.say(_step(agent, left.popleft()))
            for agent, left in zip(self._agents, self._left, strict=True)
            if left and agent.free
        ]
        return [*says, *self._slow.steps()]

    def _agent(self, part: Part) -> Agent:
        def connect() -> Link:
            client = Client(self._server)
            self._server.clients.append(client)
            return MemoryLink(client)

        agent = Agent(connect, None, part.kind, rev2=False)
        agent.log_in(b"alice", b"secret")
        agent.hear()
        return agent

    def _open(self, agent: Agent, part: Part, name: bytes) -> None:
        """The client opens a mailbox, and fetches all that is to be known of it."""
        agent.open_another(self._oracle)
        items = b"UID FLAGS MODSEQ" if agent.aware else b"UID FLAGS"
        opening = b"%b %b%b" % (part.verb, name, b" (CONDSTORE)" if agent.aware else b"")
        for command in (opening, b"FETCH 1:* (%b)" % items, *part.before):
            agent.say(Step(command))
            agent.hear()
        agent.read_only = part.verb == b"EXAMINE"

    def _note(self, tx: ReadTx) -> None:
        """Notes what has been done to the mailbox."""
        mailbox = tx.mailbox_by_id(self._mailbox)
        assert mailbox is not None
        delta = tx.delta(mailbox, self._seen)
        self._seen = mailbox.highest_modseq
        for change in (*delta.added, *delta.changed):
            flags = lowered(flag.encode() for flag in change.flags)
            self._oracle.note(change.uid, change.modseq, flags)
        for uid in delta.vanished:
            del self._oracle.live[uid]
            self._gone[uid] = self._seen

    def _hear_all(self) -> None:
        for agent in self._agents:
            agent.hear()
            if agent.aware and agent.free:
                self._check_synced(agent)

    def _check_synced(self, agent: Agent) -> None:
        """Who is told a modseq knows all below it: it would ask for nothing else later."""
        synced = agent.synced_modseq
        for known in agent.messages:
            assert self._gone.get(known.uid, synced + 1) > synced, f"{known} is gone"
            if known.uid in self._gone:
                # It hears of that, so it need not hear what became of the message before.
                continue
            told = [m for uid, m in self._oracle.history if uid == known.uid and m <= synced]
            if told and known.modseq < max(told):
                was = self._oracle.history[known.uid, max(told)]
                assert known.flags == was, f"{known} has {was} at {max(told)}, below {synced}"

    def _settle(self) -> None:
        self._hear_all()
        while steps := self._slow.steps():
            steps[0]()
            self._hear_all()
        assert all(agent.free for agent in self._agents)

    def _compare(self) -> None:
        """After NOOP each knows what is there."""
        for agent in self._agents:
            agent.say(Step(b"NOOP"))
        self._settle()
        live = self._oracle.live
        true = {uid: self._oracle.history[uid, modseq] for uid, modseq in live.items()}
        for agent, part in zip(self._agents, self._parts, strict=True):
            if part.deaf:
                continue
            for known, uid in zip(agent.messages, sorted(live), strict=True):
                assert known.uid in (0, uid), (known, uid)
                assert known.flags in (None, true[uid]), (known, true[uid])
            assert not agent.suspects, list(agent.suspects.values())
        for agent in self._agents:
            if agent.messages:
                agent.say(Step(b"FETCH 1:* (UID FLAGS%b)" % (b" MODSEQ" if agent.aware else b"")))
        self._settle()
        for agent, part in zip(self._agents, self._parts, strict=True):
            for known in agent.messages:
                if not part.deaf:
                    assert known.flags == true[known.uid]
                    assert not agent.aware or known.modseq == live[known.uid]


def _step(agent: Agent, command: bytes) -> Step:
    """The command, and what the client believes after it."""
    step = Step(command, refusal="EXPUNGEISSUED MODIFIED NONEXISTENT")
    found = _STORE.fullmatch(command)
    if found is not None:
        uid, numset, since, sign, silent, flags = found.groups()
        wanted = _numbers(numset)
        named = [
            known
            for place, known in enumerate(agent.messages, 1)
            if (known.uid if uid else place) in wanted
        ]
        deeds, after = Deeds(agent, Random(0)), lowered(flags.split())
        if silent and since:
            deeds.conditionally(step, sign.decode(), after, named, by_uid=bool(uid))
        elif silent:
            deeds.silently(step, sign.decode(), after, named)
    return step


def _numbers(numset: bytes) -> set[int]:
    found: set[int] = set()
    for part in numset.split(b","):
        first, _, last = part.partition(b":")
        found.update(range(int(first), int(last or first) + 1))
    return found


def _fill(server: Server, name: str) -> MailboxId:
    """A mailbox of alice's with messages."""
    made: list[Any] = []

    async def make() -> None:
        for number in range(MESSAGES):
            intake = Intake(server.services.database, arrival=NOW)
            await intake.feed(b"Subject: %d\r\n\r\nbody\r\n" % number)
            made.append(await intake.finish())

    failures: list[Any] = []
    Deferred.fromCoroutine(make()).addErrback(failures.append)
    assert not failures, failures

    def work(tx: Any) -> MailboxId:
        mailbox = tx.create_mailbox(tx.account("alice").id, name)
        for stored, octets in made:
            tx.add_message(mailbox, stored, octets, now=NOW)
        return MailboxId(mailbox.id)

    return server.store.write(work)


def _copy(server: Server, source: MailboxId, name: str) -> MailboxId:
    """Another mailbox with the same messages."""

    def work(tx: Any) -> MailboxId:
        mailbox = tx.create_mailbox(tx.account("alice").id, name)
        tx.copy(source, range(1, MESSAGES + 1), mailbox.id, NOW)
        return MailboxId(mailbox.id)

    return server.store.write(work)
