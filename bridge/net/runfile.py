"""`DATA/run.json`: where a running daemon listens, for scripts and for the command line."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bridge.net.files import write_atomically

CONTROL = "control"
"""The control socket in DATA, where its path is short enough for one."""


@dataclass(frozen=True, slots=True)
class RunFile:
    """What it holds; each listener as a URL with its real address and port."""

    pid: int
    version: str
    imap: tuple[str, ...]
    web: tuple[str, ...]
    metrics: tuple[str, ...]
    control: str


def write_run_file(path: Path, run: RunFile) -> None:
    """Writes it in one step, once all is ready.

    Raises:
        OSError: it can't be written.
    """
    # Anybody who may enter the folder may read it: it holds no secret.
    write_atomically(path, json.dumps(asdict(run)).encode() + b"\n", 0o644)


def read_run_file(path: Path) -> RunFile | None:
    """What a daemon wrote, perhaps one that was killed since; None if there is no readable one."""
    try:
        found = json.loads(path.read_bytes())
        return RunFile(
            pid=int(found["pid"]),
            version=str(found["version"]),
            imap=_texts(found["imap"]),
            web=_texts(found["web"]),
            metrics=_texts(found["metrics"]),
            control=str(found["control"]),
        )
    except (OSError, ValueError, LookupError, TypeError):
        return None


def remove(path: Path) -> None:
    """Takes the file away on exit; never raises."""
    with suppress(OSError):
        path.unlink()


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(str(value) for value in values)
