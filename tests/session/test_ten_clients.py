"""Ten clients with random commands on one mailbox; `make hammer` runs them as long as wanted."""

from pathlib import Path
from random import Random

import pytest

from tests.session.hammer.drive import Crowd
from tests.session.hammer.memory import MemoryWorld
from tests.session.hammer.sockets import SocketWorld


@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 8))]
)
def test_ten_clients_agree(tmp_path: Path, seed: int) -> None:
    chance = Random(seed)
    world = MemoryWorld(tmp_path, chance)
    crowd = Crowd(world, chance)
    for _ in range(3):
        crowd.round()
    world.close()


@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_ten_clients_agree_on_a_real_daemon(tmp_path: Path) -> None:
    chance = Random(1)
    world = SocketWorld(tmp_path, chance)
    try:
        crowd = Crowd(world, chance)
        for _ in range(2):
            crowd.round()
    finally:
        world.close()
