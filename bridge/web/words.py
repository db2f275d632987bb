"""What operations and memory tell, as the page says it: states, times, sizes. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bridge.model.policy import period, volume
from bridge.sync.activity import KEPT, Ended, Running

_STATES = {
    "new": ("Not checked yet", "idle"),
    "first_sync": ("Fetching for the first time", "busy"),
    "syncing": ("Checking", "busy"),
    "ok": ("All fine", "good"),
    "retrying": ("Failed, tries again", "warn"),
    "needs_password": ("Needs a password", "bad"),
    "paused": ("Paused", "idle"),
    "frozen": ("Deleting is frozen", "warn"),
}
SYMBOLS = {"good": "✓", "busy": "↻", "warn": "!", "bad": "✕", "idle": "‖"}
"""A shape of its own for each colour."""

_DOUBTS = {
    "poisoned": "can't be fetched and stays at the provider",
    "too_large": "too large, so it stays at the provider",
    "odd": "odd: held here, and never deleted at the provider",
    "suspect": "suspect: held, and fetched again to be sure",
}
_ORDER = ("bad", "warn", "busy", "idle", "good")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that is wrong, as `bridge.admin.problems.Problem.form` tells it."""

    code: str
    text: str
    since: str | None
    remedy: str


def problem(form: Mapping[str, Any]) -> Problem:
    """As an operation tells it."""
    return Problem(
        code=form["code"], text=form["text"], since=form["since"], remedy=form["remedy"] or ""
    )


@dataclass(frozen=True, slots=True)
class Bar:
    """A sync in the strip: x in a picture, and whether it failed."""

    x: int
    ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An account as the overview shows it."""

    login: str
    state: str
    words: str
    tone: str
    symbol: str
    checked: str | None
    next: str | None
    policy: str
    messages: int
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    running: Running | None
    left: str
    bars: tuple[Bar, ...]
    strip: str
    here: int
    upstream: int | None

    @property
    def order(self) -> tuple[int, str]:
        """What needs somebody comes first."""
        return _ORDER.index(self.tone), self.login


def row(
    one: Mapping[str, Any],
    ended: Sequence[Ended],
    running: Running | None,
    storage: Mapping[str, Any],
) -> Row:
    """A row of what `status` says of an account, and of what is remembered of its syncs.

    Args:
        one: of `status`' accounts.
        ended, running: of the activity.
        storage: octets `here` and `upstream`.
    """
    state = one["state"]
    if running is not None and state in ("ok", "retrying", "new", "frozen"):
        state = "syncing"
    words, tone = _STATES[state]
    problems = tuple(map(problem, one["problems"]))
    if problems and tone in ("good", "busy") and state != "first_sync":
        # What is wrong is what counts: a sync goes well though a message can't be fetched.
        tone = "warn"
        words = "Needs a look" if state == "ok" else words
    failed = sum(each.result.error is not None for each in ended)
    return Row(
        login=one["login"],
        state=state,
        words=words,
        tone=tone,
        symbol=SYMBOLS[tone],
        checked=one["last_success"],
        next=None if state == "paused" else one["next_attempt"],
        policy=one["policy"],
        messages=one["messages"],
        problems=problems,
        notes=tuple(_notes(one)),
        running=running,
        left=time_left(running),
        bars=_bars(ended),
        strip=f"Last {len(ended)} syncs: {failed} failed" if ended else "No sync yet",
        here=int(storage.get("here") or 0),
        upstream=storage.get("upstream"),
    )


def _notes(one: Mapping[str, Any]) -> list[str]:
    upstream, notes = one["upstream"], []
    for name, words in _DOUBTS.items():
        if name != "poisoned" and upstream[name]:
            notes.append(f"{upstream[name]} {words}")
    if upstream["delete_due"]:
        notes.append(f"{upstream['delete_due']} to be deleted at the provider")
    return notes


def _bars(ended: Sequence[Ended]) -> tuple[Bar, ...]:
    first = KEPT - len(ended)
    return tuple(Bar(4 * (first + n), one.result.error is None) for n, one in enumerate(ended))


def time_left(running: Running | None) -> str:
    """How long a sync will go on, coarsely; "" while nobody can know."""
    if running is None or running.left_s is None:
        return ""
    if running.left_s < 60:
        return "less than a minute left"
    minutes = round(running.left_s / 60)
    return f"about {minutes} min left" if minutes < 90 else f"about {round(minutes / 60)} h left"


def ago(text: str | None, now: datetime) -> str:
    """A time as people say it: "3 minutes ago", "in 2 minutes", "never"."""
    if text is None:
        return "never"
    seconds = (now - datetime.fromisoformat(text)).total_seconds()
    if abs(seconds) < 10:
        return "now"
    return f"{period(seconds)} ago" if seconds > 0 else f"in {period(-seconds)}"


def size(octets: int | None) -> str:
    """An amount of mail, or "unknown"."""
    return "unknown" if octets is None else volume(octets)


def summary(rows: Sequence[Row]) -> str:
    """All accounts in a sentence."""
    count = len(rows)
    wrong = sum(one.tone in ("bad", "warn") for one in rows)
    if not count:
        return "There is no account yet."
    accounts = f"{count} account{'s' * (count != 1)}"
    if not wrong:
        return f"{accounts}, all fine."
    return f"{accounts}, {wrong} need{'s' * (wrong == 1)} attention."
