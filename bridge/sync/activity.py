"""What the syncs did lately, kept in memory: results by account, and how far one is that runs."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bridge.model.account import AccountState, SyncStatus
from bridge.sync.runner import Progress, SyncResult

KEPT = 50
"""Syncs of an account that are remembered: four hours at the default interval."""

LEAST_S, LEAST_MESSAGES = 5.0, 20
"""What a rate is measured over at the least: less would be a guess."""

WINDOW_S = 60.0
"""Over how long a rate is measured: providers slow down and speed up."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A sync that ended at `at` (aware UTC)."""

    at: datetime
    result: SyncResult


@dataclass(frozen=True, slots=True)
class Running:
    """How far a sync is; `left_s` None while its rate isn't known yet."""

    to_fetch: int
    fetched: int
    octets: int
    left_s: float | None


@dataclass(slots=True)
class _Of:
    ended: "deque[Ended]" = field(default_factory=lambda: deque(maxlen=KEPT))
    told: "deque[tuple[datetime, Progress]]" = field(default_factory=deque)


class Activity:
    """Is told of each sync's progress and end; its memory goes with the process.

    Args:
        clock: aware UTC.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._accounts: dict[str, _Of] = {}

    def progressed(self, progress: Progress) -> None:
        """A sync that runs is so far."""
        now, told = self._clock(), self._of(progress.login).told
        if told and (progress.fetched < told[-1][1].fetched or now < told[-1][0]):
            told.clear()  # Another session, or a clock that was set back.
        # A second apart is enough for a rate, and bounds what is kept.
        if len(told) > 1 and (told[-1][0] - told[-2][0]).total_seconds() < 1:
            told.pop()
        told.append((now, progress))
        while len(told) > 2 and (now - told[1][0]).total_seconds() > WINDOW_S:
            told.popleft()

    def synced(self, result: SyncResult) -> None:
        """A sync ended."""
        account = self._of(result.login)
        account.told.clear()
        account.ended.append(Ended(self._clock(), result))

    def forget(self, logins: Sequence[str]) -> None:
        """Only these accounts are there now."""
        for gone in self._accounts.keys() - set(logins):
            del self._accounts[gone]

    def ended(self, login: str) -> tuple[Ended, ...]:
        """The account's last syncs, oldest first."""
        found = self._accounts.get(login)
        return () if found is None else tuple(found.ended)

    def as_told(self, login: str, status: SyncStatus) -> SyncStatus:
        """The stored status with the last sync's error where a full disk kept that out of it."""
        ended = self.ended(login)
        if not ended or ended[-1].result.error is None or status.error_code is not None:
            return status
        error, at = ended[-1].result.error, ended[-1].at
        if ended[-1].result.interrupted or (status.last_success and status.last_success > at):
            return status
        since = at
        for each in reversed(ended):
            if each.result.error is None or each.result.error.code != error.code:
                break
            since = each.at
        runs = status.last_attempt is not None and status.last_attempt > at
        return replace(
            status,
            state=status.state if runs else AccountState.RETRYING,
            error_code=error.code,
            error_text=error.text,
            error_remedy=error.remedy,
            error_since=since,
        )

    def running(self, login: str) -> Running | None:
        """How far the account's sync is; None where none has told yet."""
        found = self._accounts.get(login)
        if found is None or not found.told:
            return None
        (began, first), (_, last) = found.told[0], found.told[-1]
        took_s = (self._clock() - began).total_seconds()
        got = last.fetched - first.fetched
        left_s = None
        if took_s >= LEAST_S and got >= LEAST_MESSAGES:
            left_s = (last.to_fetch - last.fetched) * took_s / got
        return Running(last.to_fetch, last.fetched, last.octets, left_s)

    def _of(self, login: str) -> _Of:
        return self._accounts.setdefault(login, _Of())
