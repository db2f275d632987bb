"""What sync needs of a POP3 connection; `net.pop3` provides it, tests script it."""

from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from bridge.errors import UpstreamError
from bridge.model.account import Account, Secret, Upstream
from bridge.model.profile import Habits
from bridge.model.upstream import Listed, Listing

T = TypeVar("T")


class RetrieveSink(Protocol):
    """Takes the octets of retrieved messages, un-stuffed, one message after the other."""

    def begin(self, listed: Listed) -> None:
        """The status line of this message's RETR was +OK."""

    async def chunk(self, listed: Listed, data: bytes) -> None:
        """Octets of it, as they arrive. While this is awaited no more is read than must be."""

    async def complete(self, listed: Listed) -> None:
        """CRLF.CRLF arrived: only now the message counts."""

    def failed(self, listed: Listed, error: UpstreamError, *, temporary: bool) -> None:
        """The server answered -ERR to this one RETR; the session goes on.

        `temporary` where it says that it is about itself, not the message ([SYS/TEMP], RFC 3206).
        """


@dataclass(frozen=True, slots=True)
class Seen:
    """What a server shows of itself: to be told to people, not to go by."""

    capabilities: Mapping[str, tuple[str, ...]]
    """Upper-case names of CAPA with their arguments; empty where it is unknown."""
    tls: str = ""
    """The version that is spoken, such as "TLSv1.3"; "" without TLS."""
    certificate_ends: datetime | None = None
    """Of the server's own certificate, aware UTC."""


class PopSession(Protocol):
    """One logged-in POP session. A connection that fails raises from whatever is awaited."""

    @property
    def seen(self) -> Seen:
        """What it offers, and how it is protected."""
        ...

    @property
    def login_delay_s(self) -> int:
        """Least seconds between log-ins that the server asks for (RFC 2449 §6.5); 0 for none."""
        ...

    @property
    def expire_days(self) -> int | None:
        """Days that the server keeps mail (RFC 2449 §6.7); None: it doesn't say, or for ever."""
        ...

    @property
    def implementation(self) -> str:
        """What the server says it is (RFC 2449 §6.9); "" where it doesn't."""
        ...

    @property
    def bare_lf(self) -> bool:
        """Whether its greeting and every status line so far ended in LF alone."""
        ...

    @property
    def habits(self) -> Habits:
        """What is known by now of how the server wants to be spoken to; to be remembered."""
        ...

    @property
    def doubtful(self) -> bool:
        """Whether answers may have been taken for mail; `in_step` settles it."""
        ...

    async def stat(self) -> tuple[int, int]:
        """How many messages there are and their octets together.

        Raises:
            RefusedCommandError: the server refuses.
        """
        ...

    async def uidl(self, number: int) -> bytes | None:
        """The UIDL of one message; None where the server doesn't tell."""
        ...

    async def headers(self, batch: Sequence[Listed]) -> dict[int, bytes | None]:
        """The header of each message by number, from TOP n 0, pipelined where that is allowed.

        None for a message whose header the server refuses; None for all where it has no TOP.
        """
        ...

    async def delete(self, batch: Sequence[Listed]) -> frozenset[int]:
        """Marks messages for deletion, pipelined where that is allowed; QUIT carries it out.

        Returns:
            the numbers whose DELE was answered with +OK.
        """
        ...

    async def listing(self) -> Listing:
        """The whole listing, LIST joined with UIDL.

        Raises:
            ProtocolError: it was partial or can't be read.
        """
        ...

    async def retrieve(self, batch: Sequence[Listed], sink: RetrieveSink) -> None:
        """Retrieves `batch` in order, pipelined where the server allows it."""

    async def in_step(self, listed: Listed) -> bool:
        """Whether the answers that came were those of their commands: asks for a known size.

        After one answer too many each is taken for the next command's, and a message's octets for
        another's. Only what comes after the last can show that. Where not, the session is over.
        """
        ...

    async def quit(self) -> None:
        """Sends QUIT and waits for its answer. Call it only once all retrieved is durable."""

    def abort(self) -> None:
        """Drops the connection without QUIT, so that the server takes nothing for delivered.

        What is awaited then raises ProtocolError.
        """


class Connector(Protocol):
    """Opens POP sessions."""

    async def connect(
        self,
        upstream: Upstream,
        secret: Secret,
        progress_timeout_s: float,
        habits: Habits = Habits(),
    ) -> PopSession:
        """A logged-in session.

        Args:
            upstream: where and as whom.
            secret: the POP3 password, or a token.
            progress_timeout_s: seconds without an octet after which the session fails.
            habits: what earlier sessions have learned.

        Raises:
            UnknownHostError, RefusedError, CertificateError, TimedOutError,
            RejectedPasswordError, InUseError, ProtocolError: as their names say.
        """
        ...


@dataclass(frozen=True, slots=True)
class Retrieved:
    """A message that the POP session at hand has retrieved and that is durable."""

    listed: Listed
    full_hash: bytes


class Deleter(Protocol):
    """Deletes upstream what an account's policy says. A poll that went well calls it."""

    async def delete_nameless(
        self, account: Account, session: PopSession, retrieved: Sequence[Retrieved]
    ) -> int:
        """Deletes messages without UIDL in the session that retrieved them.

        Once it has marked one it ends the session with QUIT itself, so that it can note what went;
        the poll's own QUIT then does nothing.

        Returns:
            how many went.
        """
        ...

    async def delete_idle(self, account: Account, session: PopSession) -> int:
        """Deletes what is due in a poll's session that has retrieved nothing.

        It does so only where the server's LOGIN-DELAY forbids a session of its own. Once it has
        marked one it ends the session with QUIT itself; the poll's own QUIT then does nothing.

        Returns:
            how many went.
        """
        ...

    async def delete(
        self,
        account: Account,
        connect: Callable[[], Awaitable[PopSession]],
        went: Callable[[int], None],
    ) -> None:
        """Deletes what is due, in POP sessions of their own, which it ends itself.

        Args:
            account: whose mailbox.
            connect: opens a session, as the poll does; raises what ends the poll once it is
                stopped. Of the sessions only the one opened last is aborted by a stop.
            went: told after each session how many have gone.

        Raises:
            UpstreamError: the provider failed; the poll went well all the same, so it is logged.
            StoreError, StoreFullError: the store failed.
        """
        ...


class Cancel(Protocol):
    """A call that was put off."""

    def cancel(self) -> None:
        """Takes the call back; nothing happens if it was made already."""


class Promise(Protocol[T]):
    """A value that comes later; awaited once or several times."""

    def succeed(self, value: T) -> None:
        """Gives the value to all who wait."""

    def __await__(self) -> Generator[Any, Any, T]: ...


class Loop(Protocol):
    """What sync needs of an event loop; `net.loop` provides Twisted's."""

    def now(self) -> datetime:
        """The wall clock, aware UTC."""
        ...

    def later(self, seconds: float, call: Callable[[], None]) -> Cancel:
        """Calls `call` after `seconds` of the monotonic clock."""
        ...

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Runs a coroutine to its end; what it raises is logged as a fault of the program."""

    def promise(self) -> Promise[Any]:
        """A new promise."""
        ...
