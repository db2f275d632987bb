"""Single-line replies and the lines of CAPA, LIST and UIDL (RFC 1939 §5, §7; RFC 2449 §5, §8)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bridge.errors import ProtocolError
from bridge.model.upstream import Listed, Listing

MAX_STATUS_OCTETS = 64 * 1024
"""Longer status and listing lines are no POP3; OAuth challenges stay well below."""

MAX_LOGIN_DELAY_S = 24 * 3600
"""No provider means more than a day; a slip there must not silence an account."""

_CODE = re.compile(rb"\[([!-\\^-\x7f]+)\]")
_TIMESTAMP = re.compile(rb"<[^<>\s]+@[^<>\s]*>")


@dataclass(frozen=True, slots=True)
class Reply:
    """A status line: `code` is a RFC 2449 response code such as "IN-USE", upper case, or ""."""

    ok: bool
    text: bytes
    code: str = ""

    def says(self, code: str) -> bool:
        """Whether the code is `code`, or a detail of it (RFC 2449 §8)."""
        return f"{self.code}/".startswith(f"{code}/")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What CAPA listed: upper-case names with their arguments; empty when CAPA is unknown."""

    names: dict[str, tuple[str, ...]]

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def sasl(self) -> tuple[str, ...]:
        """The mechanisms, upper case, in the server's order."""
        return tuple(mechanism.upper() for mechanism in self.names.get("SASL", ()))

    def expire_days(self) -> int | None:
        """Days that mail is kept (RFC 2449 §6.7); None where that isn't told, or is NEVER."""
        word = next(iter(self.names.get("EXPIRE", ())), "")
        return int(word) if word.isascii() and word.isdigit() and len(word) < 7 else None

    def login_delay_s(self) -> int:
        """Least seconds between log-ins (RFC 2449 §6.5), at most a day; 0 where none is told."""
        word = next(iter(self.names.get("LOGIN-DELAY", ())), "")
        if not (word.isascii() and word.isdigit()):
            return 0
        return MAX_LOGIN_DELAY_S if len(word) > 6 else min(int(word), MAX_LOGIN_DELAY_S)


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


class ListingParser:
    """Makes a listing of the lines of UIDL, if there are any, and then those of LIST.

    It takes line after line, so that a hundred thousand of them cost a little as each arrives and
    not a lot at the end. A listing counts whole or not at all: what can't be read raises.
    """

    def __init__(self) -> None:
        self._uidls: dict[int, bytes] | None = None
        self._messages: dict[int, Listed] = {}

    def begin_uidls(self) -> None:
        """UIDL was answered with +OK; without this no message has one."""
        self._uidls = {}

    def uidl(self, line: bytes) -> None:
        """Takes a line of UIDL; the UIDL in it may be blank.

        It is kept as octets, split from the number at the first run of spaces only: servers send
        spaces, 8-bit octets and far more than the 70 characters of RFC 1939 §7.

        Raises:
            ProtocolError: it can't be read, or its number came before.
        """
        assert self._uidls is not None
        word, _, uidl = line.partition(b" ")
        number = _number(word)
        if number in self._uidls:
            raise _fault("listed one message number twice")
        self._uidls[number] = uidl.strip(b" ")

    def size(self, line: bytes) -> None:
        """Takes a line of LIST.

        Raises:
            ProtocolError: as `uidl`.
        """
        words = line.split()
        if len(words) < 2:
            raise _fault("sent a LIST line that can't be read")
        number = _number(words[0])
        if number in self._messages:
            raise _fault("listed one message number twice")
        uidl = self._uidls.get(number) if self._uidls else None
        self._messages[number] = Listed(number, uidl or None, _number(words[1]))

    def listing(self) -> Listing:
        """What the lines make together.

        Raises:
            ProtocolError: LIST and UIDL name different messages, so one of them is partial.
        """
        if self._uidls is not None and self._uidls.keys() != self._messages.keys():
            raise _fault("listed different messages in LIST and UIDL")
        return Listing(tuple(self._messages[number] for number in sorted(self._messages)))


def _number(word: bytes) -> int:
    if not word.isdigit() or len(word) > 18:
        raise _fault("sent a listing line without a number")
    return int(word)


def _fault(what: str) -> ProtocolError:
    return ProtocolError(
        f"The POP3 server {what}.", "Nothing was changed; the next sync tries again."
    )
