"""Mailbox names as names of files and folders that any file system takes."""

import hashlib
import re
from collections.abc import Callable, Iterable

from bridge.model.mailbox import DELIMITER

FORMATS = ("maildir", "mbox", "eml")
"""In which mail is exported."""

MAX_OCTETS = 200
"""Of one name; file systems take 255, and endings and numbers come to it."""

_MAILDIR = frozenset({"cur", "new", "tmp"})
"""A folder that has one of these in it would be taken for a Maildir."""

_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|\ud800-\udfff]')


def component(name: str) -> str:
    """One level of a mailbox's name as a file's; two that differ stay different.

    What must be changed gets a part of the name's hash; exact names stand in the sidecar.
    """
    safe = _UNSAFE.sub("_", name)
    if safe.startswith((".", "~", "-")):
        safe = "_" + safe[1:]
    if safe.endswith((".", " ")):
        safe = safe[:-1] + "_"
    if safe == name and fits(safe) and safe.lower() not in _MAILDIR:
        return safe
    return shortened(safe, name)


def fits(name: str) -> bool:
    """Whether a file can have that name."""
    return 0 < len(name.encode()) <= MAX_OCTETS


def shortened(safe: str, name: str) -> str:
    """`safe`, cut if it must be, with a part of the hash of what it stands for."""
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    cut = safe.encode()[: MAX_OCTETS - 16].decode("utf-8", "ignore")
    return f"{cut}~{digest}"


def path_of(mailbox: str) -> str:
    """The path of a mailbox below the folder of an export, levels as folders."""
    return "/".join(component(level) for level in mailbox.split(DELIMITER))


def distinct(mailboxes: Iterable[str], place: Callable[[str], str]) -> dict[str, str]:
    """Each mailbox's place, told apart also where letters have no case."""
    places: dict[str, str] = {}
    taken: set[str] = set()
    for mailbox in mailboxes:
        chosen = place(mailbox)
        if chosen.casefold() in taken:
            chosen = shortened(chosen, mailbox)
        taken.add(chosen.casefold())
        places[mailbox] = chosen
    return places
