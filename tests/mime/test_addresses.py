import re
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mime import addresses
from bridge.mime.addresses import GROUP_END, Address, parse
from tests.effort import cheap

JOE = Address(None, None, b"joe", b"e.f")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"<@a.b,@c.d:joe@e.f>", (Address(None, b"@a.b,@c.d", b"joe", b"e.f"),)),
        (b"J < @a , @b : joe@e.f >, joe@e.f", (Address(b"J", b"@a,@b", b"joe", b"e.f"), JOE)),
        (b"joe@e.f, <joe@e.f>", (JOE, JOE)),
        (b"x: joe@e.f;, joe@e.f", (Address(None, None, b"x", None), JOE, GROUP_END, JOE)),
        (b"<a@b, joe@e.f", (Address(None, None, b"a", b"b"), JOE)),
        (b"A <,@a.b,,@c.d:joe@e.f>", (Address(b"A", b"@a.b,@c.d", b"joe", b"e.f"),)),
        (b"<@a.b(c:d):joe@e.f>", (Address(None, b"@a.b", b"joe", b"e.f"),)),
        # Words are never glued together.
        (b"Joe Doe joe@e.f", (Address(b"Joe Doe", None, b"joe", b"e.f"),)),
        (b"joe@e.f joe@e.f", (JOE, JOE)),
        (b"<joe@e.f> <joe@e.f>", (JOE, JOE)),
        (b"Joe <joe@e.f> Doe", (Address(b"Joe", None, b"joe", b"e.f"),)),
        (b"joe . doe @ e . f", (Address(None, None, b"joe.doe", b"e.f"),)),
        (b"<joe doe@e.f>", (Address(None, None, b"joe doe", b"e.f"),)),
        # Specials that close or open nothing.
        (b"joe@e.f>", (JOE,)),
        (b"joe@e.f )", (JOE,)),
        (b"Joe <<joe@e.f>>", (Address(b"Joe", None, b"joe", b"e.f"),)),
        (b"<mailto:joe@e.f>", (JOE,)),
        (
            b"A: B: joe@e.f;;",
            (
                Address(None, None, b"A", None),
                GROUP_END,
                Address(None, None, b"B", None),
                JOE,
                GROUP_END,
            ),
        ),
        # Comments are white space; behind an address they are its name.
        (b"joe@e.f (Joe (the) Doe)", (Address(b"Joe (the) Doe", None, b"joe", b"e.f"),)),
        (b"<joe@e.f> (Joe)", (Address(b"Joe", None, b"joe", b"e.f"),)),
        (b"(Joe) joe@e.f, (Joe) <joe@e.f>", (JOE, JOE)),
        (b"(nobody)", ()),
        (b"x: (nobody);", (Address(None, None, b"x", None), GROUP_END)),
        (b"Joe (x)  Doe <joe@e.f>", (Address(b"Joe Doe", None, b"joe", b"e.f"),)),
        # A phrase is a name, a word alone a mailbox.
        (b"Joe Doe", (Address(b"Joe Doe", None, b"", b""),)),
        (b'"Joe Doe"', (Address(b"Joe Doe", None, b"", b""),)),
        (b"joe (Joe)", (Address(b"Joe", None, b"joe", b""),)),
        (b"Joe <>", (Address(b"Joe", None, b"", b""),)),
        (b"<>, , ;", ()),
    ],
)
def test_addresses(value: bytes, expected: tuple[Address, ...]) -> None:
    assert parse(value) == expected


PIECES = st.sampled_from(
    [b"joe", b"a.b", b"@", b"e.f", b"<", b">", b"<joe@e.f>", b"joe@e.f", b'"Joe, D"', b'"', b" ",
     b" , ", b",", b";", b":", b"(c)", b"(", b"\\", b".", b"=?utf-8?q?x?=", b"\xe9"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=14).map(b"".join))
def test_plain_addresses_are_read_alike_at_once_and_by_token(value: bytes) -> None:
    with patch.object(addresses, "_PLAIN", re.compile(rb"(?!)")):
        slowly = parse(value)
    assert parse(value) == slowly


@given(st.lists(PIECES, max_size=14).map(b"".join))
def test_groups_open_and_close_in_turn(value: bytes) -> None:
    is_open = False
    for address in parse(value):
        if address.host is None:
            assert is_open is (address.mailbox is None)
            is_open = not is_open
    assert not is_open


@pytest.mark.parametrize(
    "piece", [b"(", b"a ", b"<>", b":", b": ", b'""', b"@", b"<@", b"a:", b",", b"a@b "]
)
def test_a_megabyte_takes_a_moment(piece: bytes) -> None:
    """It took 0.6 s and more, in which nobody else was served."""
    octets = piece * ((1 << 20) // len(piece))
    cheap(0.45, lambda: parse(octets))
