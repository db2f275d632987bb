from hypothesis import given
from hypothesis import strategies as st

from bridge.model.numset import STAR, NumSet, compact


def test_star_reads_as_the_largest_and_ends_come_in_any_order() -> None:
    assert NumSet(((5, STAR),)).resolve(3) == ((3, 5),)
    assert NumSet(((STAR, STAR),)).resolve(7) == ((7, 7),)
    assert NumSet(((4, 2), (1, 1), (9, 9))).resolve(9) == ((1, 4), (9, 9))


@given(st.sets(st.integers(1, 500)))
def test_a_set_of_numbers_resolves_to_exactly_them(numbers: set[int]) -> None:
    ranges = NumSet.of(numbers).resolve(500)
    assert [n for low, high in ranges for n in range(low, high + 1)] == sorted(numbers)
    assert list(ranges) == list(compact(sorted(numbers)))
