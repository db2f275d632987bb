"""When an account is polled next: a pure function of how the last polls went."""

from datetime import datetime, timedelta

BACK_OFF_S = (60, 120, 300, 600, 1800)
"""After the 1st, 2nd, ... failure in a row; a stale upstream lock goes within 30 minutes."""

WRONG_PASSWORD_S = (15 * 60, 3600, 6 * 3600, 24 * 3600)
"""A rejected password is tried rarely: providers lock accounts, and throttle by rejecting."""

JITTER = 0.1
"""Up to this share is added, so that accounts of one provider don't poll in step."""


def next_attempt(
    now: datetime, interval_s: int, *, failures: int, auth_failures: int, jitter: float
) -> datetime:
    """The time of the next poll.

    Args:
        now: aware UTC, the end of the last poll.
        interval_s: seconds between polls that succeed.
        failures: polls that failed in a row for any reason.
        auth_failures: those of them, the last ones, that ended in a rejected password.
        jitter: in [0, 1), drawn by the caller.
    """
    if auth_failures:
        wait = WRONG_PASSWORD_S[min(auth_failures, len(WRONG_PASSWORD_S)) - 1]
    elif failures:
        wait = max(interval_s, BACK_OFF_S[min(failures, len(BACK_OFF_S)) - 1])
    else:
        wait = interval_s
    return now + timedelta(seconds=wait * (1 + JITTER * jitter))
