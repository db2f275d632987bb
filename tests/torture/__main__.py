"""`python -m tests.torture [--seconds N] [--seed N] [--jobs N] [kind]…`, or `one KIND SEED`.

What is done is kept in `.torture/`, so that what was interrupted goes on where it stopped; a whole
that is done begins anew with the next seed.
"""

import argparse
import json
import logging
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from tests.torture.house import World
from tests.torture.kills import Tally
from tests.torture.work import KILLS, KINDS, WHOLE

HOME = Path(".torture")


def _units(seed: int, kinds: Sequence[str], done: Sequence[str]) -> list[tuple[str, int]]:
    """What is left to do, the kinds side by side."""
    left: list[tuple[float, str, int]] = []
    for kind in kinds:
        count = WHOLE[kind]
        numbers = range((seed - 1) * count, seed * count)
        left += [
            ((place + 1) / count, kind, number)
            for place, number in enumerate(numbers)
            if f"{kind} {number}" not in done
        ]
    return [(kind, number) for _, kind, number in sorted(left)]


class State:
    """What was done of a whole, in a file."""

    def __init__(self, seed: int) -> None:
        HOME.mkdir(exist_ok=True)
        self.path = HOME / f"seed-{seed}.json"
        found = json.loads(self.path.read_text()) if self.path.exists() else {}
        self.done: list[str] = found.get("done", [])
        self.failed: dict[str, str] = found.get("failed", {})
        self.seconds: float = found.get("seconds", 0.0)
        self.tally = Tally(**found.get("tally", {}))

    def note(self, kind: str, seed: int, tally: Any, failure: str, seconds: float) -> None:
        """A unit has ended."""
        name = f"{kind} {seed}"
        if failure:
            self.failed[name] = failure
        self.done.append(name)
        self.seconds += seconds
        self.tally.add(Tally(**tally))
        draft = self.path.with_suffix(".new")
        draft.write_text(
            json.dumps(
                {
                    "done": self.done,
                    "failed": self.failed,
                    "seconds": self.seconds,
                    "tally": self.tally.form(),
                }
            )
        )
        os.replace(draft, self.path)

    def told(self) -> str:
        """All of it in words."""
        tally = self.tally
        others = ", ".join(f"{count} {name}" for name, count in sorted(tally.other.items()))
        return (
            f"{len(self.done)} units in {self.seconds:.0f} s of work: {tally.kills} kills, of them"
            f" {tally.in_session} in a POP session, {tally.terms} SIGTERMs, {tally.looks} looks;"
            f" {others}; {len(self.failed)} failures"
        )


class Worker:
    """A process that runs one unit after another in a world of its own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.torture", "worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, kind: str, seed: int) -> list[Any]:
        """The unit's tally, failure and seconds."""
        assert self._process.stdin is not None and self._process.stdout is not None
        print(kind, seed, file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit(f"the worker died over {kind} {seed}")
        result: list[Any] = json.loads(answer)
        return result

    def close(self) -> None:
        """Lets it clean up."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def work() -> None:
    """A worker's life: units on stdin, results on stdout, a line each."""
    world: World | None = None
    # So that it cleans up.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    # Of cut connections there are thousands.
    logging.getLogger("popbridge").setLevel(logging.ERROR)
    try:
        for line in sys.stdin:
            kind, seed = line.split()
            began, failure = time.monotonic(), ""
            tally = Tally()
            try:
                world = world or World().__enter__()
                tally = KINDS[kind](world, int(seed))
            except Exception:
                failure = traceback.format_exc()
                if world is not None:
                    # What is left of it must not disturb what comes.
                    spoilt, world = world, None
                    spoilt.__exit__()
            print(json.dumps([tally.form(), failure, time.monotonic() - began]), flush=True)
    finally:
        if world is not None:
            world.__exit__()


def _results(units: list[tuple[str, int]], jobs: int, until: float) -> Iterator[Any]:
    """Kind, seed, tally, failure and seconds of each unit, until the time is over."""
    waiting, workers = iter(units), [Worker() for _ in range(min(jobs, len(units)))]
    try:
        with ThreadPoolExecutor(max(1, len(workers))) as pool:
            running = {}
            for worker, (kind, seed) in zip(workers, waiting, strict=False):
                running[pool.submit(worker.run, kind, seed)] = worker, kind, seed
            while running:
                for ended in wait(running, return_when=FIRST_COMPLETED).done:
                    worker, kind, seed = running.pop(ended)
                    yield kind, seed, *ended.result()
                    unit = next(waiting, None) if time.monotonic() < until else None
                    if unit is not None:
                        running[pool.submit(worker.run, *unit)] = worker, *unit
    finally:
        for worker in workers:
            worker.close()


def torture(seconds: float, seed: int, jobs: int, kinds: Sequence[str]) -> int:
    """0: nothing was found; 1: something was."""
    state, until = State(seed), time.monotonic() + seconds
    units = _units(seed, kinds, state.done)
    print(f"seed {seed}: {len(units)} units to do, {len(state.done)} done", flush=True)
    for kind, number, tally, failure, took in _results(units, jobs, until):
        state.note(kind, number, tally, failure, took)
        if failure:
            print(f"FAILED {kind} {number}:\n{failure}", flush=True)
            print(f"  again: {sys.executable} -m tests.torture one {kind} {number}", flush=True)
        elif sys.stderr.isatty():
            print(f"\r{kind} {number}: {took:.1f} s ", end="", file=sys.stderr, flush=True)
    left = len(_units(seed, kinds, state.done))
    print(state.told())
    print(f"{left} units left: the same command goes on" if left else f"next: --seed {seed + 1}")
    if not left and set(kinds) == set(KINDS):
        tally = state.tally
        assert tally.kills >= KILLS, f"only {tally.kills} kills"
        assert 2 * tally.in_session >= KILLS, f"only {tally.in_session} kills in a POP session"
    return 1 if state.failed else 0


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="then it stops")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1))
    parser.add_argument("kinds", nargs="*", help=f"of {', '.join(KINDS)}; all by default")
    chosen = parser.parse_args()
    if chosen.kinds[:1] == ["one"]:
        ((kind, seed, _, failure, took),) = _results(
            [(chosen.kinds[1], int(chosen.kinds[2]))], 1, 0
        )
        print(failure or f"{kind} {seed}: nothing found in {took:.1f} s")
        return 1 if failure else 0
    if chosen.kinds == ["worker"]:
        work()
        return 0
    return torture(chosen.seconds, chosen.seed, chosen.jobs, chosen.kinds or list(KINDS))


if __name__ == "__main__":
    sys.exit(main())
