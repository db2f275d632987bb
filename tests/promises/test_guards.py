"""The table of guards is as the code is; `make mutations` tries them."""

from collections import Counter
from pathlib import Path

import pytest

from tests.promises.guards import GUARDS, Guard

ROOT = Path(__file__).parent.parent.parent


def test_every_promise_has_guards() -> None:
    promised = Counter(guard.promise for guard in GUARDS)
    assert sorted(promised) == list(range(1, 11)) and min(promised.values()) >= 2
    assert len({guard.name for guard in GUARDS}) == len(GUARDS) >= 50


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_each_guard_stands_in_the_code_once(guard: Guard) -> None:
    """The code has changed: give the guard its new text, and try it with `make mutations`."""
    text = (ROOT / guard.file).read_text(encoding="utf-8")
    assert text.count(guard.text) == 1, f"{guard.file} has it {text.count(guard.text)} times"
    assert guard.text != guard.instead
    assert guard.tests
    for test in guard.tests:
        file, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), test
