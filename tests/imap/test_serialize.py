from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.imap import mutf7, serialize


def read_string(wire: bytes) -> bytes:
    """A string as a client reads it."""
    if wire.startswith(b"{"):
        size, _, octets = wire[1:].partition(b"}\r\n")
        assert len(octets) == int(size)
        return octets
    assert wire[:1] == wire[-1:] == b'"'
    inner, plain = iter(wire[1:-1]), bytearray()
    for octet in inner:
        assert octet not in b'\r\n\0"'
        plain.append(next(inner) if octet == ord("\\") else octet)
    return bytes(plain)


@given(st.binary(max_size=40) | st.binary(min_size=990, max_size=1010))
def test_any_octets_read_back_but_for_nul(octets: bytes) -> None:
    assert read_string(serialize.string(octets)) == octets.replace(b"\0", b"\x80")


def test_8_bit_octets_are_never_quoted() -> None:
    assert serialize.string(b"\xe9") == b"{1}\r\n\xe9"
    assert serialize.nstring(None) == b"NIL"


@pytest.mark.parametrize(
    ("octets", "wire"),
    [
        (b"INBOX", b"INBOX"),
        (b"a/b", b"a/b"),
        (b"nil", b'"nil"'),
        (b"", b'""'),
        (b"a b", b'"a b"'),
        (b"50%", b'"50%"'),
        (b"a]", b'"a]"'),
        (b'a"\\', b'"a\\"\\\\"'),
    ],
)
def test_astrings(octets: bytes, wire: bytes) -> None:
    assert serialize.astring(octets) == wire


def test_dates_keep_their_zone() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(-timedelta(hours=3, minutes=30)))
    assert serialize.internal_date(moment) == b'" 2-Jan-2026 03:04:05 -0330"'
    assert serialize.internal_date(moment.astimezone(UTC)) == b'" 2-Jan-2026 06:34:05 +0000"'


def test_flags_are_sorted() -> None:
    assert serialize.flag_list({"Work", "\\Seen"}) == b"(Work \\Seen)"


@given(st.text())
def test_names_survive_modified_utf_7(name: str) -> None:
    wire = mutf7.encode(name)
    assert all(0x20 <= octet < 0x7F for octet in wire)
    assert mutf7.decode(wire) == name


def test_the_examples_of_rfc_3501() -> None:
    assert mutf7.encode("~peter/mail/台北/日本語") == b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"
    assert mutf7.encode("a&b") == b"a&-b"


@pytest.mark.parametrize(
    "wire", [b"&", b"&Jj", b"\xc3\xa9", b"&!-", b"&U,BTFw-&ZeVnLIqe-", b"&AGE-", b"&2AA-"]
)
def test_other_spellings_of_a_name_are_refused(wire: bytes) -> None:
    with pytest.raises(ValueError):
        mutf7.decode(wire)
