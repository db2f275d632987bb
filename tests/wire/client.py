"""The client's side, as far as the server's answers depend on it: commands, literals, dialogues.

It refuses nothing, as tests send what they like. Octets that belong to a dialogue (a literal that
waits to be invited, SASL, IDLE) are held back until the server has spoken.
"""

import re
from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto

_LITERAL = re.compile(rb"~?\{([0-9]{1,20})(\+?)\}\Z")
_COMMAND = re.compile(
    rb'([^\x00-\x20\x7f-\xff(){%*"\\+]+) +(UID +)?([A-Za-z][A-Za-z0-9.\-]*)(?: +(.*))?\Z',
    re.DOTALL | re.IGNORECASE,
)
_TAG = re.compile(rb'([^\x00-\x20\x7f-\xff(){%*"\\+]+)(?: |\Z)')
_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"')
_WORDS = re.compile(rb"[A-Z0-9.\-=$]+")
_RETURN = re.compile(rb"RETURN +\(([^)]*)\)")
_ASTRING = re.compile(rb'"((?:[^"\\]|\\.)*)"|\{#([0-9]+)\}|([^ "(]+)')


@dataclass(slots=True, eq=False)
class Command:
    """A command, from its first line on.

    `arguments` holds "{#n}" where the n-th literal was; `tag` is None where the line has none, and
    `verb` is empty where it isn't a command.
    """

    tag: bytes | None
    verb: str
    uid: bool
    arguments: bytes
    literals: list[bytes] = field(default_factory=list)
    complete: bool = False

    def words(self) -> frozenset[str]:
        """The words among the arguments, in upper case, without strings."""
        bare = _QUOTED.sub(b" ", self.arguments).upper()
        return frozenset(word.decode("ascii") for word in _WORDS.findall(bare))

    def search_return(self) -> frozenset[str] | None:
        """The result options of SEARCH RETURN, None where it has none (RFC 4466 §2.6.1)."""
        found = _RETURN.match(self.arguments.upper())
        if found is None:
            return None
        return frozenset(word.decode("ascii") for word in _WORDS.findall(found[1]))

    def mailbox(self) -> bytes | None:
        """The first argument, INBOX in upper case; None where it isn't an astring."""
        found = _ASTRING.match(self.arguments)
        if found is None:
            return None
        quoted, literal, atom = found.groups()
        if literal is not None:
            name = self.literals[int(literal)] if int(literal) < len(self.literals) else b""
        else:
            name = re.sub(rb"\\(.)", rb"\1", quoted) if quoted is not None else atom
        return b"INBOX" if name.upper() == b"INBOX" else name


class Hold(Enum):
    """What the client waits for."""

    NOTHING = auto()
    LITERAL = auto()
    SASL = auto()
    IDLE = auto()


class ClientReader:
    """Octets of the client in, commands into `queue`, oldest first, until they are answered."""

    def __init__(self) -> None:
        self.queue: deque[Command] = deque()
        self.hold = Hold.NOTHING
        self._buffer = bytearray()
        self._open: Command | None = None
        self._literal: int | None = None
        self._dialogue = Hold.NOTHING
        self._speaking: Command | None = None
        self._skipping = False

    def feed(self, octets: bytes) -> None:
        """Adds octets as the client sent them."""
        self._buffer += octets
        self._read()

    def invited(self) -> Hold:
        """The server sent a continuation: what it was for, NOTHING where none was owed."""
        was, self.hold = self.hold, Hold.NOTHING
        if was in (Hold.SASL, Hold.IDLE):
            self._dialogue = was
        self._read()
        return was

    def answered(self, command: Command) -> None:
        """The server ended this command, which may not be read to its end."""
        self.queue.remove(command)
        if command is self._speaking:
            self._speaking = None
            self.hold = self._dialogue = Hold.NOTHING
        elif command is self._open and self.hold is Hold.LITERAL:
            self._open, self._literal, self.hold = None, None, Hold.NOTHING
        self._read()

    def refused(self) -> None:
        """The server sent an untagged BAD: it won't answer the oldest command, or what began."""
        if self.queue:
            self.answered(self.queue[0])
        elif self._buffer:
            self._skipping = True

    def refused_line(self, tag: bytes) -> Command | None:
        """The command whose first line is still coming and that the server won't have."""
        begun = _TAG.match(bytes(self._buffer[:100]))
        if self.hold is not Hold.NOTHING or begun is None or begun[1] != tag:
            return None
        self._skipping = True
        return Command(tag, "", False, b"")

    def forget(self) -> None:
        """What came before TLS began is gone (RFC 9051 §6.2.1)."""
        self._buffer.clear()
        self.queue.clear()
        self._open = self._literal = self._speaking = None
        self.hold = self._dialogue = Hold.NOTHING

    def _read(self) -> None:
        while self.hold is Hold.NOTHING:
            if self._literal is not None:
                if len(self._buffer) < self._literal:
                    return
                self._take_literal(self._literal)
                continue
            end = self._buffer.find(b"\n")
            if end < 0:
                return
            line = bytes(self._buffer[: end + 1])
            del self._buffer[: end + 1]
            if self._skipping:
                self._skipping = False
                continue
            self._line(line[: -2 if line.endswith(b"\r\n") else -1])

    def _take_literal(self, size: int) -> None:
        assert self._open is not None
        self._open.literals.append(bytes(self._buffer[:size]))
        del self._buffer[:size]
        self._literal = None

    def _line(self, text: bytes) -> None:
        if self._dialogue is Hold.SASL:
            self.hold, self._dialogue = Hold.SASL, Hold.NOTHING
            return
        if self._dialogue is Hold.IDLE:
            self._dialogue = Hold.NOTHING
            return
        literal = _LITERAL.search(text)
        rest = text[: literal.start()] if literal is not None else text
        if self._open is None:
            self._open = _begin(rest)
            self.queue.append(self._open)
        else:
            self._open.arguments += rest
        if literal is not None:
            self._await(self._open, int(literal[1]), sync=not literal[2])
        else:
            self._end(self._open)

    def _await(self, command: Command, size: int, *, sync: bool) -> None:
        command.arguments += b"{#%d}" % len(command.literals)
        if sync and command not in self.queue:
            self._open = None
            return
        self._literal = size
        self.hold = Hold.LITERAL if sync else Hold.NOTHING

    def _end(self, command: Command) -> None:
        command.complete = True
        self._open = None
        dialogue = _DIALOGUES.get(command.verb)
        if dialogue is not None and command in self.queue:
            self.hold, self._speaking = dialogue, command


_DIALOGUES = {"AUTHENTICATE": Hold.SASL, "IDLE": Hold.IDLE}


def _begin(text: bytes) -> Command:
    found = _COMMAND.match(text)
    if found is None:
        tag = _TAG.match(text)
        return Command(tag[1] if tag is not None else None, "", False, text)
    tag_octets, uid, verb, arguments = found.groups()
    return Command(tag_octets, verb.decode("ascii").upper(), uid is not None, arguments or b"")
