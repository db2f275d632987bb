"""`make docs` runs it: writes the page of all errors, made from the code's own table."""

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

from bridge import errors
from bridge.errors import BridgeError, Exit

_HEAD = """# Errors

Every error that popbridge reports is a sentence with a code and what to do about it: on the
command line, in the log, in `status`, as JSON and as label of the metrics. The code stays the same
from version to version; the sentence names what went wrong this time. This page is made by
`make docs` from `bridge/errors.py`.

| code | what happened | what to do | exit code | IMAP |
|---|---|---|---|---|
"""

_EXITS = {
    Exit.OK: "all went well",
    Exit.USAGE: "the command line asks for what can't be",
    Exit.DATA: "unknown login or message, bad data in a file",
    Exit.UNAVAILABLE: "unknown host, bad certificate, port in use",
    Exit.BUG: "a fault of popbridge",
    Exit.CANNOT_CREATE: "what must be written can't be, or is there already",
    Exit.TEMPORARY: "temporary: refused, timed out, mailbox in use, store locked",
    Exit.NO_PERMISSION: "wrong password",
    Exit.CONFIG: "the configuration is wrong",
}


def kinds() -> list[type[BridgeError]]:
    """Every kind of error, by code."""
    found = [
        one
        for one in vars(errors).values()
        if inspect.isclass(one) and issubclass(one, BridgeError)
    ]
    return sorted(found, key=lambda one: one.code)


def page() -> str:
    """The page, in Markdown."""
    rows = "\n".join(map(_row, kinds()))
    exits = "\n".join(f"| {int(code)} | {words} |" for code, words in _EXITS.items())
    return f"{_HEAD}{rows}\n\n## Exit codes\n\n| code | means |\n|---|---|\n{exits}\n"


def _row(kind: type[BridgeError]) -> str:
    imap = f"`NO [{kind.imap}]`" if kind.imap else ""
    cells = (f"`{kind.code}`", meaning(kind), kind.advice, str(int(kind.exit)), imap)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def meaning(kind: type[BridgeError]) -> str:
    """What an error of that kind says has happened: the first paragraph of its docstring."""
    return " ".join(_first_paragraph(vars(kind).get("__doc__") or ""))


def _first_paragraph(text: str) -> Iterator[str]:
    for line in text.strip().splitlines():
        if not line.strip():
            return
        yield line.strip()


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
