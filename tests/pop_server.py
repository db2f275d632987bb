"""A POP3 server on threads that can misbehave on request; loopback only."""

import base64
import hashlib
import re
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, field
from threading import Event, Lock, Thread
from typing import TypeVar

from tests.pop_faults import Faults
from tests.pop_sasl import CLIENT_FIRST, MECHANISMS, BadResponse, Expected, decoded

__all__ = ["CAPABILITIES", "HOST", "Faults", "PopServer", "Refused", "Session", "default_uidls"]

T = TypeVar("T")
HOST = "127.0.0.1"
JOIN_S = 60
CAPABILITIES = ("USER", "SASL PLAIN", "UIDL", "TOP", "PIPELINING", "RESP-CODES", "AUTH-RESP-CODE")
BEFORE_LOGIN = ("CAPA", "USER", "PASS", "APOP", "AUTH", "STLS", "UTF8", "QUIT")
AFTER_LOGIN = ("CAPA", "STAT", "LIST", "UIDL", "RETR", "TOP", "DELE", "NOOP", "RSET", "QUIT")


@dataclass(eq=False)
class PopServer:
    """Serves one account; the context manager starts and stops it.

    `messages`, `uidls` and `faults` are read when a client connects: change them between sessions.
    Without `uidls` a message's UIDL is made from its octets and outlives other messages' deletion.
    `uidls` may be longer or shorter than `messages`, for listings that don't agree.
    Messages get a last CRLF where they lack it. `quits` counts the QUITs answered with +OK.
    `mechanisms` are those of SASL that work; None: the ones that `capabilities` tell. `token` is
    the one of XOAUTH2 and OAUTHBEARER. `clock` tells seconds, for `Faults.login_delay_s`.
    `listens` is the port, for a server that comes back where it was; 0: any that is free.
    `popped` are messages that `Faults.hides_retrieved` has hidden.
    """

    messages: list[bytes] = field(default_factory=list)
    _: KW_ONLY
    uidls: list[bytes] | None = None
    user: str = "alice"
    password: str = "secret"
    tls: ssl.SSLContext | None = None
    stls: ssl.SSLContext | None = None
    capabilities: list[str] = field(default_factory=lambda: list(CAPABILITIES))
    faults: Faults = field(default_factory=Faults)
    mechanisms: Iterable[str] | None = None
    token: str = "token"
    clock: Callable[[], float] = time.monotonic
    listens: int = 0

    def __post_init__(self) -> None:
        self.messages = list(self.messages)
        self.log: list[str] = []
        """A line "session N" for each connection, and each line that a client sent."""
        self.sessions = self.quits = self.logins = self.port = 0
        self.popped: list[bytes] = []
        self.logged_in_at: float | None = None
        self.stopping = Event()
        self.lock = Lock()
        self._running: list[Session] = []

    def __enter__(self) -> "PopServer":
        self._listener = socket.create_server((HOST, self.listens))
        self.port = self._listener.getsockname()[1]
        self._acceptor = Thread(target=self._accept, name="pop-accept", daemon=True)
        self._acceptor.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Drops all connections and waits for the threads; again is harmless."""
        if self.stopping.is_set():
            return
        self.stopping.set()
        # Closing a socket doesn't wake a thread that accepts on it; a connection does.
        socket.create_connection((HOST, self.port)).close()
        self._acceptor.join(JOIN_S)
        self._listener.close()
        for session in self._running:
            session.wire.shutdown()
            session.join(JOIN_S)
        assert not any(thread.is_alive() for thread in (self._acceptor, *self._running))

    def _accept(self) -> None:
        while (connection := self._listener.accept()[0]) and not self.stopping.is_set():
            self.sessions += 1
            self.log.append(f"session {self.sessions}")
            session = Session(self, connection)
            self._running.append(session)
            session.start()
        connection.close()

    def remove(self, deleted: set[int]) -> None:
        """Takes the messages with these numbers out, in the UPDATE state."""
        with self.lock:
            self.messages = list(_without(self.messages, deleted).values())
            if self.uidls is not None:
                self.uidls = list(_without(self.uidls, deleted).values())

    def works(self, mechanism: str) -> bool:
        """Whether AUTH knows a mechanism."""
        if self.mechanisms is not None:
            return mechanism in self.mechanisms
        told = next((c for c in self.capabilities if c.startswith("SASL")), "")
        return mechanism in told.split()[1:]


class Ended(Exception):
    """The session is over, by QUIT, by the client or by a fault."""


class Refused(Exception):
    """The command is answered with -ERR and this text."""


class Wire:
    """A connection whose sending side can be cut, stalled and sliced."""

    def __init__(self, connection: socket.socket, server: PopServer) -> None:
        self._socket = connection
        self._server = server
        self.faults = faults = server.faults
        self._lock = Lock()
        self._buffer = b""
        self._sent = 0
        limits = (faults.cut_after_octets, faults.stall_after_octets)
        self._limit = min((n for n in limits if n is not None), default=sys.maxsize)
        self.encrypted = False
        # Some systems refuse it on a connection that the client has already dropped.
        with suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def fits(self, data: bytes) -> bool:
        """Whether all of `data` would be sent."""
        return self._sent + len(data) <= self._limit

    def send(self, data: bytes) -> None:
        if self.faults.lf_only:
            data = data.replace(b"\r\n", b"\n")
        data = data[: max(0, self._limit - self._sent)]
        step = self.faults.slice_octets or len(data) or 1
        for start in range(0, len(data), step):
            self._socket.sendall(data[start : start + step])
        self._sent += len(data)
        if self._sent < self._limit:
            return
        if self._limit == self.faults.stall_after_octets:
            self._server.stopping.wait()
        raise Ended

    def line(self) -> bytes:
        while b"\n" not in self._buffer:
            if not (data := self._socket.recv(65536)):
                raise Ended
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        if self.faults.forgets_pipelined:
            self._buffer = b""
        line = line.removesuffix(b"\r")
        self._server.log.append(line.decode("utf-8", "backslashreplace"))
        return line

    def start_tls(self, context: ssl.SSLContext) -> None:
        # What came in clear text may not count as said under TLS.
        self._buffer = b""
        # Wrapping moves the descriptor; `shutdown` must find it before or after, not between.
        with self._lock:
            tls = context.wrap_socket(self._socket, server_side=True, do_handshake_on_connect=False)
            self._socket = tls
        tls.do_handshake()
        self.encrypted = True

    def say_goodbye(self) -> None:
        """Sends close_notify without waiting for the client's."""
        if isinstance(self._socket, ssl.SSLSocket):
            self._socket.setblocking(False)
            with suppress(OSError):
                self._socket.unwrap()
            self._socket.setblocking(True)

    def close(self) -> None:
        """Sends FIN, then takes what still comes: closing with unread octets would send RST."""
        with suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_WR)
            while socket.socket.recv(self._socket, 65536):
                pass
        with self._lock:
            self._socket.close()

    def shutdown(self) -> None:
        """Wakes the session's thread from any other."""
        with self._lock, suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class Session(Thread):
    """One POP session: reads a command, answers it by the method `_on_<command>`."""

    def __init__(self, server: PopServer, connection: socket.socket) -> None:
        super().__init__(name=f"pop-{server.sessions}", daemon=True)
        self._server = server
        self.wire = Wire(connection, server)
        self._faults = faults = self.wire.faults
        with server.lock:
            self._messages = [_ended(message) for message in server.messages]
            self._uidls = list(server.uidls or ())
            if server.uidls is None:
                self._uidls = default_uidls(server.messages)
        self._numbers = list(range(1, len(self._messages) + 1))
        self._withhold(server.sessions)
        self._absent = {
            "CAPA": faults.no_capa,
            "UIDL": faults.no_uidl,
            "APOP": not faults.apop,
            "TOP": faults.no_top,
            "STAT": faults.no_stat,
            "USER": faults.no_user,
            "AUTH": faults.no_auth,
            "UTF8": not any(c.startswith("UTF8") for c in server.capabilities),
        }
        self._deleted: set[int] = set()
        self._retrieved: set[int] = set()
        self._user: bytes | None = None
        self._ready = False
        stamp = b" <%d.697170952@pop.example.org>" % server.sessions if faults.apop else b""
        greeting = b"+OK POP3 ready" + stamp if faults.greeting is None else faults.greeting
        self._greeting = greeting if greeting.endswith(b"\n") else greeting + b"\r\n"

    def _withhold(self, session: int) -> None:
        """Leaves out what this session isn't to have; `_numbers` keep which of all are left."""
        faults, count = self._faults, len(self._messages)
        hidden = set(faults.hidden) if not faults.flaps or session % 2 == 0 else set()
        if faults.newest is not None:
            hidden |= set(range(1, count - faults.newest + 1))
        if faults.oldest is not None:
            hidden |= set(range(faults.oldest + 1, count + 1))
        if hidden:
            self._messages = list(_without(self._messages, hidden).values())
            self._uidls = list(_without(self._uidls, hidden).values())
            self._numbers = list(_without(self._numbers, hidden).values())

    def run(self) -> None:
        # OSError: the client is gone, TLS failed, or the server stops.
        with suppress(Ended, OSError):
            if self._server.tls is not None:
                self.wire.start_tls(self._server.tls)
            self.wire.send(self._greeting)
            while True:
                self._command(self.wire.line())
        self.wire.close()

    def _command(self, line: bytes) -> None:
        word, _, argument = line.partition(b" ")
        verb = word.decode("ascii", "replace").upper()
        if self._faults.slow_s:
            self._server.stopping.wait(self._faults.slow_s)
        if verb in self._faults.stall_at:
            self._server.stopping.wait()
        if verb in self._faults.cut_at:
            raise Ended
        self.wire.send(self._faults.before.get(verb, b""))
        try:
            if self._absent.get(verb) or verb not in (AFTER_LOGIN if self._ready else BEFORE_LOGIN):
                raise Refused("unknown command, or not now")
            getattr(self, f"_on_{verb.lower()}")(argument)
        except Refused as refused:
            self.wire.send(f"-ERR {refused}\r\n".encode())
        self.wire.send(self._faults.behind.get(verb, b""))

    def _on_capa(self, argument: bytes) -> None:
        names = [n for n in self._server.capabilities if n != "UIDL" or not self._faults.no_uidl]
        if self._server.stls is not None and not self.wire.encrypted:
            names.append("STLS")
        self.wire.send(_multiline([name.encode() for name in names]))

    def _on_quit(self, argument: bytes) -> None:
        faults = self._faults
        if self._ready and not faults.quit_applies_nothing:
            self._update()
        if faults.mute_quit:
            raise Ended
        if faults.refuse_quit:
            raise Refused("some deleted messages not removed")
        # Counted first, so that a client that has read the answer finds it counted.
        with self._server.lock:
            self._server.quits += self.wire.fits(b"+OK bye\r\n")
        self._ok(b"bye")
        self.wire.say_goodbye()
        raise Ended

    def _update(self) -> None:
        """The UPDATE state (RFC 1939 §6)."""
        marked = set() if self._faults.ignore_dele else self._deleted
        gone = {self._numbers[number - 1] for number in sorted(marked)[: self._faults.update_limit]}
        if self._faults.hides_retrieved:
            popped = {self._numbers[number - 1] for number in self._retrieved} - gone
            with self._server.lock:
                self._server.popped += [self._server.messages[number - 1] for number in popped]
            gone |= popped
        self._server.remove(gone)

    def _on_stls(self, argument: bytes) -> None:
        if self._server.stls is None or self.wire.encrypted:
            raise Refused("no TLS here")
        if self._faults.stls_injection:
            # No handshake: a client that goes on all the same says what the log then shows.
            self.wire.send(b"+OK begin TLS\r\n+OK injected\r\n")
            return
        self.wire.send(b"+OK begin TLS\r\n")
        self.wire.start_tls(self._server.stls)

    def _on_utf8(self, argument: bytes) -> None:
        self._ok(b"UTF8 enabled")

    def _on_user(self, argument: bytes) -> None:
        self._user = argument
        self._ok(b"send PASS")

    def _on_pass(self, argument: bytes) -> None:
        self._login(self._user, argument == self._server.password.encode())

    def _on_apop(self, argument: bytes) -> None:
        stamp = b"".join(re.findall(rb"<[^>]*>", self._greeting)[:1])
        user, _, digest = argument.rpartition(b" ")
        secret = stamp + self._server.password.encode()
        expected = hashlib.md5(secret, usedforsecurity=False).hexdigest()
        self._login(user, digest == expected.encode())

    def _on_auth(self, argument: bytes) -> None:
        word, _, initial = argument.partition(b" ")
        mechanism = word.decode("ascii", "replace").upper()
        if mechanism not in MECHANISMS or not self._server.works(mechanism):
            raise Refused("no such mechanism")
        is_oauth = mechanism in ("XOAUTH2", "OAUTHBEARER")
        if is_oauth and self._faults.oauth_one_line and not initial:
            raise Refused("protocol error")
        waiting = [initial] if initial and mechanism in CLIENT_FIRST else []
        server = self._server
        wanted = Expected(
            server.user.encode(), server.password.encode(), server.token.encode(), self._faults
        )
        try:
            right = MECHANISMS[mechanism](lambda text: self._challenge(text, waiting), wanted)
        except BadResponse as bad:
            raise Refused(f"{bad}") from None
        self._login(wanted.user, right)

    def _challenge(self, text: bytes, waiting: list[bytes]) -> bytes:
        if waiting:
            return decoded(waiting.pop())
        line = b"+ " + base64.b64encode(text) if text else self._faults.continuation
        self.wire.send((self._faults.challenge or line) + b"\r\n")
        return decoded(self.wire.line())

    def _login(self, user: bytes | None, right: bool) -> None:
        if self._faults.in_use:
            raise Refused("[IN-USE] the mailbox is locked by another session")
        now, last = self._server.clock(), self._server.logged_in_at
        if last is not None and now - last < self._faults.login_delay_s:
            raise Refused(self._faults.too_often.decode())
        if self._faults.reject_login or not right or user != self._server.user.encode():
            if self._faults.cut_at_rejection:
                raise Ended
            raise Refused(self._faults.rejection.decode())
        self._ready = True
        with self._server.lock:
            self._server.logins += 1
            self._server.logged_in_at = now
        self._ok(b"logged in")

    def _on_stat(self, argument: bytes) -> None:
        present = _without(self._messages, self._deleted)
        told = (len(present), sum(map(len, present.values())))
        self._ok(b"%d %d" % (self._faults.stat or told))

    def _on_list(self, argument: bytes) -> None:
        sizes = [int(len(message) * self._faults.size_factor) for message in self._messages]
        self._tell(argument, [b"%d" % size for size in sizes])

    def _on_uidl(self, argument: bytes) -> None:
        if self._faults.refuse_uidl:
            raise Refused("not now")
        self._tell(argument, self._uidls, uidl=True)

    def _tell(self, argument: bytes, values: list[bytes], *, uidl: bool = False) -> None:
        """Answers LIST and UIDL, for one message or for all."""
        faults = self._faults
        present = _without(values, self._deleted | (faults.missing_uidls if uidl else set()))
        if argument:
            self._ok(b"%d %s" % _pick(present, argument))
            return
        lines = [b"%d %s" % pair for pair in present.items()]
        if uidl and faults.listing_line:
            lines.append(faults.listing_line)
        listing = _multiline(lines)
        cut = uidl and faults.listing_cut
        self.wire.send(listing[: len(listing) // 2] if cut else listing)
        if cut:
            raise Ended

    def _message(self, word: bytes) -> tuple[int, bytes]:
        """The message of a number that is there; costs the same in any mailbox."""
        number = int(word) if word.isdigit() else 0
        if not 0 < number <= len(self._messages) or number in self._deleted:
            raise Refused("no such message")
        return number, self._messages[number - 1]

    def _on_retr(self, argument: bytes) -> None:
        faults = self._faults
        number, message = self._message(argument)
        if number in faults.refuse_retr:
            raise Refused(faults.retr_refusal.decode())
        if faults.max_retr is not None and len(self._retrieved) >= faults.max_retr:
            raise Refused(faults.retr_cap.decode())
        self._retrieved.add(number)
        message = faults.prepended + message + b"\r\n" * faults.blank_line
        size = 0 if number in faults.empty_retr else len(message)
        octets = self._reply(message[: faults.truncate_retr.get(number, size)])
        if number in faults.terminator:
            octets = octets.removesuffix(b"\r\n.\r\n") + faults.terminator[number]
        if number in faults.cut_retr:
            self.wire.send(octets[: faults.cut_retr[number]])
            raise Ended
        self.wire.send(octets + faults.extra_after_retr)

    def _on_top(self, argument: bytes) -> None:
        word, _, lines = argument.partition(b" ")
        _, message = self._message(word)
        if not lines.isdigit():
            raise Refused("TOP needs a number of lines")
        header, blank, body = message.partition(b"\r\n\r\n")
        top = header + blank + b"".join(body.splitlines(keepends=True)[: int(lines)])
        self.wire.send(self._reply(top[: self._faults.top_octets]))

    def _reply(self, message: bytes) -> bytes:
        """+OK, the message as this session sends it, and the terminator."""
        message = _ended(message)
        if self._faults.bare_lf and message:
            message = message[:-2].replace(b"\r\n", b"\n") + b"\r\n"
        octets = b"+OK\r\n" + message
        if not self._faults.unstuffed:
            octets = octets.replace(b"\r\n.", b"\r\n..")
        return octets + b".\r\n"

    def _on_dele(self, argument: bytes) -> None:
        number, _ = self._message(argument)
        if number in self._faults.refuse_dele:
            raise Refused("not this one")
        if self._faults.renumbers:
            self._renumber(number)
        else:
            self._deleted.add(number)
        self._ok(b"marked")

    def _renumber(self, number: int) -> None:
        """Takes the message out at once: those behind move down."""
        for values in (self._messages, self._uidls, self._numbers):
            if number <= len(values):
                values.append(values.pop(number - 1))
        # It stands behind all others now, where no number of the client's reaches.
        self._deleted = {*range(len(self._messages) - len(self._deleted), len(self._messages) + 1)}

    def _on_noop(self, argument: bytes) -> None:
        self._ok(b"done")

    def _on_rset(self, argument: bytes) -> None:
        self._deleted.clear()
        self._ok(b"done")

    def _ok(self, text: bytes) -> None:
        self.wire.send(b"+OK " + text + b"\r\n")


def default_uidls(messages: list[bytes]) -> list[bytes]:
    """A UIDL per message; equal messages are told apart by how many came before."""
    seen: dict[bytes, int] = {}
    uidls = []
    for message in messages:
        digest = hashlib.sha256(message).hexdigest()[:24].encode()
        seen[digest] = seen.get(digest, 0) + 1
        uidls.append(b"%s.%d" % (digest, seen[digest]))
    return uidls


def _multiline(lines: Iterable[bytes]) -> bytes:
    return b"\r\n".join([b"+OK", *lines, b".", b""])


def _without(values: list[T], deleted: set[int]) -> dict[int, T]:
    """By message number, without those deleted."""
    return {number: value for number, value in enumerate(values, 1) if number not in deleted}


def _ended(message: bytes) -> bytes:
    return message if not message or message.endswith(b"\r\n") else message + b"\r\n"


def _pick(values: dict[int, T], word: bytes) -> tuple[int, T]:
    number = int(word) if word.isdigit() else 0
    if number not in values:
        raise Refused("no such message")
    return number, values[number]
