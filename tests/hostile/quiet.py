"""What a quiet client notices while others do harm."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench.client import Client
from tests.bench.figure import percentile
from tests.leftovers import end_behind_the_test

ROOT = Path(__file__).parents[2]
COMMANDS = (b"NOOP", b"FETCH 1 FLAGS", b"SELECT INBOX")
PAUSE_S = 0.002


@dataclass(frozen=True, slots=True)
class Noticed:
    """p99 of a command, in seconds: the median of all rounds, in peace and beside a crowd."""

    command: str
    peace: float
    harm: float

    def is_within(self, floor_s: float) -> bool:
        """Whether harm is no more than twice peace, but for so much that is the machine's noise."""
        return self.harm <= 2 * self.peace + floor_s

    def __str__(self) -> str:
        peace, harm = self.peace * 1000, self.harm * 1000
        return f"{self.command}: p99 {peace:.2f} ms in peace, {harm:.2f} ms beside a crowd"


def compare(
    port: int, tls_port: int, kinds: Sequence[str], rounds: int, seconds: float
) -> list[Noticed]:
    """Alternates peace and a crowd, as long each, and asks the same commands meanwhile."""
    client = Client(port)
    client.ask(b"SELECT INBOX")
    peace: dict[bytes, list[float]] = {command: [] for command in COMMANDS}
    harm: dict[bytes, list[float]] = {command: [] for command in COMMANDS}
    for _ in range(rounds):
        _measure(client, seconds, peace)
        with crowd(port, tls_port, kinds):
            _measure(client, seconds, harm)
    client.close()
    return [
        Noticed(command.decode(), median(peace[command]), median(harm[command]))
        for command in COMMANDS
    ]


@contextmanager
def crowd(port: int, tls_port: int, kinds: Sequence[str]) -> Iterator[None]:
    """`tests.hostile.crowd`, in a process that gives way."""
    words = [str(port), str(tls_port), *kinds]
    with subprocess.Popen(
        ["nice", "-n", "19", sys.executable, "-m", "tests.hostile.crowd", *words],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT,
    ) as process:  # fmt: skip
        end_behind_the_test(process.kill)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        try:
            yield
        finally:
            process.kill()


def _measure(client: Client, seconds: float, into: dict[bytes, list[float]]) -> None:
    spent: dict[bytes, list[float]] = {command: [] for command in into}
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for command, times in spent.items():
            times.append(client.timed(command))
            time.sleep(PAUSE_S)
    for command, times in spent.items():
        into[command].append(percentile(times, 0.99))
