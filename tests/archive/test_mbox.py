"""mbox: what is written comes back octet for octet; what others write is read with care."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.archive.mbox import (
    MAX_HEADER_OCTETS,
    Layout,
    Marks,
    Quoting,
    ToCrlf,
    flags_of,
    is_internal,
    next_message,
    separator,
    separator_date,
)

NOW = datetime(2026, 11, 24, 9, 5, 7, tzinfo=timezone(timedelta(hours=2)))
ODD = st.lists(
    st.sampled_from(
        [b"From ", b">", b"\n", b"\r\n", b"\r", b"x", b"", b"Fro", b"m ", b"From popbridge ",
         b"From a Mon Jan  1 00:00:00 2024", b"Content-Length: 3", b"\r\n\r\n", b"\0"]
    ),
    max_size=14,
).map(b"".join)  # fmt: skip
SIZES = st.integers(1, 9)


def pieces(octets: bytes, size: int) -> list[bytes]:
    return [octets[start : start + size] for start in range(0, len(octets), size)]


def through(made: Quoting, octets: bytes, size: int) -> bytes:
    return b"".join(map(made.feed, pieces(octets, size))) + made.finish()


def written(messages: list[bytes], size: int = 7) -> bytes:
    return b"".join(
        separator(NOW) + through(Quoting(), octets, size) + b"\r\n" for octets in messages
    )


def layout(octets: bytes, size: int = 1 << 20) -> Layout:
    marks = Marks()
    for piece in pieces(octets, size):
        marks.feed(piece)
    return marks.finish()


def read(octets: bytes, size: int = 1 << 20) -> list[bytes]:
    found = layout(octets, size)
    if not found.marks or found.marks[0].start:
        return []
    messages, index = [], 0
    while index is not None:
        start = found.marks[index].end
        one = next_message(found, index, octets[start : start + MAX_HEADER_OCTETS])
        body = octets[one.start : one.end]
        messages.append(through(Quoting(off=True), body, size) if one.quoted else body)
        index = one.next
    return messages


@given(st.lists(ODD, min_size=1, max_size=4), SIZES, SIZES)
@example([b"From x\r\n>From y\r\n>>>From z", b"", b"\n"], 1, 1)
def test_what_is_written_comes_back(messages: list[bytes], out: int, back: int) -> None:
    assert read(written(messages, out), back) == messages


@given(ODD, SIZES)
def test_pieces_make_no_difference(octets: bytes, size: int) -> None:
    for off in (False, True):
        whole = through(Quoting(off=off), octets, 1 << 20)
        assert through(Quoting(off=off), octets, size) == whole
    assert layout(octets, size) == layout(octets)
    made = ToCrlf()
    crlf = b"".join(map(made.feed, pieces(octets, size)))
    assert crlf == ToCrlf().feed(octets)
    assert crlf.count(b"\n") == crlf.count(b"\r\n")
    assert crlf.replace(b"\r\n", b"\n") == octets.replace(b"\r\n", b"\n")


def test_long_runs_need_no_memory() -> None:
    made = Quoting()
    for _ in range(100):
        assert len(made.feed(b">" * 1000)) == 1000
    assert made.feed(b"From x\n") == b">From x\n"


FROM = b"From ann@example.org Tue Nov 24 09:05:07 2026\n"


def test_a_separator_has_a_blank_line_before_it_and_a_time_in_it() -> None:
    text = (
        FROM + b"Subject: a\n\nFrom here on\n\nFrom there to here\n\n"
        + FROM + b"Subject: b\n\nx\nFrom ann@example.org Tue Nov 24 09:05:07 2026\nlast\n"
    )  # fmt: skip
    assert read(text) == [
        b"Subject: a\n\nFrom here on\n\nFrom there to here\n",
        b"Subject: b\n\nx\nFrom ann@example.org Tue Nov 24 09:05:07 2026\nlast\n",
    ]
    crlf = text.replace(b"\n", b"\r\n")
    assert read(crlf) == [one.replace(b"\n", b"\r\n") for one in read(text)]


def test_content_length_counts_where_it_is_right() -> None:
    body = b"one\n\n" + FROM + b"not a message\n"
    head = b"Subject: a\nContent-Length: %d\n\n" % len(body)
    text = FROM + head + body + b"\n" + FROM + b"Subject: b\n\nx\n"
    assert read(text) == [head + body, b"Subject: b\n\nx\n"]
    assert read(FROM + head + body) == [head + body]
    wrong = head.replace(b"%d" % len(body), b"%d" % (len(body) - 3))
    assert len(read(FROM + wrong + body + b"\n" + FROM + b"Subject: b\n\nx\n")) == 3


@pytest.mark.parametrize("number", [b"99999999999999999999", b"-1", b"x", b"", b"7 7"])
def test_a_content_length_that_is_none_is_ignored(number: bytes) -> None:
    text = FROM + b"Content-Length: %b\n\nx\n\n" % number + FROM + b"\ny\n"
    assert [one[-2:] for one in read(text)] == [b"x\n", b"y\n"]


def test_quoting_is_taken_off_but_where_content_length_shows_that_there_is_none() -> None:
    text = FROM + b"Subject: a\n\n>From me\n>>From you\n> From him\n"
    assert read(text) == [b"Subject: a\n\nFrom me\n>From you\n> From him\n"]
    body = b"\n" + FROM + b">From me\n"
    head = b"Subject: a\nContent-Length: %d\n\n" % len(body)
    assert read(FROM + head + body) == [head + body]


@pytest.mark.parametrize("octets", [b"", b"x", b"\n" + FROM, b"From \n", b"From x\n\n", b"Fro"])
def test_what_is_no_mbox_has_no_message(octets: bytes) -> None:
    assert read(octets) == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (separator(NOW), datetime(2026, 11, 24, 7, 5, 7, tzinfo=UTC)),
        (b"From a Tue Nov  3 09:05:07 2026\n", datetime(2026, 11, 3, 9, 5, 7, tzinfo=UTC)),
        (b"From a Tue Nov  3 09:05 2026\n", datetime(2026, 11, 3, 9, 5, tzinfo=UTC)),
        (b"From a Tue Nov  3 09:05:07 CET 2026\n", datetime(2026, 11, 3, 9, 5, 7, tzinfo=UTC)),
        (b"From a Tue Nov  3 09:05:07 +0200 2026\n", datetime(2026, 11, 3, 7, 5, 7, tzinfo=UTC)),
        (b"From a Tue Nov  3 09:05:07 2026 -0100\n", datetime(2026, 11, 3, 10, 5, 7, tzinfo=UTC)),
        (b"From a Tue Nov 33 09:05:07 2026\n", None),
        (b"From nowhere\n", None),
    ],
)
def test_dates_of_separators(line: bytes, expected: datetime | None) -> None:
    found = separator_date(line)
    assert found == expected
    assert found is None or found.tzinfo is not None


def test_flags_in_headers() -> None:
    assert flags_of(b"Status: RO\nX-Status: AF\n\n") == {"\\Seen", "\\Answered", "\\Flagged"}
    assert flags_of(b"X-Status: DT\r\nX-Keywords: one two  \r\n\r\n") == {
        "\\Deleted", "\\Draft", "one", "two",
    }  # fmt: skip
    assert flags_of(b"X-Mozilla-Status: 1005\nX-Mozilla-Keys: $label1\n\n") == {
        "\\Seen", "\\Flagged", "$Forwarded", "$label1",
    }  # fmt: skip
    assert flags_of(b"Status: O\n\nStatus: R\n") == frozenset()
    assert flags_of(b"Status: R\nno end") == frozenset()
    assert flags_of(b"X-Mozilla-Status: 1_0\n\n") == frozenset()


def test_the_internal_message_of_c_client() -> None:
    head = b"Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1 2\n\n"
    assert is_internal(head)
    assert not is_internal(head.replace(b"X-IMAP", b"X-Other"))
