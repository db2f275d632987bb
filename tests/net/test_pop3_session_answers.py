"""What passes for the next answer within a message is found as one pattern alone finds it."""

from hypothesis import given
from hypothesis import strategies as st

from bridge.net import pop3_session

PIECES = st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"+OK", b"-ERR", b"x", b"+O", b".\r\n+OK"])


@given(st.lists(PIECES, max_size=12).map(b"".join))
def test_looking_for_the_answers_first_changes_nothing(octets: bytes) -> None:
    found = pop3_session._answer_inside(octets)
    expected = pop3_session._ANSWER_INSIDE.search(octets)
    assert (found and found.span()) == (expected and expected.span())
