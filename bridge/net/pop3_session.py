"""A logged-in POP3 session."""

import re
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from bridge.errors import ProtocolError, RefusedCommandError, TimedOutError
from bridge.model.profile import Habits
from bridge.model.upstream import Listed, Listing
from bridge.net.pop3_errors import blames_mechanism
from bridge.net.pop3_wire import Wire
from bridge.pop3.commands import line
from bridge.pop3.multiline import BareLfScanner, BodyScanner
from bridge.pop3.replies import Capabilities, ListingParser, Reply
from bridge.sync.port import RetrieveSink, Seen

MAX_OCTETS_IN_FLIGHT = 16 * 1024 * 1024
"""Listed octets asked for and not yet here. One message may be larger."""

DELES_PER_RETR = 4
MAX_DELES = 200
"""So many DELEs take the place of one RETR in the window, up to what is 2.5 KB: a server reads
4 KB at once."""

MAX_TOP_OCTETS = 16 * 1024 * 1024
"""More than this is not a header with a few lines."""

_ANSWER_INSIDE = re.compile(rb"[^\r\n]\.\r\n(?:\+OK|-ERR)|\n\.\r(?:\+OK|-ERR)")
"""The next answer behind an end that is none: a dot glued to the last line, or CR without LF. It
begins what is seen of a message too, where an answer too many was taken for that message's."""

_ANSWER = re.compile(rb"\.\r\n?(?:\+OK|-ERR)")
"""What that has in it. To look for this alone, which begins with the same two octets, is ten times
as fast, and mail rarely has any."""

_END_OCTETS = len(b".\r\n")


class Pop3Session:
    """A `bridge.sync.port.PopSession`. One method at a time; after an error only `abort`.

    Each method but `abort` raises TimedOutError or ProtocolError once the connection fails.

    Args:
        wire: logged in.
        offered: the capabilities.
        habits: what is known of the server.
        window: how many commands may wait for their answers, where the server allows it.
        update_timeout_s: seconds for the answer to QUIT after DELE.
        lost_ahead: called when the connection was lost while pipelined commands waited for
            answers; where an answer couldn't be read, `habits` say it.
    """

    def __init__(
        self,
        wire: Wire,
        offered: Capabilities,
        *,
        habits: Habits,
        window: int,
        update_timeout_s: float,
        lost_ahead: Callable[[], None],
    ) -> None:
        self.capabilities = offered
        self.habits = habits
        self._wire = wire
        self._pipelining = "PIPELINING" in offered and habits.pipelining and window > 1
        self._window = window if self._pipelining else 1
        self._update_timeout_s = update_timeout_s
        self._lost_ahead = lost_ahead
        self._deletes = False
        self._ended = False
        self.doubtful = False
        """As `PopSession.doubtful`."""

    @property
    def expire_days(self) -> int | None:
        """As `PopSession.expire_days`."""
        return self.capabilities.expire_days()

    @property
    def implementation(self) -> str:
        """As `PopSession.implementation`."""
        return " ".join(self.capabilities.names.get("IMPLEMENTATION", ()))

    @property
    def bare_lf(self) -> bool:
        """As `PopSession.bare_lf`."""
        return self._wire.bare_lf

    @property
    def seen(self) -> Seen:
        """As `PopSession.seen`."""
        if self._wire.tls is None:
            return Seen(self.capabilities.names)
        certificate = self._wire.tls.get_peer_certificate(as_cryptography=True)
        version = self._wire.tls.get_protocol_version_name()
        return Seen(self.capabilities.names, version, certificate.not_valid_after_utc)

    @property
    def login_delay_s(self) -> int:
        """As `PopSession.login_delay_s`."""
        return self.capabilities.login_delay_s()

    async def stat(self) -> tuple[int, int]:
        """How many messages there are and their octets together.

        Raises:
            RefusedCommandError: the server refuses.
        """
        words = (await self._done("STAT", line("STAT"))).text.split()
        if len(words) < 2 or not (words[0].isdigit() and words[1].isdigit()):
            raise self._wire.fail(self._wire.peer.fault("answered STAT without two numbers"))
        return int(words[0]), int(words[1])

    async def listing(self) -> Listing:
        """As `PopSession.listing`.

        Raises:
            RefusedCommandError: LIST is refused, or UIDL is for the moment ([SYS/TEMP]).
        """
        wire, parser = self._wire, ListingParser()
        wire.expect_nothing()
        wire.send(line("UIDL") + (line("LIST") if self._pipelining else b""))
        reply = await wire.status()
        if reply.ok:
            parser.begin_uidls()
            await wire.lines(parser.uidl)
        elif reply.says("SYS") or "UIDL" in self.capabilities:
            # The messages have UIDLs; to take them for nameless would fetch all of them again.
            raise wire.fail(wire.peer.refused("UIDL", reply))
        if not self._pipelining:
            wire.expect_nothing()
            wire.send(line("LIST"))
        reply = await self._next_status(ahead=self._pipelining)
        if not reply.ok:
            raise wire.fail(wire.peer.refused("LIST", reply))
        await wire.lines(parser.size)
        try:
            return parser.listing()
        except ProtocolError as error:
            raise wire.fail(wire.peer.named(error)) from None

    async def retrieve(self, batch: Sequence[Listed], sink: RetrieveSink) -> None:
        """As `PopSession.retrieve`. The session is over if it raises, or the sink does."""

        async def receive(listed: Listed, reply: Reply) -> None:
            if not reply.ok:
                error = self._wire.peer.refused(f"RETR {listed.number}", reply)
                sink.failed(listed, error, temporary=reply.says("SYS/TEMP"))
                return
            sink.begin(listed)
            scanner, seen, came = self._scanner(), b"\n.\r", 0
            while not scanner.done:
                octets = self._wire.body_now(scanner)
                if octets is None:
                    await self._wire.more()
                elif octets:
                    tail = seen[-7:]
                    seen, came = tail + octets, came + len(octets)
                    if self._pipelining and (found := _answer_inside(seen)):
                        self._doubt(listed, came - len(seen) + found.start())
                    await sink.chunk(listed, octets)
            await sink.complete(listed)

        await self._each(batch, lambda listed: line("RETR", listed.number), receive, bodies=True)

    def _doubt(self, listed: Listed, place: int) -> None:
        """What looks like the next answer stands in a message, `place` octets from its begin.

        At its begin, or where it should have ended, it is that. Elsewhere it may as well be mail
        about POP3: `in_step` will tell, and until then all that comes is in doubt.

        Raises:
            ProtocolError: it is the next answer.
        """
        self.habits = replace(self.habits, pipelining=False)
        if place <= 0 or place >= listed.size - _END_OCTETS:
            raise self._wire.fail(self._wire.peer.fault("sent answers out of step"))
        self.doubtful = True

    async def headers(self, batch: Sequence[Listed]) -> dict[int, bytes | None]:
        """As `PopSession.headers`."""
        found: dict[int, bytes | None] = {listed.number: None for listed in batch}
        knows_top = "TOP" in self.capabilities

        async def receive(listed: Listed, reply: Reply) -> None:
            nonlocal knows_top
            knows_top = knows_top or reply.ok or not blames_mechanism(reply)
            if reply.ok:
                found[listed.number] = await self._top()

        # Sent to a server that has no TOP, so many bad commands would pass for an attack.
        for part in (batch[:1], batch[1:]) if not knows_top else (batch,):
            await self._each(
                part, lambda listed: line("TOP", listed.number, 0), receive, bodies=False
            )
            if not knows_top:
                break
        return found

    async def delete(self, batch: Sequence[Listed]) -> frozenset[int]:
        """As `PopSession.delete`. The session is over if it raises."""
        marked = set()

        async def receive(listed: Listed, reply: Reply) -> None:
            if reply.ok:
                marked.add(listed.number)

        self._deletes = self._deletes or bool(batch)
        window = min(self._window * DELES_PER_RETR, MAX_DELES) if self._pipelining else 1
        await self._each(batch, lambda listed: line("DELE", listed.number), receive, window=window)
        await self._after_deletes()
        return frozenset(marked)

    async def _after_deletes(self) -> None:
        """Makes sure that each answer was its command's, before QUIT carries the deletes out.

        Raises:
            ProtocolError: it wasn't; nothing is deleted.
        """
        try:
            await self.stat()
        except (ProtocolError, RefusedCommandError):
            if not self._wire.hung_up:
                self.habits = replace(self.habits, pipelining=False)
            raise self._wire.fail(self._wire.peer.fault("sent answers out of step")) from None

    async def top(self, number: int, lines: int) -> bytes:
        """The header of a message and so many lines of its body.

        Raises:
            RefusedCommandError: the server has no TOP, or no such message.
        """
        await self._done(f"TOP {number}", line("TOP", number, lines))
        return await self._top()

    async def uidl(self, number: int) -> bytes | None:
        """As `PopSession.uidl`."""
        reply = await self._wire.ask(line("UIDL", number))
        word, _, uidl = reply.text.strip(b" ").partition(b" ")
        return uidl.strip(b" ") or None if reply.ok and word == b"%d" % number else None

    async def in_step(self, listed: Listed) -> bool:
        """As `PopSession.in_step`."""
        wire = self._wire
        try:
            reply = await wire.ask(line("LIST", listed.number))
            told = reply.text.split()[:2]
            if not reply.ok:
                # Some refuse it for one message; that is an answer only if the next one is.
                await self.stat()
            elif told != [b"%d" % listed.number, b"%d" % listed.size]:
                raise wire.fail(wire.peer.fault("sent answers out of step"))
        except ProtocolError:
            if wire.hung_up:
                raise
            self.habits = replace(self.habits, pipelining=False)
            wire.abort()
            return False
        if self.doubtful:
            self.doubtful, self.habits = False, replace(self.habits, pipelining=self._pipelining)
        return True

    async def noop(self) -> None:
        """Sees whether the server still answers.

        Raises:
            RefusedCommandError: with -ERR.
        """
        await self._done("NOOP", line("NOOP"))

    async def rset(self) -> None:
        """Has the server forget marks for deletion.

        Raises:
            RefusedCommandError: it refuses.
        """
        await self._done("RSET", line("RSET"))

    async def quit(self) -> None:
        """As `PopSession.quit`; does nothing after `quit` or `abort`.

        Raises:
            RefusedCommandError: the server could not end the session as it should.
        """
        if self._ended:
            return
        self._ended = True
        if self._deletes:
            self._wire.patience_s = max(self._wire.patience_s, self._update_timeout_s)
        try:
            await self._done("QUIT", line("QUIT"))
        except BaseException:
            self._wire.abort()
            raise
        await self._wire.close()

    def abort(self) -> None:
        """As `PopSession.abort`; again is harmless."""
        self._ended = True
        self._wire.abort()

    async def _done(self, name: str, command: bytes) -> Reply:
        reply = await self._wire.ask(command)
        if not reply.ok:
            raise self._wire.peer.refused(name, reply)
        return reply

    async def _each(
        self,
        batch: Sequence[Listed],
        command: Callable[[Listed], bytes],
        receive: Callable[[Listed, Reply], Awaitable[None]],
        *,
        bodies: bool = False,
        window: int | None = None,
    ) -> None:
        """Sends a command for each and gives its answer to `receive`, in order, many under way.

        `bodies` tells whether whole messages come, so that their sizes count; `window` how many
        may be under way, None as usual.
        """
        most = window or self._window
        waiting, flying = deque(batch), deque[Listed]()
        due, ahead = 0, False
        try:
            while waiting or flying:
                if not flying:
                    self._wire.expect_nothing()
                commands = []
                while waiting and len(flying) < most:
                    size = waiting[0].size if bodies else 0
                    if flying and due + size > MAX_OCTETS_IN_FLIGHT:
                        break
                    due += size
                    commands.append(command(waiting[0]))
                    flying.append(waiting.popleft())
                if commands:
                    self._wire.send(b"".join(commands))
                await receive(flying[0], await self._next_status(ahead=ahead))
                done = flying.popleft()
                due -= done.size if bodies else 0
                ahead = bool(flying)
        except BaseException:
            # Answers are under way that the next command would take for its own.
            self._wire.abort()
            raise

    async def _next_status(self, *, ahead: bool) -> Reply:
        """The next status line; `ahead`: of a command sent before the last answer had come."""
        line = None
        try:
            line = await self._wire.line()
            return self._wire.parsed(line)
        except (ProtocolError, TimedOutError):
            if ahead and line is not None:
                # What can't be read is the server's doing; a line that never came may be anyone's.
                self.habits = replace(self.habits, pipelining=False)
            elif ahead:
                self._lost_ahead()
            raise

    async def _top(self) -> bytes:
        scanner, octets = self._scanner(), bytearray()
        while not scanner.done:
            if (piece := self._wire.body_now(scanner)) is None:
                await self._wire.more()
                continue
            octets += piece
            if len(octets) > MAX_TOP_OCTETS:
                raise self._wire.fail(self._wire.peer.fault("answered TOP without an end"))
        return bytes(octets)

    def _scanner(self) -> BodyScanner:
        return BareLfScanner() if self._wire.bare_lf else BodyScanner()


def _answer_inside(octets: bytes) -> re.Match[bytes] | None:
    """Where what looks like an answer behind a broken end begins."""
    return _ANSWER_INSIDE.search(octets) if _ANSWER.search(octets) else None
