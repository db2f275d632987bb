"""Header fields and what is read out of them: addresses, dates, parameters, words, subjects."""

from datetime import UTC, datetime
from random import Random

from bridge.imap.serialize import internal_date
from bridge.ingest import envelope
from bridge.ingest.pipeline import arrival_date
from bridge.mime import addresses, dates, headers, parameters, words
from bridge.query.fold import fold
from bridge.query.subject import base_subject
from tests.fuzz.common import split
from tests.fuzz.mail_messages import GRAMMAR
from tests.fuzz.mail_messages import TOKENS as MAIL_TOKENS
from tests.wire.structure import envelope as read_envelope
from tests.wire.tokens import Cursor

TOKENS = (
    *MAIL_TOKENS, b"(((", b"\\(", b":;", b"<@a:", b"re[1]:", b"[x]", b"fwd:", b"(fwd)", b"+0000",
    b"1 Jan 2026 1:1",
    b"*1*=", b"*=", b"''", b"=?us-ascii?q?", b"=?utf-16?b?", b"?= =?", b"\xf0\x9f\x98\x80",
    b"\xed\xa0\x80",
)  # fmt: skip
ARRIVAL = datetime(2026, 11, 24, 12, tzinfo=UTC)


def piece(rng: Random) -> bytes:
    """A few fields."""
    return GRAMMAR.sentence("fields", rng)


def target(octets: bytes) -> None:
    """Nothing raises, nothing is lost, and what IMAP sends of it is well formed."""
    _, block = split(octets)
    position = 0
    fields = tuple(headers.fields(block))
    for field in fields:
        assert field.start == position < field.end <= len(block)
        assert b"\n" not in field.value
        position = field.end
        _check_value(field.value)
    text = envelope.envelope(fields)
    cursor = Cursor(text + b" ")
    read_envelope(cursor)
    assert cursor.at == len(text)
    moment = arrival_date(fields, ARRIVAL)
    internal_date(moment)
    assert moment.utcoffset() is not None


def _check_value(value: bytes) -> None:
    found = addresses.parse(value)
    assert len(found) <= len(value) + 1
    _check_written({b"from": found})
    _check_date(dates.parse(value))
    _check_date(dates.received(value))
    _check_parameters(value)
    text = words.decode(value)
    text.encode()
    fold(text).decode()
    base = base_subject(text).text
    assert len(base) <= len(text)
    assert base == base_subject(base).text, (text, base)


def _check_written(lists: dict[bytes, tuple[addresses.Address, ...]]) -> None:
    """An ENVELOPE with this From is one, and has it thrice."""
    text = envelope.write({}, lists)
    found = read_envelope(Cursor(text + b" "))
    assert found.sender_from == found.sender == found.reply_to
    assert len(found.sender_from or ()) == len(lists[b"from"])


def _check_date(moment: datetime | None) -> None:
    if moment is not None:
        assert moment.utcoffset() is not None
        assert 1 <= moment.year <= 9999
        internal_date(moment)


def _check_parameters(value: bytes) -> None:
    found = parameters.parse(value)
    assert found.word == found.word.lower()
    assert len(found.parameters) <= parameters.MAX_PARAMETERS
    for name, _ in found.parameters:
        joined = found.parameter(name.lower().partition(b"*")[0])
        assert joined is None or len(joined) <= len(value)
