from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sync.bench import Bench
from tests.sync.fakes import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "popbridge.db")
    yield made
    made.close()


@pytest.fixture
def bench(world: World) -> Iterator[Bench]:
    made = Bench(world)
    yield made
    made.service.stop()
