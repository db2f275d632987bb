from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bridge.pop3.multiline import BareLfScanner, BodyScanner

PIECES = st.lists(st.sampled_from([b"\r\n", b"\n", b"\r", b".", b"..", b"a", b"\0", b"\xff"]))


def stuff(octets: bytes) -> bytes:
    """What a right server sends for a message that ends in CRLF, or for the empty one."""
    return (b"\r\n" + octets).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


def scan(
    wire: bytes, cuts: list[int], kind: type[BodyScanner] = BodyScanner
) -> tuple[bytes, bytes, bool]:
    scanner = kind()
    body = rest = b""
    edges = sorted({min(cut, len(wire)) for cut in cuts} | {0, len(wire)})
    for start, end in pairwise(edges):
        plain, behind = scanner.feed(wire[start:end])
        body += plain
        rest += behind
    return body, rest, scanner.done


@given(PIECES, st.lists(st.integers(0, 60)))
def test_promise_6_any_message_in_any_chunks_comes_back_byte_for_byte(
    pieces: list[bytes], cuts: list[int]
) -> None:
    octets = b"".join(pieces) + b"\r\n" if pieces else b""
    assert scan(stuff(octets) + b"+OK next\r\n", cuts) == (octets, b"+OK next\r\n", True)


@given(PIECES, st.integers(1, 4))
def test_promise_3_a_cut_before_the_terminator_is_never_taken_for_the_end(
    pieces: list[bytes], missing: int
) -> None:
    octets = b"".join(pieces) + b"\r\n" if pieces else b""
    wire = stuff(octets)
    _, _, done = scan(wire[: max(0, len(wire) - missing)], [])
    assert not done


def test_promise_6_a_bare_lf_dot_line_does_not_end_the_message() -> None:
    wire = b"a\n.\nb\r\n.\n.\r.\r\nc\r\n.\r\n"
    assert scan(wire, []) == (b"a\n.\nb\r\n.\n.\r.\r\nc\r\n", b"", True)


def test_a_lone_leading_dot_that_was_not_stuffed_stays() -> None:
    assert scan(b".foo\r\n.\r\n", [1, 2]) == (b".foo\r\n", b"", True)


def test_the_status_lines_crlf_counts() -> None:
    assert scan(b".\r\n", [1]) == (b"", b"", True)


def test_one_octet_at_a_time_holds_back_four_at_most() -> None:
    scanner, wire, held = BodyScanner(), stuff(b"a\r\n.\r\n..b\r\n\r\n.\n\r\n"), 0
    for octet in wire:
        assert not scanner.done
        plain, behind = scanner.feed(bytes([octet]))
        held += 1 - len(plain)
        # Three dots were doubled.
        assert held <= 4 + 3 and behind == b""
    assert scanner.done


LINES = st.lists(st.sampled_from([b"", b".", b"..", b"a", b"a\rb", b".\rb", b"\0\xff"]))


@given(LINES, st.lists(st.integers(0, 60)))
def test_from_a_server_of_bare_line_feeds_each_becomes_crlf(
    lines: list[bytes], cuts: list[int]
) -> None:
    dotted = [b"." + line if line.startswith(b".") else line for line in lines]
    wire = b"".join(line + b"\n" for line in [*dotted, b"."])
    octets = b"".join(line + b"\r\n" for line in lines)
    assert scan(wire + b"+OK next\n", cuts, BareLfScanner) == (octets, b"+OK next\n", True)


def test_a_crlf_among_bare_line_feeds_stays_one() -> None:
    assert scan(b"a\r\nb\n.\r\n+OK", [2, 6, 7], BareLfScanner) == (b"a\r\nb\r\n", b"+OK", True)
