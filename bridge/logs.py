"""Where log lines go: standard error, as text or as one JSON object a line."""

import json
import logging
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from typing import Any

from twisted.logger import STDLibLogObserver, globalLogBeginner

from bridge.model.about import ACCOUNT, SESSION
from bridge.model.event import FAULT, TWISTED, event_name

OFF = "off"
"""For commands whose errors are told otherwise."""

_PRIORITIES = (
    (logging.CRITICAL, 2),
    (logging.ERROR, 3),
    (logging.WARNING, 4),
    (logging.INFO, 6),
    (logging.NOTSET, 7),
)
"""syslog(3)'s severities, as sd-daemon(3) wants them before each line."""


def name_of(record: logging.LogRecord) -> str:
    """The event that a record tells of, by its text before values are put in."""
    told = record.msg
    of_twisted = getattr(told, "event", None)
    if isinstance(of_twisted, dict):
        return event_name(str(of_twisted.get("log_format"))) or TWISTED
    return event_name(str(told)) or (FAULT if record.exc_info else record.name)


class _About(logging.Filter):
    """Notes on each record whom it is about, where it is logged."""

    def filter(self, record: logging.LogRecord) -> bool:
        numbers = {"account": ACCOUNT.get(), "session": SESSION.get()}
        told = (f"{name} {number}" for name, number in numbers.items() if number is not None)
        about = ", ".join(told)
        record.__dict__.update(numbers, about=f"{about}: " if about else "")
        return True


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": name_of(record),
            "account": getattr(record, "account", None),
            "session": getattr(record, "session", None),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry)


class _Journal(logging.Formatter):
    """For systemd's journal, which has the time itself and makes an entry of each line."""

    def format(self, record: logging.LogRecord) -> str:
        mark = next(mark for level, mark in _PRIORITIES if record.levelno >= level)
        text = super().format(record)
        return "\n".join(f"<{mark}>{line}" for line in text.split("\n"))


class _Faults(logging.Handler):
    """Tells of each record that carries an exception: what raised it is a fault of popbridge."""

    def __init__(self, told: Callable[[], None]) -> None:
        super().__init__(logging.ERROR)
        self._told = told

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self._told()


def set_up(level: str, form: str, environ: Mapping[str, str] = os.environ) -> None:
    """Logs from here on, in place of what was set up before.

    Args:
        level: debug, info, warning, error, or `OFF`.
        form: "text", which is the journal's own where systemd starts us, or "json".
        environ: tells whether standard error is systemd's journal.
    """
    _take_over_twisted()
    root = logging.getLogger()
    root.handlers[:] = [logging.NullHandler()]
    if level == OFF:
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_About())
    handler.setFormatter(_formatter(form, environ))
    root.handlers[:] = [handler]
    # Alembic tells of its plumbing at every start.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # Of what Twisted says only trouble matters here.
    logging.getLogger("popbridge.twisted").setLevel(logging.WARNING)
    set_level(level)


def set_level(level: str) -> None:
    """Logs from this level on."""
    logging.getLogger().setLevel(level.upper())


def count_faults(told: Callable[[], None]) -> Callable[[], None]:
    """Calls `told` at each exception that is logged, until what comes back is called."""
    root, handler = logging.getLogger(), _Faults(told)
    root.addHandler(handler)
    return lambda: root.removeHandler(handler)


@cache
def _take_over_twisted() -> None:
    """Begins Twisted's logging, once: until then it writes faults to standard error itself."""
    observer: Any = STDLibLogObserver("popbridge.twisted")
    globalLogBeginner.beginLoggingTo([observer], discardBuffer=True, redirectStandardIO=False)


def _formatter(form: str, environ: Mapping[str, str]) -> logging.Formatter:
    if form == "json":
        return _Json()
    if _is_journal(environ):
        return _Journal("%(name)s: %(about)s%(message)s")
    return logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(about)s%(message)s")


def _is_journal(environ: Mapping[str, str]) -> bool:
    """Whether standard error is the journal; a child whose own is elsewhere inherits the name."""
    with suppress(OSError, ValueError):
        found = os.fstat(sys.stderr.fileno())
        return environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"
    return False
