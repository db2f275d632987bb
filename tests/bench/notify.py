"""From a command in one session until an idling session of the same mailbox hears of it."""

import statistics
import sys
import time
from collections.abc import Callable, Iterator

from tests.bench.client import Client
from tests.bench.corpus import small
from tests.bench.figure import Figure, Unit, percentile
from tests.bench.servers import Pair

BAR_MS = 20.0
MESSAGES = 300
TRIES = {"popbridge": 150, "dovecot": 15}
"""Dovecot looks every 500 ms, so that each of its tries takes as long."""

WARM_UP = 3

_LETTER = b"From: a@example.net\r\nSubject: new\r\n\r\nwords\r\n"


class _Pair:
    """One session that acts and one that idles, on the same mailbox."""

    def __init__(self, port: int) -> None:
        self.actor, self.idler = Client(port), Client(port)
        for client in (self.actor, self.idler):
            client.ask(b"SELECT INBOX")
        self.idler.idle()

    def until_seen(self, command: bytes, sign: bytes) -> float:
        """Seconds from sending the command to the idler's line that has `sign` in it."""
        began = time.perf_counter()
        tag = self.actor.begin(command)
        while sign not in self.idler.wait_line():
            pass
        seconds = time.perf_counter() - began
        self.actor.end(tag)
        return seconds

    def close(self) -> None:
        self.actor.close()
        self.idler.close()


def _flags(pair: _Pair, number: int) -> float:
    sign = b"-" if number % 2 else b"+"
    return pair.until_seen(b"STORE 1 %bFLAGS (\\Flagged)" % sign, b"FETCH")


def _append(pair: _Pair, number: int) -> float:
    return pair.until_seen(b"APPEND INBOX {%d+}\r\n%b" % (len(_LETTER), _LETTER), b"EXISTS")


def _expunge(pair: _Pair, number: int) -> float:
    pair.until_seen(b"STORE 1 +FLAGS (\\Deleted)", b"FETCH")
    return pair.until_seen(b"EXPUNGE", b"EXPUNGE")


_CHANGES: dict[str, Callable[[_Pair, int], float]] = {
    "a flag changes": _flags,
    "a message is appended": _append,
    "a message is expunged": _expunge,
}


def run() -> Iterator[Figure]:
    """Median and 95th percentile of each kind of change."""
    servers = Pair(small(MESSAGES))
    try:
        for name, change in _CHANGES.items():
            spent = {
                server: _spent(port, change, TRIES[server])
                for server, port in servers.ports.items()
            }
            print(f"{name}: {statistics.median(spent['popbridge']):.1f} ms", file=sys.stderr)
            for title, of in (
                ("median", statistics.median),
                ("p95", lambda values: percentile(values, 0.95)),
            ):
                yield Figure(
                    name=f"{name} → an idling session sees it, {title}",
                    size=MESSAGES,
                    ours=of(spent["popbridge"]),
                    peer=of(spent["dovecot"]),
                    unit=Unit.MS,
                    bar=BAR_MS,
                )
    finally:
        servers.close()


def _spent(port: int, change: Callable[[_Pair, int], float], tries: int) -> list[float]:
    """Milliseconds of each try."""
    pair = _Pair(port)
    try:
        return [change(pair, number) * 1000 for number in range(tries + WARM_UP)][WARM_UP:]
    finally:
        pair.close()
