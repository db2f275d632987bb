"""Messages: the scanner and all of ingest, in any chunking, and what IMAP says of the result."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from random import Random
from unittest.mock import patch

from bridge.imap.serialize import internal_date
from bridge.ingest import hashes
from bridge.ingest.pipeline import Ingest
from bridge.ingest.preview import PREVIEW_CHARACTERS
from bridge.mime import headers, scanner
from bridge.mime.sections import Filtered, Slice, locate
from bridge.model.message import Part, StoredMessage
from bridge.model.section import Section
from tests.fuzz import mail_messages
from tests.fuzz.common import chunks, held, split
from tests.wire import grammar, values

TOKENS = mail_messages.TOKENS
ARRIVAL = datetime(2026, 11, 24, 12, tzinfo=UTC)
SMALL = {
    "MAX_DEPTH": 4,
    "MAX_PARTS": 6,
    "MAX_HEADER_OCTETS": 150,
    "MAX_TEXT_OCTETS": 100,
    "MAX_BOUNDARY_OCTETS": 8,
}
"""Limits that small inputs meet."""

GROWTH = 70
"""Octets sent for one octet of mail: "To::;" becomes two ends of a group, said three times."""


def piece(rng: Random) -> bytes:
    """A message."""
    return mail_messages.message(rng)


def target(octets: bytes) -> None:
    """Any chunking gives the same record; its parts lie right, its octets are what IMAP allows."""
    rng, mail = split(octets)
    small = rng.random() < 0.3
    with _limits(small):
        one = _ingest([mail])
        other = _ingest(chunks(mail, rng))
    assert one == other, f"chunking matters: {_different(one, other)}"
    most = SMALL["MAX_HEADER_OCTETS"] if small else scanner.MAX_HEADER_OCTETS
    _check_record(one, mail, most)
    _check_parts(one.parts, mail)
    _check_sections(one, mail, most)
    _check_wire(one, small)


@contextmanager
def _limits(small: bool) -> Iterator[None]:
    with ExitStack() as stack:
        for name, value in SMALL.items() if small else ():
            stack.enter_context(patch.object(scanner, name, value))
            if hasattr(hashes, name):
                stack.enter_context(patch.object(hashes, name, value))
        yield


def _ingest(pieces: Iterable[bytes]) -> StoredMessage:
    taken = Ingest(arrival=ARRIVAL, listed_size=1)
    fed = 0
    for number, chunk in enumerate(pieces):
        taken.feed(chunk)
        fed += len(chunk)
        if number % 20 == 0:
            assert held(taken) <= 5 * fed + 5000, f"{held(taken)} octets held of {fed}"
    return taken.finish()


def _different(one: StoredMessage, other: StoredMessage) -> str:
    names = (name for name in one.__slots__ if getattr(one, name) != getattr(other, name))
    return ", ".join(f"{n}: {getattr(one, n)!r:.200} or {getattr(other, n)!r:.200}" for n in names)


def _check_record(one: StoredMessage, mail: bytes, most: int) -> None:
    assert one.size == len(mail)
    assert one.full_hash == hashlib.sha256(mail).digest()
    top = one.parts[0].header_end
    if top <= most:
        assert one.header == mail[:top]
        assert one.body_hash == hashlib.sha256(mail[top:]).digest()
    else:
        assert one.header == mail[:most]
    assert len(one.preview) <= PREVIEW_CHARACTERS
    one.preview.encode()
    one.search_text.decode()
    one.subject.decode()
    assert one.internal_date.tzinfo is not None
    assert (one.suspect == "empty") == (not mail)


def _check_parts(parts: tuple[Part, ...], mail: bytes) -> None:
    whole = parts[0]
    assert (whole.number, whole.mime_start, whole.body_end) == ("", 0, len(mail))
    by_number = {part.number: part for part in parts}
    assert len(by_number) == len(parts), "a number twice"
    ends: dict[str, int] = {}
    for part in parts:
        assert 0 <= part.mime_start <= part.header_end == part.body_start <= part.body_end
        assert part.body_end <= len(mail)
        assert part.lines == mail[part.body_start : part.body_end].count(b"\n"), part
        if part.number:
            _check_place(part, by_number, ends)


def _check_place(part: Part, by_number: dict[str, Part], ends: dict[str, int]) -> None:
    """Inside its parent's body, behind the part before; or it is the parent's body itself."""
    above, _, own = part.number.removesuffix(".").rpartition(".")
    if part.number.endswith("."):
        parent = by_number[part.number[:-1]]
        assert parent.rfc822, part.number
        assert (part.mime_start, part.body_end) == (parent.body_start, parent.body_end)
        return
    parent = by_number.get(f"{above}." if above else "", by_number.get(above, part))
    assert parent is not part, f"{part.number} has no parent"
    if not parent.multipart:
        assert own == "1"
        same = (part.mime_start, part.body_start, part.body_end)
        assert same == (parent.mime_start, parent.body_start, parent.body_end)
        return
    assert parent.body_start <= part.mime_start <= part.body_end <= parent.body_end, part.number
    assert int(own) == 1 or part.mime_start >= ends[f"{above}/{int(own) - 1}"]
    ends[f"{above}/{own}"] = part.body_end


def _check_sections(one: StoredMessage, mail: bytes, most: int) -> None:
    assert locate(Section(), one.parts) == Slice(0, len(mail))
    for part in one.parts[:60]:
        number = part.number.removesuffix(".")
        header, body = (
            Slice(part.mime_start, part.header_end),
            Slice(part.body_start, part.body_end),
        )
        if part.number and not part.number.endswith("."):
            assert locate(Section(part.number), one.parts) == body
            assert locate(Section(part.number, "MIME"), one.parts) == header
            continue
        assert locate(Section(number, "HEADER"), one.parts) == header
        assert locate(Section(number, "TEXT"), one.parts) == body
        for text in ("HEADER.FIELDS", "HEADER.FIELDS.NOT"):
            found = locate(Section(number, text, (b"From",)), one.parts)
            assert isinstance(found, Filtered)
            assert (found.start, found.end) == (part.mime_start, part.header_end)
        _check_header(mail[part.mime_start : part.header_end])
    assert locate(Section("99999"), one.parts) is None


def _check_header(block: bytes) -> None:
    """The fields lie one behind the other, and a filter and its opposite share them all."""
    position, names = 0, set()
    for field in headers.fields(block):
        assert field.start == position < field.end
        assert b"\n" not in field.value
        position = field.end
        names.add(field.name)
    assert not block[position:].strip(b"\r\n"), "octets in no field"
    chosen = sorted(names - {b""})[::2]
    with_them = headers.select(block, chosen)
    without = headers.select(block, chosen, negate=True)
    blank = len(block) - position
    assert len(with_them) + len(without) == position + 2 * blank


def _check_wire(one: StoredMessage, small: bool) -> None:
    response = grammar.parse(
        b"* 1 FETCH (INTERNALDATE %b ENVELOPE %b BODY %b BODYSTRUCTURE %b)\r\n"
        % (internal_date(one.internal_date), one.envelope, one.body, one.bodystructure)
    )
    assert isinstance(response, values.Fetch)
    for item in response.items:
        if item.name in ("BODY", "BODYSTRUCTURE"):
            _check_structure(item.value, one.parts)
    if not small:
        sent = len(one.envelope) + len(one.body) + len(one.bodystructure)
        assert sent <= GROWTH * one.size + 2000, f"{sent} octets sent of {one.size}"


def _check_structure(body: object, parts: tuple[Part, ...]) -> None:
    """What is told of each leaf is what its section has."""
    by_number = {part.number: part for part in parts}
    for number, leaf in _leaves(body, ""):
        part = by_number[number]
        assert leaf.size == part.body_end - part.body_start, number
        assert leaf.lines is None or leaf.lines == part.lines, number
        assert leaf.type.decode("latin-1") == part.type, number


def _leaves(body: object, prefix: str) -> Iterator[tuple[str, values.Part]]:
    """The leaves of a message's body by their numbers."""
    if isinstance(body, values.Multipart):
        for index, inner in enumerate(body.parts, 1):
            yield from _within(inner, f"{prefix}{index}")
    else:
        yield from _within(body, f"{prefix}1")


def _within(body: object, number: str) -> Iterator[tuple[str, values.Part]]:
    match body:
        case values.Multipart():
            yield from _leaves(body, f"{number}.")
        case values.Part():
            yield number, body
            if body.body is not None:
                yield from _leaves(body.body, f"{number}.")
        case _:
            raise AssertionError(f"no body: {body!r}")
