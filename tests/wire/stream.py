"""A connection, watched: `Validator` follows both sides and raises at the first wrong octet."""

import re
from collections import deque
from enum import Enum, auto

from tests.wire import rules
from tests.wire.client import ClientReader, Command, Hold
from tests.wire.grammar import next_response
from tests.wire.tokens import Cursor, Dialect, GrammarError, Incomplete
from tests.wire.values import (
    Capabilities,
    Continuation,
    Enabled,
    Exists,
    Expunge,
    ExtendedSearch,
    Fetch,
    Flags,
    Found,
    MailboxItem,
    Metadata,
    Recent,
    Response,
    Status,
    Threads,
    Vanished,
)
from tests.wire.view import Mailbox, ProtocolViolation

TRANSCRIPT_LINES = 400
SHOWN_OCTETS = 160
"""Of each line of the transcript."""

_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\Z")
_OF_MAILBOX = Exists | Recent | Expunge | Vanished | Flags | Fetch | Found | Threads


class State(Enum):
    """Where the connection stands (RFC 3501 §3)."""

    GREETING = auto()
    NOT_AUTHENTICATED = auto()
    AUTHENTICATED = auto()
    SELECTED = auto()
    BYE = auto()
    CLOSED = auto()


class Validator:
    """Both directions of one connection, in clear and in the order in which they went.

    Responses are taken to be of the oldest command that has no tagged answer yet.

    Args:
        uid_always: UID in every FETCH that comes while a UID command is answered. RFC 3501 §6.4.8
            wants it only in those "caused by a UID command", which no client can tell from others.
    """

    def __init__(self, *, uid_always: bool = True) -> None:
        self.state = State.GREETING
        self._uid_always = uid_always
        self.mailbox: Mailbox | None = None
        self.enabled: frozenset[bytes] = frozenset()
        self.condstore = False
        self._may_be_aware = False
        self.notify: frozenset[str] = frozenset()
        """The words of NOTIFY SET, none where nothing may come unasked."""
        self.client = ClientReader()
        self._buffer = bytearray()
        self._at_least = 0
        self._passed = 0
        self._transcript: deque[str] = deque(maxlen=TRANSCRIPT_LINES)
        self._command: Command | None = None
        self._counts: dict[type, int] = {}
        self._next: Mailbox | None = None
        self._was_closed = False
        self._told_highest = self._was_aware = False
        self._bye = False
        self._offered: frozenset[bytes] = frozenset()

    @property
    def dialect(self) -> Dialect:
        """What the client's ENABLE makes of the grammar."""
        rev2 = b"IMAP4REV2" in self.enabled
        return Dialect(utf8=rev2 or b"UTF8=ACCEPT" in self.enabled, rev2=rev2)

    def from_client(self, octets: bytes) -> None:
        """Octets that the client sends; before the server can have read them."""
        for line in octets.splitlines():
            self._note("C", line)
        self.client.feed(octets)

    def from_server(self, octets: bytes) -> list[Response]:
        """The responses that these octets complete.

        Raises:
            GrammarError: its offset counts from the connection's first octet.
            ProtocolViolation: see there.
        """
        self._buffer += octets
        if len(self._buffer) < self._at_least or b"\n" not in octets:
            return []
        octets = bytes(self._buffer)
        responses = []
        at = self._at_least = 0
        try:
            while at < len(octets):
                response, end = self._take(octets, at)
                self._note("S", octets[at:end])
                at = end
                responses.append(response)
                self._follow(response)
        except Incomplete as incomplete:
            self._at_least = incomplete.at_least - at
        except ProtocolViolation as violation:
            raise ProtocolViolation(violation.rule, tuple(self._transcript)) from None
        del self._buffer[:at]
        self._passed += at
        return responses

    def finish(self) -> None:
        """The test ends here: nothing half said is left."""
        if self._buffer:
            self._violate(
                f"the server stopped in the middle of a response: {bytes(self._buffer[:60])!r}"
            )

    def closed(self) -> None:
        """The server has closed the connection: it said BYE before (RFC 3501 §3.4)."""
        self.finish()
        if not self._bye:
            self._violate("the server closed the connection without BYE")

    def _violate(self, rule: str) -> None:
        raise ProtocolViolation(rule, tuple(self._transcript))

    def _note(self, who: str, octets: bytes) -> None:
        shown = octets[:SHOWN_OCTETS].decode("latin-1").rstrip("\r\n")
        more = f" … {len(octets)} octets" if len(octets) > SHOWN_OCTETS else ""
        self._transcript.append(f"{who}: {shown!r}{more}")

    def _take(self, octets: bytes, at: int) -> tuple[Response, int]:
        cursor = Cursor(octets, at, self.dialect)
        try:
            response = next_response(cursor, greeting=self.state is State.GREETING)
        except GrammarError as error:
            self._note("S", octets[at:])
            raise GrammarError(self._passed + error.offset, error.expected, error.context) from None
        return response, cursor.at

    def _follow(self, response: Response) -> None:
        self._look_at_command()
        if self.state is State.CLOSED:
            raise ProtocolViolation("nothing comes after the end of the connection")
        if self.state is State.GREETING:
            assert isinstance(response, Status)
            self._greeted(response)
        elif isinstance(response, Continuation):
            self._invited(response)
        elif isinstance(response, Status) and response.tag is not None:
            self._answered(response)
        elif self._bye:
            raise ProtocolViolation("after BYE comes only the tagged answer to LOGOUT")
        elif isinstance(response, Status):
            self._status(response)
        else:
            self._data(response)

    def _look_at_command(self) -> None:
        """Begins with the oldest command that is unanswered; lines that are none don't count."""
        queue = self.client.queue
        command = next((one for one in queue if one.verb), queue[0] if queue else None)
        if command is self._command:
            return
        self._command, self._counts = command, {}
        self._next, self._was_closed, self._told_highest = None, False, False
        self._was_aware = self.condstore or self._may_be_aware
        if command is not None and command.verb in rules.SELECTING:
            self._next = Mailbox(command.mailbox())

    def _greeted(self, response: Status) -> None:
        self._code(response)
        match response.condition:
            case "OK":
                self.state = State.NOT_AUTHENTICATED
            case "PREAUTH":
                self.state = State.AUTHENTICATED
            case _:
                self._bye = True
                self.state = State.BYE

    def _invited(self, response: Continuation) -> None:
        held = self.client.hold
        if held is Hold.NOTHING or self._bye:
            raise ProtocolViolation("a continuation that the client doesn't wait for")
        if held is Hold.SASL:
            if not _BASE64.match(response.text):
                raise ProtocolViolation("a SASL challenge that isn't base64 (RFC 3501 §6.2.2)")
        elif not response.text:
            raise ProtocolViolation("a continuation without text where there is no challenge")
        if held in (Hold.SASL, Hold.IDLE) and len(self.client.queue) > 1:
            raise ProtocolViolation("a dialogue before the commands before it are answered")
        self.client.invited()

    def _answered(self, response: Status) -> None:
        command = self._answer_to(response)
        self._code(response)
        if response.condition == "OK":
            self._complete(command)
            self._succeeded(command, response)
        elif command.verb in rules.SELECTING and response.condition == "NO":
            self._deselect()
        # It was issued, though it may have failed (RFC 7162 §3.1).
        self._may_be_aware = self._may_be_aware or rules.enables_condstore(command)
        if self.mailbox is not None:
            self.mailbox.check_order()
        if command.verb == "STARTTLS" and response.condition == "OK":
            self.client.forget()
        else:
            self.client.answered(command)

    def _answer_to(self, response: Status) -> Command:
        """The command; lines that aren't commands may stay unanswered."""
        while self.client.queue:
            command = self.client.queue[0]
            if command.tag == response.tag:
                break
            if command.verb or not command.complete:
                raise ProtocolViolation(
                    f"an answer to {response.tag!r} while {command.tag!r} is unanswered"
                )
            self.client.answered(command)
            self._look_at_command()
        else:
            command = self._answer_to_half(response)
        if not command.complete and response.condition == "OK":
            raise ProtocolViolation("OK before the command was complete")
        if self._bye and command.verb != "LOGOUT":
            raise ProtocolViolation("after BYE comes only the tagged answer to LOGOUT")
        return command

    def _answer_to_half(self, response: Status) -> Command:
        """A line may be refused before its end has come."""
        assert response.tag is not None
        command = self.client.refused_line(response.tag)
        if command is None:
            raise ProtocolViolation(f"an answer to {response.tag!r}, which nothing is asked by")
        self.client.queue.append(command)
        return command

    def _complete(self, command: Command) -> None:
        fault = rules.missing_answer(
            command, self._counts, rev2=self.dialect.rev2, notify=bool(self.notify)
        )
        if fault is not None:
            raise ProtocolViolation(fault)
        if self._next is not None:
            self._check_selected(self._next, command)
        elif self._becomes_aware(command) and self.mailbox is not None and not self._told_highest:
            raise ProtocolViolation("CONDSTORE is enabled without [HIGHESTMODSEQ] (RFC 7162 §3.1)")

    def _becomes_aware(self, command: Command) -> bool:
        return not self._was_aware and (self.condstore or rules.enables_condstore(command))

    def _check_selected(self, mailbox: Mailbox, command: Command) -> None:
        """The data that SELECT must send (RFC 3501 §6.3.1, RFC 9051 §6.3.2)."""
        if self.mailbox is not None and self._says_closed and not self._was_closed:
            raise ProtocolViolation("[CLOSED] is missing (RFC 7162 §3.2.11, RFC 9051 §7.1)")
        aware = self.condstore or rules.enables_condstore(command)
        wanted = {
            "FLAGS": mailbox.flags,
            "EXISTS": mailbox.messages,
            "RECENT": 0 if self.dialect.rev2 else mailbox.recent,
            "PERMANENTFLAGS": mailbox.permanent,
            "UIDNEXT": mailbox.uidnext,
            "UIDVALIDITY": mailbox.uidvalidity,
            "HIGHESTMODSEQ": mailbox.mod_sequences if aware else True,
        }
        missing = [name for name, value in wanted.items() if value is None]
        if missing:
            raise ProtocolViolation(f"the mailbox is selected without {' '.join(missing)}")
        if self.dialect.rev2 and not self._counts.get(MailboxItem):
            raise ProtocolViolation("the mailbox is selected without LIST (RFC 9051 §6.3.2)")
        mailbox.check_recent()
        mailbox.check_permanent()
        mailbox.below_uidnext = mailbox.exists

    @property
    def _uid_only(self) -> bool:
        return b"UIDONLY" in self.enabled

    @property
    def _says_closed(self) -> bool:
        """Whether it has to: RFC 7162 §3.2.11 asks it of whoever offers one of these."""
        if self._offered & {b"QRESYNC", b"CONDSTORE"}:
            return True
        return bool(self.enabled & {b"QRESYNC", b"IMAP4REV2"})

    def _succeeded(self, command: Command, response: Status) -> None:
        code = response.code.name if response.code is not None else ""
        match command.verb:
            case "LOGIN" | "AUTHENTICATE":
                self._only_in(State.NOT_AUTHENTICATED)
                self.state = State.AUTHENTICATED
            case "SELECT" | "EXAMINE":
                if command.verb == "EXAMINE" and code != "READ-ONLY":
                    raise ProtocolViolation("EXAMINE answers [READ-ONLY] (RFC 3501 §6.3.2)")
                self.mailbox, self.state = self._next, State.SELECTED
            case "CLOSE" | "UNSELECT":
                self._deselect()
            case "UNAUTHENTICATE":
                self._deselect()
                self.state, self.enabled = State.NOT_AUTHENTICATED, frozenset()
                self.condstore, self.notify = False, frozenset()
            case "LOGOUT":
                if not self._bye:
                    raise ProtocolViolation("LOGOUT is answered without BYE (RFC 3501 §6.1.3)")
                self.state = State.CLOSED
            case "NOTIFY":
                words = command.words()
                self.notify = words if "SET" in words else frozenset()
        self.condstore = self.condstore or rules.enables_condstore(command)

    def _only_in(self, state: State) -> None:
        if self.state is not state:
            raise ProtocolViolation(f"success in the state {self.state.name}")

    def _deselect(self) -> None:
        self.mailbox = None
        if self.state is State.SELECTED:
            self.state = State.AUTHENTICATED

    def _code(self, response: Status) -> None:
        fault = rules.misplaced_code(response, self._command)
        fault = fault or rules.of_another_revision(response, None, rev2=self.dialect.rev2)
        if fault is not None:
            raise ProtocolViolation(fault)
        if response.code is not None and response.code.name == "CAPABILITY":
            assert isinstance(response.code.argument, tuple)
            self._offered = frozenset(name.upper() for name in response.code.argument)

    def _status(self, response: Status) -> None:
        self._code(response)
        if response.condition == "BYE":
            self._bye = True
        elif response.condition == "BAD":
            self.client.refused()
        code = response.code
        if code is None:
            return
        if code.name == "NOTIFICATIONOVERFLOW":
            # RFC 5465 §5.8: as after NOTIFY NONE.
            self.notify = frozenset()
        if code.name == "CLOSED":
            if self.mailbox is None or self._was_closed:
                raise ProtocolViolation("[CLOSED] though no mailbox is open")
            self._was_closed = True
            return
        told = ("PERMANENTFLAGS", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "HIGHESTMODSEQ", "NOMODSEQ")
        if code.name in told:
            self._mailbox_code(self._current(code.name), code.name, code.argument)

    def _mailbox_code(self, mailbox: Mailbox, name: str, argument: object) -> None:
        match name, argument:
            case "PERMANENTFLAGS", tuple(flags):
                mailbox.set_permanent(flags)
            case "UIDNEXT", int(uid):
                mailbox.set_uidnext(uid)
            case "UIDVALIDITY", int(uidvalidity):
                if mailbox.uidvalidity not in (None, uidvalidity):
                    raise ProtocolViolation("UIDVALIDITY changes while the mailbox is selected")
                mailbox.uidvalidity = uidvalidity
            case "UNSEEN", _ if self._uid_only:
                raise ProtocolViolation("[UNSEEN] is a message number (RFC 9586 §3)")
            case "UNSEEN", int(seq):
                if mailbox.messages is not None and seq > mailbox.exists:
                    raise ProtocolViolation(f"[UNSEEN {seq}] of {mailbox.exists} messages")
            case "HIGHESTMODSEQ" | "NOMODSEQ", _:
                mailbox.mod_sequences = name == "HIGHESTMODSEQ"
                self._told_highest = True

    def _current(self, what: str) -> Mailbox:
        """The mailbox that data is of: the new one from [CLOSED] on, or where none is sent."""
        if self._next is not None:
            old_goes_on = self.mailbox is not None and self._says_closed and not self._was_closed
            if not old_goes_on:
                return self._next
        if self.mailbox is None:
            raise ProtocolViolation(f"{what} though no mailbox is selected")
        return self.mailbox

    def _data(self, response: Response) -> None:
        command, rev2 = self._command, self.dialect.rev2
        if not rules.notified(response, self.notify | rules.asks_to_notify(command)):
            fault = rules.unsolicited(response, command, rev2=rev2)
            fault = fault or rules.of_another_revision(response, command, rev2=rev2)
            fault = fault or rules.wrong_answer(response, command)
            if fault is not None:
                raise ProtocolViolation(fault)
        self._counts[type(response)] = self._counts.get(type(response), 0) + 1
        heard = b"METADATA" in self.enabled or bool(rules.METADATA_EVENTS & self.notify)
        if isinstance(response, Metadata) and response.changed and not heard:
            raise ProtocolViolation("news of annotations without ENABLE METADATA (RFC 5464 §4.1)")
        if isinstance(response, Capabilities):
            self._offered = frozenset(name.upper() for name in response.names)
        elif isinstance(response, Enabled):
            self.enabled |= frozenset(response.names)
            self.condstore = self.condstore or bool(self.enabled & {b"CONDSTORE", b"QRESYNC"})
        elif isinstance(response, _OF_MAILBOX):
            self._mailbox_data(self._current(type(response).__name__), response)
        elif isinstance(response, ExtendedSearch) and response.mailbox is None:
            self._current("ESEARCH")

    def _mailbox_data(self, mailbox: Mailbox, response: Response) -> None:
        match response:
            case Exists(count):
                mailbox.set_exists(count)
            case Recent(count):
                mailbox.set_recent(count)
            case Flags(flags):
                mailbox.set_flags(flags)
            case Expunge(seq):
                self._may_expunge(by_uid=False)
                mailbox.expunge(seq)
            case Vanished(uids, earlier):
                self._vanished(mailbox, uids_are_earlier=earlier)
                if not earlier:
                    mailbox.vanish(uids, uid_only=self._uid_only)
            case Found():
                self._found(mailbox, response)
            case Fetch():
                self._fetch_is_whole(mailbox, response)
                mailbox.fetched(response)

    def _may_expunge(self, *, by_uid: bool) -> None:
        what = "VANISHED" if by_uid else "EXPUNGE"
        if not (rules.may_expunge(self._command) or "SELECTED" in self.notify):
            verb = self._command.verb if self._command is not None else "no command"
            raise ProtocolViolation(f"{what} while {verb} is in progress (RFC 3501 §7.4.1)")
        if by_uid != (b"QRESYNC" in self.enabled or self._uid_only):
            raise ProtocolViolation(f"{what}: QRESYNC decides between EXPUNGE and VANISHED")

    def _vanished(self, mailbox: Mailbox, *, uids_are_earlier: bool) -> None:
        if not uids_are_earlier:
            self._may_expunge(by_uid=True)
            return
        selecting = mailbox is self._next
        asked = self._command is not None and "VANISHED" in self._command.words()
        if b"QRESYNC" not in self.enabled or not (selecting or asked):
            raise ProtocolViolation("VANISHED (EARLIER) was not asked for (RFC 7162 §3.2.10.1)")

    def _found(self, mailbox: Mailbox, found: Found) -> None:
        numbers = found.numbers
        asked = self._command is not None and "MODSEQ" in self._command.words()
        if numbers and (found.modseq is not None) != asked:
            raise ProtocolViolation("MODSEQ comes where it is a search key (RFC 7162 §3.1.5)")
        if len(set(numbers)) < len(numbers):
            raise ProtocolViolation("the same message is found twice")
        by_uid = self._command is not None and self._command.uid
        if not by_uid and numbers and max(numbers) > mailbox.exists:
            raise ProtocolViolation(f"found message {max(numbers)} of {mailbox.exists}")

    def _fetch_is_whole(self, mailbox: Mailbox, fetch: Fetch) -> None:
        """What each FETCH must and must not have beside what was asked for."""
        names = {item.name for item in fetch.items}
        command = self._command
        if mailbox is self._next and b"QRESYNC" not in self.enabled:
            raise ProtocolViolation("FETCH while the mailbox is being selected")
        if fetch.by_uid != self._uid_only:
            raise ProtocolViolation("UIDONLY decides between FETCH and UIDFETCH (RFC 9586 §3.3)")
        caused = not fetch.by_uid and (self._uid_always or bool(names - {"FLAGS", "MODSEQ"}))
        if command is not None and command.uid and caused and "UID" not in names:
            raise ProtocolViolation(f"FETCH without UID in the answer to UID {command.verb}")
        aware = self.condstore or self._may_be_aware
        aware = aware or (command is not None and rules.enables_condstore(command))
        if "MODSEQ" in names and not aware:
            raise ProtocolViolation("MODSEQ to a client that isn't CONDSTORE-aware (RFC 7162 §3.1)")
        asked = command is not None and command.verb == "FETCH"
        if self.condstore and not asked and mailbox.mod_sequences and "MODSEQ" not in names:
            raise ProtocolViolation("FETCH without MODSEQ to a CONDSTORE-aware client")
