"""From starting the daemon to its first greeting."""

import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench import alone, fill
from tests.bench.figure import Figure, Unit
from tests.bench.processes import cpu_s
from tests.e2e.daemon import Daemon

ACCOUNTS = (1, 2000)
ROUNDS = 5
BAR_S = 1.0


def run() -> Iterator[Figure]:
    """Seconds to the first greeting, and of CPU."""
    with tempfile.TemporaryDirectory(prefix="popbridge-bench-") as compiled:
        for count in ACCOUNTS:
            with alone.folder() as data:
                fill.add_accounts(data, (f"user{number}" for number in range(count)))
                tries = [_start(data, compiled) for _ in range(ROUNDS + 1)][1:]
            seconds, spent = zip(*tries, strict=True)
            print(f"start with {count} accounts: {min(seconds):.2f} s", file=sys.stderr)
            for name, found in (("to its first greeting", seconds), ("CPU", spent)):
                yield Figure(
                    name=f"the daemon's start, {name}; accounts",
                    size=count,
                    ours=statistics.median(found),
                    peer=None,
                    unit=Unit.S,
                    bar=BAR_S,
                )


def _start(data: Path, compiled: str) -> tuple[float, float]:
    """Seconds until it greets, and how many of CPU it had used by then."""
    # As it is installed: with its code compiled.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.perf_counter()
    daemon = Daemon(data, PYTHONPYCACHEPREFIX=compiled)
    try:
        with socket.create_connection(("127.0.0.1", daemon.port("imap"))) as greeted:
            greeted.recv(1)
        return time.perf_counter() - began, cpu_s(daemon.process.pid)
    finally:
        daemon.stop()
