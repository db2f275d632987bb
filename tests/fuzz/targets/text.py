"""Text of body parts: transfer encodings, every charset that Python knows, HTML."""

import encodings.aliases
from random import Random

from bridge.mime.text import decode_transfer, readable, without_markup
from bridge.mime.words import charset_text, raw_text
from bridge.query.fold import fold
from tests.fuzz.common import split
from tests.fuzz.grammar import Grammar

CHARSETS = tuple(
    name.encode()
    for name in (
        *sorted(set(encodings.aliases.aliases.values())),
        *("", "us-ascii", "utf-8", "UTF8", "iso-8859-1", "x-unknown", "unicode_escape", "idna"),
        *("punycode", "raw_unicode_escape", "undefined", "utf-8-sig", "palmos", "../utf_8", "a\0b"),
    )
)
ENCODINGS = (b"", b"7bit", b"base64", b"quoted-printable", b"x-uuencode")
_GRAMMAR = Grammar(
    {
        "name": (b"p", b"BR", b"div", b"/p", b"/table", b"x", b"a href='>'", b"h1", b"td", b"hr/"),
        "hidden": (b"<script>$text</script>", b"<STYLE a=b>$text</style >", b"<head>", b"<script"),
        "entity": (b"&amp;", b"&#65;", b"&#xd800;", b"&#99999999999;", b"&nbsp", b"&",
                   b"&lt;p&gt;"),
        "tag": (b"<$name>", b"<$name class=\"x\">", b"<$name", b"<!-- $text -->", b"<!--", b"<>",
                b"$hidden"),
        "octets": (b"caf\xc3\xa9", b"caf\xe9", b"\x1b$B$3\x1b(B", b"+2AA-", b"\\ud800",
                   b"\xff\xfea\0", b"=C3=A9",
                   b"=\r\n", b"R3LDvMOfZQ==", b"xn--a-ecp.ru", b"\xed\xa0\x80", b"\0", b"~{ab~}",
                   b"=", b"a-b-"),
        "text": (b"word", b"$octets$text", b"$tag$text", b"$entity $text", b"word\r\n$text"),
    }
)  # fmt: skip
TOKENS = (
    b"<", b">", b"<!--", b"-->", b"<script>", b"</script", b"<br", b"&#", b";", b"=", b"=\n",
    b"=3D", b"+", b"-",
    b"\x1b$B", b"\x1b(B", b"\\u", b"\\N{", b"\x80", b"\xff\xfe", b"\xfe\xff", b"\0", b"==", b"~{",
    b"\r\n", b"b9", b"a-",
)  # fmt: skip


def piece(rng: Random) -> bytes:
    """A text."""
    return _GRAMMAR.sentence("text", rng)


def target(octets: bytes) -> None:
    """Every charset gives text that can be stored and sent, and never more than a little more."""
    rng, body = split(octets)
    charset, encoding = rng.choice(CHARSETS), rng.choice(ENCODINGS)
    is_html = rng.random() < 0.5
    plain = decode_transfer(body, encoding)
    assert len(plain) <= len(body)
    text = charset_text(plain, charset)
    assert len(text) <= 4 * len(plain) + 4
    for one in (text, raw_text(body), without_markup(text)):
        one.encode()
        fold(one).decode()
    shown = readable(body, encoding=encoding, charset=charset, is_html=is_html)
    assert shown == (without_markup(text) if is_html else text)
