"""Each quirk and each fault has a test of its own."""

import re
from pathlib import Path

import pytest

from tests.quirks.servers import QUIRKS

COUNT = 42


@pytest.mark.parametrize("what", ["quirk", "fault"])
def test_every_number_has_a_named_test(what: str) -> None:
    found = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        found |= set(re.findall(rf"^def test_{what}_(\d\d)_\w+\(", path.read_text(), re.MULTILINE))
    assert sorted(map(int, found)) == list(range(1, COUNT + 1))


def test_every_quirk_has_a_server() -> None:
    assert sorted(QUIRKS) == list(range(1, COUNT + 1))
