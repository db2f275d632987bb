"""What an account's sync status becomes: pure functions of the old one and of how a poll went."""

from dataclasses import replace
from datetime import datetime

from bridge.errors import BridgeError, FrozenError, RejectedPasswordError
from bridge.model.account import AccountState, SyncStatus
from bridge.model.profile import Profile
from bridge.sync.freeze import words

NEEDS_PASSWORD = "BR-AUTH-"
"""What the codes of errors begin with that only the account's owner can mend."""

THROTTLED = (
    "It worked before, and some providers refuse a right password to those who log in too often,"
    " so it is tried once more, later. If it was changed, `popbridge account set` takes the new"
    " one."
)
"""What is said of the first refusal of a password that has worked."""


def begun(status: SyncStatus, now: datetime) -> SyncStatus:
    """The status while a poll runs; an error stays until a poll succeeds."""
    state = AccountState.FIRST_SYNC if status.last_success is None else AccountState.SYNCING
    return replace(status, state=state, last_attempt=now)


def ended(
    status: SyncStatus,
    now: datetime,
    error: BridgeError | None,
    *,
    listed: int | None,
    pending: int,
) -> SyncStatus:
    """The status after a poll.

    Args:
        status: as it was while the poll ran.
        now: aware UTC, the end of the poll.
        error: why it failed, if it did.
        listed: messages in the listing; None if there was none, which keeps the last counts.
        pending: of those that were to be retrieved, how many aren't held.
    """
    failures, auth_failures = count_failures(status.failures, status.auth_failures, error)
    status = replace(status, failures=failures, auth_failures=auth_failures)
    if listed is not None:
        status = replace(status, listed=listed, pending=pending)
    if error is None:
        return replace(
            status,
            state=AccountState.OK,
            last_success=now,
            error_code=None,
            error_text=None,
            error_remedy=None,
            error_since=None,
        )
    throttled = auth_failures == 1 and status.last_success is not None
    return replace(
        status,
        state=AccountState.RETRYING if throttled else _failed(auth_failures, error.code),
        error_code=error.code,
        error_text=error.text,
        error_remedy=THROTTLED if throttled else error.remedy,
        error_since=status.error_since if error.code == status.error_code else now,
    )


def frozen(status: SyncStatus, profile: Profile) -> SyncStatus:
    """The status with why nothing is deleted upstream, unless something worse is told."""
    told = None if profile.frozen_reason is None else words(profile.frozen_reason)
    if told is None or profile.frozen_since is None or status.state is not AccountState.OK:
        return status
    return replace(
        status,
        state=AccountState.FROZEN,
        error_code=FrozenError.code,
        error_text=told[0],
        error_remedy=told[1],
        error_since=profile.frozen_since,
    )


def broken_off(status: SyncStatus) -> SyncStatus:
    """The status after a poll that was ended from here: as if it had not begun."""
    if status.error_code == FrozenError.code:
        return replace(status, state=AccountState.FROZEN)
    if status.error_code is not None:
        throttled = status.error_remedy == THROTTLED
        failed = _failed(status.auth_failures, status.error_code)
        return replace(status, state=AccountState.RETRYING if throttled else failed)
    state = AccountState.NEW if status.last_success is None else AccountState.OK
    return replace(status, state=state)


def count_failures(failures: int, auth_failures: int, error: BridgeError | None) -> tuple[int, int]:
    """(polls in a row that failed, those of them at the end that met a rejected password)."""
    if error is None:
        return 0, 0
    return failures + 1, auth_failures + 1 if isinstance(error, RejectedPasswordError) else 0


def _failed(auth_failures: int, code: str) -> AccountState:
    needs_it = auth_failures or code.startswith(NEEDS_PASSWORD)
    return AccountState.NEEDS_PASSWORD if needs_it else AccountState.RETRYING
