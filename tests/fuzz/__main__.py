"""`python -m tests.fuzz [--seconds N] [--seed N] [TARGET…]`, or `… replay TARGET FILE…`."""

import argparse
import sys
import traceback
from importlib import import_module
from pathlib import Path

from tests.fuzz.driver import TARGETS, fuzz
from tests.fuzz.findings import failure


def replay(name: str, files: list[str]) -> int:
    """Runs the target on each input, and shows what it raises."""
    target = import_module(f"tests.fuzz.targets.{name}").target
    failed = 0
    for file in files:
        error = failure(target, Path(file).read_bytes())
        print(f"{file}: {'passes' if error is None else type(error).__name__}")
        if error is not None:
            failed = 1
            traceback.print_exception(error)
    return failed


def main() -> int:
    """0, or 1 if something was found."""
    if sys.argv[1:2] == ["replay"] and len(sys.argv) > 3:
        return replay(sys.argv[2], sys.argv[3:])
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz each target.")
    parser.add_argument("--seconds", type=int, default=600, help="for each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(TARGETS)}; all by default")
    chosen = parser.parse_args()
    unknown = set(chosen.targets) - set(TARGETS)
    if unknown:
        parser.error(f"no target {min(unknown)}; there are {', '.join(TARGETS)}")
    found = [fuzz(name, chosen.seconds, chosen.seed) for name in chosen.targets or TARGETS]
    return int(any(found))


if __name__ == "__main__":
    sys.exit(main())
