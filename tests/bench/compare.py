"""Rounds of each row, the two servers taking turns."""

import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass

from tests.bench.client import Client
from tests.bench.figure import Unit, shown, verdict
from tests.bench.rows import Row
from tests.bench.servers import Pair


@dataclass(frozen=True, slots=True)
class Timing:
    """Medians in seconds; `peer_s` is None where the peer can't do it."""

    name: str
    size: int
    ours_s: float
    peer_s: float | None
    bar: float

    @property
    def ratio(self) -> float | None:
        """Our time as a multiple of the peer's."""
        return None if self.peer_s is None else self.ours_s / self.peer_s

    @property
    def verdict(self) -> str:
        """Whether the bar is met, and if not by how much it is missed."""
        return verdict(self.ratio, self.bar)

    @property
    def cells(self) -> tuple[str, ...]:
        """As `tests.bench.figure.Line.cells`."""
        return (
            self.name,
            f"{self.size:,}",
            _ms(self.ours_s),
            _ms(self.peer_s),
            "-" if self.ratio is None else f"{self.ratio:.2f}",
            f"{self.bar:g} x",
            self.verdict,
        )


class Compared:
    """Connections to both servers with INBOX selected."""

    def __init__(self, pair: Pair, size: int) -> None:
        self._size = size
        self._clients = {name: Client(port) for name, port in pair.ports.items()}
        self._known = {name: _capabilities(port) for name, port in pair.ports.items()}
        for client in self._clients.values():
            client.ask(b"CREATE Copies")
            client.ask(b"SELECT INBOX")

    def close(self) -> None:
        """Hangs up."""
        for client in self._clients.values():
            client.close()

    def rows(self, rows: Iterable[Row], rounds: int) -> list[Timing]:
        """A timing for each row that popbridge can do."""
        able = [row for row in rows if row.needs in self._known["popbridge"]]
        return [self._row(row, rounds) for row in able]

    def _row(self, row: Row, rounds: int) -> Timing:
        spent: dict[str, list[float]] = {name: [] for name in self._clients}
        for number in range(rounds + 1):
            for name, client in self._clients.items():
                if row.needs in self._known[name]:
                    seconds = self._round(client, row, number)
                    # The first round fills caches on both sides and counts for neither.
                    if number:
                        spent[name].append(seconds)
        peer = spent["dovecot"]
        return Timing(
            name=row.name,
            size=self._size,
            ours_s=statistics.median(spent["popbridge"]),
            peer_s=statistics.median(peer) if peer else None,
            bar=row.bar,
        )

    def _round(self, client: Client, row: Row, number: int) -> float:
        commands = row.commands(self._size, number)
        began = time.perf_counter()
        if row.pipelined:
            client.pipeline(commands)
        else:
            client.ask_many(commands)
        seconds = time.perf_counter() - began
        client.ask_many(list(row.after))
        return seconds


def _ms(seconds: float | None) -> str:
    return shown(None if seconds is None else seconds * 1000, Unit.MS)


def _capabilities(port: int) -> bytes:
    client = Client(port)
    try:
        return client.capabilities()
    finally:
        client.close()
