from datetime import UTC, datetime
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.ingest import texts
from bridge.ingest.pipeline import Ingest
from bridge.ingest.texts import MAX_SEARCH_OCTETS
from bridge.model.message import StoredMessage
from bridge.query.fold import SECTION_END, fold
from tests.effort import cheap

REPORT = (
    b"Content-Type: multipart/report; boundary=b\r\n\r\n"
    b"--b\r\n\r\nnot delivered\r\n"
    b"--b\r\nContent-Type: message/delivery-status\r\n\r\nFinal-Recipient: rfc822; fin@x.org\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\n"
    b"Subject: =?utf-8?q?inn=C3=A9r?=\r\n\t subject\r\n\r\nsent text\r\n"
    b"--b\r\nContent-Type: application/pdf; name=plan.pdf\r\n"
    b"Content-Disposition: attachment; filename*0*=utf-8''%C3%A9t;\r\n"
    b" filename*1*=%C3%A9.pdf\r\n\r\n"
    b"JVBERi0\r\n--b--\r\n"
)


def ingest(octets: bytes) -> StoredMessage:
    taken = Ingest(arrival=datetime(2026, 11, 24, tzinfo=UTC))
    taken.feed(octets)
    return taken.finish()


def parts(octets: bytes) -> tuple[bytes, bytes]:
    """(what BODY looks at, what TEXT looks at beside it and the message's own header)."""
    body, _, tail = ingest(octets).search_text.partition(SECTION_END)
    return body, tail


@pytest.mark.parametrize("text", ["not delivered", "Final-Recipient", "fin@x.org", "sent text"])
def test_reports_and_embedded_messages_are_text(text: str) -> None:
    assert fold(text) in parts(REPORT)[0]


@pytest.mark.parametrize(
    "text", ["subject: innér subject", "plan.pdf", "été.pdf", "content-type: message/rfc822"]
)
def test_fields_of_parts_are_no_body(text: str) -> None:
    body, tail = parts(REPORT)
    assert fold(text) in tail
    assert fold(text) not in body


def test_what_is_no_text_is_not_searched() -> None:
    assert fold("JVBERi0") not in ingest(REPORT).search_text
    assert ingest(REPORT).preview == "not delivered sent text"


def test_a_nul_in_a_text_is_no_end() -> None:
    assert parts(b"A: b\r\n\r\none\0two") == (b"ONE TWO", b"")


def test_a_single_part_has_its_file_name_too() -> None:
    octets = b"Content-Type: application/x; name*=utf-8''%C3%A9t%C3%A9\r\n\r\nx"
    assert parts(octets) == (b"", fold("été"))


def test_thousands_of_combining_marks_take_a_moment() -> None:
    """In one run they would take minutes to be put in order."""
    marks = ("a" + "\u0301\u0323" * 50_000).encode()
    octets = b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + marks
    message = cheap(1, lambda: ingest(octets))
    assert len(message.search_text) == len(marks)


@given(st.text(alphabet="aB\xdf\u01c6\u0301\u0323 \r\n\ufb01", max_size=60))
def test_folding_in_slices_is_folding(text: str) -> None:
    with patch.object(texts, "_FOLD_CHARACTERS", 5):
        assert texts.folded(text) == fold(text)


def test_folded_text_is_bounded() -> None:
    assert len(texts.folded("\ufdfa" * (MAX_SEARCH_OCTETS // 30))) == MAX_SEARCH_OCTETS
    assert len(texts.folded("a\ufdfa " * (MAX_SEARCH_OCTETS // 30))) == MAX_SEARCH_OCTETS
    assert texts.folded("ab") == b"AB"
