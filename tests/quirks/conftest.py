from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.quirks.bridge import Bridge


@pytest.fixture
def bridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bridge]:
    """Nothing of it is left behind, and nothing in it failed unseen."""
    made = Bridge(tmp_path / "data", monkeypatch)
    yield made
    made.close()
