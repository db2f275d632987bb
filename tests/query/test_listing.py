"""Which names LIST shows: example 9 of RFC 5258 §5 and the table of its §3.5."""

import pytest

from bridge.query.listing import Listed, listed
from bridge.query.names import matcher

SUBSCRIBED = [
    "foo2/bar1",
    "foo2/bar2",
    "baz2/bar2",
    "baz2/bar22",
    "baz2/bar222",
    "eps2",
    "eps2/mamba",
    "qux2/bar2",
]


def shown(names: list[str], pattern: str, *, recursive: bool = True) -> list[Listed]:
    return list(listed(names, matcher(pattern, 250), recursive=recursive))


def test_example_9_of_rfc_5258() -> None:
    assert shown(SUBSCRIBED, "*2") == [
        Listed("baz2/bar2", meets=True, childinfo=False),
        Listed("baz2/bar22", meets=True, childinfo=False),
        Listed("baz2/bar222", meets=True, childinfo=False),
        Listed("eps2", meets=True, childinfo=True),
        Listed("foo2", meets=False, childinfo=True),
        Listed("foo2/bar2", meets=True, childinfo=False),
        Listed("qux2/bar2", meets=True, childinfo=False),
    ]


def test_without_recursivematch_nothing_is_said_of_children() -> None:
    assert shown(SUBSCRIBED, "%", recursive=False) == [Listed("eps2", meets=True, childinfo=False)]


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        ([], []),
        (["a"], [Listed("a", meets=True, childinfo=False)]),
        (["a/b/c"], [Listed("a", meets=False, childinfo=True)]),
        (["a", "a/b"], [Listed("a", meets=True, childinfo=True)]),
    ],
)
def test_the_table_of_section_3_5(names: list[str], wanted: list[Listed]) -> None:
    assert shown(names, "%") == wanted
