"""A POP3 provider that outlives the daemon: one maildrop, exclusive, deleting after QUIT only.

It says of each step of a session that it has come, so that the daemon can be killed right there,
and it can cut, stall and slice what it sends at any octet.
"""

import base64
import hashlib
import socket
import ssl
import struct
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Condition, Event, Thread

HOST = "127.0.0.1"
USER, PASSWORD = b"alice", b"secret"
WAIT_S = 120
STEPS = (
    "greeting",
    "stls",
    "auth",
    "stat",
    "uidl",
    "list",
    "retr",
    "first",
    "middle",
    "last",
    "complete",
    "dele",
    "quit",
    "updated",
    "bye",
)
"""In the order of a session. `last`: all but one octet of a message was sent; `complete`: all;
`dele`: a DELE was answered; `quit`: QUIT has come; `updated`: it was carried out; `bye`: it was
answered."""


QUIRKS = (
    "no CAPA",
    "no AUTH",
    "no PIPELINING",
    "no UIDL",
    "no TOP",
    "blank UIDLs",
    "double UIDLs",
    "new UIDLs",
    "small sizes",
    "great sizes",
    "empty listings",
    "idle DELE",
)
"""Habits of providers that a session may meet (a few that change what is asked and remembered): of
three messages one has no UIDL; two each have the same; each session other ones; sizes are a third,
or three times what they are; every third session lists nothing; DELE does nothing every other time.
"""


@dataclass(frozen=True, slots=True)
class Listed:
    """A message in the maildrop."""

    uidl: bytes
    octets: bytes


@dataclass(frozen=True, slots=True)
class Cut:
    """What happens once so many octets were sent, in all sessions since it was set.

    `how` is fin, rst, stall, half (nothing more is sent, but read), or slice (a pause, then on);
    or deaf: closed once as many octets have come *from* the client.
    """

    after: int
    how: str


class Provider:
    """Serves one maildrop on loopback; the context manager starts and stops it.

    Args:
        context: for STLS; None offers none.
        hides: what was retrieved is no longer listed after QUIT, as some providers do.
    """

    def __init__(self, context: ssl.SSLContext | None = None, *, hides: bool = False) -> None:
        self.context = context
        self.hides = hides
        self.quirk = ""
        self.maildrop: list[Listed] = []
        self.open = Event()
        """While it isn't set clients wait for the greeting."""
        self.open.set()
        self.on_step: Callable[[str, int], None] = lambda name, number: None
        """Told the step's name and which of its kind it is in this session, from 1."""
        self.cut: Cut | None = None
        self.sent = self.received = 0
        self.sessions = 0
        self.broken = 0
        """Sessions that were greeted and ended without the answer to QUIT."""
        self.deleted = 0
        self.changed = Condition()
        self._owner: Session | None = None
        self._running: list[Session] = []
        self._stopping = False
        self._uidls = 0

    def __enter__(self) -> "Provider":
        self._listener = socket.create_server((HOST, 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self._acceptor = Thread(target=self._accept, daemon=True)
        self._acceptor.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._stopping = True
        self.open.set()
        socket.create_connection((HOST, self.port)).close()
        self._acceptor.join(WAIT_S)
        self._listener.close()
        self.hang_up()

    def reset(self, *, hides: bool, quirk: str = "") -> None:
        """Empties the maildrop and forgets what was set."""
        self.hang_up()
        self.maildrop = []
        self.deleted = 0
        self.quirk = quirk
        self.hides = hides
        self.on_step = lambda name, number: None
        self.heal()

    def heal(self, cut: Cut | None = None) -> None:
        """Counts from here on, with another cut or none."""
        self.cut, self.sent, self.received = cut, 0, 0

    def accept(self, octets: bytes) -> None:
        """Takes a message in."""
        with self.changed:
            self._uidls += 1
            tag = hashlib.sha256(b"%d" % self._uidls).hexdigest()[:16].encode()
            self.maildrop.append(Listed(b"U%d-%s" % (self._uidls, tag), octets))

    def upstream(self) -> "Counter[bytes]":
        """What it lists, by octets."""
        with self.changed:
            return Counter(one.octets for one in self.maildrop)

    def hang_up(self) -> None:
        """Ends all sessions, without carrying anything out, and waits for them."""
        with self.changed:
            running = list(self._running)
        for session in running:
            session.drop()
        self.until_idle()

    def until_idle(self) -> None:
        """Waits until no session is left."""
        with self.changed:
            assert self.changed.wait_for(lambda: not self._running, WAIT_S), "a session goes on"

    def log_in(self, session: "Session") -> bool:
        """Whether the session has the maildrop to itself now."""
        with self.changed:
            if self._owner not in (None, session):
                return False
            self._owner = session
            empty = self.quirk == "empty listings" and self.sessions % 3 == 0
            session.messages = [] if empty else list(self.maildrop)
            return True

    def update(self, session: "Session") -> None:
        """Carries out what QUIT asks for."""
        with self.changed:
            gone = {id(session.messages[n - 1]) for n in session.marked}
            if self.quirk == "idle DELE" and self.sessions % 2:
                gone = set()
            self.deleted += len(gone)
            if self.hides:
                gone |= {id(session.messages[n - 1]) for n in session.retrieved}
            self.maildrop = [one for one in self.maildrop if id(one) not in gone]

    def ended(self, session: "Session") -> None:
        """The session is over."""
        with self.changed:
            if self._owner is session:
                self._owner = None
            self._running.remove(session)
            self.broken += session.greeted and not session.over
            self.changed.notify_all()

    def _accept(self) -> None:
        while not self._stopping:
            connection = self._listener.accept()[0]
            if self._stopping:
                connection.close()
                return
            session = Session(self, connection)
            with self.changed:
                self.sessions += 1
                self._running.append(session)
                self.changed.notify_all()
            session.start()


class _Over(Exception):
    """The session is over."""


class Session(Thread):
    """One POP session."""

    def __init__(self, provider: Provider, connection: socket.socket) -> None:
        super().__init__(daemon=True)
        self._provider = provider
        self._socket = connection
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._unread = b""
        self._dropped = Event()
        self._steps: Counter[str] = Counter()
        self._ready = False
        self._number = provider.sessions
        self.greeted = self.over = False
        self.messages: list[Listed] = []
        self.marked: set[int] = set()
        self.retrieved: set[int] = set()

    def run(self) -> None:
        """Serves until QUIT, a fault, or the client is gone."""
        try:
            with suppress(_Over, OSError):
                while not self._provider.open.wait(0.05):
                    if self._gone():
                        raise _Over
                self._send(b"+OK ready\r\n")
                self.greeted = True
                self._step("greeting")
                while True:
                    self._command(self._line())
        finally:
            with suppress(OSError):
                self._socket.close()
            self._provider.ended(self)

    def drop(self) -> None:
        """Ends it from another thread."""
        self._dropped.set()
        with suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _gone(self) -> bool:
        self._socket.setblocking(False)
        try:
            return self._socket.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        finally:
            self._socket.setblocking(True)

    def _step(self, name: str) -> None:
        self._steps[name] += 1
        self._provider.on_step(name, self._steps[name])

    def _line(self) -> bytes:
        while b"\n" not in self._unread:
            data = self._socket.recv(65536)
            self._provider.received += len(data)
            cut = self._provider.cut
            if not data or (cut and cut.how == "deaf" and self._provider.received >= cut.after):
                raise _Over
            self._unread += data
        line, _, self._unread = self._unread.partition(b"\n")
        return line.rstrip(b"\r")

    def _send(self, octets: bytes) -> None:
        provider, cut = self._provider, self._provider.cut
        left = len(octets) if cut is None or cut.how == "deaf" else cut.after - provider.sent
        if cut is None or left > len(octets) or left < 0:
            left = len(octets)
            cut = None
        self._socket.sendall(octets[:left])
        provider.sent += left
        if cut is None or provider.sent < cut.after or cut.how == "deaf":
            return
        if cut.how == "slice":
            provider.cut = None
            time.sleep(0.002)
            self._send(octets[left:])
            return
        self._break(cut.how)

    def _break(self, how: str) -> None:
        self._provider.cut = None
        if how == "rst":
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif how == "half":
            self._socket.shutdown(socket.SHUT_WR)
        if how in ("half", "stall"):
            # Nothing is answered, and QUIT isn't carried out, though it may come.
            while not self._dropped.is_set() and self._socket.recv(65536):
                pass
        raise _Over

    def _command(self, line: bytes) -> None:
        word, _, argument = line.partition(b" ")
        verb = word.decode("ascii", "replace").upper()
        handler = getattr(self, f"_on_{verb.lower()}", None)
        if self._provider.quirk == f"no {verb}":
            handler = None
        before = verb in ("CAPA", "USER", "PASS", "AUTH", "STLS", "QUIT")
        if handler is None or not (before or self._ready):
            self._send(b"-ERR not now\r\n")
            return
        handler(argument)

    def _on_capa(self, argument: bytes) -> None:
        names = [b"USER", b"SASL PLAIN", b"UIDL", b"TOP", b"PIPELINING", b"RESP-CODES"]
        names += [b"AUTH-RESP-CODE"]
        if self._provider.context is not None and not isinstance(self._socket, ssl.SSLSocket):
            names.append(b"STLS")
        lacking = self._provider.quirk.removeprefix("no ").encode()
        names = [name for name in names if name.partition(b" ")[0] != lacking]
        if lacking == b"AUTH":
            names.remove(b"SASL PLAIN")
        self._send(b"".join(name + b"\r\n" for name in (b"+OK", *names, b".")))

    def _on_stls(self, argument: bytes) -> None:
        assert self._provider.context is not None
        self._send(b"+OK begin TLS\r\n")
        self._socket = self._provider.context.wrap_socket(self._socket, server_side=True)
        self._unread = b""
        self._step("stls")

    def _on_user(self, argument: bytes) -> None:
        self._send(b"+OK send PASS\r\n")

    def _on_pass(self, argument: bytes) -> None:
        self._log_in(argument == PASSWORD)

    def _on_auth(self, argument: bytes) -> None:
        mechanism, _, response = argument.partition(b" ")
        if mechanism.upper() != b"PLAIN":
            self._send(b"-ERR no such mechanism\r\n")
            return
        if not response:
            self._send(b"+ \r\n")
            response = self._line()
        self._log_in(base64.b64decode(response) == b"\0" + USER + b"\0" + PASSWORD)

    def _log_in(self, right: bool) -> None:
        if not right:
            self._send(b"-ERR [AUTH] wrong\r\n")
        elif not self._provider.log_in(self):
            self._send(b"-ERR [IN-USE] another session has it\r\n")
        else:
            self._ready = True
            self._send(b"+OK logged in\r\n")
            self._step("auth")

    def _on_stat(self, argument: bytes) -> None:
        left = self._left()
        size = sum(len(one.octets) for one in left.values())
        self._send(b"+OK %d %d\r\n" % (len(left), size))
        self._step("stat")

    def _left(self) -> dict[int, Listed]:
        return {n: one for n, one in enumerate(self.messages, 1) if n not in self.marked}

    def _on_uidl(self, argument: bytes) -> None:
        self._list(argument, {n: self._uidl(n, one.uidl) for n, one in self._left().items()})
        self._step("uidl")

    def _uidl(self, number: int, uidl: bytes) -> bytes:
        match self._provider.quirk:
            case "blank UIDLs" if number % 3 == 0:
                return b""
            case "double UIDLs":
                return b"D%d" % (number // 2)
            case "new UIDLs":
                return b"%d.%s" % (self._number, uidl)
        return uidl

    def _on_list(self, argument: bytes) -> None:
        quirk = self._provider.quirk
        by, to = {"small sizes": (3, 1), "great sizes": (1, 3)}.get(quirk, (1, 1))
        sizes = {n: len(one.octets) * to // by for n, one in self._left().items()}
        self._list(argument, {n: b"%d" % size for n, size in sizes.items()})
        self._step("list")

    def _list(self, argument: bytes, values: dict[int, bytes]) -> None:
        if argument:
            number = int(argument)
            known = b"+OK %d %s\r\n" % (number, values[number]) if number in values else None
            self._send(known or b"-ERR no such message\r\n")
            return
        lines = b"".join(b"%d %s\r\n" % pair for pair in values.items())
        self._send(b"+OK\r\n" + lines + b".\r\n")

    def _on_retr(self, argument: bytes) -> None:
        number = int(argument)
        if number not in self._left():
            self._send(b"-ERR no such message\r\n")
            return
        self._step("retr")
        octets = stuffed(self.messages[number - 1].octets)
        half = len(octets) // 2
        for name, piece in (
            ("first", octets[:6]),
            ("middle", octets[6:half]),
            ("last", octets[half:-1]),
            ("complete", octets[-1:]),
        ):
            self._send(piece)
            if name == "complete":
                self.retrieved.add(number)
            self._step(name)

    def _on_top(self, argument: bytes) -> None:
        number, _, lines = argument.partition(b" ")
        found = self._left().get(int(number))
        if found is None:
            self._send(b"-ERR no such message\r\n")
            return
        head, _, body = found.octets.partition(b"\r\n\r\n")
        shown = body.split(b"\r\n")[: int(lines)]
        self._send(stuffed(head + b"\r\n\r\n" + b"".join(line + b"\r\n" for line in shown)))

    def _on_dele(self, argument: bytes) -> None:
        number = int(argument)
        if number not in self._left():
            self._send(b"-ERR no such message\r\n")
            return
        self.marked.add(number)
        self._send(b"+OK marked\r\n")
        self._step("dele")

    def _on_noop(self, argument: bytes) -> None:
        self._send(b"+OK\r\n")

    def _on_rset(self, argument: bytes) -> None:
        self.marked.clear()
        self._send(b"+OK\r\n")

    def _on_quit(self, argument: bytes) -> None:
        self._step("quit")
        if self._ready:
            self._provider.update(self)
        self._step("updated")
        self._send(b"+OK bye\r\n")
        self.over = True
        self._step("bye")
        raise _Over


def stuffed(octets: bytes) -> bytes:
    """The answer to RETR for a message that ends in CRLF."""
    return (b"+OK\r\n" + octets).replace(b"\r\n.", b"\r\n..") + b".\r\n"
