import pytest

from bridge import saslprep


@pytest.mark.parametrize(
    ("typed", "prepared"),
    [
        # RFC 4013 §3.
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        # Spaces, and a letter in two pieces.
        ("a\u00a0b\u2003c", "a b c"),
        ("e\u0301", "\u00e9"),
        # Unicode 3.2 didn't know it: a query may have it.
        ("\U0001f600", "\U0001f600"),
        ("\u0627\u0031\u0628", "\u0627\u0031\u0628"),
        ("", ""),
    ],
)
def test_prepared(typed: str, prepared: str) -> None:
    assert saslprep.prepare(typed) == prepared
    assert saslprep.prepare(prepared) == prepared


@pytest.mark.parametrize(
    "typed",
    ["\u0007", "\u0627\u0031", "\u0627a\u0628", "\ue000", "\ufdd0", "\ufffd", "\u200e", "\ud800"],
)
def test_prohibited(typed: str) -> None:
    with pytest.raises(ValueError, match=r"SASLprep|directions"):
        saslprep.prepare(typed)
