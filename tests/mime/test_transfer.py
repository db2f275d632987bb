"""Transfer encodings taken off in portions: what comes out is what whole octets give."""

import base64
import binascii
import copy
import quopri
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mime import transfer
from bridge.mime.text import decode_transfer
from bridge.mime.transfer import decoder

PORTIONS = st.lists(st.integers(0, 9), max_size=30)


def decoded(octets: bytes, encoding: bytes, portions: list[int] | None = None) -> bytes:
    decoding = decoder(encoding)
    assert decoding is not None
    made, at = b"", 0
    for size in portions or []:
        made += decoding.feed(octets[at : at + size])
        # A copy goes on where the original is.
        decoding = copy.copy(decoding)
        at += size
    return made + decoding.feed(octets[at:]) + decoding.finish()


@pytest.mark.parametrize("encoding", [b"", b"7bit", b"8bit", b"binary"])
def test_identity(encoding: bytes) -> None:
    assert decoded(b"a \r\n=41\0\xff", encoding, [1, 3]) == b"a \r\n=41\0\xff"


@pytest.mark.parametrize("encoding", [b"x-uuencode", b"base-64", b"quoted printable", b"x"])
def test_unknown(encoding: bytes) -> None:
    assert decoder(encoding) is None


@given(st.binary(), st.sampled_from([b"\r\n", b"\n", b""]), PORTIONS)
def test_base64_comes_back(octets: bytes, line_end: bytes, portions: list[int]) -> None:
    coded = base64.encodebytes(octets).replace(b"\n", line_end)
    assert decoded(coded, b"base64", portions) == octets


@given(st.lists(st.sampled_from([b"A", b"b", b"/", b"=", b"\r\n", b"-", b"\xff"])), PORTIONS)
def test_broken_base64_is_read_as_search_reads_it(pieces: list[bytes], portions: list[int]) -> None:
    coded = b"".join(pieces)
    assert decoded(coded, b"base64", portions) == decode_transfer(coded, b"base64")


@given(st.binary(), PORTIONS)
def test_quoted_printable_comes_back(octets: bytes, portions: list[int]) -> None:
    text = octets.replace(b"\r", b"").replace(b"\n", b"\r\n")
    coded = quopri.encodestring(text.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    assert decoded(coded, b"quoted-printable", portions) == text


SOME_QP = st.lists(
    st.sampled_from([b"a", b"=", b"=41", b"=3d", b" ", b"\t", b"\r", b"\n", b"\r\n", b"=\r\n"])
)


@given(SOME_QP, PORTIONS)
def test_portions_do_not_matter(pieces: list[bytes], portions: list[int]) -> None:
    coded = b"".join(pieces)
    assert decoded(coded, b"quoted-printable", portions) == decoded(coded, b"quoted-printable")


@given(SOME_QP, PORTIONS)
def test_nor_do_they_in_lines_without_end(pieces: list[bytes], portions: list[int]) -> None:
    coded = b"x" + b"".join(pieces)
    whole = decoded(coded, b"quoted-printable")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer, "LINE_OCTETS", len(coded) // 2)
        # A line of spaces alone is let go before it is known what follows them.
        if re.search(rb"[ \t\r]{2}", coded) is None:
            assert decoded(coded, b"quoted-printable", portions) == whole


@pytest.mark.parametrize(
    ("coded", "octets"),
    [
        (b"a = \t\r\nb", b"a b"),
        (b"a \t \r\nb  ", b"a\r\nb"),
        (b"=zz=4=", b"=zz=4"),
        (b"==41", b"=A"),
        (b"=\rlost?\r\n", b"=\rlost?\r\n"),
        (b"_", b"_"),
        (b"a=0Ab=00", b"a\nb\0"),
    ],
)
def test_odd_quoted_printable(coded: bytes, octets: bytes) -> None:
    assert decoded(coded, b"quoted-printable") == octets


def test_a_line_without_end_is_not_held() -> None:
    decoding = decoder(b"quoted-printable")
    assert decoding is not None
    made = sum(len(decoding.feed(b"x" * 1000)) for _ in range(1000))
    assert made >= 1_000_000 - transfer.LINE_OCTETS - 1000
    assert binascii.b2a_qp(b"x") == b"x"
