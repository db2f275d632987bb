"""What SORT and THREAD compare: message IDs, shown addresses, sent dates, replies."""

from datetime import UTC, datetime

import pytest

from bridge.ingest import keys
from bridge.ingest.pipeline import Ingest
from bridge.mime import addresses, dates, message_ids
from bridge.model.message import StoredMessage
from bridge.query.subject import base_subject
from tests.effort import cheap


@pytest.mark.parametrize(
    ("field", "own"),
    [
        (b"<a@b>", b"a@b"),
        (b' <"01KF8JCEOCBS0045PS"@xxx.yyy.com>', b"01KF8JCEOCBS0045PS@xxx.yyy.com"),
        (b'<"a \\" <b"@c>', b'a " <b@c'),
        (b'<"a"."b"@c>', b"a.b@c"),
        (b"<a@[1\\2]>", b"a@[12]"),
        (b"<a(comment)@b>", b"a@b"),
        (b"none <without> <a@> <@b> <right@one> <next@one>", b"right@one"),
        (b"bare@word", b""),
        (b"<a b@c>", b""),
        (b"", b""),
    ],
)
def test_a_message_id_has_one_form(field: bytes, own: bytes) -> None:
    assert message_ids.own(field) == own


def test_references_come_first_and_in_reply_to_stands_in_with_one() -> None:
    assert message_ids.references(b"<a@b><c@d>  <e@f>", b"<g@h>") == (b"a@b", b"c@d", b"e@f")
    assert message_ids.references(b"junk", b"of <a@b> from <c@d>") == (b"a@b",)
    assert message_ids.references(b"", b"yesterday's") == ()


@pytest.mark.parametrize("piece", [b'<"\\"', b'<"', b"<", b"<a@", b'"(', b"<(", b"<\\"])
def test_ids_of_any_text_take_a_moment(piece: bytes) -> None:
    cheap(0.5, lambda: message_ids.own(piece * 30_000))


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        (b'"Zoe" <a@b>, c@d', b"ZOE"),
        (b"=?utf-8?q?=C3=A9mil?= <a@b>", "E\u0301MIL".encode()),
        (b"a@b", b"A@B"),
        (b'"" <a@b>', b"A@B"),
        (b"Friends: a@b;", b"FRIENDS"),
        (b"", b""),
    ],
)
def test_what_is_shown_of_an_address(field: bytes, shown: bytes) -> None:
    assert keys.display(addresses.parse(field)) == shown


@pytest.mark.parametrize(
    ("field", "moment"),
    [
        (b"31 Dec 2000 16:01:33 -0800", "2001-01-01T00:01:33+00:00"),
        (b"31 Dec 2000 16:01:33 QQQ", "2000-12-31T16:01:33+00:00"),
        (b"31 Dec 2000", "2000-12-31T00:00:00+00:00"),
        (b"31 Dec 2000 25:61:00 +0100", "2000-12-31T00:00:00+00:00"),
        (b"32 Dec 2000", None),
        (b"yesterday", None),
    ],
)
def test_a_sent_date_is_read_as_far_as_it_can_be(field: bytes, moment: str | None) -> None:
    found = dates.sent(field)
    assert (found and found.astimezone(UTC).isoformat()) == moment


@pytest.mark.parametrize(
    ("subject", "reply"),
    [
        ("x", False),
        ("Re: x", True),
        ("fw : x", True),
        ("[a] re[2]: x", True),
        ("x (fwd)", True),
        ("[fwd: x]", True),
        ("[a] x", False),
        ("regards", False),
        ("[fwd x]", False),
        ("\u00a0Re: x", False),
    ],
)
def test_a_reply_is_told_by_what_was_taken_off(subject: str, reply: bool) -> None:
    assert base_subject(subject).reply is reply


def test_a_base_subject_has_no_length() -> None:
    long = "x" * 5000
    assert base_subject(f"Re: {long} (fwd)").text == long
    cheap(0.5, lambda: base_subject("[fwd: " * 30_000 + "x" + "]" * 30_000))
    cheap(0.5, lambda: base_subject("Re: [x] " * 30_000 + "(fwd) " * 30_000))


def ingest(octets: bytes) -> StoredMessage:
    made = Ingest(arrival=datetime(2026, 3, 1, tzinfo=UTC))
    made.feed(octets)
    return made.finish()


def test_a_letter_has_its_keys() -> None:
    made = ingest(
        b"Date: Mon, 2 Feb 2026 10:00:00 +0100\r\nSubject: Re: Hi\r\nMessage-ID: <1@x>\r\n"
        b"References: <2@x>\r\n <3@x>\r\nIn-Reply-To: <4@x>\r\n\r\n"
    )
    assert (made.subject, made.reply) == (b"HI", True)
    assert made.ancestry == b"1@x\n2@x\n3@x"
    assert made.sent_s == made.arrived_s == datetime(2026, 2, 2, 9, tzinfo=UTC).timestamp()


def test_without_a_date_it_was_sent_when_it_arrived() -> None:
    made = ingest(b"Subject: x\r\n\r\n")
    assert made.sent_s == made.arrived_s == datetime(2026, 3, 1, tzinfo=UTC).timestamp()
    assert made.ancestry == b""


def test_years_at_the_ends_of_time_are_seconds_too() -> None:
    first = ingest(b"Date: 1 Jan 0001 00:00:00 +1200\r\n\r\n").sent_s
    last = ingest(b"Date: 31 Dec 9999 23:59:59 -1200\r\n\r\n").sent_s
    assert first < 0 < last
