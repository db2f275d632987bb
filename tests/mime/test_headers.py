from hypothesis import given
from hypothesis import strategies as st

from bridge.mime.headers import fields, first, select

BLOCK = (
    b"From: a@b\r\nSubject : folded\r\n  twice\r\n\tand again\r\nbroken line\r\n"
    b"X: 1\nx: 2\r\n\r\nbody: no\r\n"
)


def test_fields_are_unfolded_and_the_body_is_no_field() -> None:
    assert [(field.name, field.value) for field in fields(BLOCK)] == [
        (b"from", b"a@b"),
        (b"subject", b"folded  twice\tand again"),
        (b"", b"broken line"),
        (b"x", b"1"),
        (b"x", b"2"),
    ]
    assert first(BLOCK, b"x") == b"1"
    assert first(BLOCK, b"body") is None


def test_selection_keeps_the_octets_and_ends_in_a_blank_line() -> None:
    assert select(BLOCK, [b"X", b"Missing"]) == b"X: 1\nx: 2\r\n\r\n"
    assert select(BLOCK, [b"x", b"subject"], negate=True) == (b"From: a@b\r\nbroken line\r\n\r\n")
    assert select(b"A: cut", [b"a"]) == b"A: cut\r\n\r\n"
    assert select(b"", [b"a"]) == b"\r\n"


@given(st.lists(st.sampled_from([b"a", b":", b" ", b"\r\n", b"\n", b"\0", b"\xff", b"\t"])))
def test_fields_of_any_octets_lie_side_by_side(pieces: list[bytes]) -> None:
    block = b"".join(pieces)
    position = 0
    for field in fields(block):
        assert field.start == position < field.end
        position = field.end
    assert block[position : position + 1] in (b"", b"\r", b"\n")
