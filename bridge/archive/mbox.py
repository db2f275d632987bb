"""mbox: messages in one file, each behind a line that begins with "From ".

What is written here is mboxrd: a line of a message that begins with any number of ">" and "From "
gets one more ">", so that taking one off gives back what was. Lines end in CRLF as mail does, and
each message is followed by one CRLF that isn't its own. Nothing else is added to a message.

What is read may be mboxo, mboxrd, mboxcl or mboxcl2 (RFC 4155 and qmail's mbox(5) describe them).
"""

import re
from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, datetime

from bridge.mime import dates, headers
from bridge.model.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN

OURS = b"From popbridge "
"""How a separator of our own begins; no line of a message in such a file does."""

MAX_HEADER_OCTETS = 64 << 10
"""Of a message's header, in which Content-Length and flags are looked for."""

MAX_FROM_OCTETS = 1000

_FROM = b"From "
_TO_QUOTE = re.compile(rb"^(>*)From ", re.MULTILINE)
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)
_BARE_LF = re.compile(rb"(?<!\r)\n")
_BLANK = (b"\n\n", b"\n\r\n")
_END_OF_HEADER = re.compile(rb"\r?\n\r?\n")
_HEX = re.compile(rb"[0-9A-Fa-f]{1,8}")
_SEPARATOR = re.compile(rb"From .*\b\d\d?:\d\d(?::\d\d)?\b.*\b\d{4}\b")
_ASCTIME = re.compile(
    rb"([A-Z][a-z]{2})\s+(\d\d?)\s+(\d\d?):(\d\d)(?::(\d\d))?(?:\s+[A-Z]{1,5})?\s+"
    rb"(?:([+-]\d{4})\s+)?(\d{4})(?:\s+([+-]\d{4}))?"
)
_MONTHS = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
FORWARDED = "$Forwarded"
_DAYS = b"Mon Tue Wed Thu Fri Sat Sun".split()
_STATUS = {b"R": SEEN, b"A": ANSWERED, b"F": FLAGGED, b"D": DELETED, b"T": DRAFT}
_MOZILLA = {0x1: SEEN, 0x2: ANSWERED, 0x4: FLAGGED, 0x8: DELETED}
_MOZILLA_FORWARDED = 0x1000


@dataclass(frozen=True, slots=True)
class Mark:
    """A line that may separate messages: where it begins, where the message before it ends, and
    where the line ends; octets from the start of the file."""

    start: int
    before: int
    end: int


@dataclass(frozen=True, slots=True)
class Found:
    """A message in an mbox: its octets [start, end), whether they are quoted, and the octet where
    the next separator is; None after the last."""

    start: int
    end: int
    quoted: bool
    next: int | None


def separator(date: datetime) -> bytes:
    """The line before a message that arrived then."""
    at = date.astimezone(UTC)
    return b"%b%b %b %2d %02d:%02d:%02d %04d\r\n" % (
        OURS,
        _DAYS[at.weekday()],
        _MONTHS[at.month - 1],
        at.day,
        at.hour,
        at.minute,
        at.second,
        at.year,
    )


def is_separator(line: bytes) -> bool:
    """Whether a file that begins with that line is an mbox."""
    return line.startswith(OURS) or _SEPARATOR.match(line) is not None


def separator_date(line: bytes) -> datetime | None:
    """When a message arrived, by the line before it; without a zone it is UTC."""
    found = _ASCTIME.search(line)
    if found is None or found[1] not in _MONTHS:
        return None
    month, day, hour, minute, second, early, year, late = found.groups()
    zone = late or early or b"+0000"
    text = b"%b %b %b %b:%b:%b %b" % (day, month, year, hour, minute, second or b"00", zone)
    return dates.parse(text)


class Quoting:
    """Quotes a message that comes in pieces, or takes its quoting off."""

    def __init__(self, *, off: bool = False) -> None:
        self._off = off
        self._held = b""
        self._at_start = True
        """Whether what comes next begins a line, or follows nothing but ">" in one."""

    def feed(self, octets: bytes) -> bytes:
        """What can be told by now."""
        data, at_start = self._held + octets, self._at_start
        ready = data[: len(data) - self._undecided(data)]
        self._held = data[len(ready) :]
        first = 0 if at_start else ready.find(b"\n") + 1
        if not at_start and not first:
            return ready
        return ready[:first] + self._changed(ready[first:])

    def finish(self) -> bytes:
        """What was held back: it is no whole "From "."""
        held, self._held = self._held, b""
        return held

    def _changed(self, lines: bytes) -> bytes:
        if self._off:
            return _QUOTED.sub(rb"\1", lines)
        # One more of those that are there: it doesn't matter which is new.
        return _TO_QUOTE.sub(rb"\1>From ", lines)

    def _undecided(self, data: bytes) -> int:
        """How many of the last octets may be the beginning of what changes."""
        begin = data.rfind(b"\n") + 1
        line = data[begin:]
        bare = line.lstrip(b">")
        self._at_start = (begin > 0 or self._at_start) and _FROM.startswith(bare) and bare != _FROM
        if not self._at_start:
            return 0
        return len(bare) + (min(1, len(line) - len(bare)) if self._off else 0)


class ToCrlf:
    """Makes CRLF of LF that comes in pieces, as mail has it on its way (RFC 5322 §2.3)."""

    def __init__(self) -> None:
        self._cr = b""

    def feed(self, octets: bytes) -> bytes:
        """The octets, each line ended in CRLF."""
        if not octets:
            return b""
        before, self._cr = self._cr, octets[-1:] if octets.endswith(b"\r") else b""
        return _BARE_LF.sub(b"\r\n", before + octets)[len(before) :]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where messages may begin in an mbox of `size` octets, the last of which ends at `end`.

    Without a mark at 0 it is no mbox; `ours` says that popbridge wrote it.
    """

    marks: tuple[Mark, ...]
    size: int
    end: int
    ours: bool


class Marks:
    """Finds the lines that may separate messages, in a file that comes in pieces.

    In a file of our own these are all that look so; elsewhere a blank line comes before, and a
    time is in them.
    """

    def __init__(self) -> None:
        self._size = 0
        self._ours = False
        self._found: list[Mark] = []
        # As if the file had a blank line before it.
        self._buffer, self._base, self._from = b"\n\n", -2, 0

    def feed(self, octets: bytes) -> None:
        """Takes the next octets."""
        self._size += len(octets)
        self._buffer += octets
        if self._size >= len(OURS):
            self._look(last=False)

    def finish(self) -> Layout:
        """What was found."""
        self._look(last=True)
        return Layout(
            tuple(self._found), self._size, self._size - self._blank(self._buffer), self._ours
        )

    def _look(self, *, last: bool) -> None:
        buffer = self._buffer
        if self._base < 0:
            self._ours = buffer.startswith(OURS, -self._base)
        while (at := buffer.find(b"\n" + _FROM, self._from)) >= 0:
            end = buffer.find(b"\n", at + 1) + 1
            if not end and not last and len(buffer) - at < MAX_FROM_OCTETS:
                break
            line = buffer[at + 1 : end or len(buffer)]
            if len(line) <= MAX_FROM_OCTETS:
                self._judge(self._base + at + 1, line, buffer[max(0, at - 3) : at + 1])
            self._from = at + 1
        else:
            self._from = max(self._from, len(buffer) - len(_FROM))
        # What is before a line says whether it separates.
        gone = max(0, self._from - 4)
        self._buffer = buffer[gone:]
        self._base += gone
        self._from -= gone

    def _judge(self, start: int, line: bytes, before: bytes) -> None:
        if self._ours:
            separates = line.startswith(OURS)
        else:
            separates = _SEPARATOR.match(line) is not None and before.endswith(_BLANK)
        if separates:
            blank = self._blank(before) if start else 0
            self._found.append(Mark(start, start - blank, start + len(line)))

    def _blank(self, tail: bytes) -> int:
        """Octets of the line end that follows a message and isn't its own."""
        if not self._ours and not tail.endswith(_BLANK):
            return 0
        return 2 if tail.endswith(b"\r\n") else int(tail.endswith(b"\n"))


def next_message(layout: Layout, index: int, beginning: bytes) -> Found:
    """The message behind a separator.

    A Content-Length counts if there is a separator, or the end of the file, right where it says
    that the message ends (mboxcl); then lines that look like separators are its own.

    Args:
        layout: of the file.
        index: the separator's, among `layout.marks`.
        beginning: the message's first octets, at most `MAX_HEADER_OCTETS` of them.
    """
    marks, start, after = layout.marks, layout.marks[index].end, index + 1
    length = None if layout.ours else _content_length(beginning)
    if length is not None:
        claimed = start + length
        at = bisect_left(marks, claimed, lo=after, key=lambda mark: mark.start)
        follows = marks[at].start if at < len(marks) else layout.size
        if 0 <= follows - claimed <= 2:
            # Without quoting only a Content-Length tells such lines from separators (mboxcl2).
            return Found(start, claimed, at == after, at if at < len(marks) else None)
    if after < len(marks):
        return Found(start, max(start, marks[after].before), True, after)
    return Found(start, max(start, layout.end), True, None)


def flags_of(beginning: bytes) -> frozenset[str]:
    """The flags that mutt, Dovecot and Thunderbird write into the header of a message."""
    flags: set[str] = set()
    head = beginning[: _header_end(beginning) or 0]
    for entry in headers.fields(head):
        value = entry.value.strip()
        if entry.name in (b"status", b"x-status"):
            flags |= {_STATUS[letter] for letter in map(_octet, value) if letter in _STATUS}
        elif entry.name in (b"x-keywords", b"x-mozilla-keys"):
            flags |= {word.decode("ascii", "ignore") for word in value.split()}
        elif entry.name == b"x-mozilla-status" and _HEX.fullmatch(value):
            bits = int(value, 16)
            flags |= {flag for bit, flag in _MOZILLA.items() if bits & bit}
            flags |= {FORWARDED} if bits & _MOZILLA_FORWARDED else set()
    return frozenset(flags - {""})


def is_internal(beginning: bytes) -> bool:
    """Whether it is the first message of a c-client mailbox, in which that keeps its own data."""
    head = beginning[: _header_end(beginning) or 0]
    names = {entry.name for entry in headers.fields(head)}
    return b"x-imap" in names and b"FOLDER INTERNAL DATA" in head


def _octet(number: int) -> bytes:
    return bytes((number,))


def _content_length(beginning: bytes) -> int | None:
    """Octets of the message with its header, as its Content-Length has it; None without one."""
    end = _header_end(beginning)
    if end is None:
        return None
    value = (headers.first(headers.fields(beginning[:end]), b"content-length") or b"").strip()
    return end + int(value) if value.isdigit() and len(value) < 16 else None


def _header_end(beginning: bytes) -> int | None:
    """Where the body begins."""
    found = _END_OF_HEADER.search(beginning)
    return None if found is None else found.end()
