"""Single-line replies and the lines of CAPA, LIST and UIDL (RFC 1939 §5, §7; RFC 2449 §5, §8)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bridge.errors import ProtocolError
from bridge.model.upstream import Listed, Listing

MAX_STATUS_OCTETS = 64 * 1024
"""Longer status and listing lines are no POP3; OAuth challenges stay well below."""

_CODE = re.compile(rb"\[([A-Za-z0-9/_-]+)\]")
_TIMESTAMP = re.compile(rb"<[^<>\s]+@[^<>\s]*>")


@dataclass(frozen=True, slots=True)
class Reply:
    """A status line: `code` is a RFC 2449 response code such as "IN-USE", upper case, or ""."""

    ok: bool
    text: bytes
    code: str = ""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What CAPA listed: upper-case names with their arguments; empty when CAPA is unknown."""

    names: dict[str, tuple[str, ...]]

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def sasl(self) -> tuple[str, ...]:
        """The mechanisms, upper case, in the server's order."""
        return tuple(mechanism.upper() for mechanism in self.names.get("SASL", ()))


def parse_status(line: bytes) -> Reply:
    """The reply in a status line without its line end.

    Raises:
        ProtocolError: the line is neither +OK nor -ERR; guessing here has lost mail elsewhere.
    """
    word, _, text = line.partition(b" ")
    if word.upper() not in (b"+OK", b"-ERR"):
        raise _fault("answered with a line that is neither +OK nor -ERR")
    found = _CODE.match(text.lstrip())
    return Reply(word.upper() == b"+OK", text, found[1].decode().upper() if found else "")


def parse_timestamp(greeting: bytes) -> bytes | None:
    """The APOP timestamp of a greeting's text (RFC 1939 §7), or None."""
    found = _TIMESTAMP.search(greeting)
    return found[0] if found else None


def parse_capabilities(lines: Iterable[bytes]) -> Capabilities:
    """Capabilities from the lines of CAPA; blank and undecodable lines tell nothing."""
    names: dict[str, tuple[str, ...]] = {}
    for line in lines:
        words = line.decode("ascii", "replace").split()
        if words:
            names[words[0].upper()] = tuple(words[1:])
    return Capabilities(names)


def parse_sizes(lines: Iterable[bytes]) -> dict[int, int]:
    """Message number to octets, from the lines of LIST.

    Raises:
        ProtocolError: a line can't be read or a number comes twice; a listing counts whole or
            not at all.
    """
    sizes: dict[int, int] = {}
    for line in lines:
        words = line.split()
        if len(words) < 2:
            raise _fault("sent a LIST line that can't be read")
        number = _number(words[0])
        if number in sizes:
            raise _fault("listed one message number twice")
        sizes[number] = _number(words[1])
    return sizes


def parse_uidls(lines: Iterable[bytes]) -> dict[int, bytes]:
    """Message number to UIDL, from the lines of UIDL; a UIDL may be blank.

    It is kept as octets, split from the number at the first run of spaces only: servers send
    spaces, 8-bit octets and far more than the 70 characters of RFC 1939 §7.

    Raises:
        ProtocolError: as `parse_sizes`.
    """
    uidls: dict[int, bytes] = {}
    for line in lines:
        word, _, uidl = line.partition(b" ")
        number = _number(word)
        if number in uidls:
            raise _fault("listed one message number twice")
        uidls[number] = uidl.strip(b" ")
    return uidls


def merge(sizes: dict[int, int], uidls: dict[int, bytes] | None) -> Listing:
    """The listing that LIST and UIDL make together; `uidls` None where UIDL isn't supported.

    Raises:
        ProtocolError: the two name different messages, so one of them is partial.
    """
    if uidls is not None and uidls.keys() != sizes.keys():
        raise _fault("listed different messages in LIST and UIDL")
    return Listing(
        tuple(
            Listed(number, (uidls.get(number) or None) if uidls else None, sizes[number])
            for number in sorted(sizes)
        )
    )


def _number(word: bytes) -> int:
    if not word.isdigit() or len(word) > 18:
        raise _fault("sent a listing line without a number")
    return int(word)


def _fault(what: str) -> ProtocolError:
    return ProtocolError(
        f"The POP3 server {what}.", "Nothing was changed; the next sync tries again."
    )
