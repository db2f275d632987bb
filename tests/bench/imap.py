"""The rows of `tests.bench.rows`, at each size of mailbox."""

import sys
from collections.abc import Iterator

from tests.bench.compare import Compared, Timing
from tests.bench.corpus import corpus
from tests.bench.rows import ROWS
from tests.bench.servers import Pair


def run(sizes: list[int], rounds: int, only: str) -> Iterator[Timing]:
    """A timing for each row whose name has `only` in it."""
    for size in sizes:
        print(f"{size} messages: filling both servers", file=sys.stderr)
        pair = Pair(corpus(size))
        try:
            compared = Compared(pair, size)
            try:
                yield from compared.rows([row for row in ROWS if only in row.name], rounds)
            finally:
                compared.close()
        finally:
            pair.close()
