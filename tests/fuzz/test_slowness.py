"""No reader takes more than in proportion for a token that comes again and again."""

import pytest

from tests.effort import cheap
from tests.fuzz.slowness import QUICK, READERS, Effort, Growth, Reader, slow_growth

CHEAP = {name: reader for name, reader in READERS.items() if not name.startswith("charset")}


@pytest.mark.parametrize("name", sorted(CHEAP))
def test_repeated_tokens_cost_in_proportion(name: str) -> None:
    found = [slow_growth(CHEAP[name], token, QUICK) for token in CHEAP[name].tokens]
    assert [one for one in found if one is not None] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(READERS.keys() - CHEAP.keys()))
def test_charsets_cost_in_proportion(name: str) -> None:
    found = [slow_growth(READERS[name], token, QUICK) for token in READERS[name].tokens]
    assert [one for one in found if one is not None] == []


def test_a_quadratic_reader_is_found() -> None:
    def read(octets: bytes) -> None:
        for octet in octets:
            assert octet * len(octets) == sum(octet for _ in octets)

    found = slow_growth(Reader(read, ()), b"x", QUICK)
    assert isinstance(found, Growth)
    assert found.ratio >= 3


def test_a_linear_reader_is_not() -> None:
    def read(octets: bytes) -> None:
        for octet in octets:
            assert octet

    assert cheap(5, lambda: slow_growth(Reader(read, ()), b"x", Effort(0.004, 1 << 18))) is None
