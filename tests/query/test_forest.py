"""A forest beside one that walks up all the way."""

import random

import pytest

from bridge.query import forest
from bridge.query.forest import NONE, Forest
from tests.effort import cheap


class Slow:
    """The same, word for word."""

    def __init__(self) -> None:
        self.parents: list[int] = []

    def link(self, root: int, above: int) -> None:
        at = above
        while at not in (NONE, root):
            at = self.parents[at]
        if at == NONE:
            self.parents[root] = above


@pytest.mark.parametrize("near", [0, 1, 3, 64])
def test_no_link_makes_a_loop(near: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forest, "NEAR", near)
    for seed in range(200):
        chance = random.Random(seed)
        quick, slow = Forest(), Slow()
        for _ in range(150):
            if len(slow.parents) < 2 or chance.random() < 0.1:
                quick.add()
                slow.parents.append(NONE)
                continue
            node, other = chance.randrange(len(slow.parents)), chance.randrange(len(slow.parents))
            if slow.parents[node] == NONE:
                quick.link(node, other)
                slow.link(node, other)
            elif chance.random() < 0.3:
                quick.cut(node)
                slow.parents[node] = NONE
            assert quick.parents == slow.parents, seed


def test_who_means_ill_gains_little() -> None:
    """A long chain, to whose end parts of another long chain are moved one after another."""
    count = 5000

    def build() -> None:
        made = Forest()
        for _ in range(2 * count):
            made.add()
        for node in range(1, count):
            made.link(node, node - 1)
            made.link(count + node, count + node - 1)
        for node in range(count, 2 * count - 1):
            if made.parents[node] != NONE:
                made.cut(node)
            made.link(node, count - 1)

    cheap(1.5, build)
