from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bridge.mime import headers
from bridge.mime.headers import MAX_FIELDS
from bridge.model.search import TEXT_FIELDS, Header
from bridge.query.fields import MAX_TEXT_OCTETS, kept_texts
from bridge.query.texts import header_test, wanted_in_field
from tests.query.reference import Candidate, Reference

NOW = datetime(2026, 2, 2, 12, tzinfo=UTC)

NAMES = (b"Subject:", b"from: ", b"TO:", b"Cc :", b"bcc:", b"Message-ID: ", b"X-From: ")
PIECES = (
    b"Ann Smith", b"Ann Smith <a@b.c>", b"Ann Smith <a@b.c>, ", b"<a@b.c>",
    b"a@b.c", b",", b" ", b"\t", b'"q \\" r"', b"(note)", b"team:", b";",
    b"=?utf-8?q?=C3=84nn?=", b"=?utf-8?q?a=00b?=", b"=?latin1?q?=E4?=", b"\xc3\xa4", b"\xe4",
    b"\r\n ", b"\n\t", b"\0", b"RE:", b"<1@x>",
)  # fmt: skip
HEADERS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.lists(st.sampled_from(PIECES), max_size=5)), max_size=6
).map(lambda fields: b"".join(name + b"".join(text) + b"\r\n" for name, text in fields) + b"\r\n")
WANTED = st.sampled_from(
    [b"", b"ann", b"Ann  Smith", b"a@b.c", b"<a", b"smith <a@b.c>", b", ", b"\xc3\xa4", b"(note)",
     b"re:", b"=?utf", b"team", b'"', b"1@x"]
)  # fmt: skip


@given(HEADERS, WANTED)
def test_what_is_kept_says_what_the_header_does(header: bytes, value: bytes) -> None:
    wanted = wanted_in_field(value)
    for name, kept in zip(TEXT_FIELDS, kept_texts(tuple(headers.fields(header))), strict=True):
        found = kept is not None and wanted in kept
        assert found is header_test(Header(name, value))(header), name
        message = Candidate(1, 1, 1, frozenset(), header=header)
        assert found is Reference(1, 1, NOW).matches(Header(name, value), message), name


def test_what_nobody_writes_is_not_kept() -> None:
    header = b"To: " + b"a@example.org, " * 3000 + b"\r\n\r\n"
    assert len(header) > MAX_TEXT_OCTETS
    assert kept_texts(tuple(headers.fields(header))) == ()
    # Beyond so many fields the parser sees none, where a search of the header does.
    header = b"x:\r\n" * (MAX_FIELDS + 1) + b"To: a@example.org\r\n\r\n"
    assert kept_texts(tuple(headers.fields(header))) == ()
    assert header_test(Header(b"to", b"example"))(header)
    assert kept_texts(()) == (None,) * len(TEXT_FIELDS)
