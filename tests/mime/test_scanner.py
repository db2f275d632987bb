from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mime import scanner
from bridge.mime.scanner import MAX_DEPTH, MAX_PARTS, Scanner
from bridge.mime.tree import Node
from tests.effort import cheap

NESTED = (
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n"
    b"--b\r\n\r\none\r\n"
    b'--b\r\nContent-Type: multipart/alternative;\r\n boundary="b1"\r\n\r\n'
    b"--b1\r\nContent-Type: text/html\r\n\r\n<p>two\r\n--b1--\r\nepilogue\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nthree\r\n"
    b"--b--\r\nend\r\n"
)


def scan(octets: bytes, *cuts: int) -> Node:
    taken = Scanner()
    edges = [0, *sorted(cuts), len(octets)]
    for start, end in pairwise(edges):
        taken.feed(octets[start:end])
    return taken.finish()


def bodies(node: Node, octets: bytes) -> list[bytes]:
    if node.children:
        return [body for child in node.children for body in bodies(child, octets)]
    return [octets[node.header_end : node.end]]


def test_parts_end_before_the_line_end_of_their_delimiter() -> None:
    root = scan(NESTED)
    assert bodies(root, NESTED) == [b"one", b"<p>two", b"three"]
    assert root.children[2].embeds
    assert root.children[2].children[0].header == b"Subject: in\r\n\r\n"
    assert root.children[1].children[0].text == b"<p>two"


SOUP = st.lists(
    st.sampled_from(
        [
            b"--b",
            b"--b1",
            b"--",
            b"\r\n",
            b"\n",
            b"\r",
            b"-",
            b"x: y",
            b" ",
            b"text",
            NESTED[:45],
            b"Content-Type: message/rfc822\r\n",
            b"Content-Type: multipart/digest; boundary=b1\r\n",
        ]
    ),
    max_size=40,
).map(b"".join)


@given(st.one_of(SOUP, st.just(NESTED)), st.lists(st.integers(0, 500), max_size=8))
def test_any_chunking_gives_the_same_tree(octets: bytes, cuts: list[int]) -> None:
    assert scan(octets, *(min(cut, len(octets)) for cut in cuts)) == scan(octets)
    assert scan(octets, *range(len(octets))) == scan(octets)


@given(st.one_of(SOUP, st.binary(max_size=300)))
def test_parts_lie_inside_their_parents(octets: bytes) -> None:
    def check(node: Node, start: int, end: int) -> None:
        assert start <= node.start <= node.header_end <= node.end <= end
        for child in node.children:
            check(child, node.header_end, node.end)

    check(scan(octets), 0, len(octets))


def test_depth_and_parts_are_bounded() -> None:
    deep = b"Content-Type: message/rfc822\r\n\r\n" * 5000
    node, depth = scan(deep), 1
    while node.children:
        node, depth = node.children[0], depth + 1
    assert depth == MAX_DEPTH
    many = NESTED[:45] + b"--b\r\n\r\nx\r\n" * (MAX_PARTS * 2)
    assert len(scan(many).children) == MAX_PARTS - 1


def test_a_delimiter_takes_the_line_end_of_a_header_too() -> None:
    """RFC 2046 §5.1.1: the CRLF before a delimiter is the delimiter's."""
    octets = NESTED[:45] + b"--b\r\n\r\n--b\r\nX: y\r\n--b\r\nX: y\r\n\r\n--b\r\n--b--\r\n"
    parts = scan(octets).children
    assert [part.header for part in parts] == [b"", b"X: y", b"X: y\r\n", b""]
    assert [octets[part.start : part.end] for part in parts] == [p.header for p in parts]


@pytest.mark.parametrize("inner", [b"", b"preamble\r\n", b"--x\r\n--b--\r\nepilogue", b"--b"])
def test_a_multipart_without_parts_is_text(inner: bytes) -> None:
    octets = NESTED[:45] + inner
    root = scan(octets)
    assert (root.content_type.word, root.multipart) == (b"text/plain", False)
    assert bodies(root, octets) == [inner]
    assert root.text in (inner, inner.replace(b"--b--\r\n", b""), b"")


def test_a_preamble_is_no_text() -> None:
    assert scan(NESTED).text == b""


def test_an_encoded_message_has_its_octets_for_a_text() -> None:
    octets = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nQTog\r\n"
    (inner,) = scan(octets).children
    assert (inner.content_type.word, inner.encoding) == (b"text/plain", b"base64")
    assert inner.text == b"QTog\r\n"
    assert octets[inner.header_end : inner.end] == b"QTog\r\n"


def test_lines_that_look_like_delimiters_cost_little() -> None:
    octets = NESTED[:45] + b"--b\r\n\r\n" + b"--x\r\n" * 200_000 + b"--b--\r\n"
    # 2.7 us a line where each is looked at by itself, 0.3 us so.
    (part,) = cheap(0.45, lambda: scan(octets)).children
    assert part.lines == 199_999


def test_headers_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanner, "MAX_HEADERS_OCTETS", 100)
    octets = NESTED[:45] + b"--b\r\nX: yyyyyyyyyyyyyyyy\r\n\r\ntext\r\n" * 20
    root = scan(octets)
    assert sum(len(part.header) for part in root.children) == 100 - 45
    assert bodies(root, octets)[:-1] == [b"text"] * 19


def test_a_header_that_runs_into_a_delimiter_ends_there() -> None:
    octets = NESTED[:45] + b"--b\r\nContent-Type: text/html\r\n--b\r\n\r\nx\r\n--b--\r\n"
    root = scan(octets)
    assert bodies(root, octets) == [b"", b"x"]
    assert root.children[0].content_type.word == b"text/html"
