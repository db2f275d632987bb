"""Runs each target in a process of its own, again after a hang, and tells the findings."""

import re
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from random import Random
from types import ModuleType

from tests.fuzz.findings import INPUT_SECONDS, failure, minimised, place
from tests.fuzz.grammar import MAX_OCTETS
from tests.fuzz.mutation import generate
from tests.fuzz.reach import report
from tests.fuzz.slowness import hunt

TARGETS = ("imap", "mail", "pop3", "sasl", "fields", "text", "names", "search", "slowness")
HOME = Path(".fuzz")
SEEDS = 300
"""Inputs a corpus begins with, made by the target's grammar."""

MEMORY_MB = 1024
"""Of a process with all its instrumentation; more is a finding."""

MAX_RESTARTS = 5
_STATISTIC = re.compile(r"cov: (\d+) ft: (\d+)")
_EXECUTIONS = re.compile(r"stat::number_of_executed_units:\s*(\d+)")
_PEAK = re.compile(r"stat::peak_rss_mb:\s*(\d+)")
_LAST = re.compile(r"^#(\d+)\s", re.MULTILINE)
_END = re.compile(r"^SUMMARY: libFuzzer: ([a-z-]+)", re.MULTILINE)
_RSS = re.compile(r"rss: (\d+)Mb")


def fuzz(name: str, seconds: int, seed: int) -> bool:
    """Fuzzes one target for that long; prints what was found and says whether anything was."""
    if name == "slowness":
        return hunt(seconds, seed)
    module = import_module(f"tests.fuzz.targets.{name}")
    home = HOME / name
    corpus, crashes = home / "corpus", home / "crashes"
    crashes.mkdir(parents=True, exist_ok=True)
    if not corpus.is_dir():
        _sow(module, corpus, seed)
    print(f"{name}: {seconds} s from {len(list(corpus.iterdir()))} inputs, seed {seed}", flush=True)
    end = time.monotonic() + seconds
    for restart in range(MAX_RESTARTS):
        left = int(end - time.monotonic())
        if left < 1:
            break
        log = home / f"log-{restart}"
        finished = _run(name, corpus, crashes, log, left, seed + restart)
        print(f"  {_summary(log.read_text(errors='replace'))}", flush=True)
        if finished:
            break
        _leave_out(crashes, corpus)
    report(module, corpus)
    return _tell(name, module, crashes)


def _sow(module: ModuleType, corpus: Path, seed: int) -> None:
    corpus.mkdir(parents=True)
    for number in range(SEEDS):
        (corpus / f"seed-{number:03}").write_bytes(generate(module, Random(seed * SEEDS + number)))


def _run(name: str, corpus: Path, crashes: Path, log: Path, seconds: int, seed: int) -> bool:
    """Whether it ran to its end."""
    command = [
        *(sys.executable, "-m", "tests.fuzz.child", name, str(crashes)),
        *(str(corpus), f"-max_total_time={seconds}", f"-seed={seed}", f"-max_len={MAX_OCTETS}"),
        *(f"-timeout={INPUT_SECONDS}", f"-rss_limit_mb={MEMORY_MB}"),
        *(f"-artifact_prefix={crashes}/", "-print_final_stats=1"),
        *("-report_slow_units=2", "-len_control=50"),
    ]
    with log.open("wb") as stream:
        return subprocess.run(command, stderr=stream, stdout=stream, check=False).returncode == 0


def _leave_out(crashes: Path, corpus: Path) -> None:
    """What ended a process must not end the next one at once."""
    fatal = {path.read_bytes() for path in crashes.iterdir()}
    for path in corpus.iterdir():
        if path.read_bytes() in fatal:
            path.unlink()


def _summary(log: str) -> str:
    covered = _STATISTIC.findall(log)
    executions = _EXECUTIONS.findall(log) or _LAST.findall(log)
    peak = _PEAK.findall(log) or _RSS.findall(log)
    if not executions or not peak:
        return f"didn't run: {log[-1500:]}"
    edges, features = covered[-1] if covered else ("no", "no")
    end = "".join(f", ended by a {what}" for what in _END.findall(log))
    return (
        f"{executions[-1]} executions, {edges} edges, {features} features, "
        f"{peak[-1]} MB at most{end}"
    )


def _tell(name: str, module: ModuleType, crashes: Path) -> bool:
    """Makes each finding small, prints it, and drops those that have been repaired."""
    found = False
    for path in sorted(crashes.iterdir()):
        octets = path.read_bytes()
        error = failure(module.target, octets)
        if error is None and path.name.startswith(("crash-", "slow-")):
            path.unlink()
            continue
        found = True
        small = minimised(module.target, octets)
        path.write_bytes(small)
        what = "it passed alone" if error is None else f"{place(error)}\n  {error!s:.300}"
        print(f"  FOUND {path.name}: {what}\n  {small!r:.400}")
        print(f"  replay: {sys.executable} -m tests.fuzz replay {name} {path}", flush=True)
    return found
