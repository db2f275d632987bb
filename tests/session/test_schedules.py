"""No order of looks, commits, hints and answers hides a change, or takes one back.

`make hammer WORLDS=orders` tries every order of the scenes of two, and as many as there is time for
of the others.
"""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.imap_harness import Server
from tests.session.scenes import CROWDS, SCENES
from tests.session.schedules import Scene, every, some

TIMES = 25


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("name", SCENES | CROWDS)
def test_in_some_orders(server: Server, name: str) -> None:
    scene = Scene(server, (SCENES | CROWDS)[name])
    some(scene.run, Random(name), TIMES)


def test_in_every_order(server: Server) -> None:
    assert every(Scene(server, SCENES["without modseqs"]).run) > TIMES
