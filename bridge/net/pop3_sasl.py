"""One AUTH exchange over a connection (RFC 5034 §4)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from bridge.errors import ProtocolError
from bridge.net.pop3_wire import Wire
from bridge.pop3.challenge import (
    Credentials,
    Exchange,
    challenge_of,
    encoded,
    fault,
    response_line,
)
from bridge.pop3.commands import line
from bridge.pop3.replies import Reply
from bridge.pop3.sasl import Mechanism

T = TypeVar("T")
InThread = Callable[[Callable[[], bytes]], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an exchange ended.

    `secret_sent` tells whether anything was sent that the secret is in or that was made of it;
    `told` is the challenge behind it, in base64; `misled` what was wrong with a challenge before
    it, for which the exchange was cancelled.
    """

    reply: Reply
    secret_sent: bool
    told: bytes = b""
    misled: ProtocolError | None = None


class Conversation:
    """An exchange of one mechanism.

    Args:
        wire: greeted, and protected if it is to be.
        mechanism: which.
        credentials: with a nonce of their own.
        in_thread: runs what takes long.
        before_secret: called just before the secret is sent.
    """

    def __init__(
        self,
        wire: Wire,
        mechanism: Mechanism,
        credentials: Credentials,
        in_thread: InThread,
        before_secret: Callable[[], None],
    ) -> None:
        self._wire = wire
        self._mechanism = mechanism
        self._credentials = credentials
        self._in_thread = in_thread
        self._before_secret = before_secret
        self._exchange: Exchange | None = None
        self._sent = 0
        self._told = b""

    @property
    def _secret_sent(self) -> bool:
        return self._sent > self._mechanism.secret_in

    async def run(self) -> Outcome:
        """Has the exchange with a line of its own for each response.

        Raises:
            ProtocolError: the server broke it off in a way after which it can't be trusted.
        """
        self._send(line("AUTH", self._mechanism.name.encode()))
        return await self._rest()

    async def run_at_once(self) -> Outcome:
        """The same with the first response on the line of AUTH, which some servers want.

        Raises:
            ProtocolError: as `run`.
        """
        response = await self._respond(b"")
        self._before_secret()
        self._sent = 1
        self._send(line("AUTH", self._mechanism.name.encode(), encoded(response)))
        return await self._rest()

    async def _rest(self) -> Outcome:
        while True:
            said = await self._wire.line()
            if not said.startswith(b"+") or (self._is_open() and _accepts(said)):
                return await self._ended(self._wire.parsed(said))
            challenge = challenge_of(said)
            try:
                response = await self._respond(challenge)
            except ProtocolError as error:
                return await self._cancelled(error)
            if self._secret_sent:
                self._told = challenge
            if self._sent == self._mechanism.secret_in:
                self._before_secret()
            self._sent += 1
            self._send(response_line(response))

    def _is_open(self) -> bool:
        """Whether +OK may mean what it says."""
        return self._sent >= self._mechanism.blind

    async def _respond(self, challenge: bytes) -> bytes:
        def work() -> bytes:
            try:
                if self._exchange is None:
                    self._exchange = self._mechanism.exchange(self._credentials, challenge)
                    return next(self._exchange)
                return self._exchange.send(challenge)
            except StopIteration:
                raise fault("asks on when all has been said") from None

        response = await self._in_thread(work) if self._mechanism.slow else work()
        self._wire.peer.hide(encoded(response))
        return response

    async def _ended(self, reply: Reply) -> Outcome:
        if reply.ok:
            if self._exchange is None:
                return await self._cancelled(fault("accepts a log-in that hasn't begun"))
            try:
                self._exchange.send(None)
            except StopIteration:
                pass
            except ProtocolError as error:
                raise self._failed(error) from None
            else:
                raise self._failed(fault("accepts a log-in that hasn't ended"))
        return Outcome(reply, self._secret_sent, self._told)

    async def _cancelled(self, error: ProtocolError) -> Outcome:
        """Takes the exchange back, unless the secret is out: then the server has failed."""
        if self._secret_sent and not self._mechanism.is_token:
            raise self._failed(error)
        self._send(b"*\r\n")
        reply = await self._wire.status()
        if reply.ok:
            raise self._failed(error)
        return Outcome(reply, self._secret_sent, self._told, error)

    def _failed(self, error: ProtocolError) -> BaseException:
        return self._wire.fail(self._wire.peer.named(error))

    def _send(self, data: bytes) -> None:
        self._wire.expect_nothing()
        self._wire.send(data)


def _accepts(said: bytes) -> bool:
    return said[:3].upper() == b"+OK" and said[3:4] in (b"", b" ")
