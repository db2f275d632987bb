"""A session written down, from its log-in on, for whoever looks for a client's trouble."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from bridge.imap.framing import Framer, Piece
from bridge.imap.parser import Tagged, Unreadable
from bridge.session import redact
from bridge.session.port import Closed, Connection, Expired, Woken, WriteLine
from bridge.session.reply import Bye


class Trace:
    """Writes down what both sides say, without secrets and mail."""

    def __init__(self, write: WriteLine) -> None:
        self._write = write
        self._answers = redact.Answers()
        self._unread = b""

    def client(self, parsed: Tagged | Unreadable, pieces: Sequence[Piece]) -> None:
        """A command of the client."""
        if isinstance(parsed, Tagged):
            self._unread = b""
            self._say("C", redact.command(parsed, pieces))
        else:
            self._unread = b" ".join(piece for piece in pieces if isinstance(piece, bytes))
            self._say("C", redact.unreadable(pieces))

    def server(self, octets: bytes) -> None:
        """Octets of the server, in any portions."""
        for line in self._answers.feed(octets):
            shown = redact.without_echo(line, self._unread) if self._unread else line
            self._say("S", shown)

    def _say(self, who: str, line: bytes) -> None:
        # Eight-bit octets and controls come out as escapes: a line stays a line.
        text = line.decode("ascii", "backslashreplace")
        self._write(f"{who}: {text.encode('unicode_escape').decode('ascii')}")


class TracedConnection:
    """A `Connection` that lets a trace see what is written."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.trace: Trace | None = None
        self.dismissal: Bye | None = None
        """What the session is to end with."""

    def note(self, parsed: Tagged | Unreadable, pieces: Sequence[Piece]) -> None:
        """Lets the trace, if there is one, see a command of the client."""
        if self.trace is not None:
            self.trace.client(parsed, pieces)

    @property
    def framer(self) -> Framer:
        """As `Connection.framer`."""
        return self._connection.framer

    @property
    def secure(self) -> bool:
        """As `Connection.secure`."""
        return self._connection.secure

    @property
    def peer(self) -> str:
        """As `Connection.peer`."""
        return self._connection.peer

    @property
    def loopback(self) -> bool:
        """As `Connection.loopback`."""
        return self._connection.loopback

    def write(self, octets: bytes) -> None:
        """As `Connection.write`."""
        if self.trace is not None:
            self.trace.server(octets)
        self._connection.write(octets)

    def drain(self) -> Coroutine[Any, Any, None]:
        """As `Connection.drain`.

        A session that was dismissed ends here in the midst of an answer, which may be all its mail.
        """
        return self._connection.drain() if self.dismissal is None else _cut()

    def more(self, timeout_s: float) -> Coroutine[Any, Any, Woken | Expired | None]:
        """As `Connection.more`."""
        return self._connection.more(timeout_s)

    def wake(self) -> None:
        """As `Connection.wake`."""
        self._connection.wake()

    def start_tls(self) -> None:
        """As `Connection.start_tls`."""
        self._connection.start_tls()

    def meanwhile(self, every_s: float, say: Callable[[], bytes]) -> None:
        """As `Connection.meanwhile`."""

        def traced() -> bytes:
            octets = say()
            if self.trace is not None:
                self.trace.server(octets)
            return octets

        self._connection.meanwhile(every_s, traced)

    def end_meanwhile(self) -> None:
        """As `Connection.end_meanwhile`."""
        self._connection.end_meanwhile()

    def compress(self) -> None:
        """As `Connection.compress`."""
        self._connection.compress()

    def close(self) -> None:
        """As `Connection.close`."""
        self._connection.close()


async def _cut() -> None:
    raise Closed
