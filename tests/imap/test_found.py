"""The numbers of an answer, whatever they are."""

from collections.abc import Sequence
from random import Random

import pytest

from bridge.imap.found import KEPT_NUMBERS, numbers_data


@pytest.mark.parametrize(
    "numbers",
    [
        (),
        range(1, 1),
        range(1, 12),
        range(11, 0, -1),
        range(2, 100, 7),
        (3, 1, 2),
        range(KEPT_NUMBERS - 5, KEPT_NUMBERS),
        range(KEPT_NUMBERS - 5, KEPT_NUMBERS + 5),
        (1, 4_294_967_295),
        Random(1).sample(range(1, 50_000), 3000),
        Random(2).sample(range(1, 900), 300),
    ],
)
def test_every_number_is_written(numbers: Sequence[int]) -> None:
    said = " ".join(["* SEARCH", *map(str, numbers)])
    assert numbers_data(b"SEARCH", numbers) == said.encode("ascii") + b"\r\n"


def test_a_modseq_stands_behind_them() -> None:
    assert numbers_data(b"SEARCH", (4,), 917) == b"* SEARCH 4 (MODSEQ 917)\r\n"
