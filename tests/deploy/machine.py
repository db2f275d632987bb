"""A machine of its own on which systemd runs popbridge by its units; `machine.sh` makes it."""

import ctypes
import os
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bridge.cli import service
from tests.bench.processes import family

ROOT = Path(__file__).parents[2]
STARTED_S = 120
ENDED_S = 60

_NEW_NETWORK = 0x40000000

_COMMAND = """#!/bin/sh
# popbridge as it is here, where the unit can see it.
export PYTHONPATH=/opt/popbridge/code:/opt/popbridge/site PYTHONDONTWRITEBYTECODE=1
export LD_LIBRARY_PATH=/opt/popbridge/python/lib
exec /opt/popbridge/python/bin/{python} -m bridge "$@"
"""

_TARGET = """[Unit]
Wants=popbridge.socket popbridge.service
"""


class Machine:
    """Runs `popbridge.socket` and `popbridge.service`, unchanged; nothing else but a journal.

    Args:
        folder: empty, for what the machine is made of.
    """

    def __init__(self, folder: Path) -> None:
        self._write_files(folder / "files")
        self._console = folder / "console"
        words = [folder, ROOT, sys.base_prefix, sysconfig.get_path("purelib")]
        with self._console.open("wb") as console:
            self._process = subprocess.Popen(
                ["unshare", "--mount", "sh", Path(__file__).with_name("machine.sh"), *words],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
            )
        self.first = 0
        """The number here of what is number 1 there; 0 until it is begun."""

    @staticmethod
    def _write_files(files: Path) -> None:
        plan = service.system_plan(ROOT / "systemd", [service.COMMAND], files)
        for path, text in plan.files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (files / "etc/systemd/system/popbridge-test.target").write_text(_TARGET)
        command = files / service.COMMAND.lstrip("/")
        command.parent.mkdir(parents=True)
        python = f"python{sys.version_info.major}.{sys.version_info.minor}"
        command.write_text(_COMMAND.format(python=python))
        command.chmod(0o755)

    def ready(self) -> int:
        """The daemon's number on this machine, once systemd has been told that it is ready."""
        until = time.monotonic() + STARTED_S
        said = "no systemd"
        while time.monotonic() < until and self._process.poll() is None:
            self.first = self.first or self._find_first()
            if self.first:
                shown = self.run("systemctl", "show", "-P", "ActiveState", "popbridge.service")
                said = shown.stdout.strip() or shown.stderr
                if said == "active":
                    return self._find_daemon()
                if said == "failed":
                    break
            time.sleep(0.05)
        raise RuntimeError(f"popbridge isn't ready: {said}\n{self.told()}")

    def run(self, *command: str, text: str | None = None) -> "subprocess.CompletedProcess[str]":
        """Runs a command there, as root."""
        enter = ["nsenter", f"--target={self.first}", "--mount", "--pid", "--net", "--ipc"]
        root = f"--root=/proc/{self.first}/root"
        return subprocess.run(
            [*enter, root, "--wd=/", *command],
            input=text, capture_output=True, text=True, timeout=STARTED_S,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )  # fmt: skip

    @contextmanager
    def network(self) -> Iterator[None]:
        """Within it the sockets that this thread makes are on the machine's network."""
        with open("/proc/thread-self/ns/net") as own:
            with open(f"/proc/{self.first}/ns/net") as its:
                _enter(its.fileno())
            try:
                yield
            finally:
                _enter(own.fileno())

    def told(self) -> str:
        """What it has to say: its console, and popbridge's journal."""
        journal = ""
        if self.first:
            journal = self.run("journalctl", "--no-pager", "-n", "100").stdout
        return self._console.read_text(errors="replace") + journal

    def end(self) -> None:
        """Ends all of it; again is harmless."""
        if self._process.poll() is None:
            if first := self.first or self._find_first():
                # With number 1 all others go, and the script tidies up.
                os.kill(first, signal.SIGKILL)
            else:
                self._process.terminate()
            self._process.wait(ENDED_S)

    def _find_first(self) -> int:
        """The process that is number 1 there, as it is numbered here; 0 while there is none."""
        for pid in family(self._process.pid):
            name = Path(f"/proc/{pid}/comm")
            if name.exists() and name.read_text() == "systemd\n":
                return pid
        return 0

    def _find_daemon(self) -> int:
        shown = self.run("systemctl", "show", "-P", "MainPID", "popbridge.service").stdout.strip()
        for pid in family(self.first):
            status = Path(f"/proc/{pid}/status").read_text()
            if f"\nNSpid:\t{pid}\t{shown}\n" in status:
                return pid
        raise RuntimeError(f"no process {shown}")


def _enter(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "setns")
