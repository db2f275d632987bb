"""Commands out of a stream of octets: lines and literals (RFC 9051 §2.2, §4.3; RFC 7888).

The reader decides nothing: a literal waits until the session has said whether it is kept in
memory, streamed or refused, so that nothing large is invited before it is known to be wanted.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto

PRE_LOGIN_LINE_OCTETS = 40 * 1024
"""An ID command of 31,807 octets before login is legal and used by conformance tests."""

_LITERAL = re.compile(rb"(~?)\{(\d+)(\+?)\}\Z")
_MAX_DIGITS = 19
"""A longer size is read as this many nines: nobody sends that much, and it stays a number."""

_TAIL_OCTETS = 64
"""Of a line that is passed over, kept to see the literal it may end with."""

_PREFIX_OCTETS = 100
"""Of a line that is too long, told so that its tag can be answered."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A literal kept in memory; `binary` for literal8 (`~{n}`)."""

    octets: bytes
    binary: bool = False


@dataclass(frozen=True, slots=True)
class Streamed:
    """A literal whose octets went out as `LiteralChunk`s; `size` in octets."""

    size: int
    binary: bool = False


Piece = bytes | Literal | Streamed


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A whole command: text without line ends, and literals, in their order."""

    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class LiteralRequested:
    """A literal is announced; nothing more comes until it is accepted or rejected.

    With `sync` the client waits for a continuation; without, its octets are under way.
    """

    size: int
    sync: bool
    binary: bool
    prefix: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class LiteralChunk:
    """Octets of a streamed literal; a literal of no octets comes as one empty last chunk."""

    octets: bytes
    last: bool


@dataclass(frozen=True, slots=True)
class LineTooLong:
    """A command's text went over the limit; `prefix` is how it began.

    The rest of the command is passed over, with literals that don't wait for a continuation.
    """

    prefix: bytes


Event = CommandLine | LiteralRequested | LiteralChunk | LineTooLong


class _State(Enum):
    LINE = auto()
    DECISION = auto()
    MEMORY = auto()
    STREAM = auto()
    DRAIN = auto()
    SKIP = auto()


class Framer:
    """Feed octets, then take events until there is None. Any chunking gives the same events."""

    def __init__(self, line_limit: int = PRE_LOGIN_LINE_OCTETS) -> None:
        self.line_limit = line_limit
        """Octets of text that one command may have, literals aside."""
        self._buffer = bytearray()
        self._scanned = 0
        self._state = _State.LINE
        self._pieces: list[Piece] = []
        self._text_octets = 0
        self._requested: LiteralRequested | None = None
        self._missing = 0
        self._refused = False
        self._tail = b""

    @property
    def buffered(self) -> int:
        """Octets fed and not yet taken."""
        return len(self._buffer)

    @property
    def within(self) -> bool:
        """Whether a command has come in part."""
        return bool(self._buffer or self._pieces) or self._state is not _State.LINE

    def feed(self, data: bytes) -> None:
        """Adds octets as they came."""
        self._buffer += data

    def take_buffer(self) -> bytes:
        """Removes and returns all octets not yet taken."""
        octets = bytes(self._buffer)
        self._buffer.clear()
        self._scanned = 0
        return octets

    def accept_memory(self) -> None:
        """Keeps the announced literal in memory."""
        self._missing = self._decided().size
        self._state = _State.MEMORY

    def accept_stream(self) -> None:
        """Hands the announced literal out in chunks."""
        self._missing = self._decided().size
        self._state = _State.STREAM

    def reject(self) -> None:
        """Drops the command. What a client that doesn't wait has sent of it is passed over."""
        request = self._decided()
        if request.sync:
            self._start_over()
        else:
            self._refused = True
            self._missing = request.size
            self._state = _State.DRAIN

    def next_event(self) -> Event | None:
        """The next event, or None until more is fed or a literal is decided."""
        while True:
            match self._state:
                case _State.LINE:
                    event = self._line()
                    if event is not None or self._state is _State.LINE:
                        return event
                case _State.DECISION:
                    return None
                case _State.MEMORY:
                    if not self._memory():
                        return None
                case _State.STREAM:
                    return self._stream()
                case _State.DRAIN:
                    if not self._drain():
                        return None
                case _State.SKIP:
                    if not self._skip():
                        return None

    def _line(self) -> Event | None:
        end = self._buffer.find(b"\n", self._scanned)
        size = (end if end >= 0 else len(self._buffer)) + self._text_octets
        if size > self.line_limit + 1:
            return self._too_long()
        if end < 0:
            self._scanned = len(self._buffer)
            return None
        text = self._take(end + 1)
        text = text[: -2 if text.endswith(b"\r\n") else -1]
        announces = text.endswith(b"}")
        if not (announces or self._pieces or self._refused):
            # All of a command, as most come: there is nothing to start over.
            return CommandLine((text,))
        self._text_octets += len(text)
        literal = _LITERAL.search(text) if announces else None
        if literal is not None:
            self._pieces.append(text[: literal.start()])
            return self._announce(literal)
        self._pieces.append(text)
        pieces, refused = tuple(self._pieces), self._refused
        self._start_over()
        return self._line() if refused else CommandLine(pieces)

    def _too_long(self) -> Event | None:
        # No more than the limit: that much is here however the octets came.
        most = min(_PREFIX_OCTETS, self.line_limit)
        first = self._pieces[0] if self._pieces else bytes(self._buffer[:most])
        prefix = first[:most] if isinstance(first, bytes) else b""
        told = self._refused
        self._pieces = []
        self._requested = None
        self._text_octets = 0
        self._refused = True
        self._tail = b""
        self._state = _State.SKIP
        return None if told else LineTooLong(prefix)

    def _announce(self, literal: re.Match[bytes]) -> Event | None:
        size, sync = _size(literal[2]), not literal[3]
        if self._refused:
            if sync:
                self._start_over()
                return self._line()
            self._missing, self._state = size, _State.DRAIN
            return None
        self._state = _State.DECISION
        self._requested = LiteralRequested(size, sync, bool(literal[1]), tuple(self._pieces))
        return self._requested

    def _memory(self) -> bool:
        if len(self._buffer) < self._missing:
            return False
        assert self._requested is not None
        self._pieces.append(Literal(self._take(self._missing), self._requested.binary))
        self._state = _State.LINE
        return True

    def _stream(self) -> Event | None:
        if not self._buffer and self._missing:
            return None
        octets = self._take(min(self._missing, len(self._buffer)))
        self._missing -= len(octets)
        if not self._missing:
            assert self._requested is not None
            self._pieces.append(Streamed(self._requested.size, self._requested.binary))
            self._state = _State.LINE
        return LiteralChunk(octets, last=not self._missing)

    def _drain(self) -> bool:
        self._missing -= len(self._take(min(self._missing, len(self._buffer))))
        if self._missing:
            return False
        self._pieces.clear()
        self._requested = None
        self._text_octets = 0
        self._state = _State.LINE
        return True

    def _skip(self) -> bool:
        """Passes over the rest of a line, and on to the next where a literal goes on with it."""
        end = self._buffer.find(b"\n")
        text = self._take(end + 1 if end >= 0 else len(self._buffer))
        self._tail = (self._tail + text[-_TAIL_OCTETS:])[-_TAIL_OCTETS:]
        if end < 0:
            return False
        literal = _LITERAL.search(self._tail.removesuffix(b"\n").removesuffix(b"\r"))
        if literal is not None and literal[3]:
            self._missing, self._state = _size(literal[2]), _State.DRAIN
        else:
            self._start_over()
        return True

    def _take(self, size: int) -> bytes:
        octets = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._scanned = 0
        return octets

    def _decided(self) -> LiteralRequested:
        assert self._state is _State.DECISION and self._requested is not None
        return self._requested

    def _start_over(self) -> None:
        self._state = _State.LINE
        self._pieces = []
        # It has the literals before it, which an idle connection needn't keep.
        self._requested = None
        self._text_octets = 0
        self._refused = False


def _size(digits: bytes) -> int:
    digits = digits.lstrip(b"0") or b"0"
    return int(digits if len(digits) <= _MAX_DIGITS else b"9" * _MAX_DIGITS)
