"""All forty: none is forgotten, none counted twice by another number."""

import re
from pathlib import Path

BUGS = frozenset(range(1, 41))


def test_every_bug_has_a_test() -> None:
    text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    named = {int(number) for number in re.findall(r"^def test_r(\d\d)_", text, re.MULTILINE)}
    assert named == BUGS, sorted(named ^ BUGS)
