from hypothesis import given
from hypothesis import strategies as st

from bridge.mime.headers import MAX_FIELDS, fields, first, select, values

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
    assert first(fields(BLOCK), b"x") == b"1"
    assert first(fields(BLOCK), b"body") is None


def test_selection_keeps_the_octets_and_ends_in_a_blank_line() -> None:
    assert select(BLOCK, [b"X", b"Missing"]) == b"X: 1\nx: 2\r\n\r\n"
    assert select(BLOCK, [b"x", b"subject"], negate=True) == (b"From: a@b\r\nbroken line\r\n\r\n")
    assert select(b"A: 1\n\nbody", [b"a"]) == b"A: 1\n\n"
    assert select(b"\r\nA: 1\r\n", [b"a"]) == b"\r\n"


def test_no_blank_line_or_line_end_is_made_up() -> None:
    """RFC 3501 §7.4.2: none is included where the message has none."""
    assert select(b"A: 1\r\nB: 2\r\n", [b"a"]) == b"A: 1\r\n"
    assert select(b"A: 1\r\nB: cut", [b"b"]) == b"B: cut"
    assert select(b"A: 1\r\nB: cut", [b"b"], negate=True) == b"A: 1\r\n"
    assert select(b"", [b"a"]) == select(b"A: 1\r\n", [b"b"]) == b""


PIECES = st.sampled_from(
    [
        b"A",
        b"b",
        b"ab",
        b":",
        b": ",
        b" ",
        b"\t",
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b"\xff",
        b"A: 1\r\n",
    ]
)
NAMES = st.frozensets(st.sampled_from([b"a", b"B", b"AB", b"", b"a b", b"\r", b"a:"]))


@given(st.lists(PIECES, max_size=20).map(b"".join), NAMES, st.booleans())
def test_selecting_at_once_is_selecting_field_by_field(
    block: bytes, names: frozenset[bytes], negate: bool
) -> None:
    wanted = {name.lower() for name in names} - {b""}
    found = list(fields(block))
    end = found[-1].end if found else 0
    blank = next((b for b in (b"\r\n", b"\n") if block.startswith(b, end)), b"")
    kept = [block[f.start : f.end] for f in found if (f.name in wanted) is not negate]
    assert select(block, names, negate) == b"".join(kept) + blank
    for name in wanted:
        parsed = [f.value.removesuffix(b"\r") for f in found if f.name == name]
        assert [value.removesuffix(b"\r") for value in values(block, name)] == parsed


@given(st.lists(st.sampled_from([b"a", b":", b" ", b"\r\n", b"\n", b"\0", b"\xff", b"\t"])))
def test_fields_of_any_octets_lie_side_by_side(pieces: list[bytes]) -> None:
    block = b"".join(pieces)
    position = 0
    for field in fields(block):
        assert field.start == position < field.end
        position = field.end
    assert block[position : position + 1] in (b"", b"\r", b"\n")


def test_what_follows_very_many_fields_is_one_line_without_a_name() -> None:
    block = b"X: 1\r\n" * MAX_FIELDS + b"Y: 2\r\n" * 3 + b"\r\nbody: no\r\n"
    found = list(fields(block))
    assert len(found) == MAX_FIELDS + 1
    assert (found[-1].name, found[-1].raw) == (b"", b"Y: 2\r\n" * 3)
    assert select(block, [b"x"], negate=True) == b"Y: 2\r\n" * 3 + b"\r\n"
