"""Structured MIME fields: Content-Type, Content-Disposition (RFC 2045 §5.1, RFC 2183, RFC 2231)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from bridge.mime.words import charset_text, decode

_TOKEN = re.compile(rb"[^\x00-\x20()<>@,;:\\\"/\[\]?=\x7f]+")
_VALUE = re.compile(rb"[^\x00-\x20;\"(]+")
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)(?:"|\Z)', re.DOTALL)
_SPACE = re.compile(rb"[ \t\r\n]*")
_PAIR = re.compile(rb"\\(.)", re.DOTALL)
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_PARENTHESES = re.compile(rb"\(+|\)+|\\.", re.DOTALL)
_UNSAFE = re.compile(rb"[^A-Za-z0-9!#$&+.^_`{|}~-]")
_CONTINUED = re.compile(rb"(.+?)\*(\d{1,4})(\*?)\Z", re.DOTALL)

MAX_PARAMETERS = 200
"""More come from attackers only; the rest are passed over."""

_SHORT_OCTETS = 100
"""Values up to here are mostly those of the message before ("7bit"), and kept."""


@dataclass(frozen=True, slots=True)
class Value:
    """A word such as "text/plain" in lower case with its parameters, continuations joined."""

    word: bytes
    parameters: tuple[tuple[bytes, bytes], ...] = ()

    def parameter(self, name: bytes) -> bytes | None:
        """The octets of the parameter of that lower-case name (RFC 2231 §4), or None."""
        extended = None
        for key, value in self.parameters:
            if key.lower() == name:
                return value
            if extended is None and key.lower() == name + b"*":
                extended = _decoded(value)
        return extended

    def texts(self) -> Iterator[str]:
        """All values in characters, charsets and percent encoding taken off."""
        for name, value in self.parameters:
            charset = value.partition(b"'")[0] if value.count(b"'") >= 2 else b""
            extended = name.endswith(b"*")
            yield charset_text(_decoded(value), charset) if extended else decode(value)


def parse(raw: bytes) -> Value:
    """The value of a field; broken parameters are passed over, a missing word is b""."""
    return _parse_short(raw) if len(raw) <= _SHORT_OCTETS else _parse(raw)


def _parse(raw: bytes) -> Value:
    position = _skip(raw, 0)
    word = b""
    if (found := _TOKEN.match(raw, position)) is not None:
        word, position = found[0], _skip(raw, found.end())
        if raw[position : position + 1] == b"/":
            position = _skip(raw, position + 1)
            if (sub := _TOKEN.match(raw, position)) is not None:
                word, position = word + b"/" + sub[0], sub.end()
    parameters: list[tuple[bytes, bytes]] = []
    while len(parameters) < MAX_PARAMETERS:
        start = _find(raw, b";", position)
        if start < 0:
            break
        position = _parameter(raw, _skip(raw, start + 1), parameters)
    return Value(word.lower(), tuple(_join(parameters)))


_parse_short = lru_cache(maxsize=1000)(_parse)


def tokens(raw: bytes) -> list[bytes]:
    """The tokens of a list with commas (RFC 3282 §2), in quotes or not; empty ones left out."""
    found: list[bytes] = []
    position = 0
    while position >= 0 and len(found) < MAX_PARAMETERS:
        position = _skip(raw, position)
        quoted = _QUOTED.match(raw, position)
        token = quoted or _TOKEN.match(raw, position)
        if token is not None:
            found.append(_PAIR.sub(rb"\1", quoted[1]) if quoted else token[0])
            position = token.end()
        position = _find(raw, b",", position) + 1 or -1
    return [token for token in found if token]


def _find(raw: bytes, separator: bytes, position: int) -> int:
    """Where the next separator is that isn't in a comment, or -1."""
    while True:
        start = raw.find(separator, position)
        comment = raw.find(b"(", position, start) if start >= 0 else -1
        if comment < 0:
            return start
        position = skip_comment(raw, comment)


def _join(parameters: list[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    """Continuations as one parameter each, as BODYSTRUCTURE shows them (RFC 2231 §3, §6)."""
    pieces: dict[bytes, dict[int, tuple[bytes, bool]]] = {}
    for name, value in parameters:
        if found := _CONTINUED.match(name.lower()):
            pieces.setdefault(found[1], {}).setdefault(int(found[2]), (value, bool(found[3])))
    joined: set[bytes] = set()
    for name, value in parameters:
        found = _CONTINUED.match(name.lower())
        if found is None:
            yield name, value
        elif 0 not in pieces[found[1]]:
            # A value without its beginning is shown as it came.
            yield name, value
        elif int(found[2]) == 0 and found[1] not in joined:
            own = pieces[found[1]]
            joined.add(found[1])
            run = [own[index] for index in range(_length(own))]
            base = name[: len(found[1])]
            if any(extended for _, extended in run):
                yield base + b"*", b"".join(v if e else _encoded(v) for v, e in run)
            else:
                yield base, b"".join(v for v, _ in run)


def _length(pieces: dict[int, tuple[bytes, bool]]) -> int:
    """How many there are without a gap, from 0."""
    return next(index for index in range(len(pieces) + 1) if index not in pieces)


def _encoded(value: bytes) -> bytes:
    return _UNSAFE.sub(lambda found: b"%%%02X" % found[0][0], value)


def _decoded(value: bytes) -> bytes:
    """Without charset, language and percent encoding."""
    text = value.split(b"'", 2)[2] if value.count(b"'") >= 2 else value
    return _PERCENT.sub(lambda found: bytes((int(found[1], 16),)), text)


def _parameter(raw: bytes, position: int, into: list[tuple[bytes, bytes]]) -> int:
    name = _TOKEN.match(raw, position)
    if name is None:
        return position
    position = _skip(raw, name.end())
    if raw[position : position + 1] != b"=":
        return position
    position = _skip(raw, position + 1)
    quoted = _QUOTED.match(raw, position)
    if quoted is not None:
        text = re.sub(rb"\r?\n", b"", quoted[1])
        into.append((name[0], _PAIR.sub(rb"\1", text)))
        return quoted.end()
    plain = _VALUE.match(raw, position)
    if plain is None:
        return position
    into.append((name[0], plain[0]))
    return plain.end()


def _skip(raw: bytes, position: int) -> int:
    """Behind white space and comments; a comment that doesn't end runs to the end."""
    while True:
        found = _SPACE.match(raw, position)
        position = found.end() if found else position
        if raw[position : position + 1] != b"(":
            return position
        position = skip_comment(raw, position)


def skip_comment(raw: bytes, position: int) -> int:
    """Behind the comment that opens at `position` (RFC 5322 §3.2.2), nested ones included."""
    depth = 0
    for found in _PARENTHESES.finditer(raw, position):
        start, end = found.span()
        if raw[start] == 0x28:
            depth += end - start
        elif raw[start] == 0x29:
            if depth <= end - start:
                return start + depth
            depth -= end - start
    return len(raw)
