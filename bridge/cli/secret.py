"""Passwords: from a file, from a line of standard input, or asked for on a terminal."""

import signal
import sys
from pathlib import Path

import click

from bridge.errors import UsageError


def read_secret(source: str | None, what: str, *, ask: bool) -> str | None:
    """The password.

    Args:
        source: a file, "-" for one line of standard input, or None.
        what: names it in prompts and errors.
        ask: whether to ask on a terminal when there is no source.

    Returns:
        None where there is no source and nobody is asked.

    Raises:
        UsageError: it can't be read, is empty, or there is nobody to ask.
    """
    if source == "-":
        return _checked(_read_line(what), what)
    if source is not None:
        return _checked(_read_file(source, what), what)
    if not ask:
        return None
    if not has_terminal():
        option = what.lower().replace(" ", "-")
        raise UsageError(
            f"The {what} is missing, and there is no terminal to ask on.",
            f"Name a file with --{option}-file, or - to read it from standard input.",
        )
    return _checked(click.prompt(what, hide_input=True, err=True), what)


def has_terminal() -> bool:
    """Whether there is somebody to ask."""
    # Standard input is None where it is closed.
    return sys.stdin is not None and sys.stdin.isatty()


def confirmed(question: str) -> bool:
    """What is answered on the terminal; Ctrl-C is no answer and ends the command."""
    # While an operation runs SIGINT is for it; here it is for who is asked.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return click.confirm(question, err=True)
    finally:
        signal.signal(signal.SIGINT, before)


def _read_line(what: str) -> str:
    try:
        return "" if sys.stdin is None else sys.stdin.buffer.readline().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(what, "standard input", error) from error


def _read_file(path: str, what: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(what, path, error) from error


def _unreadable(what: str, source: str, error: Exception) -> UsageError:
    reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
    return UsageError(
        f"The {what} can't be read from {source}: {reason}.",
        "It must be one line of UTF-8 text that this user may read.",
    )


def _checked(text: str, what: str) -> str:
    password = text.removesuffix("\n").removesuffix("\r")
    if not password or "\n" in password or "\0" in password:
        raise UsageError(
            f"The {what} is empty or has several lines.", "It must be exactly one line."
        )
    return password
