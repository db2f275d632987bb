"""Ten seconds of `make soak`, so that it can't rot; what is flat shows in ten minutes only."""

from pathlib import Path

import pytest

from tests.soak.line import slope
from tests.soak.soak import MIB, Plan, run

GROWTH_OCTETS = 16 * MIB


def test_a_slope_and_its_noise() -> None:
    rising = slope([(at, 100 + 2 * at) for at in range(48)])
    assert rising.value == pytest.approx(2) and rising.noise == pytest.approx(0, abs=1e-9)
    flat = slope([(at, 100 + at % 2) for at in range(48)])
    assert abs(flat.value) <= flat.noise + 1e-9


@pytest.mark.slow
@pytest.mark.e2e
def test_sixty_devices_for_a_few_seconds(tmp_path: Path) -> None:
    plan = Plan(
        seconds=4,
        sessions=60,
        accounts=12,
        interval_s=1,
        deliver_every_s=0.2,
        settle_s=1,
        old_messages=5,
    )
    found = run(plan, tmp_path, lambda line: None)
    told = "\n".join([*found.lines(), found.logged])
    assert found.seen["missed"] == found.seen["hung_up"] == 0, told
    assert found.seen["sessions"] == 60 and found.seen["told"] >= 5 * 5, told
    assert found.grown < GROWTH_OCTETS, told
    assert found.samples[-1].descriptors <= found.descriptors[0] + 40, told
    assert found.after['popbridge_upstream_syncs_total{result="failed"}'] == 0, told
    assert found.after["popbridge_unhandled_errors_total"] == 0, told
    assert len(found.noops) > 10, told
