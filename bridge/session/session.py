"""One client connection: reads commands, runs them one at a time, says what changed meanwhile."""

import logging
from itertools import count

from bridge.errors import BridgeError, StoreError, StoreFullError
from bridge.imap.framing import CommandLine, LineTooLong, LiteralChunk, LiteralRequested
from bridge.imap.parser import Command, Tagged, Unreadable, parse, tag_of
from bridge.model.about import SESSION
from bridge.session.context import Context, State
from bridge.session.dispatch import RULES, Rule
from bridge.session.literals import Literals
from bridge.session.port import Closed, Connection, Services
from bridge.session.progress import PROGRESS_S, Progress
from bridge.session.reply import Bad, Bye, No, Ok, bye_line, line
from bridge.session.trace import TracedConnection

_numbers = count(1)
_log = logging.getLogger("popbridge.imap")


class Session:
    """Made for each connection; `run` returns when it is over."""

    def __init__(self, services: Services, connection: Connection) -> None:
        self._services = services
        self._connection = TracedConnection(connection)
        self._context = Context(services, self._connection)
        self._literals = Literals(self._context)
        self._bad_commands = 0

    async def run(self) -> None:
        """Greets, then serves until the client or the server ends it."""
        SESSION.set(next(_numbers))
        self._services.strangers.come(self._context.origin)
        try:
            self._greet()
            while True:
                await self._next()
        except Closed:
            pass
        except Bye as bye:
            self._count_limit(bye.limit)
            self._connection.write(bye_line(bye))
        finally:
            await self._end()

    def _greet(self) -> None:
        limits, strangers = self._services.limits, self._services.strangers
        # A proxy or webmail on this machine brings everybody's clients.
        alone = not self._connection.loopback
        here = strangers.at(self._context.origin) if alone else 0
        if (
            strangers.count > limits.connections_before_login
            or here > limits.connections_before_login_at_one
        ):
            text = "Too many connections wait for their log-in: try again in a minute"
            raise Bye(text, "UNAVAILABLE", limit="connections")
        greeting = b"CAPABILITY " + self._context.capability()
        self._connection.write(line(b"*", b"OK", "popbridge is ready", greeting))

    async def _end(self) -> None:
        self._context.deselect()
        self._context.hear_nothing()
        if self._context.annotations is not None:
            self._context.annotations.close()
        if self._context.account is None:
            self._services.strangers.go(self._context.origin)
        else:
            counts = self._services.connections
            counts[self._context.account.id] -= 1
            if not counts[self._context.account.id]:
                del counts[self._context.account.id]
            self._services.presence.leave(self._context, self._context.account.id)
        self._connection.close()
        await self._context.drop_uploads()

    async def _next(self) -> None:
        """Handles one event of the framer."""
        self._context.leave_if_dismissed()
        event = self._connection.framer.next_event()
        match event:
            case None:
                await self._context.tell()
                await self._context.more()
            case CommandLine():
                self._literals.start_over()
                parsed = parse(event.pieces, self._context.withheld, self._context.mode)
                self._connection.note(parsed, event.pieces)
                await self._command(parsed)
            case LiteralRequested():
                await self._literal(event)
            case LiteralChunk():
                await self._upload(event)
            case LineTooLong():
                self._literals.start_over()
                await self._context.drop_uploads()
                text = "The command line is too long"
                # Without a space the tag may go on behind the prefix.
                tag = tag_of((event.prefix,)) if b" " in event.prefix else None
                fault = Unreadable(tag, text, "LIMIT", limit="line")
                self._connection.note(fault, (event.prefix,))
                self._refuse(fault)

    async def _command(self, parsed: Tagged | Unreadable) -> None:
        if isinstance(parsed, Unreadable):
            await self._context.drop_uploads()
            if parsed.unsaves and self._context.view is not None:
                self._context.view.save(())
            self._refuse(parsed)
            await self._connection.drain()
            return
        started = self._services.monotonic()
        bye = None
        try:
            answer: Ok | No | Bad = await self._execute(parsed)
        except (No, Bad) as refusal:
            answer = refusal
            self._count_limit(refusal.limit)
        except Bye as ending:
            if ending.tagged is None:
                raise
            # LOGOUT is the one command whose answer comes behind the BYE.
            bye, answer = ending, ending.tagged
            self._connection.write(bye_line(ending))
        if self._context.uploads.begun:
            await self._context.drop_uploads()
        status = b"OK" if isinstance(answer, Ok) else answer.status
        self._connection.write(line(parsed.tag, status, answer.text, answer.code))
        seconds = self._services.monotonic() - started
        self._services.observer.command(parsed.verb, status.decode("ascii"), seconds)
        if bye is not None:
            raise Closed from bye
        if self._context.after_answer is not None:
            act, self._context.after_answer = self._context.after_answer, None
            act()
        self._judge(bad=status == b"BAD")
        self._context.leave_if_dismissed()
        await self._connection.drain()

    async def _execute(self, parsed: Tagged) -> Ok:
        """Runs a command; untagged responses are written on the way."""
        command = parsed.command
        self._context.tag = parsed.tag
        self._context.progress = Progress()
        rule = RULES[type(command)]
        if self._context.state not in rule.states:
            raise Bad(f"This is not possible {_WHEN[self._context.state]}")
        try:
            if rule.condstore(command):
                await self._context.enable_condstore()
            ok = await self._run(rule, command)
            if rule.refresh and self._context.view is not None:
                expunge = rule.expunge(command)
                if not self._context.in_step(expunge=expunge):
                    await self._context.sync(expunge=expunge, always=rule.always_refresh)
                self._context.hold_back()
            # Mostly there is neither, and to await what does nothing has its price too.
            if self._context.annotations is not None:
                await self._context.tell_annotations(always=rule.always_refresh)
            if rule.always_refresh and self._context.news is not None:
                await self._context.tell_news(always=True)
        except (No, Bad):
            await self._sync_after_failure(rule.expunge(command))
            raise
        except BridgeError as error:
            raise No(str(error), error.imap) from error
        except (Bye, Closed):
            raise
        except Exception:
            _log.exception("A command failed; this is a fault of popbridge")
            raise No("The server made a mistake; it is in its log", "SERVERBUG") from None
        return ok

    async def _run(self, rule: Rule, command: Command) -> Ok:
        """Runs a command, and tells the client of its progress if it takes long."""
        if not (rule.long and self._context.offers("INPROGRESS")):
            return await rule.run(self._context, command)
        self._connection.meanwhile(PROGRESS_S, self._context.progress_line)
        try:
            return await rule.run(self._context, command)
        finally:
            self._connection.end_meanwhile()

    async def _sync_after_failure(self, expunge: bool) -> None:
        """A command that failed is a sync point like any other; if the store fails, say nothing."""
        if self._context.view is not None:
            try:
                await self._context.sync(expunge=expunge, always=False)
                self._context.hold_back()
            except (StoreFullError, StoreError) as error:
                _log.warning("What has changed can't be told: %s", error)

    def _refuse(self, what: Unreadable) -> None:
        """Answers a command that can't be read."""
        status = b"NO" if what.no else b"BAD"
        self._connection.write(line(what.tag or b"*", status, what.text, what.code.encode("ascii")))
        self._count_limit(what.limit)
        self._services.observer.command("unknown", status.decode("ascii"), 0.0)
        self._judge(bad=not what.no)

    def _judge(self, *, bad: bool) -> None:
        """Ends the session of a client that makes too many mistakes.

        Before log-in all count; after it, those in a row: a connection may last for weeks.
        """
        known = self._context.account is not None
        if not bad:
            self._bad_commands = 0 if known else self._bad_commands
            return
        self._bad_commands += 1
        limits = self._services.limits
        if self._bad_commands >= (limits.bad if known else limits.bad_before_login):
            text = "Too many commands that can't be understood"
            raise Bye(text, "CLIENTBUG", limit="bad_commands")

    def _count_limit(self, limit: str | None) -> None:
        if limit is not None:
            self._services.observer.limit_reached(limit)

    async def _literal(self, event: LiteralRequested) -> None:
        try:
            await self._literals.decide(event)
        except (No, Bad) as refusal:
            no = isinstance(refusal, No)
            code = refusal.code.decode("ascii")
            tag = tag_of(event.prefix)
            fault = Unreadable(tag, refusal.text, code, no=no, limit=refusal.limit)
            self._connection.note(fault, event.prefix)
            self._refuse(fault)
        except (StoreFullError, StoreError) as error:
            self._connection.framer.reject()
            tag = tag_of(event.prefix) or b"*"
            self._connection.write(line(tag, b"NO", str(error), b"UNAVAILABLE"))

    async def _upload(self, chunk: LiteralChunk) -> None:
        """Takes octets of an APPEND. A disk that fills is told at the command's end."""
        try:
            await self._context.uploads.feed(chunk.octets, last=chunk.last)
        except (StoreFullError, StoreError) as error:
            _log.warning("An upload failed: %s", error)
            await self._context.drop_uploads()


_WHEN = {
    State.NOT_AUTHENTICATED: "before you are logged in",
    State.AUTHENTICATED: "now: no mailbox is selected, and you are logged in",
    State.SELECTED: "while a mailbox is selected",
}
