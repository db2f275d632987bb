"""The POP3 client: opens, protects and logs in connections; `bridge.sync.port` says what for."""

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from twisted.internet.defer import CancelledError
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import ConnectingCancelledError
from twisted.internet.protocol import Factory
from twisted.internet.threads import deferToThreadPool

from bridge.admin.checks import is_loopback
from bridge.errors import ProtocolError, UpstreamError, UsageError
from bridge.model.account import Secret, Security, Upstream
from bridge.model.profile import Habits
from bridge.net.pop3_errors import Peer
from bridge.net.pop3_login import LogIn, credentials_for
from bridge.net.pop3_session import Pop3Session
from bridge.net.pop3_tls import ClientTls, Trust, weaknesses
from bridge.net.pop3_wire import Wire

T = TypeVar("T")

WINDOW = 50
"""RETR commands in flight, where the configuration doesn't say."""

UPDATE_TIMEOUT_S = 600.0
"""What QUIT may take where it has something to delete: large mailboxes are written anew."""

_TOKEN = re.compile(r"[\x21-\x7e]+")
_log = logging.getLogger("popbridge.pop3")


class PopConnector:
    """A `bridge.sync.port.Connector`.

    Args:
        reactor: Twisted's.
        trust_roots: a PEM file of authorities that replaces those of the platform; read when
            first needed.
        window: how many commands may wait for their answers.
        update_timeout_s: seconds for the answer to QUIT in a session that deletes.
    """

    def __init__(
        self,
        reactor: Any,
        *,
        trust_roots: Path | None = None,
        window: int = WINDOW,
        update_timeout_s: float | None = None,
    ) -> None:
        self._reactor = reactor
        self._trust = Trust(trust_roots)
        self._window = window
        self._update_timeout_s = update_timeout_s or UPDATE_TIMEOUT_S
        self._lost_ahead: set[Upstream] = set()

    def reconfigure(self, *, window: int) -> None:
        """Takes over a setting for the sessions to come."""
        self._window = window

    async def connect(
        self,
        upstream: Upstream,
        secret: Secret,
        progress_timeout_s: float,
        habits: Habits = Habits(),
    ) -> Pop3Session:
        """As `Connector.connect`; whatever it raises, no connection stays open.

        Raises:
            RefusedCommandError: the server turned the connection or the log-in away for now.
            UsageError: user or secret can't be sent in POP3.
        """
        peer = Peer(
            host=upstream.host,
            port=upstream.port,
            timeout_s=progress_timeout_s,
            minimum=upstream.tls.minimum,
        )
        log_in = LogIn(
            upstream,
            credentials_for(peer, _octets(upstream.user), _secret_octets(secret)),
            is_token=secret.is_token,
            habits=habits,
            in_thread=self._in_thread,
        )
        _warn(upstream)
        tls = await self._tls(peer, upstream)
        while True:
            wire = await self._open(peer)
            try:
                offered = await log_in.run(wire, tls)
            except ProtocolError as error:
                wire.abort()
                if not log_in.may_go_on(wire):
                    raise log_in.explained(error, wire) from None
            except BaseException:
                wire.abort()
                raise
            else:
                break
        return Pop3Session(
            wire,
            offered,
            habits=log_in.habits,
            window=self._window_for(upstream),
            update_timeout_s=self._update_timeout_s,
            lost_ahead=lambda: self._lost_ahead.add(upstream),
        )

    def _window_for(self, upstream: Upstream) -> int:
        """One command at a time in the session after one that was lost with more under way.

        It may have been the network, or a server that only claims to know PIPELINING.
        """
        if upstream not in self._lost_ahead:
            return self._window
        self._lost_ahead.remove(upstream)
        return 1

    async def _in_thread(self, work: Callable[[], T]) -> T:
        pool = self._reactor.getThreadPool()
        result: T = await deferToThreadPool(self._reactor, pool, work)
        return result

    async def _tls(self, peer: Peer, upstream: Upstream) -> ClientTls | None:
        if upstream.security is Security.PLAIN:
            return None
        return await self._in_thread(lambda: self._trust.options(peer, upstream.tls))

    async def _open(self, peer: Peer) -> Wire:
        def late(*_: object) -> NoReturn:
            raise peer.stalled()

        factory: Any = Factory.forProtocol(lambda: Wire(self._reactor, peer))
        endpoint = HostnameEndpoint(self._reactor, peer.host, peer.port, peer.timeout_s)
        opening = endpoint.connect(factory)
        # All of it, the name's lookup too, which has no limit of its own.
        opening.addTimeout(peer.timeout_s, self._reactor, late)
        try:
            wire: Any = await opening
        except UpstreamError:
            raise
        except (CancelledError, ConnectingCancelledError):
            raise CancelledError from None
        except Exception as reason:
            raise peer.unreachable(reason) from None
        assert isinstance(wire, Wire)
        return wire


def _warn(upstream: Upstream) -> None:
    """Says in the log what protects less than it would by default."""
    weak = weaknesses(upstream.tls) if upstream.security is not Security.PLAIN else ()
    if upstream.security is Security.PLAIN and not is_loopback(upstream.host):
        weak = ("password and mail cross the network in clear text",)
    for words in weak:
        _log.warning("The connection to %s is weakly protected: %s", upstream.host, words)


def _secret_octets(secret: Secret) -> bytes:
    if secret.is_token and not _TOKEN.fullmatch(secret.text):
        raise UsageError(
            "The OAuth token has characters that no token has.",
            "See what the token command prints: it must be the access token alone.",
        )
    return _octets(secret.text)


def _octets(text: str) -> bytes:
    """As UTF-8; octets that were no UTF-8 where Python read them come out as they were."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        # Python's error would repeat the text, and it may be the password.
        raise UsageError("A POP3 user name or password must be text.", "Type it again.") from None
