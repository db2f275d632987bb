"""Two hundred clients that log in at once, as after a restart, and one that just wants a NOOP."""

import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from tests.bench.client import Client
from tests.bench.corpus import small
from tests.bench.figure import Figure, Unit, percentile
from tests.bench.servers import Pair

CLIENTS = 200
AT_ONCE = 20
MESSAGES = 300
ROUNDS = 3
PAUSE_S = 0.002


class _Quiet:
    """A client that asks NOOP again and again, and notes how long each took."""

    def __init__(self, port: int) -> None:
        self._client = Client(port)
        self._client.ask(b"SELECT INBOX")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self.spent: list[float] = []
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()
        self._client.close()

    def _ask(self) -> None:
        while not self._ended.wait(PAUSE_S):
            self.spent.append(self._client.timed(b"NOOP") * 1000)


def run() -> Iterator[Figure]:
    """The time of all log-ins, and what a NOOP takes meanwhile."""
    servers = Pair(small(MESSAGES))
    seconds: dict[str, float] = {}
    waits: dict[str, list[float]] = {name: [] for name in servers.ports}
    try:
        for _ in range(ROUNDS):
            for name, port in servers.ports.items():
                quiet = _Quiet(port)
                spent = _storm(port)
                quiet.end()
                waits[name] += quiet.spent
                seconds[name] = min(spent, seconds.get(name, spent))
                print(f"log-ins: {name}: {spent:.2f} s", file=sys.stderr)
    finally:
        servers.close()
    yield Figure(
        name=f"{CLIENTS} clients log in, SELECT and LOGOUT, {AT_ONCE} at a time",
        size=MESSAGES,
        ours=seconds["popbridge"],
        peer=seconds["dovecot"],
        unit=Unit.S,
    )
    yield Figure(
        name="NOOP of another client meanwhile, p99",
        size=MESSAGES,
        ours=percentile(waits["popbridge"], 0.99),
        peer=percentile(waits["dovecot"], 0.99),
        unit=Unit.MS,
    )


def _storm(port: int) -> float:
    began = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done in [pool.submit(_visit, port) for _ in range(CLIENTS)]:
            done.result()
    return time.perf_counter() - began


def _visit(port: int) -> None:
    client = Client(port)
    client.ask(b"SELECT INBOX")
    client.ask(b"LOGOUT")
    client.close()
