"""Multiparts whose boundary is odd, by the field or by the lines (RFC 2046 §5.1.1)."""

from collections.abc import Iterator

from tests.corpus.build import Odd, joined, named, part, typed

TWO = (part(b"", b"first part"), part(b"Content-Type: text/html\n", b"<p>second part</p>"))


def messages() -> Iterator[Odd]:
    """Boundary parameters and delimiter lines, legal rarities and breakage."""
    yield from named(
        "boundary parameter",
        {k: typed(t, joined(*TWO, boundary=b)) for k, (t, b) in _PARAMETERS.items()},
    )
    yield from named(
        "boundary line", {k: typed(b"multipart/mixed; boundary=b", v) for k, v in _LINES.items()}
    )
    yield from named(
        "boundary nesting",
        {k: typed(b'multipart/mixed; boundary="b"', v) for k, v in _NESTING.items()},
    )


_PARAMETERS = {
    "missing": (b"multipart/mixed", b"b"),
    "empty": (b'multipart/mixed; boundary=""', b""),
    "empty and unquoted": (b"multipart/mixed; boundary=", b""),
    "quoted": (b'multipart/mixed; boundary="b b"', b"b b"),
    "unquoted": (b"multipart/mixed; boundary=simple", b"simple"),
    "folded before the name": (b"multipart/mixed;\n boundary=b", b"b"),
    "folded with a tab": (b"multipart/mixed;\n\tboundary=b", b"b"),
    "folded after the equals sign": (b"multipart/mixed; boundary=\n b", b"b"),
    "folded inside the quotes": (b'multipart/mixed; boundary="one\n two"', b"one two"),
    "folded inside the quotes with a tab": (b'multipart/mixed; boundary="one\n\ttwo"', b"one\ttwo"),
    "comment before it": (b"multipart/mixed; (a comment) boundary=b", b"b"),
    "comment after it": (b"multipart/mixed; boundary=b (a comment)", b"b"),
    "comment right behind it": (b"multipart/mixed; boundary=b(a comment)", b"b"),
    "comment around the slash": (b"multipart(a)/(b)mixed; boundary=b", b"b"),
    "comment around the equals sign": (b"multipart/mixed; boundary(a)=(b)b", b"b"),
    "comment with a semicolon": (b"multipart/mixed (x; boundary=no); boundary=b", b"b"),
    "nested comment": (b"multipart/mixed (a (b) c); boundary=b", b"b"),
    "comment that does not end": (b"multipart/mixed; boundary=b (never closed", b"b"),
    "duplicate": (b"multipart/mixed; boundary=b; boundary=c", b"b"),
    "duplicate where the second one is used": (b"multipart/mixed; boundary=c; boundary=b", b"b"),
    "upper case name": (b"MULTIPART/MIXED; BOUNDARY=b", b"b"),
    "spaces around the equals sign": (b"multipart/mixed; boundary = b", b"b"),
    "spaces around the slash": (b"multipart / mixed; boundary=b", b"b"),
    "single quotes": (b"multipart/mixed; boundary='b'", b"'b'"),
    "quote not closed": (b'multipart/mixed; boundary="b', b"b"),
    "quoted pairs": (b'multipart/mixed; boundary="a\\"b\\c"', b'a"bc'),
    "trailing space in quotes": (b'multipart/mixed; boundary="b "', b"b"),
    "leading space in quotes": (b'multipart/mixed; boundary=" b"', b" b"),
    "trailing semicolon": (b"multipart/mixed; boundary=b;", b"b"),
    "two semicolons": (b"multipart/mixed;; boundary=b", b"b"),
    "no semicolon": (b"multipart/mixed boundary=b", b"b"),
    "comma for semicolon": (b"multipart/mixed, boundary=b", b"b"),
    "slash unquoted": (b"multipart/mixed; boundary=a/b", b"a/b"),
    "equals sign unquoted": (b"multipart/mixed; boundary==_a=b", b"=_a=b"),
    "colon unquoted": (b"multipart/mixed; boundary=a:b", b"a:b"),
    "question mark unquoted": (b"multipart/mixed; boundary=a?b", b"a?b"),
    "parenthesis quoted": (b'multipart/mixed; boundary="a(b)c"', b"a(b)c"),
    "space unquoted": (b"multipart/mixed; boundary=a b", b"a b"),
    "70 octets": (b'multipart/mixed; boundary="%b"' % (b"x" * 70), b"x" * 70),
    "71 octets": (b'multipart/mixed; boundary="%b"' % (b"x" * 71), b"x" * 71),
    "200 octets": (b'multipart/mixed; boundary="%b"' % (b"x" * 200), b"x" * 200),
    "900 octets": (b'multipart/mixed; boundary="%b"' % (b"x" * 900), b"x" * 900),
    "dashes": (b'multipart/mixed; boundary="--"', b"--"),
    "dashes and equals": (b'multipart/mixed; boundary="----=_NextPart_000"', b"----=_NextPart_000"),
    "8-bit": (b'multipart/mixed; boundary="b\xe9"', b"b\xe9"),
    "RFC 2231 continued": (b"multipart/mixed; boundary*0=on; boundary*1=e", b"one"),
    "RFC 2231 with charset": (b"multipart/mixed; boundary*=us-ascii'en'one", b"one"),
    "RFC 2231 percent encoded": (b"multipart/mixed; boundary*=us-ascii''o%6Ee", b"one"),
    "RFC 2231 continued and encoded": (
        b"multipart/mixed; boundary*0*=us-ascii''o%6E; boundary*1=e",
        b"one",
    ),
    "case differs from the lines": (b"multipart/mixed; boundary=B", b"b"),
    "wrong": (b"multipart/mixed; boundary=nowhere", b"b"),
    "many parameters before it": (b"multipart/mixed; a=1; b=2; c=3; d=4; boundary=b; e=5", b"b"),
    "parameter without value before it": (b"multipart/mixed; flag; boundary=b", b"b"),
    "subtype missing": (b"multipart; boundary=b", b"b"),
    "subtype empty": (b"multipart/; boundary=b", b"b"),
    "subtype unknown": (b"multipart/x-strange; boundary=b", b"b"),
}
_LINES = {
    "no closing delimiter": b"--b\n\none\n--b\n\ntwo\n",
    "no closing delimiter and no line end": b"--b\n\none\n--b\n\ntwo",
    "closing delimiter without line end": b"--b\n\none\n--b--",
    "opening delimiter without line end": b"--b\n\none\n--b",
    "only the opening delimiter": b"--b\n",
    "only the opening delimiter without line end": b"--b",
    "only the closing delimiter": b"--b--\n",
    "no delimiter at all": b"just text\nof two lines\n",
    "empty body": b"",
    "preamble and epilogue": joined(*TWO, before=b"preamble\n", after=b"epilogue\n"),
    "preamble of one blank line": joined(*TWO, before=b"\n"),
    "epilogue without line end": joined(*TWO, after=b"epilogue"),
    "delimiter in the epilogue": joined(*TWO, after=b"--b\n\nafter the end\n--b--\n"),
    "closing delimiter twice": joined(*TWO, after=b"--b--\n"),
    "white space behind": b"--b  \n\none\n--b \t\n\ntwo\n--b-- \n",
    "text behind": b"--b more\n\none\n--bb\n\ntwo\n--b--text\n",
    "white space before": b"--b\n\none\n --b\n\nstill one\n--b--\n",
    "space between dashes and boundary": b"--b\n\none\n-- b\n\nstill one\n--b--\n",
    "three dashes": b"--b\n\none\n---b\n\nstill one\n--b--\n",
    "one dash at the end": b"--b\n\none\n--b-\n\ntwo\n--b--\n",
    "three dashes at the end": b"--b\n\none\n--b---\nafter\n",
    "inside a line": b"--b\n\none --b\nstill one\n--b--\n",
    "upper case": b"--b\n\none\n--B\n\nstill one\n--b--\n",
    "no blank line in the part": b"--b\nContent-Type: text/plain\n--b\n\ntwo\n--b--\n",
    "text straight behind the delimiter": b"--b\nno header here\nat all\n--b--\n",
    "parts without any octet": b"--b\n--b\n--b--\n",
    "parts of one blank line": b"--b\n\n--b\n\n--b--\n",
    "parts of two blank lines": b"--b\n\n\n--b\n\n\n--b--\n",
    "header only parts": b"--b\nContent-Type: text/html\n\n--b\nContent-ID: <x>\n\n--b--\n",
    "blank line before each delimiter": b"--b\n\none\n\n--b\n\ntwo\n\n--b--\n",
    "folded header line looks like it": b"--b\nX-A: 1\n --b\n\none\n--b--\n",
    "4000 dashes": b"--b\n\none\n" + b"-" * 4000 + b"\n--b--\n",
    "very long line that begins like it": b"--b\n\none\n--b" + b"x" * 9000 + b"\n\ntwo\n--b--\n",
}
_INNER = b'Content-Type: multipart/alternative; boundary="%b"\n\n%b'
_NESTING = {
    "inner boundary has the outer as prefix": joined(
        _INNER % (b"bb", joined(*TWO, boundary=b"bb")), part(b"", b"last")),
    "outer boundary repeated inside": joined(
        _INNER % (b"b", joined(*TWO, boundary=b"b")), part(b"", b"last")),
    "inner multipart is not closed": joined(
        _INNER % (b"c", b"--c\n\ninner one\n--c\n\ninner two\n"), part(b"", b"last")),
    "inner multipart ends with the message": b"--b\n" + _INNER % (b"c", b"--c\n\ninner one\n"),
    "inner preamble and epilogue": joined(
        _INNER % (b"c", joined(*TWO, boundary=b"c", before=b"in front\n", after=b"behind\n")),
        part(b"", b"last")),
    "inner multipart without boundary": joined(
        b"Content-Type: multipart/alternative\n\n" + joined(*TWO, boundary=b"c"), part(b"",
        b"last")),
    "inner multipart without parts": joined(
        _INNER % (b"c", b"nothing\n"), part(b"", b"last")),
    "inner multipart empty": joined(_INNER % (b"c", b""), part(b"", b"last")),
    "inner closing delimiter after the outer": joined(
        _INNER % (b"c", b"--c\n\ninner one\n")) + b"--c--\n",
    "outer delimiter inside an inner header": b"--b\n" + _INNER % (
        b"c", b"--c\nContent-Type: text/html\n--b\n\nouter two\n--b--\n"),
    "two inner multiparts with one boundary": joined(
        _INNER % (b"c", joined(*TWO, boundary=b"c")),
        _INNER % (b"c", joined(*TWO, boundary=b"c"))),
    "inner boundary is the outer's with dashes": joined(
        _INNER % (b"b--", joined(*TWO, boundary=b"b--")), part(b"", b"last")),
    "a part says it is base64 multipart": joined(
        b"Content-Transfer-Encoding: base64\n" + _INNER % (b"c", joined(*TWO, boundary=b"c"))),
    "a part says it is quoted-printable multipart": joined(
        b"Content-Transfer-Encoding: quoted-printable\n"
        + _INNER % (b"c", joined(*TWO, boundary=b"c"))),
}  # fmt: skip
