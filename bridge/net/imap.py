"""IMAP connections on Twisted: octets to sessions and back, with limits on what may be queued."""

import logging
from collections.abc import Callable, Coroutine, Generator
from ipaddress import ip_address
from typing import Any, Protocol

from twisted.internet import protocol
from twisted.internet.defer import Deferred

from bridge.imap.framing import Framer
from bridge.net.deflate import PIECE_OCTETS, BrokenStream, Deflate, TooMuch
from bridge.net.loop import DelayedCall, Timers
from bridge.session.port import Closed, Expired, Services, Woken
from bridge.session.session import Session

READ_AHEAD_OCTETS = 64 << 10
"""While a command runs, no more than about this is read of what the client has pipelined."""

QUEUED_OCTETS = 64 << 10
"""What a command says is gathered up to here, and goes out when its session waits for something."""

TURN_S = 0.001
"""After so long a session that has more to do lets others have their turn."""

CLOSE_S = 30.0
"""A client that doesn't take what is left, or doesn't end TLS, is cut this long after the end."""

_log = logging.getLogger("popbridge.imap")


class ConnectionCounter(Protocol):
    """Counts open connections, for metrics."""

    def connected(self, *, tls: bool) -> None:
        """A connection was made, with TLS from its start or not."""

    def secured(self) -> None:
        """A connection without TLS has started it."""

    def disconnected(self, *, tls: bool) -> None:
        """One is over; `tls` as it was at its end."""

    def told(self, seconds: float) -> None:
        """A client that idles was told of a change so long after it was woken for it."""


class _Outlet:
    """The transport's producer: it says when the client takes less than we write."""

    def __init__(self, connection: "ImapConnection") -> None:
        self._connection = connection

    def pauseProducing(self) -> None:
        self._connection.clogged = True

    def resumeProducing(self) -> None:
        self._connection.clogged = False
        self._connection.flowing()

    def stopProducing(self) -> None:
        """The connection is lost; `connectionLost` deals with it."""


class ImapConnection(protocol.Protocol):
    """A `bridge.session.port.Connection`."""

    transport: Any

    def __init__(self, factory: "ImapFactory") -> None:
        self.framer = Framer()
        self.clogged = False
        self.secure = factory.implicit_tls
        self.peer = ""
        self.loopback = False
        self._home = factory
        self._waiting: Deferred[Woken | Expired | None] | None = None
        self._draining: Deferred[None] | None = None
        self._timer: DelayedCall | None = None
        self._rings_s = 0.0
        self._due_s = 0.0
        self._woken_s: float | None = None
        self._when_due: Callable[[], object] | None = None
        self._queued: list[bytes] = []
        self._queued_octets = 0
        self._turn_ends_s = 0.0
        self._arrived = False
        self._woken = False
        self._gone = False
        self._closing = False
        self._ending = ""
        self._deflate: Deflate | None = None
        self._reading = True

    def connectionMade(self) -> None:
        """Starts the session."""
        self.peer = str(getattr(self.transport.getPeer(), "host", ""))
        self.loopback = _is_loopback(self.peer)
        self.transport.setTcpNoDelay(True)
        # An idle client that has lost its network must not hold its session for ever.
        self.transport.setTcpKeepAlive(True)
        self.transport.registerProducer(_Outlet(self), True)
        self._home.opened(self)
        running = Deferred.fromCoroutine(self._turns(Session(self._home.services, self).run()))
        running.addErrback(self._failed)

    def _turns(self, session: Coroutine[Any, Any, None]) -> Generator[Any, Any, None]:
        """Runs the session; whenever it waits for something, what it has said goes out.

        So a client reads one segment for what is one answer, and none of it waits for a later
        command's work.
        """
        go_on: Callable[[Any], Any] = session.send
        value: Any = None
        while True:
            self._turn_ends_s = self._home.timers.seconds() + TURN_S
            try:
                waits_for = go_on(value)
            except StopIteration:
                return
            finally:
                self._flush_news()
            try:
                value, go_on = (yield waits_for), session.send
            except BaseException as error:
                value, go_on = error, session.throw

    def _flush_news(self) -> None:
        """Sends what is queued. What a session says that was woken tells of a change."""
        woken_s, told = self._woken_s, bool(self._queued)
        self._flush()
        if woken_s is not None and (told or self._waiting is not None):
            self._woken_s = None
            if told:
                self._home.counter.told(self._home.timers.seconds() - woken_s)

    def _flush(self) -> None:
        if not self._queued:
            return
        octets = self._queued[0] if len(self._queued) == 1 else b"".join(self._queued)
        self._queued.clear()
        self._queued_octets = 0
        if self._gone:
            return
        if self._deflate is not None:
            octets = self._deflate.compress(octets) + self._deflate.flush()
        self._send(octets)

    def _send(self, octets: bytes) -> None:
        if not octets:
            return
        self.transport.write(octets)
        # At once, instead of in the reactor's next turn. What the socket doesn't take, and a
        # failure, is seen there. TLS gathers by itself, and closes the socket when it pleases.
        write_now = None if self.secure else getattr(self.transport, "doWrite", None)
        if write_now is not None and not self.clogged:
            write_now()

    def _failed(self, failure: Any) -> None:
        raised = (failure.type, failure.value, failure.getTracebackObject())
        _log.error("A session failed; this is a fault of popbridge", exc_info=raised)
        self.transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        """Keeps the octets for the session."""
        if self._closing:
            return
        if self._deflate is None:
            self.framer.feed(data)
        else:
            self._deflate.feed(data)
            self._inflate()
        self._arrived = True
        if self._waiting is not None:
            self._settle(None)
        elif self._reading and (self._inflates or self.framer.buffered > READ_AHEAD_OCTETS):
            self._reading = False
            self.transport.pauseProducing()

    @property
    def _inflates(self) -> bool:
        """Whether there is more in what the client has compressed."""
        return self._deflate is not None and self._deflate.waits

    def _inflate(self) -> None:
        """Gives the session a piece of what the client has compressed, if it has room for it.

        The rest waits until the session has taken that, and meanwhile nothing is read: however
        much comes out of it, this is what it holds of memory.
        """
        if self._deflate is not None and self.framer.buffered <= READ_AHEAD_OCTETS:
            try:
                self.framer.feed(self._deflate.read())
            except BrokenStream as broken:
                self._ending = str(broken)
                if isinstance(broken, TooMuch):
                    self._home.services.observer.limit_reached("other")

    def connectionLost(self, reason: Any = None) -> None:
        """Ends what waits for the client."""
        self._gone = True
        self._home.closed(self)
        self._end_timer()
        waiting, self._waiting = self._waiting, None
        draining, self._draining = self._draining, None
        if waiting is not None:
            waiting.errback(Closed())
        if draining is not None:
            draining.errback(Closed())

    def write(self, octets: bytes) -> None:
        """As `Connection.write`."""
        if octets and not self._gone and not self._closing:
            self._queued.append(octets)
            self._queued_octets += len(octets)

    async def drain(self) -> None:
        """As `Connection.drain`; a client that takes nothing for as long as it may idle is cut.

        Commands that a client has sent ahead run one after the other: every now and then the
        reactor gets its turn.
        """
        if self._gone or self._closing:
            raise Closed
        await self._let_others()
        if self._queued_octets > QUEUED_OCTETS:
            if self._deflate is None:
                self._flush()
            else:
                await self._compress_queued(self._deflate)
        if self.clogged:
            self._draining = Deferred()
            self._start_timer(self._home.services.limits.idle_s, self._cut)
            await self._draining

    def _cut(self) -> None:
        self._home.services.observer.limit_reached("idle_time")
        self.transport.abortConnection()

    async def _let_others(self) -> None:
        """Gives the reactor its turn, if this one has taken long.

        Raises:
            Closed: the client has gone meanwhile.
        """
        if self._home.timers.seconds() >= self._turn_ends_s:
            turn: Deferred[None] = Deferred()
            self._home.timers.callLater(0, turn.callback, None)
            await turn
            if self._gone or self._closing:
                raise Closed

    async def _compress_queued(self, deflate: Deflate) -> None:
        """Sends what is queued piece by piece: a megabyte is 15 to 40 ms of work."""
        # Nothing may come between the pieces of an answer.
        self.end_meanwhile()
        octets = b"".join(self._queued)
        self._queued.clear()
        self._queued_octets = 0
        for start in range(0, len(octets), PIECE_OCTETS):
            self._send(deflate.compress(octets[start : start + PIECE_OCTETS]))
            await self._let_others()
        self._send(deflate.flush())

    def flowing(self) -> None:
        """The client has taken what was queued."""
        draining, self._draining = self._draining, None
        if draining is not None:
            self._stop_timer()
            draining.callback(None)

    async def more(self, timeout_s: float) -> Woken | Expired | None:
        """As `Connection.more`."""
        if self._ending and not self._closing:
            self._say_bye()
        if self._gone or self._closing:
            raise Closed
        if self._woken:
            self._woken = False
            return Woken()
        if self._arrived:
            self._arrived = False
            return None
        if self._inflates:
            await self._let_others()
            self._inflate()
            return None
        if not self._reading:
            self._reading = True
            self.transport.resumeProducing()
        self._waiting = Deferred()
        self._start_timer(timeout_s, lambda: self._settle(Expired()))
        return await self._waiting

    def wake(self) -> None:
        """As `Connection.wake`."""
        self._woken = True
        if self._waiting is not None:
            self._woken_s = self._home.timers.seconds()
            self._settle(Woken())

    def meanwhile(self, every_s: float, say: Callable[[], bytes]) -> None:
        """As `Connection.meanwhile`; a client that takes nothing is told nothing."""

        def ring() -> None:
            if not self.clogged:
                self.write(say())
                self._flush()
            self._start_timer(every_s, ring)

        self._start_timer(every_s, ring)

    def end_meanwhile(self) -> None:
        """As `Connection.end_meanwhile`."""
        self._stop_timer()

    def start_tls(self) -> None:
        """As `Connection.start_tls`."""
        self._flush()
        self.framer.take_buffer()
        self._arrived = False
        self.secure = True
        self._home.counter.secured()
        self.transport.startTLS(self._home.tls())

    def compress(self) -> None:
        """As `Connection.compress`."""
        self._flush()
        self._deflate = Deflate()
        # What came behind the command's line end is compressed already.
        self._deflate.feed(self.framer.take_buffer())
        self._arrived = False

    def close(self) -> None:
        """As `Connection.close`; what the client sends from now on is thrown away."""
        if self._closing or self._gone:
            return
        self._flush()
        self._closing = True
        self._start_timer(CLOSE_S, self.transport.abortConnection)
        if not self._reading:
            # Else the client's end of the connection wouldn't be noticed.
            self._reading = True
            self.transport.resumeProducing()
        # With a producer Twisted waits for its end: TLS would never be closed.
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def shut_down(self) -> None:
        """Tells the client that the server goes, and ends the session.

        While a command is answered that waits for its end: a BYE inside a literal would become
        part of a message.
        """
        self._ending = "The server is shutting down"
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self._say_bye()
            waiting.errback(Closed())

    def _say_bye(self) -> None:
        self.write(b"* BYE %b\r\n" % self._ending.encode("ascii"))
        self.close()

    def _settle(self, result: Woken | Expired | None) -> None:
        self._stop_timer()
        waiting, self._waiting = self._waiting, None
        assert waiting is not None
        if isinstance(result, Woken):
            self._woken = False
        elif result is None:
            self._arrived = False
        waiting.callback(result)

    def _start_timer(self, seconds: float, call: Callable[[], object]) -> None:
        """Calls once the time is over, unless it is stopped or started anew before.

        A client's every command stops it, and the next wait is as long again: so the reactor's
        timer stays where it is, and looks when it rings whether it is time yet.
        """
        self._due_s, self._when_due = self._home.timers.seconds() + seconds, call
        if self._timer is None or self._rings_s > self._due_s:
            self._end_timer(call)
            self._rings_s = self._due_s
            self._timer = self._home.timers.callLater(seconds, self._ring)

    def _ring(self) -> None:
        self._timer = None
        call = self._when_due
        if call is None:
            return
        left_s = self._due_s - self._home.timers.seconds()
        if left_s > 0:
            self._start_timer(left_s, call)
        else:
            self._when_due = None
            call()

    def _stop_timer(self) -> None:
        self._when_due = None

    def _end_timer(self, then: Callable[[], object] | None = None) -> None:
        self._when_due = then
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()


class ImapFactory(protocol.Factory):
    """Makes a connection for each client.

    Args:
        services: what sessions share.
        timers: the reactor.
        tls: makes the context for a connection that starts TLS; called each time, so that a
            renewed certificate is used at once.
        implicit_tls: whether clients speak TLS from the start (the caller wraps the transport).
        counter: told of connections.
    """

    noisy = False

    def __init__(
        self,
        services: Services,
        timers: Timers,
        *,
        tls: Callable[[], Any],
        implicit_tls: bool,
        counter: ConnectionCounter,
    ) -> None:
        self.services = services
        self.timers = timers
        self.tls = tls
        self.implicit_tls = implicit_tls
        self.counter = counter
        self._open: set[ImapConnection] = set()

    def buildProtocol(self, addr: Any) -> ImapConnection:
        """A connection for a client."""
        return ImapConnection(self)

    def opened(self, connection: ImapConnection) -> None:
        """A client has come."""
        self._open.add(connection)
        self.counter.connected(tls=self.implicit_tls)

    def closed(self, connection: ImapConnection) -> None:
        """A client has gone."""
        self._open.discard(connection)
        self.counter.disconnected(tls=connection.secure)

    def shut_down(self) -> None:
        """Ends every session."""
        for connection in tuple(self._open):
            connection.shut_down()


def _is_loopback(host: str) -> bool:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
