import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mime import words
from bridge.mime.text import decode_transfer, readable, without_markup
from tests.effort import cheap


@pytest.mark.parametrize(
    ("octets", "decoded"),
    [
        (b"SGVsbG8=\r\nfooter of a list", b"Hello"),
        (b"SGVs\r\nbG8hIQ==", b"Hello!!"),
        (b"SGVsbG8", b"Hello"),
        (b"SGVs*bG!8", b"Hello"),
        (b"SGVsb", b"Hel"),
        (b"", b""),
        (b"=", b""),
    ],
)
def test_base64_ends_where_it_is_padded(octets: bytes, decoded: bytes) -> None:
    assert decode_transfer(octets, b"base64") == decoded


@pytest.mark.parametrize(
    ("octets", "decoded"),
    [
        (b"soft=\r\nly, trail= \t\r\ning", b"softly, trailing"),
        (b"caf=C3=a9 1=2 =", "café 1=2 ".encode()),
        (b"under_score", b"under_score"),
    ],
)
def test_quoted_printable(octets: bytes, decoded: bytes) -> None:
    assert decode_transfer(octets, b"quoted-printable") == decoded


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("a<b>c</b>d<!-- <no> - -- -->e<!DOCTYPE x>f<?xml?>g", "acdefg"),
        ("one<br>two<P class=x>three", "one\ntwo\nthree"),
        ("soft\r\n  wrapped", "soft wrapped"),
        ("<head><title>no</title></head><body>yes", "yes"),
        ("<head><title>no<body>yes", "yes"),
        ("<head>kept", "kept"),
        ("a<style>no</style >b<SCRIPT>no", "ab"),
        ("a<!-- never closed", "a"),
        ("&lt;b&gt; &amp; stra&szlig;e", "<b> & straße"),
    ],
)
def test_html_as_it_reads(markup: str, text: str) -> None:
    assert without_markup(markup).strip() == text


def test_a_named_charset_survives_broken_octets() -> None:
    octets = "Straße €".encode()
    text = readable(octets + b"\xff", encoding=b"", charset=b"utf-8", is_html=False)
    assert text == "Straße €\ufffd"
    # Cut within a character, as what is kept of a long text is.
    assert words.raw_text(octets[:-1]) == "Straße \ufffd"
    assert words.raw_text("Straße, café".encode("latin-1")) == "Straße, café"
    assert words.raw_text("café".encode("latin-1")) == "café"


def test_a_charset_is_read_as_what_is_written_under_its_name() -> None:
    assert words.charset_text(b"\x80", b"ISO-8859-1") == "€"
    assert words.charset_text("囧镕".encode("gb18030"), b"gb2312") == "囧镕"
    assert words.charset_text("é".encode(), b"no-such-charset") == "é"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"=?utf-8?b?w6Q=?= =?utf-8?q?=C3=B6?= x", "äö x"),
        (b"=?utf-8?b?ww==?=\r\n =?UTF-8?q?=A4?=", "ä"),
        (b"=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"),
        (b"=?utf-8?b?a?= =?utf-8?q?c?=", "=?utf-8?b?a?=c"),
        (b"=?utf-8?q?=C3?= =?latin1?q?=E9?=", "\ufffdé"),
    ],
)
def test_encoded_words(value: bytes, text: str) -> None:
    assert words.decode(value) == text


@pytest.mark.parametrize("markup", ["<style", "<head", "<!-", "<a ", "< ", " <script></script>"])
def test_html_costs_in_proportion(markup: str) -> None:
    cheap(1, lambda: without_markup(markup * 30_000))


TAGS = ("<b>", "</P x='1'>", "<br/>", "<!x>", "<!-- <p> -->", "<a href=", "< b>", "<3 ", "<", ">")
MARKUP = st.sampled_from((*TAGS, *TAGS, "a", " ", "\n", "\xe9", "/", "x" * 1000))


@given(st.lists(MARKUP, max_size=30).map("".join))
def test_tags_are_found_alike_whatever_stands_beside_them(markup: str) -> None:
    # A comment makes the more careful of two patterns do the work.
    assert without_markup("!" + markup) == without_markup("<!-- -->!" + markup)


def test_tags_that_never_end_take_a_moment() -> None:
    cheap(2, lambda: without_markup(">" * 200_000 + "<a" * 200_000))
