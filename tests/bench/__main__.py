"""`python -m tests.bench`: prints the table, and writes it where `--out` says."""

import argparse
import sys
import time
from pathlib import Path

from tests.bench import report
from tests.bench.figure import Line
from tests.bench.machine import machine
from tests.bench.parts import PARTS, Options, Part


def main() -> None:
    """Runs what is asked for; a part that fails is told, and the others go on."""
    given = _options()
    options = Options(given.sizes, (given.growth // 10, given.growth), given.rounds, given.only)
    # `--only` names IMAP rows.
    names = given.parts or (["imap"] if given.only else [part.name for part in PARTS])
    found: dict[Part, list[Line]] = {}
    failed: list[str] = []
    for part in PARTS:
        if part.name in names:
            try:
                found[part] = _measured(part, options)
            except Exception as error:
                failed.append(f"{part.name}: {error!r}")
                print(f"{part.name} failed: {error!r}", file=sys.stderr)
    text = report.page(found, machine())
    print(text)
    if given.out and not failed:
        given.out.write_text(text)
    sys.exit("; ".join(failed) or None)


def _measured(part: Part, options: Options) -> list[Line]:
    began = time.monotonic()
    print(f"== {part.title}", file=sys.stderr)
    lines = []
    for line in part.run(options):
        lines.append(line)
        print(" | ".join(line.cells), file=sys.stderr)
    print(f"   {time.monotonic() - began:.0f} s", file=sys.stderr)
    return lines


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--sizes", type=int, nargs="+", default=[2000, 20_000])
    parser.add_argument("--growth", type=int, default=200_000, help="beside a tenth of it")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="IMAP rows whose name has this in it")
    parser.add_argument("--parts", nargs="+", choices=[part.name for part in PARTS])
    parser.add_argument("--out", type=Path, help="a Markdown file to write")
    return parser.parse_args()


main()
