from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.imap.commands.search import Search
from bridge.imap.parser import Tagged, Unreadable, parse
from bridge.mime import headers, words
from bridge.model.search import And, HasFlag, Header, Numbers, SearchKey, Text
from bridge.query.evaluate import Mask, Stored, arranged
from bridge.query.fold import SECTION_END, fold
from bridge.query.texts import header_test
from tests.query.reference import Candidate, Listed, Reference

NOW = datetime(2026, 2, 2, 12, tzinfo=UTC)

BLOCK = st.lists(
    st.sampled_from(
        [b"Subject:", b"subject :", b"X-Subject:", b" a", b"\ta", b"A", b"=?utf-8?q?=C3=A4?=",
         b"\r\n", b"\n", b"\r", b":", b" "]
    ),
    max_size=14,
).map(b"".join)  # fmt: skip


def key(text: bytes) -> SearchKey:
    found = parse([b"a SEARCH " + text])
    assert isinstance(found, Tagged) and isinstance(found.command, Search)
    return found.command.key


def message(
    seq: int = 1, *, flags: str = "", header: bytes = b"", text: bytes = b"", size: int = 100
) -> Candidate:
    moment = datetime(2026, 2, 1, 23, 30, tzinfo=UTC)
    return Candidate(
        seq=seq,
        uid=seq * 10,
        modseq=seq,
        flags=frozenset(flags.split()),
        size=size,
        internal_date=moment.isoformat(),
        header=header,
        text=text,
    )


def holds(text: bytes, candidate: Candidate, last: int = 5) -> bool:
    reference = Reference(last, last * 10, NOW)
    found = Listed([candidate], reference).found(key(text)) == (True,)
    assert found is reference.matches(key(text), candidate)
    return found


@given(BLOCK, st.sampled_from([b"", b"a", b"\xc3\xa4"]))
def test_a_header_is_found_where_the_parser_finds_it(block: bytes, wanted: bytes) -> None:
    block = block.partition(b"\r\n\r\n")[0].partition(b"\n\n")[0].partition(b"\n\r\n")[0]
    block = block.lstrip(b"\r\n") + b"\r\n\r\n"
    slow = any(
        field.name == b"subject" and fold(wanted.decode()) in fold(words.decode(field.value))
        for field in headers.fields(block)
    )
    assert header_test(Header(b"subject", wanted))(block) is slow


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        (b"SEEN", True),
        (b"UNSEEN", False),
        (b"KEYWORD WORK", True),
        (b"UNKEYWORD Play", True),
        (b"NOT (SEEN KEYWORD work)", False),
        (b"OR UNSEEN OR DELETED SEEN", True),
        (b"LARGER 100", False),
        (b"LARGER 99 SMALLER 101", True),
        (b"ON 1-Feb-2026", True),
        (b"BEFORE 1-Feb-2026", False),
        (b"SINCE 1-Feb-2026", True),
        (b"SENTSINCE 1-Jan-1990", False),
        (b"SUBJECT BLUE", True),
        (b'HEADER X-None ""', False),
        (b'HEADER SUBJECT ""', True),
        (b"FROM \xc3\xa4DA", True),
        (b"TEXT steam", True),
        (b"BODY blue", False),
        (b"TEXT subject:", True),
        (b"2:4", True),
        (b"4:2", True),
        (b"4:*", False),
        (b"UID 30", True),
        (b"UID 31:39", False),
        (b"UID *:1", True),
        (b"99", False),
        (b"MODSEQ 3", True),
        (b"MODSEQ 4", False),
    ],
)
def test_keys(text: bytes, matches: bool) -> None:
    header = b"From: =?utf-8?q?=C3=84da?= <a@example.org>\r\nSubject: The\r\n blue book\r\n\r\n"
    candidate = message(3, flags="\\seen work", header=header, text=fold("Steam engine"))
    text = text if text.isascii() else text.replace(b"\xc3\xa4", b'"\xc3\xa4') + b'"'
    assert holds(text, candidate) is matches


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (b"From: Ann\t  Smith\r\n <ann@example.org>", b'FROM "Ann Smith <ann"'),
        (b"From: ann(who)@(where)example(dot).org", b"FROM ann@example.org"),
        (b"From: ann(who)@(where)example(dot).org", b'FROM "(who)"'),
        (b"Cc: ann @ example . org", b"CC ann@example.org"),
        (b'To: "Ann \\"A\\" Smith" <a@b>', b'TO "Ann \\"A\\" Smith <a@b>"'),
        (b"Subject: one\r\n\ttwo   three", b'SUBJECT "one two three"'),
        (b"Subject: one two", b'SUBJECT "one   two"'),
        (b"Subject: one\r\n two", b'TEXT "subject: one two"'),
        (b"Subject: =?utf-8?q?on=65?=\r\n =?utf-8?q?_two?=", b'HEADER Subject "one two"'),
        (b"X: caf\xe9\r\nSubject: \xc3\xa9t\xc3\xa9", b'TEXT "caf\xc3\xa9"'),
        (b"X: caf\xe9\r\nSubject: \xc3\xa9t\xc3\xa9", b'TEXT "\xc3\xa9t\xc3\xa9"'),
    ],
)
def test_fields_are_searched_as_they_read(field: bytes, text: bytes) -> None:
    assert holds(text, message(header=field + b"\r\n\r\n", text=b"\0"))
    assert not holds(text, message(header=b"X: none\r\n\r\n", text=b"\0"))


def test_body_looks_at_no_field() -> None:
    text = fold("straße") + SECTION_END + fold("Subject: inner")
    candidate = message(header=b"Subject: outer\r\n\r\n", text=text)
    assert holds('BODY "STRAßE"'.encode(), candidate)
    assert not holds(b"BODY inner", candidate)
    assert holds(b"TEXT inner", candidate)
    assert holds(b"TEXT outer", candidate)
    assert holds(b'BODY ""', candidate)


def test_a_star_in_an_empty_mailbox_is_nobody() -> None:
    for text in (b"*", b"1:*", b"UID *", b"UID 1:*"):
        assert not holds(text, message(2), last=0)


def test_what_flags_and_numbers_decide_comes_first() -> None:
    plan = arranged(key(b"1:3 TEXT y SUBJECT x SEEN LARGER 5"))
    assert isinstance(plan.in_view, And) and isinstance(plan.in_store, And)
    assert list(map(type, plan.in_view.keys)) == [Numbers, HasFlag]
    assert [type(one).__name__ for one in plan.in_store.keys] == ["Size", "Header", "Text"]
    assert plan.reads and not arranged(key(b"SUBJECT x SEEN LARGER 5")).reads
    assert arranged(key(b"SEEN")).in_store is None
    assert arranged(key(b"OR SEEN SUBJECT x")).in_view == And(())


def test_what_is_decided_is_not_asked_again() -> None:
    asked: list[int] = []

    class Noted(Listed):
        def stored(self, key: Stored, among: Mask) -> Mask:
            if isinstance(key, Text):
                asked.append(among)
            return super().stored(key, among)

    header = b"Subject: x\r\n\r\n"
    some = [message(1, header=header), message(2), message(3, flags="\\seen")]
    found = Noted(some, Reference(3, 30, NOW)).found(key(b"UNSEEN OR TEXT y SUBJECT x"))
    assert found == (True, False, False) and asked == [0x100]
    assert Noted(some, Reference(3, 30, NOW)).found(key(b"SEEN SUBJECT x TEXT y")) == (False,) * 3
    assert asked == [0x100]


ZONE = timezone(timedelta(hours=-5))


@pytest.mark.parametrize(
    ("text", "moment", "found"),
    [
        # To the second, and on the second both (RFC 5032 section 2).
        (b"YOUNGER 60", NOW - timedelta(seconds=60), True),
        (b"OLDER 60", NOW - timedelta(seconds=60), True),
        (b"OLDER 60", NOW - timedelta(seconds=59.5), True),
        (b"YOUNGER 60", NOW - timedelta(seconds=61), False),
        (b"OLDER 60", NOW - timedelta(seconds=59), False),
        # Time and zone count, unlike with BEFORE.
        (b"YOUNGER 3600", (NOW - timedelta(seconds=3599)).astimezone(ZONE), True),
        (b"YOUNGER 3600", (NOW - timedelta(seconds=3601)).astimezone(ZONE), False),
        (b"YOUNGER 1", NOW + timedelta(days=1), True),
        (b"OLDER 4294967295", NOW, False),
        (b"OLDER 1", datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))), True),
        (b"YOUNGER 1", datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-12))), True),
        (b"NOT OLDER 60", NOW, True),
    ],
)
def test_within(text: bytes, moment: datetime, found: bool) -> None:
    candidate = message()
    aged = replace(candidate, internal_date=moment.isoformat())
    now = NOW + timedelta(microseconds=900_000)
    assert Reference(1, 1, now).matches(key(text), aged) is found


@pytest.mark.parametrize("text", [b"OLDER 0", b"YOUNGER 4294967296", b"OLDER", b"OLDER x"])
def test_what_is_no_interval(text: bytes) -> None:
    assert isinstance(parse([b"a SEARCH " + text]), Unreadable)
