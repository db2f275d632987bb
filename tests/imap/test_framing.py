from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.imap.framing import (
    CommandLine,
    Event,
    Framer,
    LineTooLong,
    Literal,
    LiteralChunk,
    LiteralRequested,
    Streamed,
)

WIRE = st.lists(
    st.sampled_from(
        [b"a1 NOOP", b"\r\n", b"\n", b"{3}\r\n", b"~{2+}\r\n", b"{0}\r\n", b"xyz", b'"']
    )
).map(b"".join)


def run(wire: bytes, cuts: list[int], stream: bool = False, limit: int = 200) -> list[Event]:
    """All events, with chunks of one literal joined: how they are cut is up to the network."""
    framer = Framer(limit)
    events: list[Event] = []
    edges = sorted({min(cut, len(wire)) for cut in cuts} | {0, len(wire)})
    for start, end in pairwise(edges):
        framer.feed(wire[start:end])
        while (event := framer.next_event()) is not None:
            if isinstance(event, LiteralRequested):
                framer.accept_stream() if stream else framer.accept_memory()
            previous = events[-1] if events else None
            if (
                isinstance(event, LiteralChunk)
                and isinstance(previous, LiteralChunk)
                and not previous.last
            ):
                events.pop()
                event = LiteralChunk(previous.octets + event.octets, event.last)
            events.append(event)
    return events


@given(WIRE, st.lists(st.integers(0, 80)), st.booleans())
def test_any_chunking_gives_the_same_events(wire: bytes, cuts: list[int], stream: bool) -> None:
    whole, cut = run(wire, [], stream), run(wire, cuts, stream)
    if whole and isinstance(whole[-1], LiteralChunk) and not whole[-1].last:
        whole, cut = whole[:-1], cut[:-1]
    assert cut == whole


def test_literals_are_announced_with_what_came_before() -> None:
    assert run(b"a LOGIN {1}\r\nu {2+}\r\npw\r\nb NOOP\r\n", []) == [
        LiteralRequested(1, True, False, (b"a LOGIN ",)),
        LiteralRequested(2, False, False, (b"a LOGIN ", Literal(b"u"), b" ")),
        CommandLine((b"a LOGIN ", Literal(b"u"), b" ", Literal(b"pw"), b"")),
        CommandLine((b"b NOOP",)),
    ]


def test_a_streamed_literal_leaves_its_size() -> None:
    assert run(b"a APPEND x ~{3}\r\nabc\r\n", [18], stream=True)[1:] == [
        LiteralChunk(b"abc", last=True),
        CommandLine((b"a APPEND x ", Streamed(3, True), b"")),
    ]


def test_a_brace_inside_a_line_or_quotes_is_no_literal() -> None:
    assert run(b'a SEARCH SUBJECT "{5}"\r\n', []) == [CommandLine((b'a SEARCH SUBJECT "{5}"',))]


def test_a_rejected_command_never_comes_and_the_next_one_does() -> None:
    for wire in (
        b"a APPEND x {9999}\r\nb NOOP\r\n",
        b"a APPEND x {4+}\r\na\r\nb {3+}\r\nzzz\r\nb NOOP\r\n",
    ):
        framer = Framer()
        framer.feed(wire)
        assert isinstance(framer.next_event(), LiteralRequested)
        framer.reject()
        assert framer.next_event() == CommandLine((b"b NOOP",))


def test_a_long_line_is_told_once_and_passed_over() -> None:
    wire = b"a " + b"x" * 500 + b"\r\nb NOOP\r\n"
    expected = [LineTooLong(b"a " + b"x" * 98), CommandLine((b"b NOOP",))]
    assert run(wire, []) == run(wire, list(range(len(wire)))) == expected


@pytest.mark.parametrize("stop", [1, 2, 3, 100])
def test_what_goes_on_behind_a_long_line_is_no_command(stop: int) -> None:
    """The octets of a literal that doesn't wait come from mail: they must never be run."""
    evil = b"x DELETE Sent\r\n"
    long = b"a SEARCH TEXT " + b"x" * 300
    wire = long + b" {%d+}\r\n%b" % (len(evil), evil) + b" TEXT {0000000003+}\r\nb {\r\n"
    wire += b"b NOOP\r\n"
    expected = [LineTooLong(long[:100]), CommandLine((b"b NOOP",))]
    assert run(wire, list(range(0, len(wire), stop))) == expected


@given(WIRE, st.lists(st.integers(0, 80)))
def test_any_chunking_gives_the_same_events_over_the_limit(wire: bytes, cuts: list[int]) -> None:
    assert run(wire, cuts, limit=9) == run(wire, [], limit=9)


def test_a_size_with_too_many_digits_is_still_a_literal() -> None:
    framer = Framer()
    framer.feed(b"a X {%b+}\r\nb NOOP\r\n" % (b"9" * 5000))
    event = framer.next_event()
    assert isinstance(event, LiteralRequested) and event.size > 1 << 60
    framer.reject()
    assert framer.next_event() is None


def test_text_counts_over_all_the_lines_of_a_command() -> None:
    wire = (b"a " + b"y" * 150 + b" {1+}\r\nz") * 2 + b"\r\nb NOOP\r\n"
    assert LineTooLong(b"a " + b"y" * 98) in run(wire, [])
    assert run(wire, [])[-1] == CommandLine((b"b NOOP",))


def test_octets_behind_a_command_can_be_taken_away() -> None:
    framer = Framer()
    framer.feed(b"a STARTTLS\r\nb NOOP\r\n")
    assert framer.next_event() == CommandLine((b"a STARTTLS",))
    assert framer.take_buffer() == b"b NOOP\r\n"
    assert framer.next_event() is None
