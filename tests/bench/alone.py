"""popbridge without a peer, on a folder of its own that goes with it."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.daemon import Daemon, configure


@contextmanager
def folder() -> Iterator[Path]:
    """A configured folder without accounts; removed at the end."""
    made = Path(tempfile.mkdtemp(prefix="popbridge-bench-"))
    try:
        configure(made)
        yield made
    finally:
        shutil.rmtree(made)


@contextmanager
def running(data: Path, **environ: str) -> Iterator[Daemon]:
    """The daemon on a folder, stopped at the end; limits as a whole office needs them."""
    many = {"POPBRIDGE_LIMITS_CONNECTIONS_PER_ACCOUNT": "5000"}
    daemon = Daemon(data, **many, **environ)
    try:
        yield daemon
    finally:
        daemon.stop()
