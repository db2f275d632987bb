"""What of a session may be written down: commands and answers without secrets and mail.

Passwords, SASL exchanges and all octets of messages become their number in parentheses. Only
commands that can be read are shown: a line that can't be may be a password or part of a message.
"""

import re
from collections.abc import Sequence

from bridge.imap.commands.search import KEYS, STRINGS
from bridge.imap.framing import Literal, Piece, Streamed
from bridge.imap.parser import VERBS, Tagged

MAX_SHOWN_OCTETS = 1000
"""Of a line; a FETCH of a thousand messages needn't be readable in one."""

MAX_LINES = 50
"""Of what is written in one piece: thousands would cost the other sessions milliseconds."""

_SECRET = frozenset({"LOGIN", "AUTHENTICATE"})
_STATUS = frozenset({b"*", b"OK", b"NO", b"BAD", b"BYE"})
_STRING = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_LITERAL = re.compile(rb"\{(\d+)\}\r\n")
_TOKEN = re.compile(rb"\((\d+)\)|[^ ()]+|[ ()]")
_PLAIN = re.compile(rb"[\d:*,.$]+|\d{1,2}-[A-Z]{3}-\d{4}|CHARSET|US-ASCII|UTF-8", re.IGNORECASE)
_BEFORE_KEYS = {
    "ESEARCH": re.compile(
        rb'(?: IN \((?:[^()"]|"(?:[^"\\]|\\.)*"|\([^()]*\))*\))?(?: RETURN \([^()]*\))?',
        re.IGNORECASE,
    ),
    "SEARCH": re.compile(rb" RETURN \([^()]*\)", re.IGNORECASE),
    "SORT": re.compile(rb"(?: RETURN \([^()]*\))? \([^()]*\)", re.IGNORECASE),
    "THREAD": re.compile(rb" [^ ]+"),
}
"""What of a search is said before its charset and keys; it is all ours."""

_OWN = re.compile(
    rb"\* (?:OK|NO|BAD|BYE|PREAUTH|CAPABILITY|ENABLED|FLAGS|LIST|LSUB|STATUS|NAMESPACE|ID|QUOTA"
    rb"|QUOTAROOT) "
)
"""Untagged responses whose strings are ours or name mailboxes; those of others may be mail."""


def command(parsed: Tagged, pieces: Sequence[Piece]) -> bytes:
    """A command that could be read."""
    text = _text(pieces)
    if parsed.verb in _SECRET:
        return b"%b %b %b" % (parsed.tag, parsed.verb.encode(), _count(_octets(pieces)))
    if parsed.verb == "SETMETADATA":
        # What people note of their mailboxes; a value is a string always.
        text = _STRING.sub(lambda string: _count(len(string[1])), text)
    if parsed.verb in _BEFORE_KEYS:
        verb = parsed.verb.encode()
        begin = text.upper().index(verb) + len(verb)
        if (head := _BEFORE_KEYS[parsed.verb].match(text, begin)) is not None:
            begin = head.end()
        return _cut(text[:begin] + _search(text[begin:]))
    return _cut(text)


def unreadable(pieces: Sequence[Piece]) -> bytes:
    """What couldn't be read or wasn't wanted: how much it was, and its verb if that is one."""
    words = _text(pieces).upper().split(b" ", 2)
    verb = words[1].decode("ascii", "replace") if len(words) > 1 else ""
    shown = f"{verb}, " if verb in VERBS and verb not in _SECRET else ""
    return f"({shown}refused, {_octets(pieces)} octets)".encode()


def without_echo(line: bytes, sent: bytes) -> bytes:
    """An answer to what couldn't be read, without the words that it took from there."""
    said = sent.upper()

    def shown(word: re.Match[bytes]) -> bytes:
        echo = word[0].upper().strip(b"'") in said and word[0] not in _STATUS
        return _count(len(word[0])) if echo else word[0]

    return re.sub(rb"[^ \[\]]+", shown, line)


class Answers:
    """The server's octets, as they are written, to lines that may be shown."""

    def __init__(self) -> None:
        self._line = b""
        self._rest = b""
        self._skip = 0

    def feed(self, octets: bytes) -> list[bytes]:
        """The lines that these octets complete; of very many the first ones, and how many more."""
        lines: list[bytes] = []
        at = more = 0
        while at < len(octets):
            if self._skip:
                step = min(self._skip, len(octets) - at)
                self._skip -= step
                at += step
            elif len(lines) < MAX_LINES:
                at = self._show(octets, at, lines)
            else:
                end = self._pass(octets, at)
                more += octets.count(b"\n", at, end)
                at = end
        return [*lines, b"* (%d lines more)" % more] if more else lines

    def _show(self, octets: bytes, at: int, lines: list[bytes]) -> int:
        """Takes one line, or up to a literal; where that ends."""
        end = octets.find(b"\n", at) + 1 or len(octets)
        self._rest += octets[at:end]
        if not self._rest.endswith(b"\n"):
            return end
        literal = _LITERAL.search(self._rest)
        if literal is None:
            lines.append(_answer(self._line + self._rest.rstrip(b"\r\n")))
            self._line = b""
        else:
            self._skip = int(literal[1])
            self._line += self._rest[: literal.start()] + _count(self._skip)
        self._rest = b""
        return end

    def _pass(self, octets: bytes, at: int) -> int:
        """Passes over lines up to the next literal; where that, or the last line, ends."""
        literal = _LITERAL.search(octets, at)
        if literal is not None:
            self._skip = int(literal[1])
            # What follows it belongs to an answer whose beginning wasn't looked at.
            self._line = _PASSED
            return literal.end()
        end = octets.rfind(b"\n", at) + 1
        if end:
            self._line = b""
        else:
            end = at
        self._rest = octets[end:]
        return len(octets)


_PASSED = b"* (more) "


def _answer(line: bytes) -> bytes:
    tagged = not line.startswith((b"* ", b"+ "))
    if not (tagged or _OWN.match(line)):
        line = _STRING.sub(lambda string: _count(len(string[1])), line)
    # What follows "+" is ours, or part of a SASL exchange.
    return b"+ " + _count(len(line) - 2) if line.startswith(b"+ ") else _cut(line)


def _search(text: bytes) -> bytes:
    """A search without what it looks for."""
    hidden, shown = 0, []
    for found in _TOKEN.finditer(_STRING.sub(lambda string: _count(len(string[1])), text)):
        token = found[0]
        if token in (b" ", b"(", b")"):
            shown.append(token)
            continue
        word = token.upper().decode("ascii", "replace")
        if hidden or not (word in KEYS or _PLAIN.fullmatch(token) or found[1]):
            token = token if found[1] else _count(len(token))
            hidden = max(0, hidden - 1)
        else:
            hidden = STRINGS.get(word, 0)
        shown.append(token)
    return b"".join(shown)


def _text(pieces: Sequence[Piece]) -> bytes:
    return b"".join(piece if isinstance(piece, bytes) else _count(_size(piece)) for piece in pieces)


def _octets(pieces: Sequence[Piece]) -> int:
    return sum(len(piece) if isinstance(piece, bytes) else _size(piece) for piece in pieces)


def _size(piece: Literal | Streamed) -> int:
    return piece.size if isinstance(piece, Streamed) else len(piece.octets)


def _count(octets: int) -> bytes:
    return b"(%d)" % octets


def _cut(line: bytes) -> bytes:
    if len(line) <= MAX_SHOWN_OCTETS:
        return line
    return line[:MAX_SHOWN_OCTETS] + b"... (%d more)" % (len(line) - MAX_SHOWN_OCTETS)
