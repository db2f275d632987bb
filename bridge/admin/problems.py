"""What is wrong, as values that page, command line, /readyz and metrics tell alike. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.admin.doubtful import WORDS
from bridge.admin.frozen import frozen_form
from bridge.admin.times import time_form
from bridge.errors import (
    FrozenError,
    PoisonedMessageError,
    ServedCertificateError,
    StoreFullError,
)
from bridge.model.account import Account, SyncStatus
from bridge.model.policy import volume
from bridge.model.profile import Profile
from bridge.model.upstream import LedgerState
from bridge.store.doubtful import Doubtful

CERTIFICATE_SOON = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that is wrong: its code in docs/errors.md, since when, why and what to do."""

    code: str
    text: str
    since: datetime | None
    """Aware UTC; None where nobody can know."""
    remedy: str
    title: str = ""
    """A few words, for what concerns all accounts."""

    def form(self) -> dict[str, str | None]:
        """As `status --json` has it."""
        return {
            "code": self.code,
            "text": self.text,
            "since": time_form(self.since),
            "remedy": self.remedy,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerState:
    """A listener, by its URL; `problem` None while it accepts connections."""

    kind: str
    """One of `bridge.gauges.LISTENERS`."""
    url: str
    problem: Problem | None = None


def account_problems(
    account: Account, known: SyncStatus, profile: Profile, poisoned: Sequence[Doubtful]
) -> list[Problem]:
    """What is wrong with an account: why its sync fails, frozen deletes, what can't be fetched.

    Args:
        account, known, profile: as stored.
        poisoned: messages that can't be fetched, newest first.
    """
    found = []
    frozen = frozen_form(account, profile)
    if known.error_code is not None and known.error_code != FrozenError.code:
        found.append(
            Problem(
                code=known.error_code,
                text=known.error_text or "",
                since=known.error_since,
                remedy=known.error_remedy or "",
            )
        )
    if frozen is not None:
        found.append(
            Problem(
                code=FrozenError.code,
                text=str(frozen["cause"]),
                since=profile.frozen_since,
                remedy=str(frozen["remedy"]),
            )
        )
    if poisoned:
        found.append(_poisoned(poisoned))
    return found


def _poisoned(messages: Sequence[Doubtful]) -> Problem:
    count, first = len(messages), messages[-1]
    text, remedy = WORDS[LedgerState.POISONED]
    why = f" {first.reason}" if first.reason else ""
    return Problem(
        code=PoisonedMessageError.code,
        text=f"{count} message{'s' * (count != 1)} can't be fetched: {text}{why}",
        since=first.since,
        remedy=remedy,
    )


def daemon_problems(
    listeners: Iterable[ListenerState],
    unwritable: Problem | None,
    room: tuple[int, int] | None,
    certificate_ends: datetime | None,
    now: datetime,
) -> list[Problem]:
    """What is wrong with the whole installation, worst first.

    Args:
        listeners: of the daemon.
        unwritable: why the last write failed, if it did.
        room: octets that the disk has free, and that [store] reserve keeps; None if unknown.
        certificate_ends: when what mail apps are shown ends.
        now: aware UTC.
    """
    # A listener has several addresses and one problem.
    found = list(dict.fromkeys(one.problem for one in listeners if one.problem is not None))
    if unwritable is not None:
        found.append(unwritable)
    elif room is not None and room[0] < room[1]:
        found.append(
            Problem(
                title="The disk is full",
                code=StoreFullError.code,
                text=f"Only {volume(room[0])} are free, and [store] reserve keeps"
                f" {volume(room[1])}: no new mail is fetched. What is here can be read.",
                since=None,
                remedy="Free some space; fetching goes on by itself.",
            )
        )
    if certificate_ends is not None and certificate_ends - now < CERTIFICATE_SOON:
        word = "has expired" if certificate_ends <= now else "expires soon"
        found.append(
            Problem(
                title=f"The certificate {word}",
                code=ServedCertificateError.code,
                text=f"The certificate that mail apps see {word}: {time_form(certificate_ends)}.",
                since=certificate_ends if certificate_ends <= now else None,
                remedy="Renew the files of [tls]; they are loaded within an hour, or with SIGHUP.",
            )
        )
    return found
