"""`python -m tests.bench`: prints the table, and writes it where `--out` says."""

import argparse
import sys
from pathlib import Path

from tests.bench import report
from tests.bench.compare import Compared, Timing
from tests.bench.corpus import corpus
from tests.bench.rows import ROWS
from tests.bench.servers import Pair


def main() -> None:
    """Runs what is asked for."""
    options = _options()
    timings: list[Timing] = []
    for size in options.sizes:
        timings += _compare(size, options.rounds, options.only)
    text = report.table(timings)
    print(text)
    if options.out:
        options.out.write_text(text)


def _compare(size: int, rounds: int, only: str) -> list[Timing]:
    print(f"{size} messages: filling both servers", file=sys.stderr)
    pair = Pair(corpus(size))
    try:
        compared = Compared(pair, size)
        try:
            return compared.rows([row for row in ROWS if only in row.name], rounds)
        finally:
            compared.close()
    finally:
        pair.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--sizes", type=int, nargs="+", default=[2000, 20_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="rows whose name has this in it")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


main()
