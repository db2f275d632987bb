"""A client that believes what it is told, and checks that nothing it is told later contradicts it.

`tests.wire` checks the protocol on the way: grammar, EXISTS never shrinks, UIDs keep their places,
MODSEQ never falls, keywords are announced, no EXPUNGE where none may be.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from tests.wire.stream import Validator
from tests.wire.values import (
    Code,
    Continuation,
    Exists,
    Expunge,
    ExtendedSearch,
    Fetch,
    Found,
    MailboxStatus,
    Response,
    Status,
    Thread,
    Threads,
    UidSet,
    Vanished,
)

FlagSet = frozenset[str]


class Kind(Enum):
    """What a client makes use of."""

    PLAIN = "IMAP4rev1"
    CONDSTORE = "CONDSTORE"
    QRESYNC = "QRESYNC"


class Hears(Enum):
    """What a client is told between its commands, as NOTIFY calls it (RFC 5465 §6.1)."""

    NOTHING = ""
    DELAYED = "SELECTED-DELAYED"
    AT_ONCE = "SELECTED"


NOTIFY = (
    b"NOTIFY SET (%b (MessageNew (UID FLAGS) MessageExpunge FlagChange))"
    b" (MAILBOXES (Archive Trash) (MessageNew MessageExpunge FlagChange)) (PERSONAL (MailboxName))"
)


COMPRESS = b"COMPRESS DEFLATE"


class Link(Protocol):
    """What carries octets."""

    def send(self, octets: bytes) -> None:
        """To the server."""

    def take(self) -> bytes:
        """What has come, perhaps nothing."""
        ...

    def compress(self) -> None:
        """From here on octets are compressed, both ways (RFC 4978)."""

    def close(self) -> None:
        """Without a word."""


@dataclass(slots=True, eq=False)
class Known:
    """A message as the client believes it to be; 0 and None are what it doesn't know."""

    uid: int = 0
    flags: FlagSet | None = None
    modseq: int = 0


@dataclass(slots=True, eq=False)
class Step:
    """A command that was sent.

    `begin` runs when all before it are answered, `found` on a SEARCH response, `end` on the answer.
    """

    command: bytes
    begin: Callable[[], None] | None = None
    found: Callable[[Found], None] | None = None
    end: Callable[[Status], None] | None = None
    refusal: str = ""
    """The codes with which it may be refused."""
    told: set[Known] = field(default_factory=set)
    """Messages of which a FETCH response has come."""
    tag: bytes = b""


@dataclass(slots=True)
class Oracle:
    """What really was and is in INBOX, where the test can look."""

    history: dict[tuple[int, int], FlagSet] = field(default_factory=dict)
    """By UID and modseq."""
    states: dict[int, set[FlagSet]] = field(default_factory=dict)
    """All that a message has had, by UID."""
    live: dict[int, int] = field(default_factory=dict)
    """The modseq of each message that is there, by UID."""

    def note(self, uid: int, modseq: int, flags: FlagSet) -> None:
        """A message came or changed."""
        assert modseq > self.live.get(uid, 0), "MODSEQ doesn't grow"
        self.live[uid] = modseq
        self.history[uid, modseq] = flags
        self.states.setdefault(uid, set()).add(flags)


class Agent:
    """One client of INBOX."""

    def __init__(
        self,
        connect: Callable[[], Link],
        oracle: Oracle | None,
        kind: Kind,
        *,
        rev2: bool,
        hears: Hears = Hears.NOTHING,
        compresses: bool = False,
        uid_only: bool = False,
        told: dict[tuple[int, int], FlagSet] | None = None,
    ) -> None:
        self._connect = connect
        self.oracle = oracle
        self.kind = kind
        self.rev2 = rev2
        """It speaks IMAP4rev2."""
        self.hears = hears
        self.compresses = compresses
        self.uid_only = uid_only
        """It knows no message numbers (RFC 9586): what it knows UIDs of stands first, ascending."""
        self._told = told if told is not None else {}
        """The flags of a message at a modseq, as any client was told."""
        self.away = False
        """It has no connection."""
        self.commands = 0
        self.last_found: Response | None = None
        """The last answer of a command that finds."""
        self.recent: set[int] = set()
        """What was \\Recent to it in mailboxes it selected, since the start."""
        self._hear_nothing_yet()

    @property
    def aware(self) -> bool:
        """Whether it is CONDSTORE-aware."""
        return self.kind is not Kind.PLAIN

    def _hear_nothing_yet(self) -> None:
        self._link = self._connect()
        self._validator = Validator()
        self._half = b""
        self.pending: deque[Step] = deque()
        self._held: list[Step] = []
        """What may be sent only once COMPRESS is answered."""
        self.messages: list[Known] = []
        self.suspects: dict[Known, str] = {}
        """What was passed over where it had to be shown or found: so it must be expunged."""
        self.counters: dict[bytes, dict[str, object]] = {}
        """What it was told of other mailboxes, and nothing of its own doing since."""
        self.selected = self.idling = self.read_only = False
        self._highest = 0
        self._told_highest: int | None = None
        self.synced_modseq = 0
        """It knows of all changes up to here."""
        self.uidvalidity = 0
        self.earlier: set[int] = set()
        """What was gone before the mailbox was selected."""

    @property
    def free(self) -> bool:
        """Whether nothing of it is unanswered."""
        return not (self.pending or self._held)

    def log_in(self, user: bytes, password: bytes) -> None:
        """The first command."""
        self.say(Step(b"LOGIN %b %b" % (user, password)))
        if self.compresses:
            self.say(Step(COMPRESS, end=lambda answer: self._link.compress()))
        if self.kind is Kind.QRESYNC:
            self.say(Step(b"ENABLE QRESYNC"))
        if self.rev2:
            self.say(Step(b"ENABLE IMAP4rev2"))
        if self.uid_only:
            self.say(Step(b"ENABLE UIDONLY"))
        if self.hears is not Hears.NOTHING:
            self.say(Step(NOTIFY % self.hears.value.encode()))

    def leave(self) -> None:
        """The connection breaks."""
        self._link.close()
        self.away = True

    def come_back(self) -> None:
        """There is a new connection."""
        self.away = False
        self._hear_nothing_yet()

    def open_another(self, oracle: Oracle) -> None:
        """What it is told from here on is of another mailbox."""
        self.oracle, self._told = oracle, {}
        self.messages, self.suspects = [], {}
        self._highest = self.synced_modseq = 0

    def say(self, *steps: Step) -> None:
        """Sends commands, all at once."""
        if any(step.command == COMPRESS for step in self.pending):
            self._held += steps
            return
        octets = b""
        for step in steps:
            self.commands += 1
            step.tag = b"%x" % self.commands
            octets += step.tag + b" " + step.command + b"\r\n"
        was_free = self.free
        self.pending += steps
        if was_free:
            self._begin()
        self._send(octets)

    def done(self) -> None:
        """Ends IDLE."""
        self.idling = False
        self._send(b"DONE\r\n")

    def _send(self, octets: bytes) -> None:
        self._validator.from_client(octets)
        self._link.send(octets)

    def _begin(self) -> None:
        if self.pending and self.pending[0].begin is not None:
            self.pending[0].begin()

    def hear(self) -> bool:
        """Takes what has come, response by response; whether anything has."""
        if self.away:
            return False
        octets = self._half + self._link.take()
        lines = octets.split(b"\n")
        self._half = lines.pop()
        for line in lines:
            for response in self._validator.from_server(line + b"\n"):
                self._heard(response)
        return bool(lines)

    def _heard(self, response: Response) -> None:
        match response:
            case Exists(count):
                self.messages += [Known() for _ in range(count - len(self.messages))]
            case Expunge(seq):
                gone = self.messages.pop(seq - 1)
                self.suspects.pop(gone, None)
                self._check_gone(gone.uid)
            case Vanished():
                self._vanished(response)
            case MailboxStatus(name, items):
                self.counters.setdefault(name, {}).update(items)
            case Fetch():
                self._fetched(response)
            case Found() | ExtendedSearch() | Threads():
                found = self.pending[0].found
                assert found is not None
                found(response if isinstance(response, Found) else as_found(response))
                self.last_found = response
            case Continuation() if self.pending and self.pending[0].command == b"IDLE":
                self.idling = True
            case Status(tag=None):
                assert response.condition != "BYE" or self.pending[0].command == b"LOGOUT"
                self._coded(response.code)
            case Status():
                self._answered(response)

    def _vanished(self, vanished: Vanished) -> None:
        for low, high in vanished.uids.ranges:
            for uid in range(low, high + 1):
                self._check_gone(uid)
                if vanished.earlier:
                    assert all(known.uid != uid for known in self.messages), f"{uid} is EARLIER"
                    self.earlier.add(uid)
                else:
                    gone = self._with_uid(uid)
                    assert gone.uid or gone.flags is None, "it can't know which message is gone"
                    self.messages.remove(gone)
                    self.suspects.pop(gone, None)

    def _with_uid(self, uid: int) -> Known:
        """The message; where its UID was never said, one that stands where it may."""
        if self.uid_only:
            return self.identified(uid)
        unknown: Known | None = None
        for known in self.messages:
            if known.uid == uid:
                return known
            if known.uid > uid:
                break
            unknown = None if known.uid else known
        assert unknown is not None, f"there is no {uid}"
        return unknown

    def identified(self, uid: int) -> Known:
        """The message; one that it knew no UID of, if none had that."""
        found = next((known for known in self.messages if known.uid == uid), None)
        if found is None:
            found = next((known for known in self.messages if not known.uid), None)
            assert found is not None, f"{uid} is one message more than there are"
            found.uid = uid
            self.messages.sort(key=lambda known: known.uid or 1 << 32)
        return found

    def _check_gone(self, uid: int) -> None:
        if self.oracle is not None and uid:
            assert uid not in self.oracle.live, f"{uid} is not expunged"

    def _coded(self, code: Code | None) -> None:
        if code is not None and code.name == "CLOSED":
            self.messages, self.suspects = [], {}
        if code is not None and isinstance(code.argument, int):
            if code.name == "HIGHESTMODSEQ":
                self._told_highest = code.argument
            elif code.name == "UIDVALIDITY":
                self.uidvalidity = code.argument

    def _answered(self, answer: Status) -> None:
        step = self.pending.popleft()
        assert step.tag == answer.tag
        if answer.condition != "OK":
            code = answer.code.name if answer.code is not None else ""
            allowed = answer.condition == "NO" and code and code in step.refusal.split()
            assert allowed or (answer.condition == "NO" and self.read_only), (step.command, answer)
        self._coded(answer.code)
        # What it was told counts, though it may have seen higher ones (RFC 7162 §6).
        highest = max(self.synced_modseq, self._highest)
        self.synced_modseq = highest if self._told_highest is None else self._told_highest
        self._highest, self._told_highest = 0, None
        if step.end is not None:
            step.end(answer)
        self._begin()
        if step.command == COMPRESS:
            held, self._held = self._held, []
            self.say(*held)

    def _fetched(self, fetch: Fetch) -> None:
        known = self.identified(fetch.seq) if fetch.by_uid else self.messages[fetch.seq - 1]
        items = {item.name: item.value for item in fetch.items}
        if isinstance(uid := items.get("UID"), int):
            known.uid = uid
        if isinstance(modseq := items.get("MODSEQ"), int):
            known.modseq = modseq
            self._highest = max(self._highest, modseq)
        if isinstance(flags := items.get("FLAGS"), tuple):
            known.flags = lowered(flags)
            if b"\\Recent" in flags and not self.read_only and known.uid:
                self.recent.add(known.uid)
            self._compare(known, told_modseq="MODSEQ" in items)
        if self.pending:
            self.pending[0].told.add(known)

    def _compare(self, known: Known, *, told_modseq: bool) -> None:
        """What it was told was so once, and at that modseq; nobody was told otherwise."""
        if not known.uid or known.flags is None:
            return
        if told_modseq:
            before = self._told.setdefault((known.uid, known.modseq), known.flags)
            assert known.flags == before, f"{known.uid} at {known.modseq}: {known.flags}, {before}"
        if self.oracle is None:
            return
        if told_modseq:
            true = self.oracle.history.get((known.uid, known.modseq))
            assert known.flags == true, f"{known.uid} at {known.modseq}: {known.flags}, was {true}"
        else:
            states = self.oracle.states[known.uid]
            assert known.flags in states, f"{known.uid} never had {known.flags}"

    def suspect(self, known: Known, why: str) -> None:
        """The message must turn out to be expunged."""
        if known in self.messages:
            self.suspects.setdefault(known, f"{why}, believed {known}")


def as_found(response: ExtendedSearch | Threads) -> Found:
    """ESEARCH with ALL, or THREAD, as the SEARCH response that finds the same."""
    if isinstance(response, Threads):
        return Found("SEARCH", tuple(_members(response.threads)))
    items = dict(response.items)
    every, modseq = items.get("ALL"), items.get("MODSEQ")
    ranges = every.ranges if isinstance(every, UidSet) else ()
    numbers = tuple(n for low, high in ranges for n in range(low, high + 1))
    return Found("SEARCH", numbers, modseq if isinstance(modseq, int) else None)


def _members(threads: Iterable[Thread]) -> Iterator[int]:
    for thread in threads:
        yield from thread.members
        yield from _members(thread.branches)


def lowered(flags: Iterable[bytes]) -> FlagSet:
    """Flags as they are compared, without \\Recent."""
    return frozenset(flag.decode("ascii").lower() for flag in flags) - {"\\recent"}


def numbers(code: Code | None) -> set[int]:
    """What MODIFIED names."""
    if code is None or code.name != "MODIFIED":
        return set()
    assert isinstance(code.argument, UidSet)
    return {n for low, high in code.argument.ranges for n in range(low, high + 1)}
