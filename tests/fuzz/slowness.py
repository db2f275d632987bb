"""Readers that take more than twice as long for twice as much: quadratic behaviour and worse.

Only the process's own time counts, the least of several measurements, so that what else the
machine does can't matter; a verdict needs every one of several tries to agree.
"""

import gc
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

from bridge.imap import mutf7
from bridge.imap.framing import Framer, LiteralRequested
from bridge.imap.parser import parse
from bridge.ingest.pipeline import Ingest
from bridge.mime import addresses, dates, headers, parameters, recode, text, transfer, words
from bridge.pop3.multiline import BareLfScanner, BodyScanner
from bridge.query.fold import fold
from bridge.query.names import matcher
from bridge.query.subject import base_subject
from bridge.session.literals import MAX_LITERALS
from tests.fuzz.findings import failure
from tests.fuzz.targets import fields as field_target
from tests.fuzz.targets import imap as imap_target
from tests.fuzz.targets import mail as mail_target
from tests.fuzz.targets import names as name_target
from tests.fuzz.targets import pop3 as pop3_target
from tests.fuzz.targets import text as text_target

MAX_RATIO = 3.0
"""Of the times for 2n and n: linear is 2, quadratic is 4."""

TRIES = 5
HANG_SECONDS = 20
CHUNK_OCTETS = 1000
LINE_OCTETS = 64 * 1024
Read = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class Effort:
    """How long a measurement has to be to count, and the largest input tried for it."""

    seconds: float
    octets: int


QUICK = Effort(0.004, 1 << 16)
THOROUGH = Effort(0.02, 1 << 21)
LARGE = Effort(0.08, 1 << 23)


@dataclass(frozen=True, slots=True)
class Reader:
    """What reads, what its inputs are made of, and how long one may be."""

    read: Read
    tokens: tuple[bytes, ...]
    limit: int = 1 << 21


def _frame(octets: bytes, size: int) -> None:
    framer, literals = Framer(LINE_OCTETS), 0
    for start in range(0, len(octets), size):
        framer.feed(octets[start : start + size])
        while (event := framer.next_event()) is not None:
            if not isinstance(event, LiteralRequested):
                literals = 0
            elif literals < MAX_LITERALS and event.size < 10_000:
                literals += 1
                framer.accept_memory()
            else:
                literals = 0
                framer.reject()


def _ingest(octets: bytes, size: int) -> None:
    taken = Ingest(arrival=datetime(2026, 1, 1, tzinfo=UTC))
    for start in range(0, len(octets), size):
        taken.feed(octets[start : start + size])
    taken.finish()


def _unstuff(scanner: BodyScanner, octets: bytes) -> None:
    for start in range(0, len(octets), CHUNK_OCTETS):
        scanner.feed(octets[start : start + CHUNK_OCTETS])


def _fields(octets: bytes) -> None:
    for field in headers.fields(octets):
        assert field.end


def _decode(octets: bytes, encoding: bytes) -> None:
    decoding = transfer.decoder(encoding)
    assert decoding is not None
    for start in range(0, len(octets), CHUNK_OCTETS):
        decoding.feed(octets[start : start + CHUNK_OCTETS])
    decoding.finish()


def _recode(octets: bytes) -> None:
    ingest = Ingest(arrival=datetime(2026, 1, 1, tzinfo=UTC))
    ingest.feed(octets)
    parts = recode.encodable(ingest.finish().parts)
    finder, recoder = recode.NulFinder(parts), recode.Recoder(parts)
    for start in range(0, len(octets), CHUNK_OCTETS):
        finder.feed(octets[start : start + CHUNK_OCTETS])
        recoder.feed(octets[start : start + CHUNK_OCTETS])


def _decode_name(octets: bytes) -> None:
    name = octets.decode("latin-1")
    mutf7.encode(name)
    try:
        mutf7.decode(octets)
    except ValueError:
        return


def _match(octets: bytes) -> None:
    """Names have at most a few hundred characters; patterns as many as a line."""
    matcher(octets.decode("latin-1"), 500)("a/b&[" * 100)


_FIELDS, _MAIL, _TEXT = field_target.TOKENS, mail_target.TOKENS, text_target.TOKENS
READERS = {
    "framer": Reader(lambda octets: _frame(octets, len(octets)), imap_target.TOKENS),
    "framer in chunks": Reader(lambda octets: _frame(octets, CHUNK_OCTETS), imap_target.TOKENS),
    "parser": Reader(lambda octets: parse((octets,)), imap_target.TOKENS, LINE_OCTETS),
    "search": Reader(
        lambda octets: parse((b"a SEARCH " + octets,)), imap_target.TOKENS, LINE_OCTETS
    ),
    "fetch": Reader(
        lambda octets: parse((b"a FETCH 1 (" + octets,)), imap_target.TOKENS, LINE_OCTETS
    ),
    "ingest": Reader(lambda octets: _ingest(octets, len(octets)), _MAIL),
    "ingest in chunks": Reader(lambda octets: _ingest(octets, CHUNK_OCTETS), _MAIL),
    "fields": Reader(_fields, _FIELDS),
    "addresses": Reader(addresses.parse, _FIELDS),
    "dates": Reader(dates.parse, _FIELDS),
    "received": Reader(dates.received, _FIELDS),
    "parameters": Reader(parameters.parse, _FIELDS),
    "words": Reader(words.decode, _FIELDS),
    "subject": Reader(lambda octets: base_subject(octets.decode("latin-1")), _FIELDS),
    "HTML": Reader(lambda octets: text.without_markup(octets.decode("latin-1")), _TEXT),
    "base64": Reader(lambda octets: text.decode_transfer(octets, b"base64"), _TEXT),
    "quoted-printable": Reader(
        lambda octets: text.decode_transfer(octets, b"quoted-printable"), _TEXT
    ),
    "base64 in slices": Reader(lambda octets: _decode(octets, b"base64"), _TEXT),
    "quoted-printable in slices": Reader(
        lambda octets: _decode(octets, b"quoted-printable"), _TEXT
    ),
    "base64 for NUL": Reader(_recode, _MAIL),
    "fold": Reader(lambda octets: fold(octets.decode("latin-1")), _TEXT),
    "modified UTF-7": Reader(_decode_name, name_target.TOKENS, LINE_OCTETS),
    "LIST pattern": Reader(_match, name_target.TOKENS, LINE_OCTETS),
    "POP3 body": Reader(lambda octets: _unstuff(BodyScanner(), octets), pop3_target.TOKENS),
    "POP3 body in LF": Reader(lambda octets: _unstuff(BareLfScanner(), octets), pop3_target.TOKENS),
    **{
        f"charset {charset.decode('latin-1')!r}": Reader(
            lambda octets, charset=charset: words.charset_text(octets, charset), _TEXT
        )
        for charset in text_target.CHARSETS
    },
}


@dataclass(frozen=True, slots=True)
class Growth:
    """Of an input prefix, n times the unit, and suffix: the times in seconds for n and 4n."""

    unit: bytes
    times: int
    once: float
    fourfold: float

    @property
    def ratio(self) -> float:
        """For twice as much, over two doublings: one alone may be that of a cache."""
        return math.sqrt(self.fourfold / self.once)


@contextmanager
def _no_collection() -> Iterator[None]:
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _seconds(read: Read, octets: bytes, repeats: int = 1) -> float:
    best = float("inf")
    with _no_collection():
        for _ in range(repeats):
            start = time.process_time()
            read(octets)
            best = min(best, time.process_time() - start)
    return best


def slow_growth(
    reader: Reader, unit: bytes, effort: Effort, prefix: bytes = b"", suffix: bytes = b""
) -> Growth | None:
    """How the time grows, if it grows faster than the input in every try; else None."""
    most = min(reader.limit, effort.octets)

    def made(times: int) -> bytes:
        return prefix + unit * times + suffix

    times = max(1, 512 // len(unit))
    while _seconds(reader.read, made(4 * times)) < effort.seconds:
        times *= 2
        if len(unit) * times * 4 > most:
            return None
    once = float("inf")
    for repeats in range(1, TRIES + 1):
        once = min(once, _seconds(reader.read, made(times), 2 * repeats))
        found = Growth(unit, times, once, _seconds(reader.read, made(4 * times), repeats))
        if found.ratio < MAX_RATIO:
            return None
    return found


def hunt(seconds: int, seed: int) -> bool:
    """Tries random repetitions for that long, prints those that are slow, says if any was."""
    rng = Random(seed)
    end = time.monotonic() + seconds
    tried, found = 0, set()
    while time.monotonic() < end:
        name = rng.choice(list(READERS))
        tokens = READERS[name].tokens
        prefix, unit, suffix = (_some(tokens, rng, *few) for few in ((0, 2), (1, 3), (0, 1)))
        tried += 1
        verdict = _verdict(READERS[name], prefix, unit, suffix)
        if verdict is not None and name not in found:
            found.add(name)
            print(f"  FOUND {name}: {prefix!r} + {unit!r} * n + {suffix!r}: {verdict}", flush=True)
    print(
        f"slowness: {tried} repetitions tried, seed {seed}, {len(found)} readers slow", flush=True
    )
    return bool(found)


def _some(tokens: tuple[bytes, ...], rng: Random, least: int, most: int) -> bytes:
    return b"".join(rng.choice(tokens) for _ in range(rng.randint(least, most)))


def _verdict(reader: Reader, prefix: bytes, unit: bytes, suffix: bytes) -> str | None:
    growths: list[Growth | None] = []

    def measure(octets: bytes) -> None:
        growth = slow_growth(reader, octets, THOROUGH, prefix, suffix)
        if growth is not None and 16 * growth.times * len(octets) <= reader.limit:
            # A step where memory gets short is none at four times the size.
            growth = slow_growth(reader, octets, LARGE, prefix, suffix)
        growths.append(growth)

    error = failure(measure, unit, HANG_SECONDS)
    if error is not None:
        return f"{type(error).__name__}: {error}"
    growth = growths[0]
    if growth is None:
        return None
    return f"{growth.once:.4f} s for n={growth.times}, {growth.fourfold:.4f} s for 4n"
