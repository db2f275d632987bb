"""A soak: what is begun, what is sampled meanwhile, and what came out of it."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.client import Client
from tests.bench.figure import percentile
from tests.bench.processes import cpu_s
from tests.e2e.daemon import Daemon, configure
from tests.leftovers import end_behind_the_test
from tests.soak import house
from tests.soak.line import Slope, slope
from tests.soak.outside import login

SAMPLE_S = 1.0
PROBE_S = 0.05
LAG = "popbridge_reactor_delay_seconds"
MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How large a soak is. Samples of the first `settle_s` don't count."""

    seconds: float
    sessions: int = 1000
    accounts: int = 200
    interval_s: int = 30
    deliver_every_s: float = 1.0
    settle_s: float = 60
    old_messages: int = 30
    """In each mailbox: so many in all that SQLite's page caches are full before it counts."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The daemon at a time."""

    at_s: float
    memory: int
    descriptors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came out. Times in seconds; `seen` is what the devices tell (`tests.soak.outside`)."""

    samples: list[Sample]
    seen: dict[str, Any]
    before: dict[str, float]
    after: dict[str, float]
    noops: list[float]
    cpu_part: float
    load: float
    logged: str

    @property
    def memory(self) -> Slope:
        """In octets a second."""
        return slope([(one.at_s, one.memory) for one in self.samples])

    @property
    def grown(self) -> float:
        """Octets of memory more in the last tenth than in the first."""
        tenth = max(1, len(self.samples) // 10)
        first, last = self.samples[:tenth], self.samples[-tenth:]
        return median(one.memory for one in last) - median(one.memory for one in first)

    @property
    def descriptors(self) -> tuple[int, int]:
        """The fewest and the most."""
        found = [one.descriptors for one in self.samples]
        return min(found), max(found)

    @property
    def lag_bound_s(self) -> float:
        """The reactor was late by less, in 99 of 100 looks."""
        return house.quantile_bound(self.before, self.after, LAG, 0.99)

    def lines(self) -> list[str]:
        """The figures."""
        memory, (fewest, most), noops = self.memory, self.descriptors, self.noops
        delays = self.seen["delays_s"] or [0.0]
        longest_s = self.after["popbridge_reactor_lag_seconds"]
        failed = self.after['popbridge_upstream_syncs_total{result="failed"}']
        return [
            f"memory: {self.samples[0].memory / MIB:.1f} MiB,"
            f" then {self.samples[-1].memory / MIB:.1f}; grown by {self.grown / 1024:.0f} KiB;"
            f" slope {memory.value * 60 / 1024:.1f} ± {memory.noise * 60 / 1024:.1f} KiB a minute",
            f"descriptors: {fewest} to {most}",
            f"reactor: late by at most {self.lag_bound_s * 1000:.0f} ms in 99 of 100 looks,"
            f" {longest_s * 1000:.1f} ms at worst in the last minute",
            f"NOOP beside it, {len(noops)}: median {median(noops) * 1000:.2f} ms,"
            f" p99 {percentile(noops, 0.99) * 1000:.2f} ms, worst {max(noops) * 1000:.1f} ms",
            f"mail: {self.seen['delivered']} delivered, {self.seen['told']} tellings,"
            f" {self.seen['missed']} missed; told {median(delays):.1f} s after delivery,"
            f" worst {max(delays):.1f} s",
            f"devices: {self.seen['sessions']} still idle, {self.seen['hung_up']} cut,"
            f" {self.seen['still_here']} times Still here",
            f"polls: {self.seen['polls']}, {failed:.0f} failed",
            f"daemon: {self.cpu_part * 100:.0f} % of a processor;"
            f" load of the machine {self.load:.1f}",
        ]


def run(plan: Plan, data: Path, say: Callable[[str], None], **env: str) -> Outcome:
    """Soaks a daemon in `data`."""
    configure(data, f"{plan.interval_s}s")
    outside = _Outside(plan)
    house.add_accounts(data, map(login, range(plan.accounts)), outside.port)
    daemon = Daemon(
        data,
        POPBRIDGE_SYNC_PER_HOST="16",
        POPBRIDGE_LIMITS_CONNECTIONS_PER_ACCOUNT=str(plan.sessions),
        **{house.VARIABLE: "x"},
        **env,
    )
    outside.connect(daemon.port("imaps"))
    say(f"{plan.sessions} devices idle")
    prober = _Prober(daemon.port("imaps"))
    pid, url = daemon.process.pid, daemon.run["metrics"][0]
    began_s = time.monotonic()
    before, cpu_before = house.metrics(url), cpu_s(pid)
    samples: list[Sample] = []
    while (at_s := time.monotonic() - began_s) < plan.seconds:
        one = Sample(at_s, house.resident_octets(pid), house.descriptors(pid))
        if at_s >= plan.settle_s:
            samples.append(one)
        if int(at_s) % 15 == 0:
            say(f"{at_s:.0f} s: {one.memory / MIB:.2f} MiB, {one.descriptors} descriptors")
        time.sleep(SAMPLE_S)
    after, cpu_after = house.metrics(url), cpu_s(pid)
    spent_s = time.monotonic() - began_s
    noops = prober.end()
    seen = outside.end()
    daemon.stop()
    return Outcome(
        samples=samples,
        seen=seen,
        before=before,
        after=after,
        noops=noops,
        cpu_part=(cpu_after - cpu_before) / spent_s,
        load=os.getloadavg()[0],
        logged=daemon.logged(),
    )


class _Outside:
    """`tests.soak.outside` in a process that gives way to the daemon."""

    def __init__(self, plan: Plan) -> None:
        words = [plan.sessions, plan.accounts, plan.deliver_every_s, plan.old_messages]
        self._process = subprocess.Popen(
            ["nice", "-n", "10", sys.executable, "-m", "tests.soak.outside", *map(str, words)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=house.ROOT,
        )  # fmt: skip
        end_behind_the_test(self._process.kill)
        self.port = int(self._hear("provider"))

    def connect(self, port: int) -> None:
        """Returns once all devices idle."""
        self._say(f"imaps {port}")
        self._hear("ready")

    def end(self) -> dict[str, Any]:
        """What the devices have seen, once they have seen all."""
        self._say("end")
        assert self._process.stdout is not None
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        self._process.communicate()
        return found

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def _hear(self, word: str) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith(word), f"the world outside said {line!r}"
        return line.removeprefix(word)


class _Prober:
    """One more device, which asks NOOP all the time."""

    def __init__(self, port: int) -> None:
        self._client = Client(port, tls=True, login=login(0).encode())
        self._client.ask(b"SELECT INBOX")
        self._ended = threading.Event()
        self._spent: list[float] = []
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def end(self) -> list[float]:
        """Seconds of each."""
        self._ended.set()
        self._thread.join()
        self._client.close()
        return self._spent

    def _ask(self) -> None:
        while not self._ended.wait(PROBE_S):
            self._spent.append(self._client.timed(b"NOOP"))
