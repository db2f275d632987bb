"""Responses as nested lists of atoms and strings, for comparing."""

import re


class String(bytes):
    """What is quoted or a literal."""

    __slots__ = ()


Node = bytes | list["Node"]
"""An atom, a String or a parenthesised list."""

_LITERAL = re.compile(rb"~?\{(\d+)\}\r\n")
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ATOM = re.compile(rb'(?:\[(?:"(?:[^"\\]|\\.)*"|[^\]"])*\]|[^ ()"\[])+', re.DOTALL)


def nodes(octets: bytes) -> list[Node]:
    """What is between the spaces.

    Raises:
        ValueError: it is no list of atoms, strings and lists.
    """
    found, at = _list(octets, 0)
    if at != len(octets):
        raise ValueError(f"{octets!r} has more at {at}")
    return found


def dequoted(node: Node) -> bytes:
    """A name, however it was written."""
    if isinstance(node, list):
        raise ValueError(f"{node!r} is no name")
    return bytes(node)


def _list(octets: bytes, at: int) -> tuple[list[Node], int]:
    found: list[Node] = []
    while at < len(octets) and octets[at] != ord(")"):
        if octets[at] == ord(" "):
            at += 1
        elif octets[at] == ord("("):
            inner, at = _list(octets, at + 1)
            if at >= len(octets):
                raise ValueError(f"{octets!r} has a list without end")
            found.append(inner)
            at += 1
        else:
            value, at = _value(octets, at)
            found.append(value)
    return found, at


def _value(octets: bytes, at: int) -> tuple[bytes, int]:
    if (literal := _LITERAL.match(octets, at)) is not None:
        end = literal.end() + int(literal[1])
        return String(octets[literal.end() : end]), end
    if (quoted := _QUOTED.match(octets, at)) is not None:
        return String(re.sub(rb"\\(.)", rb"\1", quoted[1], flags=re.DOTALL)), quoted.end()
    if (atom := _ATOM.match(octets, at)) is not None:
        return bytes(atom[0]), atom.end()
    raise ValueError(f"{octets!r} is nothing at {at}")
