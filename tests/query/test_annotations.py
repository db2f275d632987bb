"""Which annotations GETMETADATA shows: depth and size (RFC 5464 §4.2)."""

from bridge.model.annotation import Annotation
from bridge.query.annotations import chosen

HELD = {
    entry.lower(): Annotation(entry, entry[-1:].encode() * size)
    for entry, size in (
        ("/private/filters/values/Small", 12),
        ("/private/filters/values/small/why", 1),
        ("/private/filters/values/boss", 20),
        ("/private/filters/valuesX", 2),
        ("/shared/comment", 0),
    )
}
VALUES = "/private/filters/values"


def names(*entries: str, depth: int | None) -> list[str]:
    return [name for name, _ in chosen(HELD, entries, depth=depth).values]


def test_depth_0_shows_what_is_asked_for_if_without_a_value() -> None:
    assert chosen(HELD, ["/Shared/Comment", VALUES]).values == (
        ("/Shared/Comment", b""),
        (VALUES, None),
    )


def test_depth_shows_what_is_below_in_its_own_spelling_and_nothing_beside() -> None:
    assert names(VALUES, depth=1) == [
        "/private/filters/values/boss",
        "/private/filters/values/Small",
    ]
    assert names(VALUES, depth=None) == [
        "/private/filters/values/boss",
        "/private/filters/values/Small",
        "/private/filters/values/small/why",
    ]
    assert names("/private/filters", depth=1) == ["/private/filters/valuesX"]
    assert len(names("/private", "/shared", VALUES, depth=None)) == len(HELD)
    assert names("/private/none", depth=None) == []


def test_longer_values_are_left_out_and_the_longest_is_told() -> None:
    entries = (VALUES, "/shared/comment")
    assert chosen(HELD, entries, depth=None, max_size=20).longest == 0
    found = chosen(HELD, entries, depth=None, max_size=1)
    assert found.longest == 20
    assert [name for name, _ in found.values] == [
        "/private/filters/values/small/why",
        "/shared/comment",
    ]
