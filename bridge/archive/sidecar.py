"""What an export says beside the mail that the format of the mail can't: a line of JSON each.

The first line names the mailbox, each further one a message by its file, or in an mbox by the
octet where it begins.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

NAME = ".popbridge"
"""The file's name in a folder; of an mbox it is the mbox's with this behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A message: octets, SHA-256 in hex, all flags, and internal date with its zone."""

    key: str
    size: int
    sha256: str
    flags: frozenset[str]
    date: datetime


@dataclass(slots=True)
class Sidecar:
    """A file that was read; `end` is how long the mbox was when it was last finished."""

    mailbox: str | None = None
    entries: dict[str, Entry] = field(default_factory=dict)
    end: int | None = None


def head_line(mailbox: str) -> bytes:
    """The first line."""
    return _line({"popbridge": 1, "mailbox": mailbox})


def entry_line(entry: Entry) -> bytes:
    """A message's line."""
    return _line(
        {
            "name": entry.key,
            "size": entry.size,
            "sha256": entry.sha256,
            "flags": sorted(entry.flags),
            "date": entry.date.isoformat(),
        }
    )


def end_line(end: int | None) -> bytes:
    """Says that the mbox is whole with so many octets, or None: that it is being written."""
    return _line({"end": end})


def read_sidecar(lines: Iterable[bytes]) -> Sidecar:
    """What the lines say; those that an interruption left unfinished say nothing."""
    found = Sidecar()
    for line in lines:
        try:
            form = json.loads(line)
            if "popbridge" in form:
                found.mailbox = str(form["mailbox"])
            elif "end" in form:
                found.end = None if form["end"] is None else int(form["end"])
            else:
                entry = _entry(form)
                found.entries[entry.key] = entry
        except (ValueError, LookupError, TypeError):
            continue
    return found


def _entry(form: dict[str, object]) -> Entry:
    flags = form["flags"]
    if not isinstance(flags, list):
        raise TypeError
    date = datetime.fromisoformat(str(form["date"]))
    if date.tzinfo is None:
        raise ValueError
    return Entry(
        key=str(form["name"]),
        size=int(str(form["size"])),
        sha256=str(form["sha256"]),
        flags=frozenset(map(str, flags)),
        date=date,
    )


def _line(form: dict[str, object]) -> bytes:
    return json.dumps(form, separators=(",", ":")).encode() + b"\n"
