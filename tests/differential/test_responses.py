import pytest

from tests.differential.queries import combinations, command, queries
from tests.differential.responses import Malformed, complete, parse
from tests.differential.structure import places

TEXT = b'("TEXT" "PLAIN" NIL NIL NIL "7BIT" 5 1)'


def test_fetch_and_search_are_read() -> None:
    octets = (
        b'* 2 FETCH (UID 7 BODY[1.HEADER.FIELDS ("To" FROM)]<3> {5}\r\na)\r\nb FLAGS (\\Seen)'
        b' ENVELOPE (NIL "q\\"\\\\" ("NIL" ())))\r\n* SEARCH 3 1\r\n* 9 EXISTS\r\nx OK done\r\n'
    )
    answer = parse(octets, b"x")
    assert answer.ok
    assert answer.found == frozenset((1, 3))
    assert answer.items[2] == {
        "UID": 7,
        "BODY[1.HEADER.FIELDS (TO FROM)]<3>": b"a)\r\nb",
        "FLAGS": ("\\Seen",),
        "ENVELOPE": (None, b'q"\\', (b"NIL", ())),
    }


@pytest.mark.parametrize(
    "items", [b"UID 7", b'X "a\rb")', b'X "\xff")', b"X (1", b"X {9}\r\nshort)", b"X 1  Y 2)"]
)
def test_what_is_no_response_is_refused(items: bytes) -> None:
    with pytest.raises((Malformed, ValueError)):
        parse(b"* 1 FETCH (" + items + b"\r\nx OK\r\n", b"x")


def test_literals_are_stepped_over_to_find_the_end() -> None:
    octets = b"* 1 FETCH (X {6}\r\nx OK\r\n)\r\n"
    assert complete(octets, 0, b"x") == (False, len(octets))
    assert complete(octets + b"x OK\r\n", 0, b"x")[0]
    assert complete(octets[:20], 0, b"x") == (False, 0)


def test_a_structure_is_known_by_its_places() -> None:
    nothing = b" ".join([b"NIL"] * 10)
    inner = b'(%b%b "mixed")' % (TEXT, TEXT)
    message = b'("message" "rfc822" NIL NIL NIL "7BIT" 9 (%b) %b 4)' % (nothing, inner)
    octets = b'* 1 FETCH (BODY (%b%b "mixed"))\r\nx OK\r\n' % (TEXT, message)
    body = parse(octets, b"x").items[1]["BODY"]
    found = places(body)
    assert set(found) == {"", "1", "2", "2.", "2.1", "2.2"}
    assert found["1"]["type"] == (b"text", b"plain")
    assert found["1"]["parameters"] == ((b"charset", b"us-ascii"),)
    assert found[""]["parts"] == 2


def test_strings_beyond_ascii_go_as_literals() -> None:
    assert command('BODY "x"') == b'SEARCH BODY "x"'
    expected = 'SEARCH CHARSET UTF-8 BODY {3}\r\n€ TO "a"'.encode().replace(b"{3}", b"{3+}")
    assert command('BODY "€" TO "a"') == expected


def test_queries_are_the_same_each_time() -> None:
    assert len(set(queries())) == len(queries()) >= 200
    assert [one.key for one in combinations()] == [one.key for one in combinations()]
