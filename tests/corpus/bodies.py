"""Bodies: line ends, lengths, transfer encodings, charsets, HTML; and cuts and scars by seed."""

import base64
import random
from collections.abc import Iterator

from tests.corpus.build import (
    HEAD,
    MIME,
    Odd,
    crlf,
    entity,
    joined,
    multipart,
    named,
    part,
    typed,
)
from tests.corpus.parts import INNER_MULTI

SEED = 20261124
UMLAUT = "Straße nach Köln, 5 €\n"


def messages() -> Iterator[Odd]:
    """All bodies, then the mutations."""
    yield from named("line", _LINES)
    yield from named("encoding", {k: _encoded(*v) for k, v in _ENCODINGS.items()})
    yield from named(
        "charset",
        {
            k: typed(b'text/plain; charset="%b"' % c, t, b"Content-Transfer-Encoding: 8bit\n")
            for k, (c, t) in _CHARSETS.items()
        },
    )
    yield from named("html", {k: typed(b"text/html; charset=utf-8", v) for k, v in _HTML.items()})
    yield from _mutations(110)


def _encoded(encoding: bytes, body: bytes) -> bytes:
    return typed(
        b"text/plain; charset=utf-8", body, b"Content-Transfer-Encoding: " + encoding + b"\n"
    )


def _mutations(count: int) -> Iterator[Odd]:
    random_ = random.Random(SEED)
    for number in range(count):
        kind = random_.choice(tuple(_SCARS))
        octets = _SCARS[kind](random_, _WHOLE)
        yield Odd(f"mutation {number:03}: {kind}", octets)


def _line_lost(random_: random.Random, octets: bytes) -> bytes:
    lines = octets.splitlines(keepends=True)
    del lines[random_.randrange(len(lines))]
    return b"".join(lines)


def _line_twice(random_: random.Random, octets: bytes) -> bytes:
    lines = octets.splitlines(keepends=True)
    at = random_.randrange(len(lines))
    return b"".join((*lines[:at], lines[at], *lines[at:]))


def _lines_swapped(random_: random.Random, octets: bytes) -> bytes:
    lines = octets.splitlines(keepends=True)
    one, other = random_.randrange(len(lines)), random_.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def _cut(random_: random.Random, octets: bytes) -> bytes:
    return octets[: random_.randrange(1, len(octets))].rstrip(b"\r")


def _octets_lost(random_: random.Random, octets: bytes) -> bytes:
    at = random_.randrange(len(octets))
    return crlf((octets[:at] + octets[at + random_.randrange(1, 60) :]).replace(b"\r", b""))


def _octet_put_in(random_: random.Random, octets: bytes) -> bytes:
    plain = octets.replace(b"\r", b"")
    for _ in range(random_.randrange(1, 8)):
        at = random_.randrange(len(plain))
        new = bytes([random_.choice(b"\"\\()<>@,;:=/?*- \t\n\x80\xff%'")])
        plain = plain[:at] + new + plain[at:]
    return crlf(plain)


_SCARS = {
    "a line lost": _line_lost,
    "a line twice": _line_twice,
    "two lines swapped": _lines_swapped,
    "cut": _cut,
    "octets lost": _octets_lost,
    "octets put in": _octet_put_in,
}
_WHOLE = entity(
    b'Cc: "C, c" <c@z.org>, Group: d@z.org, e@z.org (E);\n'
    b"Reply-To: =?utf-8?q?=C3=84nn?= <reply@example.org>\n"
    b'Content-Type: multipart/mixed; charset=x;\n boundary="out (er"\n\n'
    b"preamble\n"
    + joined(
        multipart(part(b"Content-Type: text/plain; charset=utf-8\nContent-Language: en, de\n",
        b"p"),
            part(b"Content-Type: text/html\nContent-ID: <h@x>\n", b"<p>h</p>"),
            kind=b"alternative", boundary=b"alt"),
        b"Content-Type: message/rfc822\nContent-Disposition: inline; filename*=utf-8''%41.eml\n\n"
        + INNER_MULTI,
        b'Content-Type: application/pdf; name="a.pdf"\n'
        b"Content-MD5: xx==\n"
        b"Content-Transfer-Encoding: base64\nContent-Location: a.pdf\n\nJVBERi0=\n",
        boundary=b"out (er", after=b"epilogue\n")
)  # fmt: skip
_PLAIN = crlf(HEAD)
_LINES = {
    "no line end at the end": _PLAIN + b"\r\nno line end",
    "body is one CR": _PLAIN + b"\r\n\r",
    "many blank lines": _PLAIN + b"\r\n" * 50,
    "body of spaces": _PLAIN + b"\r\n   \r\n \t \r\n",
    "bare CR in the body": _PLAIN + b"\r\none\rtwo\r\rthree\r\n",
    "bare CR in the header": b"X-Odd: one\rtwo\r\n" + _PLAIN + b"\r\nbody\r\n",
    "CR CR LF": _PLAIN + b"\r\none\r\r\ntwo\r\r\n",
    "bare CR ends the header": b"Subject: cr\rFrom: a@x.org\r\rbody\r\n",
    "bare LF everywhere": HEAD + b"\nbare\nLF\n",
    "bare LF in the body": _PLAIN + b"\r\none\ntwo\r\nthree\n",
    "bare LF in the header": HEAD + b"\r\nbody\r\n",
    "bare LF ends the header": _PLAIN + b"\nbody\r\n",
    "bare LF multipart": HEAD + MIME + multipart(part(), part()),
    "bare LF in delimiters": _PLAIN + crlf(MIME + b"Content-Type: multipart/mixed; boundary=b\n\n")
        + b"--b\n\none\n--b\r\n\r\ntwo\r\n--b--\n",
    "bare LF embedded message": _PLAIN + crlf(MIME + b"Content-Type: message/rfc822\n\n"
        b"") + INNER_MULTI,
    "LF CR": _PLAIN + b"\r\none\n\rtwo\n\r\r\n",
    "NUL in the body": _PLAIN + b"\r\none\0two\r\n\0\0\r\n",
    "NUL only": _PLAIN + b"\r\n" + b"\0" * 100,
    "NUL in a multipart": entity(multipart(part(b"", b"a\0b"), part(b"X-\0: 1\n", b"c"))),
    "200 kB line": _PLAIN + b"\r\n" + b"long " * 40_000 + b"\r\n",
    "200 kB line without end": _PLAIN + b"\r\n" + b"longer " * 30_000,
    "lines of 998 octets": _PLAIN + b"\r\n" + (b"x" * 998 + b"\r\n") * 10,
    "dot lines": _PLAIN + b"\r\n.\r\n..\r\n.dot\r\n",
    "From lines": _PLAIN + b"\r\nFrom the start\r\n>From quoted\r\n",
    "control Z": _PLAIN + b"\r\nend\x1a\r\nafter\r\n",
    "form feed and vertical tab": _PLAIN + b"\r\none\x0ctwo\x0bthree\r\n",
    "all octets": _PLAIN + b"\r\n" + bytes(o for o in range(1, 256) if o not in (10, 13)) + b"\r\n",
    "byte order mark": b"\xef\xbb\xbf" + _PLAIN + b"\r\nbody\r\n",
}  # fmt: skip
_B64 = base64.encodebytes(UMLAUT.encode())
_ENCODINGS = {
    "base64": (b"base64", _B64),
    "base64 upper case": (b"BASE64", _B64),
    "base64 with a comment": (b"base64 (odd)", _B64),
    "base64 quoted": (b'"base64"', _B64),
    "base64 with a semicolon": (b"base64; x=y", _B64),
    "base64 with garbage": (b"base64", b"U3Ry!YcOf*ZQ==\n~~~~\n"),
    "base64 without padding": (b"base64", _B64.rstrip(b"=\n") + b"\n"),
    "base64 with padding in the middle": (b"base64", b"U3Q=\ncmE=\n"),
    "base64 of one character": (b"base64", b"U"),
    "base64 in one long line": (b"base64", base64.b64encode(UMLAUT.encode() * 500) + b"\n"),
    "base64 with a text behind": (b"base64", _B64 + b"\n-- \nlist footer\n"),
    "base64 empty": (b"base64", b""),
    "quoted-printable": (b"quoted-printable", b"Stra=C3=9Fe nach K=C3=B6ln\n"),
    "quoted-printable lower-case hex": (b"quoted-printable", b"Stra=c3=9fe\n"),
    "quoted-printable soft breaks": (b"quoted-printable", b"Stra=\n=C3=\n=9Fe soft=\nly\n"),
    "quoted-printable space behind a soft break": (b"quoted-printable", b"trail= \ning\n"),
    "quoted-printable trailing space": (b"quoted-printable", b"blank  \n\tend\t\n"),
    "quoted-printable broken": (b"quoted-printable", b"a=ZZb=4 c==d=\n"),
    "quoted-printable ends in an equals sign": (b"quoted-printable", b"ends="),
    "quoted-printable raw 8-bit": (b"quoted-printable", "Straße roh\n".encode()),
    "quoted-printable NUL": (b"quoted-printable", b"nul=00here\n"),
    "uuencode": (b"x-uuencode", b"begin 644 a.txt\n#86)C\n`\nend\n"),
    "uuencode without saying so": (b"7bit", b"text\nbegin 644 a.txt\n#86)C\n`\nend\n"),
    "7bit with 8-bit": (b"7bit", UMLAUT.encode()),
    "8bit": (b"8bit", UMLAUT.encode()),
    "binary": (b"binary", UMLAUT.encode() + b"\x01\x02"),
    "8-bit misspelt": (b"8-bit", UMLAUT.encode()),
    "empty": (b"", b"text\n"),
    "unknown": (b"x-unknown", b"=C3=9F U3Ry\n"),
    "two words": (b"7bit 8bit", b"text\n"),
    "comment only": (b"(none)", b"text\n"),
    "8-bit name": (b"\xe9t\xe9", b"text\n"),
    "folded": (b"\n base64", _B64),
}
_CHARSETS = {
    "utf-8": (b"utf-8", UMLAUT.encode()),
    "UTF8 without dash": (b"UTF8", UMLAUT.encode()),
    "utf-8 broken": (b"utf-8", b"Stra\xc3e \xff\xfe K\xf6ln\n"),
    "utf-8 overlong": (b"utf-8", b"a\xc0\xafb\n"),
    "latin-1": (b"iso-8859-1", "Straße nach Köln\n".encode("latin-1")),
    "latin-1 with Windows octets": (b"iso-8859-1", b"\x80 uro \x93quoted\x94\n"),
    "latin-9": (b"iso-8859-15", "5 €\n".encode("iso-8859-15")),
    "windows-1252": (b"windows-1252", "5 €\n".encode("cp1252")),
    "koi8-r": (b"koi8-r", "Привет\n".encode("koi8-r")),
    "windows-1251": (b"windows-1251", "Привет\n".encode("cp1251")),
    "iso-2022-jp": (b"iso-2022-jp", "日本語\n".encode("iso-2022-jp")),
    "shift_jis": (b"shift_jis", "日本語\n".encode("shift_jis")),
    "euc-kr": (b"euc-kr", "한국\n".encode("euc-kr")),
    "gb2312": (b"gb2312", "你好\n".encode("gb2312")),
    "gb18030": (b"gb18030", "你好€\n".encode("gb18030")),
    "big5": (b"big5", "你好\n".encode("big5")),
    "utf-7": (b"utf-7", b"caf+AOk- utf7\n"),
    "utf-16": (b"utf-16be", "wide Köln".encode("utf-16-be").replace(b"\0", b"\x01")),
    "unknown": (b"x-odd-charset", "Straße\n".encode()),
    "unknown-8bit": (b"unknown-8bit", "Straße\n".encode()),
    "us-ascii with 8-bit": (b"us-ascii", "Straße\n".encode("latin-1")),
    "empty": (b"", "Straße\n".encode()),
    "a name of a Python codec that is no charset": (b"rot13", b"uryyb jbeyq\n"),
    "decomposed": (b"utf-8", "Ko\u0308ln Stra\u00dfe \ufb01n\n".encode()),
    "Turkish": (b"utf-8", "İstanbul ISPARTA \u0131\u015f\u0131k\n".encode()),
    "Greek": (b"utf-8", "ΟΔΥΣΣΕΥΣ Ὀδυσσεύς\n".encode()),
}
_HTML = {
    "entities": b"<p>K&ouml;ln &amp; Stra&#223;e &#x20AC;</p>\n",
    "a word split by tags": b"<p>wonder<b>ful</b> wo<wbr>rld</p>\n",
    "words in blocks": b"<div>alpha</div><div>beta</div><br>gamma\n",
    "script and style": b"<style>p{color:hidden}</style><script>var secret=1</script><p>seen</p>\n",
    "comment": b"<p>before<!-- commented words -->after</p>\n",
    "attribute text": b'<img alt="picture words" src="x"><a href="http://link.example/">anchor</a>\n',
    "unclosed tag": b'<p>open <b class="x\n',
    "less-than in text": b"<p>1 < 2 and 3 > 2</p>\n",
    "no markup": b"only text & nothing\n",
    "folded words": b"<p>soft\nwrapped   words</p>\n",
}
