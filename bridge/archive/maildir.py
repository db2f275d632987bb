"""Maildir and Maildir++: names of folders, and flags in names of files.

Sources: cr.yp.to/proto/maildir.html; Dovecot's Maildir++ (folders in modified UTF-7, keywords as
letters that `dovecot-keywords` explains).
"""

import re
from collections.abc import Mapping

from bridge.archive.names import fits, shortened
from bridge.model.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, SYSTEM_FLAGS
from bridge.model.mailbox import DELIMITER

LETTERS = {"D": DRAFT, "F": FLAGGED, "R": ANSWERED, "S": SEEN, "T": DELETED}
FORWARDED = "$Forwarded"
"""P in the name: passed on (RFC 5788)."""

KEYWORDS = "dovecot-keywords"
MAX_KEYWORDS = 26

_ESCAPED = re.compile(r"\\([0-9a-f]{2})")


def folder_of(wire_name: str) -> str:
    """The folder of a mailbox other than INBOX, below that of INBOX.

    Args:
        wire_name: its name in modified UTF-7. A dot and a backslash in it are written as Dovecot's
            listescape plugin does.
    """
    levels = wire_name.split(DELIMITER)
    escaped = [level.replace("\\", "\\5c").replace(".", "\\2e") for level in levels]
    name = "." + ".".join(escaped)
    return name if fits(name) else shortened(name, wire_name)


def name_of(folder: str) -> str:
    """The name in modified UTF-7 of a mailbox in that folder, which begins with a dot."""
    levels = [_unescape(level) for level in folder.removeprefix(".").split(".")]
    return DELIMITER.join(levels)


def info(flags: frozenset[str], keywords: Mapping[str, int]) -> str:
    """The end of a file's name: flags that have letters, and keywords by their numbers."""
    letters = {letter for letter, flag in LETTERS.items() if flag in flags}
    if FORWARDED in flags:
        letters.add("P")
    letters |= {
        chr(ord("a") + keywords[flag])
        for flag in flags
        if flag != FORWARDED and keywords.get(flag, MAX_KEYWORDS) < MAX_KEYWORDS
    }
    return ":2," + "".join(sorted(letters))


def split_name(name: str) -> tuple[str, str]:
    """(the file's base name, letters of its flags); `!` is for disks that have no colon."""
    for mark in (":2,", "!2,", ";2,"):
        base, found, letters = name.rpartition(mark)
        if found:
            return base, letters.partition(",")[0]
    return name, ""


def flags_of(letters: str, keywords: Mapping[int, str]) -> frozenset[str]:
    """The flags that letters stand for; unknown ones for none."""
    flags = {LETTERS[letter] for letter in letters if letter in LETTERS}
    if "P" in letters:
        flags.add(FORWARDED)
    flags |= {
        keywords[ord(letter) - ord("a")]
        for letter in letters
        if "a" <= letter <= "z" and ord(letter) - ord("a") in keywords
    }
    return frozenset(flags)


def number(known: dict[str, int], flags: frozenset[str]) -> bool:
    """Gives keywords that have no number the next; whether there were any."""
    new = sorted(flags - known.keys() - {*SYSTEM_FLAGS, FORWARDED})
    for keyword in new:
        known[keyword] = len(known)
    return bool(new)


def write_keywords(numbers: Mapping[str, int]) -> bytes:
    """`dovecot-keywords`."""
    lines = (f"{n} {word}\n" for word, n in sorted(numbers.items(), key=lambda item: item[1]))
    return "".join(lines).encode()


def read_keywords(octets: bytes) -> dict[int, str]:
    """What `dovecot-keywords` says; lines that can't be read say nothing."""
    found = {}
    for line in octets.decode("utf-8", "replace").splitlines():
        digits, space, word = line.partition(" ")
        if space and word and digits.isascii() and digits.isdigit():
            found[int(digits)] = word
    return found


def _unescape(level: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), level)


def base_name(seconds: int, uid: int, emailid: str, size: int) -> str:
    """A name that no other message has; `S=` is what Dovecot looks at for the size."""
    return f"{max(0, seconds)}.E{emailid}U{uid}.popbridge,S={size}"
