from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.imap import serialize
from bridge.imap.framing import Literal, Streamed
from bridge.imap.grammar import Cursor, SyntaxFault
from bridge.model.numset import STAR


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"INBOX", b"INBOX"),
        (b"a]b rest", b"a]b"),
        (b"NIL", b"NIL"),
        (b"~foo", b"~foo"),
        (b'"a\\"b\\\\"', b'a"b\\'),
        (b'""', b""),
    ],
)
def test_astrings(text: bytes, value: bytes) -> None:
    assert Cursor([text]).astring() == value


def test_literals_stand_between_texts() -> None:
    cursor = Cursor([b"", Literal(b"a b"), b" x ", Streamed(9), b""])
    assert cursor.astring() == b"a b"
    cursor.space()
    assert cursor.atom() == b"x"
    cursor.space()
    assert cursor.message_literal() == Streamed(9)
    cursor.end()


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        (b"1", ((1, 1),)),
        (b"3:1,*", ((3, 1), (STAR, STAR))),
        (b"1:*", ((1, STAR),)),
        (b"4294967295", ((4294967295, 4294967295),)),
    ],
)
def test_sets(text: bytes, ranges: tuple[tuple[int, int], ...]) -> None:
    assert Cursor([text]).numset().ranges == ranges


@pytest.mark.parametrize("text", [b"0", b"x", b"4294967296", b"1:0", b"9" * 5000, b",1"])
def test_numbers_out_of_range_are_no_set(text: bytes) -> None:
    with pytest.raises(SyntaxFault):
        Cursor([text]).numset()


def test_dates() -> None:
    assert Cursor([b'"1-feb-2026"']).date() == datetime(2026, 2, 1, tzinfo=UTC)
    moment = Cursor([b'" 1-Feb-2026 08:09:10 -0130"']).date_time()
    assert moment.utcoffset() == -timedelta(hours=1, minutes=30)
    assert serialize.internal_date(moment) == b'" 1-Feb-2026 08:09:10 -0130"'


@pytest.mark.parametrize(
    "text",
    [
        b'"31-Feb-2026 08:00:00 +0000"',
        b'"01-Xyz-2026 08:00:00 +0000"',
        b'"01-Feb-2026 25:00:00 +0000"',
        b'"01-Feb-2026 08:00:00 +9900"',
        b'"01-Feb-0000 08:00:00 +0000"',
    ],
)
def test_times_that_do_not_exist(text: bytes) -> None:
    with pytest.raises(SyntaxFault):
        Cursor([text]).date_time()


READERS: list[Callable[[Cursor], object]] = [
    Cursor.tag,
    Cursor.atom,
    Cursor.string,
    Cursor.astring,
    Cursor.nstring,
    Cursor.list_mailbox,
    Cursor.mailbox,
    Cursor.message_literal,
    Cursor.number,
    Cursor.numset,
    Cursor.date,
    Cursor.date_time,
    Cursor.end,
]


@given(
    st.lists(st.binary(max_size=12) | st.binary(max_size=5).map(Literal), max_size=4),
    st.lists(st.sampled_from(READERS), max_size=5),
)
def test_garbage_raises_one_error_type(
    pieces: list[bytes | Literal], readers: list[Callable[[Cursor], object]]
) -> None:
    cursor = Cursor(pieces)
    try:
        for read in readers:
            read(cursor)
    except SyntaxFault as fault:
        assert fault.text
