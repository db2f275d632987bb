"""FETCH and SEARCH responses as values (RFC 3501 §9); strict, and shared with nobody."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

Value = bytes | int | str | None | tuple["Value", ...]
"""A string, a number, an atom, NIL or a parenthesized list."""

_LITERAL = re.compile(rb"~?\{(\d+)\}\r\n")
_QUOTED = re.compile(rb'"((?:[^"\\\r\n\x00\x80-\xff]|\\["\\])*)"')
_NUMBER = re.compile(rb"\d+(?=[ )\r])")
_ATOM = re.compile(rb"[^\x00-\x20(){\"\x7f-\xff]+")
_KEY = re.compile(rb"([A-Z][A-Z0-9.]*(?:\[[^\]]*\](?:<\d+>)?)?) ")
_PAIR = re.compile(rb"\\(.)")
_FETCH = re.compile(rb"\* (\d+) FETCH \(")
_SEARCH = re.compile(rb"\* SEARCH((?: \d+)*)\r\n")


class Malformed(Exception):
    """Octets that no response may have, shown with what is around them."""


@dataclass
class Answer:
    """One command's answer: items of each message, found numbers, the tagged line; all of it."""

    items: dict[int, dict[str, Value]]
    found: frozenset[int] | None
    tagged: bytes
    octets: bytes = b""

    @property
    def ok(self) -> bool:
        """Whether the command was carried out."""
        return self.tagged.split(b" ")[1] == b"OK"


def parse(octets: bytes, tag: bytes) -> Answer:
    """The answer to the command with that tag."""
    answer = Answer({}, None, b"", octets)
    position = 0
    while position < len(octets):
        if match := _FETCH.match(octets, position):
            items, position = _items(octets, match.end())
            answer.items.setdefault(int(match[1]), {}).update(items)
        elif match := _SEARCH.match(octets, position):
            answer.found = frozenset(map(int, match[1].split()))
            position = match.end()
        else:
            end = octets.index(b"\r\n", position)
            line, position = octets[position:end], end + 2
            if line.startswith(tag + b" "):
                answer.tagged = line
    return answer


def _items(octets: bytes, position: int) -> tuple[dict[str, Value], int]:
    found: dict[str, Value] = {}
    while True:
        key = _KEY.match(octets, position)
        if key is None:
            raise Malformed(octets[max(0, position - 60) : position + 60])
        name = key[1].decode().upper().replace('"', "")
        found[name], position = _value(octets, key.end())
        if octets[position : position + 1] == b" ":
            position += 1
        elif octets[position : position + 3] == b")\r\n":
            return found, position + 3
        else:
            raise Malformed(octets[max(0, position - 60) : position + 60])


def _value(octets: bytes, position: int) -> tuple[Value, int]:
    """Iterative, as structures nest deeper than Python likes to recurse."""
    stack: list[list[Value]] = []
    while True:
        for value, end in _one(octets, position):
            position = end
            if value == "(":
                stack.append([])
                break
            done: Value = tuple(stack.pop()) if value == ")" and stack else value
            if not stack:
                return done, position
            stack[-1].append(done)
        if octets[position : position + 1] == b" ":
            position += 1


def _one(octets: bytes, position: int) -> Iterator[tuple[Value, int]]:
    first = octets[position : position + 1]
    if first in (b"(", b")"):
        yield first.decode(), position + 1
    elif match := _LITERAL.match(octets, position):
        end = match.end() + int(match[1])
        yield octets[match.end() : end], end
    elif match := _QUOTED.match(octets, position):
        yield _PAIR.sub(rb"\1", match[1]), match.end()
    elif match := _NUMBER.match(octets, position):
        yield int(match[0]), match.end()
    elif match := _ATOM.match(octets, position):
        atom = match[0].decode("ascii")
        yield None if atom.upper() == "NIL" else atom, match.end()
    else:
        raise Malformed(octets[max(0, position - 60) : position + 60])


def complete(octets: bytes | bytearray, start: int, tag: bytes) -> tuple[bool, int]:
    """Whether the tagged line has come, and where to look on; literals are stepped over."""
    position = start
    while (end := octets.find(b"\r\n", position)) >= 0:
        line = bytes(octets[position:end])
        if line.startswith(tag + b" "):
            return True, end + 2
        literal = re.search(rb"\{(\d+)\}\Z", line)
        after = end + 2 + (int(literal[1]) if literal else 0)
        if after > len(octets):
            break
        position = after
    return False, position
