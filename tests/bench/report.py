"""The page that `docs/performance.md` is."""

from collections.abc import Iterable, Mapping

from tests.bench.figure import Line
from tests.bench.parts import Part

HEAD = """\
# Performance

What popbridge costs beside the programs it is compared with, on one machine in one run. `make
bench` repeats it in about forty minutes (on Linux, with Dovecot, mpop and fetchmail installed);
`make bench OUT=docs/performance.md` writes this page, `PARTS="notify memory"` runs some parts, and
`ONLY=SEARCH` the IMAP rows that have this in their name.

"""

FOOT = """
A ratio is popbridge's figure as a multiple of the other. A bar with an x is one for the ratio, any
other is one for popbridge's own figure; "missed 1.5 times" is half as much again as it should be.
Times are those of a client that reads answers and does nothing with them, over loopback: the work
of the server and of the disk. popbridge syncs every commit; Dovecot, as Debian configures it, syncs
mail that it saves and doesn't sync flags. What else the machine did counts on both sides.
"""


def page(found: Mapping[Part, Iterable[Line]], machine: str) -> str:
    """All parts under a heading each, and where they were measured."""
    parts = [
        f"## {part.title}\n{part.about}\n\n{table(lines, part.columns)}"
        for part, lines in found.items()
    ]
    return HEAD + machine + "\n\n" + "\n".join(parts) + FOOT


def table(lines: Iterable[Line], columns: tuple[str, str] = ("popbridge", "Dovecot")) -> str:
    """Markdown: a line for each figure."""
    ours, peer = columns
    head = [
        f"| work | size | {ours} | {peer} | ratio | bar | |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    return "\n".join([*head, *("| " + " | ".join(line.cells) + " |" for line in lines)]) + "\n"
