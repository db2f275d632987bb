"""A connection to a POP3 server: lines and bodies in, commands out, a watchdog on progress."""

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from bridge.errors import ProtocolError, UpstreamError
from bridge.net.pop3_errors import Peer
from bridge.net.pop3_tls import ClientTls
from bridge.pop3.multiline import BodyScanner
from bridge.pop3.replies import MAX_STATUS_OCTETS, Reply, parse_status

MAX_UNREAD = 256 * 1024
"""Octets that may wait to be read before the server is made to wait."""

MAX_LISTING_OCTETS = 256 * 1024 * 1024
"""A longer listing is no listing of a mailbox; two million messages stay below."""

LINE_COST = 64
"""Octets that a line of a listing is charged besides its own: what Python needs to keep it."""

CLOSE_S = 2.0
"""How long a peer may take to close its side, once nothing more is expected of it."""


class Wire(Protocol):
    """Reads by one reader at a time. Once it fails, each further wait raises the same error.

    Octets lie in the chunks that they came in; `_data[_at:]` is what is read next. Methods that
    end in `_now` never wait: awaiting costs more than reading what is there.
    """

    transport: Any

    def __init__(self, reactor: Any, peer: Peer) -> None:
        self.peer = peer
        self.secure = False
        """Whether TLS has been started; what is sent from then on waits for its handshake."""
        self.bare_lf = True
        """Whether no line so far has ended in CRLF."""
        self.patience_s = peer.timeout_s
        """Seconds without an octet after which the connection has failed."""
        self.hung_up = False
        """Whether the connection ended by itself, unasked."""
        self.tls: Any = None
        """OpenSSL's connection, once TLS has been started."""
        self._certificate_fault = ""
        self._pinned = False
        self._reactor = reactor
        self._data = b""
        self._at = 0
        self._chunks: deque[bytes] = deque()
        self._unread = 0
        self._line = bytearray()
        self._paused = False
        self._waiting: Deferred[None] | None = None
        self._watchdog: Any = None
        self._error: UpstreamError | None = None
        self._gone: Deferred[None] = Deferred()

    @property
    def unread(self) -> int:
        """Octets that have arrived and wait to be read."""
        return self._unread

    def send(self, data: bytes) -> None:
        """Sends without waiting; nothing once the connection is lost."""
        if self._error is None:
            self.transport.write(data)

    async def ask(self, command: bytes) -> Reply:
        """Sends a command and reads its status line.

        Raises:
            ProtocolError: as `expect_nothing` and `status`.
        """
        self.expect_nothing()
        self.send(command)
        return await self.status()

    def expect_nothing(self) -> None:
        """To be called where every answer has been read.

        Raises:
            ProtocolError: more has arrived, and would pass for the answer to what comes next.
        """
        if self._unread:
            raise self.fail(self.peer.fault("answered what it was not asked"))

    async def status(self) -> Reply:
        """The next status line.

        Raises:
            ProtocolError: it is none.
        """
        return self.parsed(await self.line())

    def parsed(self, line: bytes) -> Reply:
        """The reply in a status line.

        Raises:
            ProtocolError: there is none.
        """
        try:
            return parse_status(line)
        except ProtocolError as error:
            raise self.fail(self.peer.named(error)) from None

    async def line(self) -> bytes:
        """The next line without its CRLF or LF.

        Raises:
            ProtocolError: it is longer than MAX_STATUS_OCTETS.
        """
        while (line := self.line_now()) is None:
            await self.more()
        return line

    async def lines(self, take: Callable[[bytes], object]) -> None:
        """Gives the lines of a multi-line reply, un-stuffed, to `take` as they come.

        For listings and CAPA: lines may end in LF.

        Raises:
            ProtocolError: it or one of its lines is too long, the connection was lost, or `take`
                raised it.
        """
        octets = 0
        while True:
            if (line := self.line_now()) is None:
                await self.more()
                continue
            if line.startswith(b"."):
                if line == b".":
                    return
                line = line[1:]
            octets += len(line) + LINE_COST
            if octets > MAX_LISTING_OCTETS:
                raise self.fail(self.peer.fault("sent a listing without an end"))
            try:
                take(line)
            except ProtocolError as error:
                raise self.fail(self.peer.named(error)) from None

    def line_now(self) -> bytes | None:
        """The next line if all of it has arrived, else None."""
        while self._unread:
            end = self._data.find(b"\n", self._at) + 1
            piece = self._take(end or len(self._data))
            if len(self._line) + len(piece) > MAX_STATUS_OCTETS:
                raise self.fail(self.peer.fault("sent a line that is too long for POP3"))
            if end and not self._line:
                return self._ended(piece)
            # Cut into pieces by the network: a bytearray grows without being copied each time.
            self._line += piece
            if end:
                line = bytes(self._line)
                self._line.clear()
                return self._ended(line)
        return None

    def _ended(self, line: bytes) -> bytes:
        if line.endswith(b"\r\n"):
            self.bare_lf = False
            return line[:-2]
        return line[:-1]

    def body_now(self, scanner: BodyScanner) -> bytes | None:
        """Un-stuffed octets of a body out of what has arrived, perhaps none; None: await `more`."""
        if not self._unread:
            return None
        # Only as far as this body goes: a chunk may hold hundreds of small messages. The line end
        # of the status line may be the first of the terminator.
        end = self._data.find(scanner.END, max(0, self._at - 2))
        octets, rest = scanner.feed(self._take(end + len(scanner.END) if end >= 0 else None))
        if rest:
            self._give_back(rest)
        return octets

    async def more(self) -> None:
        """Returns once more octets have arrived, or raises why none will.

        Raises:
            TimedOutError: none came in the time allowed.
            ProtocolError: the connection was lost.
            CertificateError: TLS ended for the certificate.
        """
        if self._error is not None:
            raise self._error
        waiting = self._waiting = Deferred()
        # Only now: while we are the slow ones, the server's silence is our doing.
        self._watchdog = self._reactor.callLater(self.patience_s, self._stalled)
        try:
            await waiting
        except CancelledError:
            # Whoever reads next would take the answer of this command for its own.
            self.abort()
            raise
        finally:
            self._waiting = None
            if self._watchdog.active():
                self._watchdog.cancel()
        if self._error is not None and not self._unread:
            raise self._error

    def start_tls(self, options: ClientTls) -> None:
        """TLS from the next octet on.

        Raises:
            ProtocolError: octets sent in clear text wait to be read. They would pass for octets
                that TLS protected; anybody on the way can have put them there.
        """
        if self._unread:
            raise self.fail(self.peer.fault("sent clear text behind its answer to STLS"))
        self.secure = True
        self.transport.startTLS(options)
        layer = self.transport.protocol
        self.tls = layer.getHandle()
        # In time: so far the handshake has only been offered.
        options.check(self.tls, self._note_certificate_fault)
        self._pinned = options.pinned
        # The handshake and parts of records are progress too, but never get to `dataReceived`.
        layer.dataReceived = self._counting(layer.dataReceived)

    def fail(self, error: UpstreamError) -> UpstreamError:
        """Drops the connection for `error`, which later waits raise, too; returns it."""
        if self._error is None:
            self._error = error
            self._discard()
            self.transport.abortConnection()
            self._wake()
        return error

    def abort(self) -> None:
        """Drops the connection; again is harmless."""
        self.fail(self.peer.fault("was hung up on"))

    async def close(self) -> None:
        """Closes in good order, and drops a peer that takes too long over it. Raises nothing."""
        if self._error is not None:
            return
        self._error = self.peer.fault("was hung up on")
        self._discard()
        self.transport.loseConnection()
        drop = self._reactor.callLater(CLOSE_S, self.transport.abortConnection)
        try:
            await self._gone
        except CancelledError:
            self.transport.abortConnection()
            raise
        finally:
            if drop.active():
                drop.cancel()

    def dataReceived(self, data: bytes) -> None:
        """As `IProtocol`'s."""
        if self._error is not None:
            return
        if self._unread:
            self._chunks.append(data)
        else:
            self._data, self._at = data, 0
        self._unread += len(data)
        if self._unread > MAX_UNREAD and not self._paused:
            self._paused = True
            self.transport.pauseProducing()
        self._wake()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """As `IProtocol`'s. What arrived before can still be read."""
        if self._error is None:
            fault = self._certificate_fault
            self._error = self.peer.lost(reason.value, fault, pinned=self._pinned)
            self.hung_up = True
        self._wake()
        if not self._gone.called:
            self._gone.callback(None)

    def _note_certificate_fault(self, words: str) -> None:
        # The first is the cause; what OpenSSL finds after it may follow from it.
        self._certificate_fault = self._certificate_fault or words

    def _take(self, end: int | None) -> bytes:
        """The octets up to `end` of the chunk that is read, or all of it."""
        piece = self._data[self._at : end]
        self._at += len(piece)
        self._unread -= len(piece)
        if self._at == len(self._data) and self._chunks:
            self._data, self._at = self._chunks.popleft(), 0
        if self._paused and self._unread <= MAX_UNREAD // 2:
            self._resume()
        return piece

    def _give_back(self, rest: bytes) -> None:
        if self._at < len(self._data):
            self._chunks.appendleft(self._data[self._at :])
        self._data, self._at = rest, 0
        self._unread += len(rest)

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            self.transport.resumeProducing()

    def _discard(self) -> None:
        self._data, self._at, self._unread = b"", 0, 0
        self._chunks.clear()
        self._line.clear()
        self._resume()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.called:
            self._waiting.callback(None)

    def _stalled(self) -> None:
        self.fail(self.peer.stalled(self.patience_s))

    def _counting(self, received: Callable[[bytes], None]) -> Callable[[bytes], None]:
        def count(data: bytes) -> None:
            if self._watchdog is not None and self._watchdog.active():
                self._watchdog.reset(self.patience_s)
            received(data)

        return count
