from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.house import Browser, House, build


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = build(tmp_path)
    yield made
    made.owner.store.close()


@pytest.fixture
def browser(house: House) -> Browser:
    return Browser(house).sign_in()
