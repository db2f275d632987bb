"""Programs of the machine's, run with a home of their own."""

import shutil
import subprocess
from pathlib import Path

import pytest

PROGRAM_S = 300


def installed(program: str) -> str:
    """The program's path; skips where it isn't installed."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


def output(program: str, *arguments: str, home: Path) -> bytes:
    """Runs it to its end, which must be a good one; what it wrote to standard output."""
    done = subprocess.run(
        [installed(program), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PROGRAM_S,
        cwd=home,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode("utf-8", "replace")
    return done.stdout
