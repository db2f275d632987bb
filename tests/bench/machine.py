"""Where and with what was measured."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from bridge.store import sqlite
from tests.e2e.dovecot import BINARY


def machine() -> str:
    """One sentence: date, cores, memory, kernel and versions."""
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    busy = os.getloadavg()[0]
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} cores ({_processor()}),"
        f" {gib:.0f} GiB, Linux {platform.release()}, Python {platform.python_version()},"
        f" SQLite {sqlite.library().sqlite_version}, Dovecot {_dovecot()}; load average at the"
        f" end {busy:.1f}."
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _dovecot() -> str:
    told = subprocess.run([BINARY, "--version"], capture_output=True, text=True, check=True)
    return told.stdout.split()[0]
