"""How far a command is, on stderr."""

import sys

import click


class Line:
    """A line that is written over on a terminal; elsewhere one line whenever the text's first
    word changes, for logs of cron jobs."""

    def __init__(self) -> None:
        self._terminal = sys.stderr is not None and sys.stderr.isatty()
        self._open = False
        self._word = ""

    def show(self, text: str) -> None:
        """Shows the text."""
        word = text.partition(" ")[0]
        if self._terminal:
            click.echo(f"\r\x1b[K{text}", nl=False, err=True)
            self._open = True
        elif word != self._word:
            click.echo(text, err=True)
        self._word = word

    def end(self) -> None:
        """Ends the line."""
        if self._open:
            click.echo(err=True)
            self._open = False
