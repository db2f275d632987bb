"""`make soak SECONDS=600`: prints how it goes, then the figures; 1 where one isn't what it must be.

    python -m tests.soak --seconds 600 --sessions 1000 --accounts 200

The last fifty syncs of each account are remembered, so memory rises until there were so many: with
`--interval 5 --settle 300` that is over before it counts.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.bench.figure import percentile
from tests.bench.processes import allow_files
from tests.leftovers import ended
from tests.soak.soak import MIB, Outcome, Plan, run

LAG_S = 0.05
GROWTH_OCTETS = 4 * MIB
"""Of ten minutes in which mail arrives: rows in caches of a fixed size, and what malloc keeps."""


def wrong(found: Outcome) -> list[str]:
    """What isn't as it must be."""
    fewest, most = found.descriptors
    held = {
        "memory grows": found.grown > GROWTH_OCTETS,
        "memory rises": found.memory.value * 3600 - found.memory.noise * 3600 > GROWTH_OCTETS,
        "descriptors come and don't go": found.samples[-1].descriptors > fewest + 40,
        "the reactor is late": found.lag_bound_s > LAG_S,
        "a NOOP waits": percentile(found.noops, 0.99) > LAG_S,
        "mail was missed": found.seen["missed"] > 0 or not found.seen["told"],
        "devices were cut": found.seen["hung_up"] > 0,
        "polls fail": found.after['popbridge_upstream_syncs_total{result="failed"}'] > 0,
        "faults": found.after["popbridge_unhandled_errors_total"] > 0,
    }
    assert most
    return [text for text, is_so in held.items() if is_so]


def main() -> int:
    """As above."""
    parser = argparse.ArgumentParser(prog="make soak")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--interval", type=int, default=30, help="of polls, in seconds")
    parser.add_argument("--settle", type=float, help="seconds at the beginning that don't count")
    words = parser.parse_args()
    allow_files(2 * words.sessions + 1000)
    plan = Plan(
        seconds=words.seconds,
        sessions=words.sessions,
        accounts=words.accounts,
        interval_s=words.interval,
        settle_s=min(60, words.seconds / 4) if words.settle is None else words.settle,
    )
    with tempfile.TemporaryDirectory(prefix="popbridge-soak-") as folder, ended():
        found = run(plan, Path(folder), lambda line: print(line, file=sys.stderr, flush=True))
    print("\n".join(found.lines()))
    complaints = wrong(found)
    print("; ".join(complaints) or "All of it is flat.")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
