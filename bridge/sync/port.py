"""What sync needs of a POP3 connection; `net.pop3` provides it, tests script it."""

from collections.abc import Sequence
from typing import Protocol

from bridge.errors import UpstreamError
from bridge.model.account import Upstream
from bridge.model.upstream import Listed, Listing


class RetrieveSink(Protocol):
    """Takes the octets of retrieved messages, un-stuffed, one message after the other."""

    def begin(self, listed: Listed) -> None:
        """The status line of this message's RETR was +OK."""

    def chunk(self, listed: Listed, data: bytes) -> None:
        """Octets of it, as they arrive."""

    async def complete(self, listed: Listed) -> None:
        """CRLF.CRLF arrived. While this is awaited the connection reads no more than it must."""

    def failed(self, listed: Listed, error: UpstreamError) -> None:
        """The server answered -ERR to this one RETR; the session goes on."""


class PopSession(Protocol):
    """One logged-in POP session. A connection that fails raises from whatever is awaited."""

    async def listing(self) -> Listing:
        """The whole listing, LIST joined with UIDL.

        Raises:
            ProtocolError: it was partial or can't be read.
        """
        ...

    async def retrieve(self, batch: Sequence[Listed], sink: RetrieveSink) -> None:
        """Retrieves `batch` in order, pipelined where the server allows it."""

    async def quit(self) -> None:
        """Sends QUIT and waits for its answer. Call it only once all retrieved is durable."""

    def abort(self) -> None:
        """Drops the connection without QUIT, so that the server takes nothing for delivered."""


class Connector(Protocol):
    """Opens POP sessions."""

    async def connect(
        self, upstream: Upstream, password: str, progress_timeout_s: float
    ) -> PopSession:
        """A logged-in session.

        Args:
            upstream: where and as whom.
            password: the POP3 password.
            progress_timeout_s: seconds without an octet after which the session fails.

        Raises:
            UnknownHostError, RefusedError, CertificateError, TimedOutError,
            RejectedPasswordError, InUseError, ProtocolError: as their names say.
        """
        ...
