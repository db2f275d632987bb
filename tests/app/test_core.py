"""What metrics are told of accounts, from the start and whenever accounts change."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.sync.retention import MIRROR_MANY
from tests.pop_server import PopServer
from tests.quirks.bridge import Bridge
from tests.quirks.servers import letters
from tests.reactor import run


@pytest.fixture
def bridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bridge]:
    made = Bridge(tmp_path / "data", monkeypatch)
    yield made
    made.close()


def states(bridge: Bridge) -> dict[str, float]:
    """How many accounts are in which state; none of those in which there is none."""
    prefix = 'popbridge_accounts{state="'
    lines = bridge.core.metrics.exposition().decode().splitlines()
    found = [line.removeprefix(prefix).split('"} ') for line in lines if line.startswith(prefix)]
    return {state: float(count) for state, count in found if float(count)}


def test_a_frozen_account_stays_one_when_another_is_added_and_after_a_restart(
    bridge: Bridge,
) -> None:
    with PopServer(letters(2)) as server:
        bridge.add(server)
        assert bridge.fetched() == 2
        while states(bridge) != {"ok": 1}:
            run(lambda: bridge.core.sleep(0.01))
        frozen = replace(bridge.profile(), frozen_since=bridge.now, frozen_reason=MIRROR_MANY)
        run(lambda: bridge.core.database.write(lambda tx: tx.save_profile(frozen)))
        bridge.add(server, login="bob")
        assert states(bridge) == {"frozen": 1, "new": 1}
        bridge.close()
        bridge.open()
        run(bridge.core.count_accounts)
        assert states(bridge) == {"frozen": 1, "new": 1}
