"""How the report of `popbridge doctor` looks: in words and shapes, coloured on a terminal."""

import os
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable
from itertools import groupby

import click

from bridge.doctor.finding import Entry, Verdict

WIDTH = 100
"""Longer lines are hard to read."""

_SHAPES = {
    Verdict.OK: ("✓", "+", "green"),
    Verdict.WARNING: ("!", "!", "yellow"),
    Verdict.FAILED: ("✗", "x", "red"),
    Verdict.UNCHECKED: ("·", "-", "bright_black"),
}
"""Of each verdict a sign, one for terminals that have but ASCII, and a colour."""

_VERDICT_WIDTH = max(len(each.value) for each in Verdict)
_NAME_WIDTH = 15
_INDENT = 2 + 2 + _VERDICT_WIDTH + 2 + _NAME_WIDTH


class Report:
    """Shows entries as they come and keeps them; `quiet`: only keeps them."""

    def __init__(self, *, quiet: bool) -> None:
        self.entries: list[Entry] = []
        self._quiet = quiet
        self._group = ""
        self._open = False
        self._terminal = sys.stderr is not None and sys.stderr.isatty()
        encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower()
        self._ascii = not encoding.startswith("utf")
        self._color = False if os.environ.get("NO_COLOR") else None
        columns = shutil.get_terminal_size((WIDTH, 24)).columns
        self._width = max(60, min(WIDTH, columns - 1))

    def progress(self, what: str) -> None:
        """Says on stderr what is being looked at."""
        if self._terminal:
            self.clear()
            click.echo(f"Checking {what} ...", nl=False, err=True)
            self._open = True
        else:
            click.echo(f"Checking {what} ...", err=True)

    def clear(self) -> None:
        """Takes what `progress` said off the terminal again."""
        if self._open:
            click.echo("\r\x1b[K", nl=False, err=True)
            self._open = False

    def add(self, entries: Iterable[Entry]) -> None:
        """Shows entries."""
        self.clear()
        added = list(entries)
        self.entries += added
        if self._quiet:
            return
        for _, alike in groupby(added, _sameness):
            self._print(list(alike))

    def sum_up(self) -> None:
        """How many checks ended how."""
        counts = Counter(entry.finding.verdict for entry in self.entries)
        parts = [f"{counts[each]} {_WORDS[each]}" for each in Verdict if counts[each]]
        self._echo(f"\n{len(self.entries)} checks: {', '.join(parts)}.")
        if not counts[Verdict.FAILED]:
            all_ok = counts[Verdict.OK] == len(self.entries)
            self._echo("All is well." if all_ok else "Nothing has failed.")

    def _print(self, alike: list[Entry]) -> None:
        """One line, or some that weren't checked for one reason in one."""
        entry = alike[0]
        if entry.group != self._group:
            title = click.style(entry.group, bold=True)
            self._echo(f"\n{title}" if self._group else title)
            self._group = entry.group
        finding = entry.finding
        shape, plain, color = _SHAPES[finding.verdict]
        sign = plain if self._ascii else shape
        verdict = click.style(f"{sign} {finding.verdict.value:<{_VERDICT_WIDTH}}", fg=color)
        text = f"{finding.code}: {finding.text}" if finding.code else finding.text
        if len(alike) > 1:
            text = f"and {', '.join(each.check for each in alike[1:])}: {text}"
        first, *more = self._wrapped(text)
        self._echo(f"  {verdict}  {entry.check:<{_NAME_WIDTH}}{first}".rstrip())
        for line in more:
            self._echo(" " * _INDENT + line)
        if finding.remedy:
            arrow = "> " if self._ascii else "→ "
            for number, line in enumerate(self._wrapped(finding.remedy, len(arrow))):
                self._echo(" " * _INDENT + (arrow if not number else "  ") + line)

    def _wrapped(self, text: str, less: int = 0) -> list[str]:
        width = self._width - _INDENT - less
        return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]

    def _echo(self, text: str) -> None:
        if self._ascii:
            text = text.encode("ascii", "replace").decode()
        click.echo(text, color=self._color)


def _sameness(entry: Entry) -> tuple[str, str]:
    """Equal for those that are shown in one line."""
    same = entry.finding.verdict is Verdict.UNCHECKED
    return entry.group, entry.finding.text if same else entry.check


_WORDS = {
    Verdict.OK: "ok",
    Verdict.WARNING: "to look at",
    Verdict.FAILED: "failed",
    Verdict.UNCHECKED: "not checked",
}
