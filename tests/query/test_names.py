import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.query.names import matcher
from tests.effort import cheap


def slow(pattern: str, name: str) -> bool:
    """As RFC 9051 §6.3.9 says it, without thought for time."""
    if not pattern:
        return not name
    if pattern[0] in "*%":
        levels = len(name) if pattern[0] == "*" else len(name.partition("/")[0])
        return any(slow(pattern[1:], name[count:]) for count in range(levels + 1))
    return name[:1] == pattern[0] and slow(pattern[1:], name[1:])


@given(st.text("ab/*%", max_size=9), st.text("ab/", max_size=9))
def test_a_pattern_matches_what_the_rfc_says(pattern: str, name: str) -> None:
    assert matcher(pattern, 250)(name) is slow(pattern, name)


@pytest.mark.parametrize("pattern", ["*a" * 120 + "*b", "%a" * 120 + "b", "%a%*" * 60 + "b"])
def test_no_pattern_takes_long(pattern: str) -> None:
    # Trying every place for every wildcard takes longer than anyone lives.
    assert not cheap(2, lambda: matcher(pattern, 250)("a" * 250))


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("inbox", "INBOX", True),
        ("Inbox/%", "INBOX/a", True),
        ("inbox*", "INBOX/a/b", True),
        ("inboxes", "INBOXes", False),
        ("In*", "INBOX", False),
        ("a.c", "abc", False),
        ("x" * 251, "x" * 251, False),
        ("*" * 10_000, "a\nb", True),
    ],
)
def test_names(pattern: str, name: str, matches: bool) -> None:
    assert matcher(pattern, 250)(name) is matches
