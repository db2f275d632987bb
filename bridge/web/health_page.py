"""What the Health page tells, what of it is wrong, and the support bundle. Pure."""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bridge.admin import problems as admin_problems
from bridge.admin.problems import ListenerState
from bridge.admin.times import time_form
from bridge.model.policy import period, volume
from bridge.web.words import Problem, ago, problem

BACKUP_OLD = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the daemon and its machine are."""

    versions: Mapping[str, str]
    started: datetime
    certificate_ends: datetime | None
    disk_free: int
    reserve: int
    last_backup: datetime | None
    sqlite_advice: str | None
    listeners: tuple[ListenerState, ...]
    problems: tuple[admin_problems.Problem, ...]
    """As `daemon_problems` finds them."""


@dataclass(frozen=True, slots=True)
class Banner:
    """A problem of the whole installation."""

    title: str
    problem: Problem


def banners(health: Health) -> list[Banner]:
    """What is wrong with the installation, worst first."""
    return [Banner(one.title, problem(one.form())) for one in health.problems]


def facts(health: Health, now: datetime) -> list[tuple[str, str, str]]:
    """(name, value, note) for each line of the page."""
    ends, backup = health.certificate_ends, health.last_backup
    old = "" if backup and now - backup < BACKUP_OLD else "popbridge backup DIR makes one."
    lines = [
        (name, version, (health.sqlite_advice or "") if name == "SQLite" else "")
        for name, version in health.versions.items()
    ]
    return [
        *lines,
        ("Running for", period((now - health.started).total_seconds()), ""),
        ("Certificate", "none" if ends is None else f"ends {ago(time_form(ends), now)}", ""),
        (
            "Disk",
            f"{volume(health.disk_free)} free",
            f"{volume(health.reserve)} are kept in reserve",
        ),
        ("Last backup", ago(time_form(backup), now), old),
    ]


def bundle(
    health: Health, accounts: Sequence[Mapping[str, Any]], metrics: bytes, now: datetime
) -> bytes:
    """A zip for who helps: only values of kinds that can't name anybody are taken."""
    told = {
        "at": time_form(now),
        "versions": dict(health.versions),
        "started": time_form(health.started),
        "certificate_ends": time_form(health.certificate_ends),
        "disk_free": health.disk_free,
        "reserve": health.reserve,
        "last_backup": time_form(health.last_backup),
        "sqlite_affected": health.sqlite_advice is not None,
        "listeners": [{"kind": one.kind, "up": one.problem is None} for one in health.listeners],
        "accounts": [_anonymous(number, one) for number, one in enumerate(accounts, 1)],
    }
    octets = io.BytesIO()
    with zipfile.ZipFile(octets, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("popbridge.json", json.dumps(told, indent=1))
        made.writestr("metrics.txt", metrics)
    return octets.getvalue()


def _anonymous(number: int, one: Mapping[str, Any]) -> dict[str, Any]:
    names = ("state", "policy", "last_success", "last_attempt", "next_attempt", "messages")
    error, frozen = one["error"], one.get("frozen")
    return {
        "number": number,
        **{name: one[name] for name in names},
        "upstream": one["upstream"],
        # What a provider said may name anybody; its code can't.
        "error": None if error is None else {"code": error["code"], "since": error["since"]},
        "frozen_since": frozen["since"] if frozen else None,
    }
