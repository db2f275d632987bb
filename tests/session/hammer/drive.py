"""Ten agents, let loose and brought together again and again."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Protocol

from tests.session.hammer.agent import Agent, Hears, Kind, Link, Oracle, Step
from tests.session.hammer.deeds import CROWDED, Cache, Deeds

AGENTS = 10

ORDERS = (
    b"UID SORT (SUBJECT REVERSE DATE) UTF-8 ALL",
    b"UID THREAD REFERENCES UTF-8 ALL",
    b"UID THREAD REFS UTF-8 NOT KEYWORD Work",
    b"UID THREAD ORDEREDSUBJECT UTF-8 ALL",
)
"""What must not hang on what was asked before."""


@dataclass(frozen=True, slots=True)
class Mode:
    """What the agents of a crowd may be; one is surely of each."""

    kinds: tuple[Kind, ...] = tuple(Kind)
    revisions: tuple[bool, ...] = (False, True)
    """Whether IMAP4rev2 is spoken."""
    hears: tuple[Hears, ...] = tuple(Hears)
    uid_only: float = 0
    """The share of those that know no message numbers."""


_REV1, _SILENT = (False,), (Hears.NOTHING,)

MODES = {
    "mixed": Mode(uid_only=0.15),
    "plain": Mode((Kind.PLAIN,), _REV1, _SILENT),
    "condstore": Mode((Kind.CONDSTORE,), _REV1, _SILENT),
    "qresync": Mode((Kind.QRESYNC,), _REV1, _SILENT),
    "rev2": Mode(revisions=(True,), hears=_SILENT),
    "uidonly": Mode(uid_only=0.7),
    "notify": Mode(hears=(Hears.DELAYED, Hears.AT_ONCE)),
}


class World(Protocol):
    """Where agents live."""

    user: bytes
    password: bytes
    oracle: Oracle | None
    round_commands: int
    """Commands of all agents until they are compared."""

    def connect(self) -> Link:
        """A connection whose greeting wasn't read."""
        ...

    def advance(self) -> None:
        """Lets something happen."""

    def deliver(self) -> None:
        """Mail comes by sync."""

    def forget(self) -> None:
        """What was expunged is remembered no more, where that can be done."""

    def forget_keys(self) -> None:
        """What SORT and THREAD keep is forgotten, where that can be done."""

    def quiet(self) -> None:
        """Waits until what was under way has happened."""


class Crowd:
    """The agents of one world, each by chance what its mode lets it be."""

    def __init__(self, world: World, chance: Random, mode: Mode = MODES["mixed"]) -> None:
        self._world = world
        self._chance = chance
        self.rounds = 0
        oracle = world.oracle
        every = [(kind, rev2) for kind in mode.kinds for rev2 in mode.revisions]
        kinds = [*every, *(chance.choice(every) for _ in range(AGENTS - len(every)))]
        heard = mode.hears
        hears = [*heard, *(chance.choice(heard) for _ in range(AGENTS - len(heard)))]
        chance.shuffle(hears)
        told: dict[tuple[int, int], frozenset[str]] = {}
        self._agents = [
            Agent(
                world.connect,
                oracle,
                kind,
                rev2=rev2,
                hears=hearing,
                compresses=chance.random() < 0.3,
                uid_only=chance.random() < mode.uid_only,
                told=told,
            )
            for (kind, rev2), hearing in zip(kinds, hears, strict=True)
        ]
        self._caches: dict[Agent, Cache] = {}
        self._deeds = {agent: Deeds(agent, chance) for agent in self._agents}
        for agent in self._agents:
            agent.log_in(world.user, world.password)

    @property
    def commands(self) -> int:
        """Sent so far."""
        return sum(agent.commands for agent in self._agents)

    def round(self) -> None:
        """Random commands of all, and a comparison."""
        until = self.commands + self._world.round_commands
        while self.commands < until:
            self._act(self._chance.choice(self._agents))
            self._world.advance()
            self._hear()
        self._compare()
        self.rounds += 1

    def _act(self, agent: Agent) -> None:
        chance = self._chance
        if agent.away:
            if chance.random() < 0.05:
                self._return(agent)
        elif agent.aware and self._may_leave(agent) and chance.random() < 0.02:
            self._caches[agent] = Cache.of(agent)
            agent.leave()
        elif agent.idling:
            if chance.random() < 0.2:
                agent.done()
        elif agent.free:
            agent.say(*self._deeds[agent].next())
        if chance.random() < 0.005:
            self._world.forget()
        if chance.random() < 0.02 and len(agent.messages) < CROWDED:
            self._world.deliver()

    def _may_leave(self, agent: Agent) -> bool:
        """QRESYNC loses nothing though the connection breaks in the middle of an answer."""
        return agent.selected and (agent.free or agent.kind is Kind.QRESYNC)

    def _return(self, agent: Agent) -> None:
        """A client with a cache asks for what it has missed."""
        agent.come_back()
        agent.log_in(self._world.user, self._world.password)
        agent.say(*self._deeds[agent].resync(self._caches.pop(agent)))

    def _hear(self) -> None:
        for agent in self._agents:
            agent.hear()

    def _settle(self) -> None:
        """All that was said is answered."""
        while not all(agent.free for agent in self._agents):
            for agent in self._agents:
                if agent.idling:
                    agent.done()
            self._world.advance()
            self._hear()

    def _all(self, step: Callable[[Agent], Step]) -> None:
        for agent in self._agents:
            agent.say(step(agent))
        self._settle()

    def _compare(self) -> None:
        """After NOOP all know the same, and it is true."""
        for agent in self._agents:
            if agent.away:
                self._return(agent)
        self._settle()
        self._world.quiet()
        for agent in self._agents:
            if not agent.selected:
                agent.say(self._deeds[agent].select())
        self._settle()
        self._all(lambda agent: Step(b"NOOP"))
        believed = [[(k.uid, k.flags) for k in agent.messages] for agent in self._agents]
        for agent in self._agents:
            assert not agent.suspects, list(agent.suspects.values())
        self._all(lambda agent: Step(self._deeds[agent].all_flags() if agent.messages else b"NOOP"))
        true = [(known.uid, known.flags) for known in self._agents[0].messages]
        for agent, before in zip(self._agents, believed, strict=True):
            assert [(known.uid, known.flags) for known in agent.messages] == true
            if agent.uid_only:
                # It knows no places.
                flags_of = dict(true)
                for uid, flags in before:
                    assert not uid or flags in (None, flags_of[uid]), (uid, flags, flags_of[uid])
                continue
            for (uid, flags), (true_uid, true_flags) in zip(before, true, strict=True):
                assert uid in (0, true_uid), f"{uid} is {true_uid}"
                assert flags in (None, true_flags), f"{uid} has {true_flags}, not {flags}"
        self._check_modseqs()
        self._check_recent()
        self._check_counters()
        self._check_orders()

    def _check_modseqs(self) -> None:
        oracle = self._world.oracle
        for agent in self._agents:
            for known in agent.messages:
                if oracle is not None and agent.aware and known.modseq:
                    assert known.modseq == oracle.live[known.uid]
        if oracle is not None:
            assert {known.uid for known in self._agents[0].messages} == set(oracle.live)

    def _check_counters(self) -> None:
        """What clients were told of other mailboxes is how those stand."""
        told = {agent: dict(agent.counters.get(b"Archive", {})) for agent in self._agents}
        self._all(lambda agent: Step(b"STATUS Archive (MESSAGES UIDNEXT)"))
        for agent in self._agents:
            if agent.hears is not Hears.NOTHING:
                for name in told[agent].keys() & {"MESSAGES", "UIDNEXT"}:
                    assert told[agent][name] == agent.counters[b"Archive"][name], told[agent]

    def _check_orders(self) -> None:
        """All are told the same order and the same threads, and so is who has it made anew."""
        for asked in ORDERS:
            step = partial(Step, asked, found=lambda found: None)
            self._all(lambda agent, step=step: step())  # type: ignore[misc]
            (first, *others) = [agent.last_found for agent in self._agents]
            assert all(other == first for other in others), (asked, first, others)
            self._world.forget_keys()
            self._agents[0].say(step())
            self._settle()
            assert self._agents[0].last_found == first, (asked, first, self._agents[0].last_found)

    def _check_recent(self) -> None:
        """\\Recent is one session's alone (RFC 3501 §2.3.2)."""
        claimed: set[int] = set()
        for agent in self._agents:
            assert not claimed & agent.recent, claimed & agent.recent
            claimed |= agent.recent
