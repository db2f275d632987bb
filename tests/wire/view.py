"""What a client may believe of the mailbox it has selected, and that nothing contradicts it."""

from dataclasses import dataclass, field

from tests.wire.flags import SYSTEM
from tests.wire.values import Fetch, UidSet

_DYNAMIC = frozenset({"FLAGS", "MODSEQ", "PREVIEW", "UID"})
_SAME = {"RFC822": "BODY[]", "RFC822.HEADER": "BODY[HEADER]", "RFC822.TEXT": "BODY[TEXT]"}


class ProtocolViolation(Exception):
    """A response that is well formed and may not stand where it stands.

    `transcript` has the last lines of the connection, "C: " and "S: " before each.
    """

    def __init__(self, rule: str, transcript: tuple[str, ...] = ()) -> None:
        super().__init__("\n".join((rule, *transcript)))
        self.rule = rule
        self.transcript = transcript


@dataclass(slots=True)
class Message:
    """A message by its place; 0 where the server hasn't said."""

    uid: int = 0
    modseq: int = 0
    flags: tuple[bytes, ...] | None = None
    size: int | None = None
    static: dict[str, int] = field(default_factory=dict)


class Mailbox:
    """The selected mailbox as the server told it."""

    def __init__(self, name: bytes | None) -> None:
        self.name = name
        self.messages: list[Message] | None = None
        self.flags: tuple[bytes, ...] | None = None
        self.permanent: tuple[bytes, ...] | None = None
        self.recent: int | None = None
        self.uidnext: int | None = None
        self.uidvalidity: int | None = None
        self.mod_sequences: bool | None = None
        """HIGHESTMODSEQ was said, or NOMODSEQ."""

        self.below_uidnext: int | None = None
        """How many messages there were when UIDNEXT was said."""

        self._unordered = False
        self._identified: dict[int, Message] = {}
        """What a client of UIDONLY knows of messages."""

    @property
    def exists(self) -> int:
        """How many messages there are."""
        return len(self.messages or ())

    def set_exists(self, count: int) -> None:
        """EXISTS."""
        if self.messages is None:
            self.messages = [Message() for _ in range(count)]
            return
        if count < len(self.messages):
            raise ProtocolViolation(
                f"EXISTS falls from {len(self.messages)} to {count}: only EXPUNGE or VANISHED may "
                "take messages away (RFC 3501 §7.3.1)"
            )
        self.messages += [Message() for _ in range(count - len(self.messages))]

    def set_recent(self, count: int) -> None:
        """RECENT."""
        self.recent = count
        self.check_recent()

    def check_recent(self) -> None:
        """No more messages are recent than there are."""
        if self.messages is not None and self.recent is not None and self.recent > self.exists:
            raise ProtocolViolation(f"RECENT {self.recent} of {self.exists} messages")

    def set_uidnext(self, uid: int) -> None:
        """UIDNEXT."""
        if self.uidnext is not None and uid < self.uidnext:
            raise ProtocolViolation(f"UIDNEXT falls from {self.uidnext} to {uid}")
        self.uidnext = uid
        self.below_uidnext = None if self.messages is None else self.exists

    def set_flags(self, flags: tuple[bytes, ...]) -> None:
        """FLAGS."""
        self.flags = flags

    def set_permanent(self, flags: tuple[bytes, ...]) -> None:
        """PERMANENTFLAGS."""
        self.permanent = flags
        self.check_permanent()

    def check_permanent(self) -> None:
        r"""PERMANENTFLAGS names only \* and what FLAGS names (RFC 3501 §7.1)."""
        if self.flags is None or self.permanent is None:
            return
        more = _lowered(self.permanent) - _lowered(self.flags) - {rb"\*"}
        if more:
            raise ProtocolViolation(f"PERMANENTFLAGS has {sorted(more)}, which FLAGS has not")

    def expunge(self, seq: int) -> None:
        """EXPUNGE."""
        self._message(seq, "EXPUNGE")
        self._remove(seq - 1)

    def vanish(self, uids: UidSet, *, uid_only: bool = False) -> None:
        """VANISHED without (EARLIER): each UID is of a message that is there."""
        for first, last in uids.ranges:
            for uid in range(first, last + 1):
                if not uid_only:
                    self._remove(self._place(uid))
                    continue
                # The client knows how many messages there are, and not their places.
                self._identified.pop(uid, None)
                if not self.messages:
                    raise ProtocolViolation(f"VANISHED {uid}: there is no message")
                self._remove(len(self.messages) - 1)

    def _remove(self, index: int) -> None:
        assert self.messages is not None
        del self.messages[index]
        if self.below_uidnext is not None and index < self.below_uidnext:
            self.below_uidnext -= 1
        # EXPUNGE takes the message out of the recent ones, without saying so.
        if self.recent is not None:
            self.recent = min(self.recent, len(self.messages))

    def _place(self, uid: int) -> int:
        """The message's index; where its UID was never said, a place it may have.

        Where it may have several, nothing is known any more of the messages that stand there.
        """
        assert self.messages is not None
        low, high = self._among(uid)
        places = range(0)
        for index, message in enumerate(self.messages):
            if message.uid == uid:
                return index
            if message.uid > uid:
                break
            if message.uid:
                places = range(0)
            elif low <= index < high:
                places = range(places.start if places else index, index + 1)
        if not places:
            raise ProtocolViolation(f"VANISHED {uid}: there is no such message")
        if len(places) > 1:
            self.messages[places.start : places.stop] = [Message() for _ in places]
        return places[-1]

    def _among(self, uid: int) -> tuple[int, int]:
        """Where a message with that UID may be, as UIDNEXT says: the first index and the end."""
        if self.uidnext is None or self.below_uidnext is None:
            return 0, self.exists
        return (0, self.below_uidnext) if uid < self.uidnext else (self.below_uidnext, self.exists)

    def _message(self, seq: int, what: str) -> Message:
        if self.messages is None or seq > len(self.messages):
            raise ProtocolViolation(f"{what} of message {seq}, but EXISTS is {self.exists}")
        return self.messages[seq - 1]

    def fetched(self, fetch: Fetch) -> None:
        """FETCH: what it says agrees with all that was said before."""
        if fetch.by_uid:
            message = self._identified.setdefault(fetch.seq, Message(fetch.seq))
            if len(self._identified) > self.exists:
                raise ProtocolViolation(f"UIDFETCH of more messages than the {self.exists}")
        else:
            message = self._message(fetch.seq, "FETCH")
        for item in fetch.items:
            match item.name, item.value:
                case "UID", int(uid) if fetch.by_uid:
                    if uid != fetch.seq:
                        raise ProtocolViolation(f"UIDFETCH {fetch.seq} has UID {uid}")
                case "UID", int(uid):
                    self._uid(fetch.seq, message, uid)
                case "FLAGS", tuple(flags):
                    self._flags(flags)
                    message.flags = flags
                case "MODSEQ", int(modseq):
                    if modseq < message.modseq:
                        raise ProtocolViolation(
                            f"MODSEQ of message {fetch.seq} falls from {message.modseq} to {modseq}"
                        )
                    message.modseq = modseq
                case _:
                    self._static(fetch.seq, message, item.name, item.value)

    def _uid(self, seq: int, message: Message, uid: int) -> None:
        if message.uid not in (0, uid):
            raise ProtocolViolation(f"the UID of message {seq} changes: {message.uid} to {uid}")
        if not message.uid:
            message.uid = uid
            self._unordered = True
        if self.uidnext is None or self.below_uidnext is None:
            return
        if (seq <= self.below_uidnext) != (uid < self.uidnext):
            raise ProtocolViolation(
                f"message {seq} has UID {uid}, but UIDNEXT {self.uidnext} was said of the first "
                f"{self.below_uidnext} messages"
            )

    def _flags(self, flags: tuple[bytes, ...]) -> None:
        known = _lowered(self.flags or ()) | {rb"\recent"}
        unknown = _lowered(flags) - known
        if unknown:
            what = "system flags" if unknown <= SYSTEM else "keywords"
            raise ProtocolViolation(
                f"FETCH has {what} that no FLAGS announced: {sorted(unknown)} (RFC 3501 §7.2.6)"
            )

    def _static(self, seq: int, message: Message, name: str, value: object) -> None:
        """What isn't dynamic "MUST NOT change for a message" (RFC 3501 §9)."""
        name = _SAME.get(name, name)
        if message.static.setdefault(name, hash(value)) != hash(value):
            raise ProtocolViolation(f"{name} of message {seq} has changed")
        size = value if name == "RFC822.SIZE" else None
        if name == "BODY[]" and isinstance(value, bytes):
            size = len(value)
        if isinstance(size, int):
            if message.size not in (None, size):
                raise ProtocolViolation(
                    f"RFC822.SIZE and BODY[] of message {seq} differ: {message.size} and {size}"
                )
            message.size = size

    def check_order(self) -> None:
        """UIDs ascend with the sequence numbers (RFC 3501 §2.3.1.1)."""
        if not self._unordered:
            return
        self._unordered = False
        last = 0
        for seq, message in enumerate(self.messages or (), 1):
            if message.uid:
                if message.uid <= last:
                    raise ProtocolViolation(
                        f"UIDs don't ascend: message {seq} has {message.uid} after {last}"
                    )
                last = message.uid


def _lowered(flags: tuple[bytes, ...]) -> set[bytes]:
    return {flag.lower() for flag in flags}
