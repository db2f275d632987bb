"""The shim between the daemon and its files: compiling it, and the memory shared with it."""

import errno
import mmap
import shutil
import struct
import subprocess
import tempfile
from enum import IntEnum
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).with_name("shim.c")
FIELDS = (
    "clock_ns",
    "calls",
    "syncs",
    "fail_at",
    "fail_calls",
    "fail_errno",
    "failed",
    "kill_at",
    "kill_how",
    "limited",
    "room",
)
"""As `struct control` has them, eight octets each."""

ALWAYS = 1 << 40
"""Calls that fail, where all from one on do."""


class Moment(IntEnum):
    """When in a call the process dies."""

    BEFORE = 0
    HALF = 1
    AFTER = 2


@cache
def library() -> Path:
    """The compiled shim; needs a C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    assert compiler is not None, "install gcc: the shim that fails writes is written in C"
    built = Path(tempfile.mkdtemp(prefix="torture-")) / "shim.so"
    command = [compiler, "-shared", "-fPIC", "-O2", "-o", built, SOURCE, "-ldl", "-lpthread"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return built


class Control:
    """What the shim counts and what it is told, in a file that both have mapped."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_bytes(bytes(8 * len(FIELDS)))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 8 * len(FIELDS))

    def get(self, name: str) -> int:
        """The value of a field."""
        value: int = struct.unpack_from("q", self._map, 8 * FIELDS.index(name))[0]
        return value

    def set(self, **values: int) -> None:
        """Sets fields, in this order."""
        for name, value in values.items():
            struct.pack_into("q", self._map, 8 * FIELDS.index(name), value)

    def fail(self, at: int, code: int = errno.EIO, calls: int = 1) -> None:
        """Lets the call with this number fail, and those that follow up to `calls`."""
        self.set(fail_errno=code, fail_calls=calls, fail_at=at)

    def die(self, at: int, moment: Moment) -> None:
        """Kills the process at the call with this number."""
        self.set(kill_how=moment, kill_at=at)

    def quiet(self) -> None:
        """Lets everything succeed again."""
        self.set(fail_at=0, kill_at=0, limited=0)

    def close(self) -> None:
        """Unmaps the file."""
        self._map.close()
