"""The files in which other fetchers keep the UIDLs of what they have fetched.

They say that a UIDL was retrieved, not which message it was. Formats as the programs write them:
getmail 6 (`oldmail-HOST-PORT-USER`), mpop 1.4 (`uidls`) and fetchmail 6 (`.fetchids`).
"""

import re
from dataclasses import dataclass

MAX_UIDL_OCTETS = 1000
"""RFC 1939 §7 allows 70; servers exceed it."""

_GETMAIL_NAME = re.compile(r"oldmail-(.+?)-(\d+)-(.+)")
_MPOP_HEAD = re.compile(rb" (\d+) (\S+) (.*)")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What one program has fetched from one mailbox; `host` and `user` as it writes them."""

    program: str
    host: str
    user: str
    uidls: tuple[bytes, ...]

    def is_of(self, host: str, user: str) -> bool:
        """Whether it is that mailbox, as far as the file tells."""
        if self.program == "getmail":
            # What a file's name can't have it writes as "-".
            return (_plain(self.host), _plain(self.user)) == (_plain(host), _plain(user))
        return self.host.lower() == host.lower() and self.user == user


def read_uidls(name: str, octets: bytes) -> tuple[Fetched, ...]:
    """What a file of one of the three programs says, by mailbox.

    Args:
        name: the file's own name, in which getmail says whose it is.
        octets: all of it.

    Raises:
        ValueError: it is of none of them.
    """
    lines = octets.split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    if lines and all(b"\0" in line for line in lines):
        return (_getmail(name, lines),)
    if octets.startswith(b"#") or any(_MPOP_HEAD.fullmatch(line) for line in lines[:1]):
        return _mpop(lines)
    return _fetchmail(lines)


def _getmail(name: str, lines: list[bytes]) -> Fetched:
    """`UIDL NUL seconds` in each line."""
    found = _GETMAIL_NAME.fullmatch(name)
    host, user = (found[1], found[3]) if found else ("", "")
    return Fetched("getmail", host, user, _sound([line.partition(b"\0")[0] for line in lines]))


def _mpop(lines: list[bytes]) -> tuple[Fetched, ...]:
    """Comments, then for each mailbox ` count host user` and its UIDLs, one a line.

    Raises:
        ValueError: a count is wrong.
    """
    start = 0
    while start < len(lines) and lines[start].startswith(b"#"):
        start += 1
    found = []
    while start < len(lines):
        head = _MPOP_HEAD.fullmatch(lines[start])
        if head is None:
            raise ValueError(f"line {start + 1} is not the head of a list of UIDLs")
        end = start + 1 + int(head[1])
        if end > len(lines):
            raise ValueError("the last list of UIDLs is shorter than its head says")
        host, user = (text.decode("utf-8", "replace") for text in head.groups()[1:])
        found.append(Fetched("mpop", host, user, _sound(lines[start + 1 : end])))
        start = end
    return tuple(found)


def _fetchmail(lines: list[bytes]) -> tuple[Fetched, ...]:
    """`user@host UIDL` in each line.

    Raises:
        ValueError: a line is otherwise.
    """
    mailboxes: dict[tuple[str, str], list[bytes]] = {}
    for number, line in enumerate(lines, 1):
        whose, space, uidl = line.partition(b" ")
        user, at, host = whose.decode("utf-8", "replace").rpartition("@")
        if not (space and at and user and host):
            raise ValueError(f"line {number} names no mailbox and UIDL")
        mailboxes.setdefault((host, user), []).append(uidl)
    return tuple(
        Fetched("fetchmail", host, user, _sound(uidls)) for (host, user), uidls in mailboxes.items()
    )


def _sound(uidls: list[bytes]) -> tuple[bytes, ...]:
    """Those that can be UIDLs, each once."""
    return tuple(dict.fromkeys(uidl for uidl in uidls if 0 < len(uidl) <= MAX_UIDL_OCTETS))


def _plain(text: str) -> str:
    return re.sub(r"[/:;<>|]+", "-", text).lower()
