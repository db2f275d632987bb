"""What each row costs in a mailbox ten times as large."""

import sys
import time
from collections.abc import Iterator

from tests.bench import alone, fill
from tests.bench.client import Client
from tests.bench.figure import Figure, Unit
from tests.bench.rows import ROWS, Row

ROUNDS = 3
BAR = 12.0
CONSTANT_BAR = 1.5
"""Of what must cost the same however large the mailbox is; the rest is left to noise."""

CONSTANT = (
    Row("1,000 NOOPs", lambda count, _: [b"NOOP"] * 1000),
    Row("300 STATUS INBOX", lambda count, _: [b"STATUS INBOX (MESSAGES UNSEEN UIDNEXT)"] * 300),
    Row(
        "300 FETCHes of new mail",
        lambda count, _: [b"UID FETCH %d:* (FLAGS ENVELOPE)" % count] * 300,
    ),
)


def run(small: int, large: int) -> Iterator[Figure]:
    """Each row's cost at `large` messages beside its cost at `small`: popbridge alone."""
    spent: dict[str, list[float]] = {}
    rows = (*CONSTANT, *ROWS)
    for count in (small, large):
        with alone.folder() as data:
            fill.copy_small(data, count)
            with alone.running(data) as daemon:
                client = Client(daemon.port("imap"))
                client.ask(b"CREATE Copies")
                client.ask(b"SELECT INBOX")
                known = client.capabilities()
                for row in rows:
                    if row.needs in known:
                        spent.setdefault(row.name, []).append(_time(client, row, count))
                client.close()
    for row in rows:
        if len(spent.get(row.name, ())) == 2:
            yield Figure(
                name=row.name,
                size=large,
                ours=spent[row.name][1] * 1000,
                peer=spent[row.name][0] * 1000,
                unit=Unit.MS,
                bar=CONSTANT_BAR if row in CONSTANT else BAR,
                relative=True,
            )


def _time(client: Client, row: Row, count: int) -> float:
    """The least of some rounds, in seconds: what a row costs, not what else the machine does."""
    spent = []
    for number in range(ROUNDS + 1):
        commands = row.commands(count, number)
        began = time.perf_counter()
        (client.pipeline if row.pipelined else client.ask_many)(commands)
        spent.append(time.perf_counter() - began)
        client.ask_many(list(row.after))
    print(f"{count}: {row.name}: {min(spent):.3f} s", file=sys.stderr)
    return min(spent)
