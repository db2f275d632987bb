from datetime import UTC, datetime, timedelta

import pytest

from bridge.sync.schedule import next_attempt

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("failures", "auth_failures", "wait_s"),
    [
        (0, 0, 300),
        (1, 0, 300),
        (4, 0, 600),
        (5, 0, 1800),
        (99, 0, 1800),
        (1, 1, 15 * 60),
        (2, 2, 3600),
        (3, 3, 6 * 3600),
        (4, 4, 24 * 3600),
        (9, 9, 24 * 3600),
    ],
)
def test_waits_grow_and_a_wrong_password_is_tried_rarely(
    failures: int, auth_failures: int, wait_s: int
) -> None:
    due = next_attempt(NOW, 300, failures=failures, auth_failures=auth_failures, jitter=0)
    assert due - NOW == timedelta(seconds=wait_s)


def test_jitter_adds_at_most_a_tenth() -> None:
    due = next_attempt(NOW, 300, failures=0, auth_failures=0, jitter=0.999)
    assert timedelta(seconds=329) < due - NOW < timedelta(seconds=330)
