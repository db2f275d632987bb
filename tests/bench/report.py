"""The table that `docs/performance.md` shows."""

from collections.abc import Sequence

from tests.bench.compare import Timing


def table(timings: Sequence[Timing]) -> str:
    """Markdown: a line for each timing."""
    lines = [
        "| work | messages | popbridge | Dovecot | ratio | bar | |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    lines += [
        f"| {one.name} | {one.size:,} | {_ms(one.ours_s)} | {_ms(one.peer_s)} |"
        f" {'-' if one.ratio is None else f'{one.ratio:.2f}'} | {one.bar:g} | {one.verdict} |"
        for one in timings
    ]
    return "\n".join(lines) + "\n"


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:,.1f} ms"
