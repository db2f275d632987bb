"""When a suspect is retrieved again. Pure."""

from datetime import datetime, timedelta

from bridge.model.upstream import Known

WAITS = (timedelta(), timedelta(hours=1), timedelta(days=1), timedelta(days=7))
"""Between the first look, at the end of the session that retrieved it, and the second, and so on.
The second is the next session's, whenever that is."""

LOOKS = len(WAITS) + 1
"""After as many that didn't confirm it a suspect is odd."""

SHORT = "short"
"""The reason to suspect a message that is less than half its LIST size."""

MAX_SHORT = 20
"""Messages looked at again in one session for their LIST size alone: a provider whose sizes are
all wrong is found out before everything is retrieved twice."""

WRONG_SIZES = 20
"""A provider whose sizes were wrong so often is no longer judged by size."""


def next_look(rechecks: int, now: datetime) -> datetime | None:
    """When a suspect that was looked at `rechecks` times is next; None for the next session."""
    wait = WAITS[min(rechecks, len(WAITS)) - 1] if rechecks else timedelta()
    return now + wait if wait else None


def is_due(row: Known, now: datetime | None) -> bool:
    """Whether a suspect may be retrieved; a time beyond every wait shows a clock set back."""
    if row.retry_at is None or now is None:
        return True
    return row.retry_at <= now or row.retry_at > now + WAITS[-1]
