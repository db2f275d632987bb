import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mime.parameters import parse, tokens


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'a/b; x=y; Z="q \\" r"', ((b"x", b"y"), (b"Z", b'q " r'))),
        (b"a/b (c); (d) x (e) = (f) y (g)", ((b"x", b"y"),)),
        (b"a/b (c; x=no); x=y (z; (x=no); x=no); v=w", ((b"x", b"y"), (b"v", b"w"))),
        # RFC 2231 §3, §4.1 and §6: IMAP servers show continuations joined.
        (b"a/b; x*0=ab; y=z; x*1=cd", ((b"x", b"abcd"), (b"y", b"z"))),
        (b"a/b; x*1=cd; x*0=ab", ((b"x", b"abcd"),)),
        (b"a/b; x*0=ab; x*2=ef", ((b"x", b"ab"),)),
        (b"a/b; x*1=cd", ((b"x*1", b"cd"),)),
        (
            b"a/b; t*0*=us-ascii'en'This%20is; t*1*=%20fun; t*2=\"isn't it!\"",
            ((b"t*", b"us-ascii'en'This%20is%20funisn%27t%20it!"),),
        ),
    ],
)
def test_parameters(raw: bytes, expected: tuple[tuple[bytes, bytes], ...]) -> None:
    assert parse(raw).parameters == expected


@pytest.mark.parametrize(
    ("raw", "boundary"),
    [
        (b"m/m; boundary=plain; boundary*=x''other", b"plain"),
        (b"m/m; BOUNDARY*=us-ascii''a%2Db", b"a-b"),
        (b"m/m; boundary*0*=us-ascii''a%2D; boundary*1=b%41", b"a-b%41"),
        (b"m/m; boundary*=no%2Dcharset", b"no-charset"),
        (b"m/m", None),
    ],
)
def test_extended_values_are_decoded(raw: bytes, boundary: bytes | None) -> None:
    assert parse(raw).parameter(b"boundary") == boundary


@given(st.lists(st.sampled_from([b"a/b", b";", b"x", b"*", b"0", b"1", b"=", b'"', b"%4", b"'"])))
def test_no_octets_raise(pieces: list[bytes]) -> None:
    value = parse(b"".join(pieces))
    value.parameter(b"x")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"en (English), de", [b"en", b"de"]),
        (b' "en" , (only), ,de-CH', [b"en", b"de-CH"]),
        (b"en us", [b"en"]),
        (b"(x, y", []),
        (b"", []),
    ],
)
def test_tokens_between_commas(raw: bytes, expected: list[bytes]) -> None:
    assert tokens(raw) == expected
