"""The small POP3 server behind `popbridge demo` (RFC 1939, 2449): read-only, one account."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol

MAX_LINE_OCTETS = 1024
"""RFC 2449 §4 allows 255 in a command; a longer line than this is no POP3 client."""

CAPABILITIES = (b"USER", b"UIDL", b"TOP", b"PIPELINING")


@dataclass(slots=True)
class DemoMailbox:
    """Messages in order of arrival, octets with CRLF; append to it and the next session has them.

    Nothing is ever removed, so an index always names the same message.
    """

    messages: list[bytes] = field(default_factory=list)

    def uidl(self, index: int) -> str:
        """The lasting name of `messages[index]`; the index keeps two equal messages apart."""
        return hashlib.sha256(self.messages[index]).hexdigest()[:32] + str(index)


class DemoPop3(Protocol):
    """One POP session. It sees the messages there were at login, as RFC 1939 §5 wants.

    No maildrop lock is taken: nobody can delete, so sessions can't disturb each other.
    """

    # Any, since to mypy the methods of a zope interface lack a `self`.
    transport: Any

    def __init__(self, user: str, password: str, mailbox: DemoMailbox) -> None:
        self._account = (user.encode(), password.encode())
        self._mailbox = mailbox
        self._buffer = b""
        self._user: bytes | None = None
        self._messages: list[bytes] | None = None
        self._ended = False
        self._before_login: dict[bytes, Callable[[bytes], None]] = {
            b"USER": self._on_user,
            b"PASS": self._on_pass,
        }
        self._after_login: dict[bytes, Callable[[bytes], None]] = {
            b"STAT": self._on_stat,
            b"LIST": self._on_list,
            b"UIDL": self._on_uidl,
            b"RETR": self._on_retr,
            b"TOP": self._on_top,
            b"DELE": self._on_dele,
            b"NOOP": self._on_noop,
            b"RSET": self._on_noop,
        }

    def connectionMade(self) -> None:
        """Greets."""
        self._ok(b"popbridge demo mailbox")

    def dataReceived(self, data: bytes) -> None:
        """Handles all whole lines, however many came at once, and keeps the rest."""
        lines = (self._buffer + data).split(b"\n")
        self._buffer = lines.pop()
        for line in lines:
            if self._ended:
                return
            if len(line) > MAX_LINE_OCTETS:
                break
            self._command(line.removesuffix(b"\r"))
        else:
            if len(self._buffer) <= MAX_LINE_OCTETS:
                return
        if not self._ended:
            self._error(b"the line is too long")
            self._end()

    def _command(self, line: bytes) -> None:
        word, _, argument = line.partition(b" ")
        verb = word.upper()
        if verb == b"QUIT":
            self._ok(b"goodbye")
            self._end()
        elif verb == b"CAPA":
            self._multiline(b"capabilities follow", _listing(CAPABILITIES))
        elif handler := self._handlers().get(verb):
            handler(argument)
        elif verb in self._before_login:
            self._error(b"already logged in")
        elif verb in self._after_login:
            self._error(b"log in first")
        else:
            self._error(b"unknown command")

    def _handlers(self) -> dict[bytes, Callable[[bytes], None]]:
        return self._before_login if self._messages is None else self._after_login

    def _on_user(self, argument: bytes) -> None:
        if not argument:
            self._error(b"USER needs a name")
            return
        self._user = argument
        # The same answer for any name, so that it doesn't tell which ones exist.
        self._ok(b"send PASS")

    def _on_pass(self, argument: bytes) -> None:
        # The argument is taken whole: a password may hold spaces (RFC 1939 §7).
        user, self._user = self._user, None
        if user is None:
            self._error(b"send USER first")
        elif user == self._account[0] and hmac.compare_digest(argument, self._account[1]):
            self._messages = list(self._mailbox.messages)
            self._ok(b"%d messages" % len(self._messages))
        else:
            self._error(b"wrong user name or password")

    def _on_stat(self, argument: bytes) -> None:
        sizes = [_size(message) for message in self._messages or ()]
        self._ok(b"%d %d" % (len(sizes), sum(sizes)))

    def _on_list(self, argument: bytes) -> None:
        self._per_message(argument, lambda index, message: b"%d" % _size(message))

    def _on_uidl(self, argument: bytes) -> None:
        self._per_message(argument, lambda index, message: self._mailbox.uidl(index).encode())

    def _per_message(self, argument: bytes, tell: Callable[[int, bytes], bytes]) -> None:
        """Answers LIST and UIDL, for one message or for all."""
        messages = self._messages or []
        if not argument.strip():
            lines = [b"%d %s" % (i + 1, tell(i, message)) for i, message in enumerate(messages)]
            self._multiline(b"%d messages" % len(messages), _listing(lines))
        elif found := self._find(argument):
            index, message = found
            self._ok(b"%d %s" % (index + 1, tell(index, message)))

    def _on_retr(self, argument: bytes) -> None:
        if found := self._find(argument):
            self._multiline(b"%d octets" % _size(found[1]), found[1])

    def _on_top(self, argument: bytes) -> None:
        number, _, count = argument.strip().partition(b" ")
        if not _is_number(count.strip()):
            self._error(b"TOP needs a message number and a count of lines")
        elif found := self._find(number):
            self._multiline(b"the top follows", top(found[1], int(count)))

    def _on_dele(self, argument: bytes) -> None:
        self._error(b"this mailbox is read-only")

    def _on_noop(self, argument: bytes) -> None:
        self._ok(b"done")

    def _find(self, argument: bytes) -> tuple[int, bytes] | None:
        """The index and message that a number names; answers -ERR where there is none."""
        word = argument.strip()
        messages = self._messages or []
        number = int(word) if _is_number(word) else 0
        if 1 <= number <= len(messages):
            return number - 1, messages[number - 1]
        self._error(b"no such message")
        return None

    def _ok(self, text: bytes) -> None:
        self._write(b"+OK " + text + b"\r\n")

    def _error(self, text: bytes) -> None:
        self._write(b"-ERR " + text + b"\r\n")

    def _multiline(self, status: bytes, body: bytes) -> None:
        self._write(b"+OK " + status + b"\r\n" + stuffed(body) + b".\r\n")

    def _write(self, data: bytes) -> None:
        self.transport.write(data)

    def _end(self) -> None:
        self._ended = True
        self._buffer = b""
        self.transport.loseConnection()


class DemoPop3Factory(Factory[DemoPop3]):
    """Builds sessions on one mailbox with one login."""

    noisy = False

    def __init__(self, user: str, password: str, mailbox: DemoMailbox) -> None:
        self._user = user
        self._password = password
        self._mailbox = mailbox

    def buildProtocol(self, addr: IAddress | None) -> DemoPop3:
        """A session for a new connection."""
        session = DemoPop3(self._user, self._password, self._mailbox)
        session.factory = self
        return session


def stuffed(body: bytes) -> bytes:
    """`body` as it goes over the wire: leading dots doubled, the last line ended."""
    dot = b"." if body.startswith(b".") else b""
    return dot + _ended(body).replace(b"\r\n.", b"\r\n..")


def top(message: bytes, count: int) -> bytes:
    """The header, the blank line and the first `count` lines of the body."""
    header, blank, body = message.partition(b"\r\n\r\n")
    rest = body.split(b"\r\n", count)[count:]
    return header + blank + (body[: len(body) - len(rest[0])] if rest else body)


def _ended(body: bytes) -> bytes:
    return body if not body or body.endswith(b"\r\n") else body + b"\r\n"


def _size(message: bytes) -> int:
    """Its octets as the client will hold them, un-stuffed."""
    return len(_ended(message))


def _listing(lines: tuple[bytes, ...] | list[bytes]) -> bytes:
    return b"".join(line + b"\r\n" for line in lines)


def _is_number(word: bytes) -> bool:
    return word.isdigit() and len(word) <= 9
