"""The command reader: framing in any chunking, literals accepted or not, then the parser."""

from random import Random

from bridge.imap import mutf7
from bridge.imap.commands.append import append_target
from bridge.imap.commands.fetch import Fetch
from bridge.imap.commands.replace import replace_target
from bridge.imap.framing import (
    CommandLine,
    Event,
    Framer,
    LineTooLong,
    LiteralChunk,
    LiteralRequested,
)
from bridge.imap.mode import REV1, Mode
from bridge.imap.parser import Tagged, Unreadable, parse, tag_of
from bridge.session.reply import line
from tests.fuzz.common import chunks, held, split
from tests.fuzz.imap_commands import COMMANDS, TOKENS
from tests.wire import grammar
from tests.wire.tokens import Dialect

__all__ = ["TOKENS", "piece", "target"]

LINE_LIMITS = (120, 400, 40 * 1024)
MAX_LITERAL_OCTETS = 3000
"""In memory; so that inputs can meet it."""

MODES = (REV1, Mode(accepts_utf8=True), Mode(rev2=True))
MAX_STREAM_OCTETS = 1 << 20
SLACK_OCTETS = 600
"""Of beginnings and ends of lines, kept beside what is counted."""


def piece(rng: Random) -> bytes:
    """A few commands."""
    return b"".join(COMMANDS.sentence("line", rng) for _ in range(rng.randint(1, 4)))


def target(octets: bytes) -> None:
    """Any chunking gives the same events within bounds, and each command can be answered."""
    rng, wire = split(octets)
    limit = rng.choice(LINE_LIMITS)
    decisions = rng.getrandbits(64)
    events = _run([wire], limit, decisions)
    again = _run(list(chunks(wire, rng)), limit, decisions)
    assert events == again, _difference(events, again)
    for event in events:
        match event:
            case CommandLine():
                for mode in MODES:
                    _check_command(event, mode)
            case LiteralRequested():
                for mode in MODES:
                    append_target(event.prefix, mode)
                    replace_target(event.prefix, mode)
            case LineTooLong():
                assert len(event.prefix) <= limit
                tag_of((event.prefix,))


def _run(pieces: list[bytes], limit: int, decisions: int) -> list[Event]:
    framer = Framer(limit)
    events: list[Event] = []
    kept = asked = 0
    looks = max(1, len(pieces) // 20)
    for number, chunk in enumerate(pieces):
        framer.feed(chunk)
        while (event := framer.next_event()) is not None:
            match event:
                case LiteralRequested():
                    kept += _decide(framer, event, decisions >> 2 * (asked % 30) & 3)
                    asked += 1
                case CommandLine():
                    kept = 0
            _append(events, event)
        if number % looks == 0:
            bound = limit + kept + len(chunk) + SLACK_OCTETS
            assert held(framer) <= bound, f"{held(framer)} octets held, {bound} expected at most"
    if events and isinstance(events[-1], LiteralChunk) and not events[-1].last:
        events.pop()
    return events


def _decide(framer: Framer, request: LiteralRequested, decision: int) -> int:
    """Octets that the framer may keep for the literal."""
    if decision < 2 and request.size <= MAX_LITERAL_OCTETS:
        framer.accept_memory()
        return request.size
    if decision < 3 and request.size <= MAX_STREAM_OCTETS:
        framer.accept_stream()
    else:
        framer.reject()
    return 0


def _append(events: list[Event], event: Event) -> None:
    """Chunks of one literal become one: how they are cut is up to the network."""
    last = events[-1] if events else None
    if isinstance(event, LiteralChunk) and isinstance(last, LiteralChunk) and not last.last:
        events[-1] = LiteralChunk(last.octets + event.octets, event.last)
    else:
        events.append(event)


def _check_command(event: CommandLine, mode: Mode) -> None:
    result = parse(event.pieces, mode=mode)
    tag = tag_of(event.pieces)
    match result:
        case Tagged():
            assert result.tag == tag
            _check_echo(result)
            _check_names(result)
        case Unreadable():
            assert result.tag == tag or tag is None
            status = b"NO" if result.no else b"BAD"
            answer = line(tag or b"*", status, result.text, result.code.encode("ascii"))
            grammar.parse(answer)
        case _:
            raise AssertionError(f"neither Tagged nor Unreadable: {result!r}")


def _check_echo(result: Tagged) -> None:
    """What FETCH repeats of a section is one that a server may send."""
    if isinstance(result.command, Fetch):
        for item in result.command.items:
            if item.section is not None and item.echo.startswith(b"BODY["):
                # A partial's numbers have 63 bits since RFC 9051, and are read so from everyone.
                grammar.parse(b"* 1 FETCH (%b NIL)\r\n" % item.echo, Dialect(rev2=True))


def _check_names(result: Tagged) -> None:
    name = getattr(result.command, "mailbox", None)
    if isinstance(name, str):
        assert mutf7.decode(mutf7.encode(name)) == name


def _difference(events: list[Event], again: list[Event]) -> str:
    pairs = zip([*events, None], [*again, None], strict=False)
    one, other = next((a, b) for a, b in pairs if a != b)
    return f"all at once gives {one!r:.300}, in chunks {other!r:.300}"
