"""What an agent does next, and what it then expects."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import takewhile
from random import Random

from tests.session.hammer.agent import Agent, FlagSet, Hears, Kind, Known, Step, numbers
from tests.wire.values import Found, Status

FLAGS = ("\\Seen", "\\Flagged", "\\Deleted", "\\Answered", "Work", "$Label1")
CROWDED = 50
"""Messages; above this nothing more is added."""

IDS = 40
"""Of messages, some of which there are several of and some of which there never is one."""

REPLACED = "NONEXISTENT EXPUNGEISSUED"
"""With what REPLACE may be refused where another has expunged the message."""

Test = Callable[[Known], bool | None]


@dataclass(frozen=True, slots=True)
class Cache:
    """What a client keeps while it has no connection: UIDs ascending, with what it knew."""

    uidvalidity: int
    modseq: int
    messages: tuple[tuple[int, FlagSet | None], ...]

    @classmethod
    def of(cls, agent: Agent) -> "Cache":
        """What the agent knows. From the first message on whose UID it doesn't know all are new."""
        known = list(takewhile(lambda message: message.uid, agent.messages))
        # Whether a STORE that isn't answered was done it can't know.
        unsure = any(b"STORE" in step.command for step in agent.pending)
        messages = tuple((one.uid, None if unsure else one.flags) for one in known)
        return cls(agent.uidvalidity, agent.synced_modseq, messages)


def message(chance: Random) -> bytes:
    """A message that refers to others, so that there is something to sort and to thread."""
    fields = [b"From: a@example.org", b"Message-ID: <%d@x>" % chance.randrange(IDS)]
    others = b" ".join(b"<%d@x>" % other for other in chance.sample(range(IDS), 2))
    fields += [b"References: " + others] if chance.random() < 0.6 else []
    fields.append(b"Subject: " + chance.choice([b"x", b"Re: x", b"y (fwd)", b"[list] y", b""]))
    fields.append(b"Date: Tue, 24 Nov 2026 12:%02d:00 +0000" % chance.randrange(60))
    return b"\r\n".join((*fields, b"", b"body", b""))


class Deeds:
    """Random steps for an agent."""

    def __init__(self, agent: Agent, chance: Random) -> None:
        self._agent = agent
        self._chance = chance

    def next(self) -> list[Step]:
        """The steps to send in one piece; none to wait."""
        agent, chance = self._agent, self._chance
        if not agent.selected:
            return [self.select()]
        if any(not known.uid for known in agent.messages):
            return [Step(chance.choice([self.all_flags(), b"UID FETCH 1:* UID"]))]
        if chance.random() < 0.15:
            # Numbers may shift between pipelined commands: UIDs don't.
            return [self._by_uid() for _ in range(chance.randrange(2, 5))]
        if chance.random() < (0.6 if self._without_numbers else 0.3):
            return [self._by_uid()]
        if chance.random() < 0.35:
            return self._apart()
        if self._without_numbers:
            return [Step(b"NOOP")]
        if agent.messages and chance.random() < 0.1:
            return self._saved()
        return [self._by_number()] if agent.messages else [Step(b"NOOP")]

    @property
    def _without_numbers(self) -> bool:
        """Whether it has no use for them: they may shift at any time, or it knows none."""
        return self._agent.uid_only or self._agent.hears is Hears.AT_ONCE

    def all_flags(self) -> bytes:
        """The command that shows UIDs and flags of all messages."""
        return b"UID FETCH 1:* FLAGS" if self._agent.uid_only else b"FETCH 1:* (UID FLAGS)"

    def select(self) -> Step:
        """Opens INBOX."""
        agent = self._agent
        examine = self._chance.random() < 0.1

        def begin() -> None:
            if not agent.selected:
                agent.messages, agent.suspects = [], {}
            # Else what was open goes on up to [CLOSED].
            agent.selected = False
            # What EXAMINE shows as \\Recent stays so for the next.
            agent.read_only = agent.read_only or examine
            agent.earlier = set()

        def end(answer: Status) -> None:
            agent.selected, agent.read_only = True, examine

        verb = b"EXAMINE" if examine else b"SELECT"
        return Step(verb + (b" INBOX (CONDSTORE)" if agent.aware else b" INBOX"), begin, None, end)

    def resync(self, cache: Cache) -> list[Step]:
        """What a client with a cache does when it is connected again (RFC 7162 §6)."""
        agent, since = self._agent, cache.modseq
        if agent.kind is Kind.QRESYNC:
            return [self._resync_quickly(cache)]
        known = dict(cache.messages)

        def remember(answer: Status) -> None:
            for message in agent.messages:
                if message.flags is None:
                    message.flags = known.get(message.uid)

        steps = [
            self.select(),
            Step(b"UID FETCH 1:* UID" if agent.uid_only else b"FETCH 1:* (UID)"),
        ]
        steps.append(Step(b"UID FETCH 1:* (FLAGS) (CHANGEDSINCE %d)" % since, end=remember))
        return steps

    def _resync_quickly(self, cache: Cache) -> Step:
        """All that it must know in one answer (RFC 7162 §3.2.5)."""
        agent, chance, step = self._agent, self._chance, self.select()
        uids = [uid for uid, _ in cache.messages]
        text = b"%d %d" % (cache.uidvalidity, cache.modseq)
        if uids and chance.random() < 0.6:
            text += b" " + _set(uids)
            if not agent.uid_only and chance.random() < 0.6:
                places = sorted(chance.sample(range(len(uids)), min(len(uids), 4)))
                numbers = _set([place + 1 for place in places])
                text += b" (%b %b)" % (numbers, _set([uids[place] for place in places]))
        opened = step.end
        assert opened is not None

        def end(answer: Status) -> None:
            opened(answer)
            kept = [(uid, flags) for uid, flags in cache.messages if uid not in agent.earlier]
            assert len(kept) <= len(agent.messages), f"{kept} are more than there are"
            for place, (uid, flags) in enumerate(kept):
                message = agent.identified(uid) if agent.uid_only else agent.messages[place]
                assert message.uid in (0, uid), f"{message.uid} stands where {uid} must"
                message.uid = uid
                if message.flags is None:
                    message.flags = flags

        verb, _, _ = step.command.partition(b" ")
        return Step(verb + b" INBOX (QRESYNC (%b))" % text, step.begin, None, end)

    def _apart(self) -> list[Step]:
        """What names no message."""
        agent, chance = self._agent, self._chance
        flags = " ".join(chance.sample(FLAGS, chance.randrange(3))).encode()
        match chance.randrange(11):
            case 0 | 1 if len(agent.messages) < CROWDED:
                return [Step(b"APPEND INBOX " + _written(flags, message(chance)))]
            case 2:
                return [Step(b"EXPUNGE", refusal="")]
            case 3 | 4:
                return [Step(b"IDLE")]
            case 5:
                return [self._leave(b"UNSELECT" if chance.random() < 0.5 else b"CLOSE")]
            case 6:
                return [self.select()]
            case 7:
                more = b" HIGHESTMODSEQ" if agent.aware else b""
                return [Step(b"STATUS Archive (MESSAGES UNSEEN%b)" % more)]
            case 8:
                return [Step(b"NOOP" if agent.rev2 else b"CHECK")]
            case 9 if agent.messages:
                return [self._replace(flags)]
            case _:
                return [Step(b"NOOP")]

    def _replace(self, flags: bytes) -> Step:
        """Another message in the place of one, there or elsewhere (RFC 8508)."""
        agent, chance = self._agent, self._chance
        at = chance.randrange(len(agent.messages))
        by_uid = self._without_numbers or chance.random() < 0.5
        number = b"UID REPLACE %d" % agent.messages[at].uid if by_uid else b"REPLACE %d" % (at + 1)
        target = chance.choice([b"INBOX", b"INBOX", b"Archive"])
        step = self._own(b"%b %b %b" % (number, target, _written(flags, message(chance))))
        step.refusal = REPLACED
        return step

    def _leave(self, verb: bytes) -> Step:
        agent = self._agent

        def end(answer: Status) -> None:
            agent.messages, agent.suspects, agent.selected = [], {}, False

        return Step(verb, end=end)

    def _saved(self) -> list[Step]:
        """A search that is saved, and at once what uses it (RFC 5182 §2.3)."""
        agent, chance = self._agent, self._chance
        some = chance.sample(agent.messages, min(len(agent.messages), chance.choice([1, 2, 4])))
        uids = b",".join(b"%d" % known.uid for known in some)
        search = Step(b"UID SEARCH RETURN (SAVE) UID " + uids)
        return [search, self._on(b"UID ", b"$", some)]

    def _by_number(self) -> Step:
        first = self._chance.randrange(len(self._agent.messages))
        last = min(first + self._chance.choice([0, 0, 0, 1, 5]), len(self._agent.messages) - 1)
        some = self._agent.messages[first : last + 1]
        return self._on(b"", b"%d:%d" % (first + 1, last + 1), some)

    def _by_uid(self) -> Step:
        agent, chance = self._agent, self._chance
        some = chance.sample(agent.messages, min(len(agent.messages), chance.choice([1, 1, 2, 4])))
        text = b",".join(b"%d" % known.uid for known in some) or b"4000000"
        return self._on(b"UID ", text, some)

    def _on(self, uid: bytes, numset: bytes, some: list[Known]) -> Step:
        """A command on messages."""
        agent, chance = self._agent, self._chance
        match chance.randrange(12):
            case 0 | 1:
                return self._fetch(uid, numset, some)
            case 2 | 3 | 4 | 5:
                return self._store(uid, numset, some)
            case 6 | 7:
                return self._search(uid, numset, some)
            case 8 if len(agent.messages) < CROWDED:
                target = chance.choice([b"INBOX", b"Archive"])
                return self._own(uid + b"COPY %b %b" % (numset, target))
            case 9 if len(agent.messages) > CROWDED // 3:
                return self._own(uid + b"MOVE %b Archive" % numset)
            case 10 if uid:
                return Step(b"UID EXPUNGE " + numset)
            case _:
                return self._changed(uid) if agent.aware else self._fetch(uid, numset, some)

    def _own(self, command: bytes) -> Step:
        """What it does to another mailbox itself it isn't told."""
        agent = self._agent
        return Step(command, None, None, lambda answer: agent.counters.clear(), "EXPUNGEISSUED")

    def _fetch(self, uid: bytes, numset: bytes, some: list[Known]) -> Step:
        items = [b"(UID FLAGS)", b"FLAGS", b"BODY[TEXT]", b"BODY.PEEK[]", b"(ENVELOPE RFC822.SIZE)"]
        if self._agent.aware:
            items.append(b"(FLAGS MODSEQ)")
        step = Step(uid + b"FETCH %b %b" % (numset, self._chance.choice(items)))
        step.end = lambda answer: self._all_told(step, some)
        return step

    def _all_told(self, step: Step, some: list[Known]) -> None:
        """Each message named was shown, or it is expunged."""
        for known in some:
            if known not in step.told:
                self._agent.suspect(known, f"not shown by {step.command!r}")

    def _changed(self, uid: bytes) -> Step:
        """FETCH CHANGEDSINCE, or SEARCH MODSEQ: all that is above, and nothing else."""
        agent, chance = self._agent, self._chance
        since = chance.randrange(agent.synced_modseq + 1)
        if chance.random() < 0.5:
            key = b"MODSEQ %d" % since
            return self._searching(uid, key, lambda known: known.modseq >= since or None)
        more = b" VANISHED" if uid and agent.kind is Kind.QRESYNC else b""
        step = Step(uid + b"FETCH 1:* (UID FLAGS) (CHANGEDSINCE %d%b)" % (since, more))
        before = dict(agent.oracle.live) if agent.oracle is not None else {}

        def end(answer: Status) -> None:
            told = {known.uid for known in step.told}
            for known in agent.messages:
                if before.get(known.uid, 0) > since and known.uid not in told:
                    agent.suspect(known, f"not shown by {step.command!r}")

        step.end = end
        return step

    def _store(self, uid: bytes, numset: bytes, some: list[Known]) -> Step:
        agent, chance = self._agent, self._chance
        sign, silent = chance.choice(["+", "+", "-", ""]), chance.random() < 0.5
        flags = chance.sample(FLAGS, chance.choice([1, 1, 2]))
        since = -1
        if agent.aware and chance.random() < 0.5:
            since = chance.choice(
                [0, agent.synced_modseq, chance.randrange(agent.synced_modseq + 1)]
            )
        test = b"" if since < 0 else b"(UNCHANGEDSINCE %d) " % since
        suffix = ".SILENT" if silent else ""
        what = f"{sign}FLAGS{suffix} ({' '.join(flags)})".encode()
        step = Step(uid + b"STORE %b %b%b" % (numset, test, what), refusal="EXPUNGEISSUED MODIFIED")
        named = frozenset(flag.lower() for flag in flags)
        if not silent:
            step.end = lambda answer: None if agent.read_only else self._all_told(step, some)
        elif since < 0:
            self.silently(step, sign, named, some)
        else:
            self.conditionally(step, sign, named, some, by_uid=bool(uid))
        return step

    def silently(self, step: Step, sign: str, named: FlagSet, some: list[Known]) -> None:
        """It believes its own change, made to what it knew."""

        def begin() -> None:
            for known in some:
                known.flags = _after(sign, known.flags, named)

        def end(answer: Status) -> None:
            for known in some:
                if answer.condition != "OK":
                    known.flags = None
            self._forget_doubtful(step, some)

        step.begin, step.end = begin, end

    def _forget_doubtful(self, step: Step, some: list[Known]) -> None:
        """Whether flags that were told meanwhile are of before a silent STORE it can't know.

        Between commands they may have been on their way when it was sent.
        """
        for known in some:
            if self._agent.hears is not Hears.NOTHING and known in step.told:
                known.flags = None

    def conditionally(
        self, step: Step, sign: str, named: FlagSet, some: list[Known], *, by_uid: bool
    ) -> None:
        """It believes its change where MODSEQ came alone; where it failed, the flags came."""
        agent = self._agent
        before: dict[Known, FlagSet | None] = {}

        def begin() -> None:
            for known in some:
                before[known], known.flags = known.flags, None

        def end(answer: Status) -> None:
            failed = numbers(answer.code)
            for known in some:
                at = agent.messages.index(known) + 1 if known in agent.messages else 0
                if (known.uid if by_uid else at) in failed:
                    assert known.flags is not None, "MODIFIED without the flags there are"
                elif known in step.told and known.flags is None:
                    known.flags = _after(sign, before[known], named)
            self._forget_doubtful(step, some)
            if not agent.read_only:
                self._all_told(step, some)

        step.begin, step.end = begin, end

    def _search(self, uid: bytes, numset: bytes, some: list[Known]) -> Step:
        chance = self._chance
        first, second = self._key(), self._key()
        match chance.randrange(4):
            case 0:
                key, test = first
            case 1:
                key = b"NOT " + first[0]
                test = lambda known: _not(first[1](known))  # noqa: E731
            case 2:
                key = b"OR %b %b" % (first[0], second[0])
                test = lambda known: _or(first[1](known), second[1](known))  # noqa: E731
            case _:
                names = b"UID " if uid else b""
                key = b"%b%b %b" % (names, numset, first[0])
                test = lambda known: known in some and first[1](known)  # noqa: E731
        return self._searching(uid, key, test)

    def _key(self) -> tuple[bytes, Test]:
        flag = self._chance.choice(FLAGS)
        name = flag.lower()

        def has(known: Known) -> bool | None:
            return None if known.flags is None else name in known.flags

        if flag.startswith("\\"):
            return flag[1:].upper().encode(), has
        return b"KEYWORD " + flag.encode(), has

    def _searching(self, uid: bytes, key: bytes, test: Test) -> Step:
        agent = self._agent

        def found(result: Found) -> None:
            wanted = set(result.numbers)
            for seq, known in enumerate(agent.messages, 1):
                number = known.uid if uid else seq
                expected = test(known) if number else None
                if number in wanted:
                    assert expected is not False, f"{key!r} found {known}"
                elif expected:
                    agent.suspect(known, f"not found by {key!r}")
            if result.modseq is not None:
                numbered = enumerate(agent.messages, 1)
                hit = [known for seq, known in numbered if (known.uid if uid else seq) in wanted]
                assert result.modseq >= max((known.modseq for known in hit), default=0)

        return Step(self._asking(uid) + key, found=found)

    def _asking(self, uid: bytes) -> bytes:
        """One of the commands that find the same by the same key."""
        return uid + self._chance.choice(
            [
                b"SEARCH ",
                b"SEARCH ",
                b"SEARCH RETURN (ALL MIN COUNT) ",
                b"SORT (ARRIVAL) UTF-8 ",
                b"SORT (REVERSE SUBJECT DATE) UTF-8 ",
                b"SORT RETURN (ALL COUNT) (DATE) UTF-8 ",
                b"THREAD REFERENCES UTF-8 ",
                b"THREAD ORDEREDSUBJECT UTF-8 ",
            ]
        )


def _after(sign: str, flags: FlagSet | None, named: FlagSet) -> FlagSet | None:
    if sign == "":
        return named
    if flags is None:
        return None
    return flags | named if sign == "+" else flags - named


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value


def _or(one: bool | None, other: bool | None) -> bool | None:
    if one or other:
        return True
    return None if one is None or other is None else False


def _written(flags: bytes, octets: bytes) -> bytes:
    """The arguments of APPEND behind the mailbox."""
    return b"(%b) {%d+}\r\n%b" % (flags, len(octets), octets)


def _set(numbers: Iterable[int]) -> bytes:
    return b",".join(b"%d" % number for number in numbers)
