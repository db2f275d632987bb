import hashlib
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.ingest.pipeline import Ingest, arrival_date
from bridge.mime.headers import fields
from bridge.mime.sections import Slice, locate
from bridge.model.message import StoredMessage
from bridge.model.section import Section
from tests.corpus.all import messages
from tests.corpus.build import Odd

CORPUS = messages()
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LETTER = (
    b"Received: from a by b; Mon, 23 Nov 2026 10:00:00 +0100\r\n"
    b"Status: RO\r\n"
    b"Date: Mon, 23 Nov 2026 09:59:00 +0100\r\n"
    b"From: =?utf-8?q?J=C3=B6rg?= <joerg@example.org>\r\n"
    b'To: list: a@example.org, "B, b" <b@example.org>;, c\r\n'
    b"Subject: Re: [x] =?utf-8?b?R3LDvMOfZQ==?=\r\n"
    b"Message-ID: <1@example.org>\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\n\r\nStra\xc3\x9fe\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nthree\r\n\r\n"
    b"--b--\r\n"
)


def ingest(octets: bytes, *cuts: int, listed: int | None = None) -> StoredMessage:
    taken = Ingest(arrival=NOW, listed_size=listed)
    for start, end in pairwise([0, *sorted(min(cut, len(octets)) for cut in cuts), len(octets)]):
        taken.feed(octets[start:end])
    return taken.finish()


def section(message: StoredMessage, octets: bytes, part: str, text: str = "") -> bytes | None:
    place = locate(Section(part, text), message.parts)
    return octets[place.start : place.end] if isinstance(place, Slice) else None


def test_a_letter_is_taken_apart_once() -> None:
    message = ingest(LETTER)
    assert message.full_hash == hashlib.sha256(LETTER).digest()
    assert message.internal_date.isoformat() == "2026-11-23T10:00:00+01:00"
    assert message.envelope == (
        b'("Mon, 23 Nov 2026 09:59:00 +0100" "Re: [x] =?utf-8?b?R3LDvMOfZQ==?=" '
        + b'(("=?utf-8?q?J=C3=B6rg?=" NIL "joerg" "example.org")) ' * 3
        + b'((NIL NIL "list" NIL)(NIL NIL "a" "example.org")("B, b" NIL "b" "example.org")'
        b'(NIL NIL NIL NIL)(NIL NIL "c" "")) NIL NIL NIL "<1@example.org>")'
    )
    assert message.body == (
        b'(("text" "plain" NIL NIL NIL "7bit" 7 0)'
        b'("message" "rfc822" NIL NIL NIL "7bit" 22 (NIL "in" NIL NIL NIL NIL NIL NIL NIL NIL) '
        b'("text" "plain" NIL NIL NIL "7bit" 7 1) 3) "mixed")'
    )
    assert message.subject == "GRU\u0308ßE".encode()
    assert message.from_key == b"JOERG"
    assert "Straße" in message.preview
    assert message.suspect is None


def test_sections_are_slices_of_the_octets() -> None:
    message = ingest(LETTER)
    header_end = LETTER.index(b"--b")
    assert section(message, LETTER, "") == LETTER
    assert section(message, LETTER, "", "HEADER") == LETTER[:header_end]
    assert section(message, LETTER, "", "TEXT") == LETTER[header_end:]
    assert section(message, LETTER, "1") == b"Stra\xc3\x9fe"
    assert section(message, LETTER, "1", "MIME") == b"\r\n"
    assert section(message, LETTER, "2") == b"Subject: in\r\n\r\nthree\r\n"
    assert section(message, LETTER, "2", "HEADER") == b"Subject: in\r\n\r\n"
    assert section(message, LETTER, "2", "TEXT") == b"three\r\n"
    assert section(message, LETTER, "2.1") == b"three\r\n"
    assert section(message, LETTER, "1", "HEADER") is None
    assert section(message, LETTER, "3") is None


@pytest.mark.parametrize(
    ("octets", "body", "sections"),
    [
        (
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n",
            b'("text" "plain" NIL NIL NIL "7bit" 10 1)',
            {"1": b"preamble\r\n"},
        ),
        (
            b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nQTog\r\n",
            b'("message" "rfc822" NIL NIL NIL "base64" 6 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)'
            b' ("text" "plain" NIL NIL NIL "base64" 6 1) 1)',
            {"1": b"QTog\r\n", "1.1": b"QTog\r\n"},
        ),
    ],
)
def test_each_part_that_is_shown_can_be_fetched(
    octets: bytes, body: bytes, sections: dict[str, bytes]
) -> None:
    message = ingest(octets)
    assert message.body == body
    assert {part: section(message, octets, part) for part in sections} == sections


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        (b"Content-Language: en (English), de", b'NIL ("en" "de") NIL)'),
        (b"Content-Disposition: attachment/x; filename=a", b'("attachment" ("filename" "a")) NIL'),
        (b'Content-Disposition: "inline"; filename=a', b'("attachment" ("filename" "a")) NIL'),
        (b"Content-Disposition: ; filename=a", b'("attachment" ("filename" "a")) NIL'),
        (b"Content-Disposition:", b"NIL NIL NIL NIL)"),
    ],
)
def test_fields_of_a_part_in_bodystructure(field: bytes, shown: bytes) -> None:
    assert shown in ingest(field + b"\r\n\r\n").bodystructure


def test_octets_behind_a_line_of_carriage_returns_count() -> None:
    one, other = (b"A: b\r\n\r\r\nSubject: %b\r\n\r\nbody" % word for word in (b"x", b"y"))
    assert ingest(one).canonical_hash != ingest(other).canonical_hash


def test_the_canonical_hash_ignores_what_servers_change() -> None:
    changed = LETTER.replace(b"Status: RO\r\n", b"X-UIDL: 7\r\nLines: 3\r\n") + b"\r\n"
    one, other = ingest(LETTER + b""), ingest(changed)
    assert one.full_hash != other.full_hash
    # The letter's last line is no blank one, so only the header differs up to there.
    assert ingest(changed[:-2]).canonical_hash == one.canonical_hash
    assert ingest(LETTER + b"x\r\n\r\n").canonical_hash == ingest(LETTER + b"x\r\n").canonical_hash


@given(st.lists(st.integers(0, 1000), max_size=10))
def test_any_chunking_gives_the_same_message(cuts: list[int]) -> None:
    assert ingest(LETTER, *cuts) == ingest(LETTER)


@given(st.sampled_from(CORPUS), st.lists(st.integers(0, 3000), max_size=10))
def test_any_chunking_gives_the_same_structured_message(odd: Odd, cuts: list[int]) -> None:
    assert ingest(odd.octets, *cuts) == ingest(odd.octets)


@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_each_odd_message_is_the_same_in_pieces_of_a_size(size: int) -> None:
    for odd in CORPUS[:: 1 if size > 2 else 5]:
        octets = odd.octets[:3000]
        assert ingest(octets, *range(size, len(octets), size)) == ingest(octets), odd.name


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=5))
def test_garbage_never_raises(octets: bytes, cuts: list[int]) -> None:
    assert ingest(octets, *cuts) == ingest(octets)


@pytest.mark.parametrize(
    ("octets", "listed", "suspect"),
    [
        (b"", 100, "empty"),
        (b"\r\n", 2, "headerless"),
        (b"no header here\r\n", 10, "headerless"),
        (b"Subject: x\r\n\r\n", 100, "short"),
        (b"Subject: x\r\n\r\n", 28, None),
        (b"Subject: x\r\n\r\n", None, None),
    ],
)
def test_doubtful_octets_are_marked(octets: bytes, listed: int | None, suspect: str | None) -> None:
    assert ingest(octets, listed=listed).suspect == suspect


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"", NOW),
        (b"Date: 1 Jan 20 5:06 EST\r\n", datetime(2020, 1, 1, 10, 6, tzinfo=UTC)),
        (b"Received: nonsense\r\nReceived: x; 1 Jan 2020 00:00:00 +0000\r\n",
         datetime(2020, 1, 1, tzinfo=UTC)),
        (b"Date: Fri, 1 Jan 2038 00:00:00 +0200\r\n", NOW + timedelta(days=1)),
        (b"Date: Fri, 31 Dec 9999 23:00:00 -0900\r\n", NOW),
        (b"Date: 31 Feb 2020 00:00:00 +0000\r\n", NOW),
    ],
)  # fmt: skip
def test_the_internal_date(header: bytes, expected: datetime) -> None:
    assert arrival_date(tuple(fields(header)), NOW) == expected


def test_half_a_surrogate_pair_can_be_stored() -> None:
    message = ingest(b"Content-Type: text/plain; charset=utf-7\r\n\r\na+2AA-b\r\n")
    assert (
        message.preview.encode()
        == message.search_text.lower().strip(b"\r\n\0")
        == b"a\xef\xbf\xbdb"
    )
