"""From a connection to a session: greeting, STLS, capabilities, log-in (RFC 1939, 2595, 5034)."""

import secrets
from dataclasses import replace

from bridge.admin.checks import is_loopback
from bridge.errors import ProtocolError, RejectedPasswordError, UpstreamError
from bridge.model.account import Security, Upstream
from bridge.model.profile import Habits
from bridge.net.pop3_errors import Peer, blames_clear_text, blames_mechanism, must_wait
from bridge.net.pop3_sasl import Conversation, InThread
from bridge.net.pop3_tls import ClientTls
from bridge.net.pop3_wire import Wire
from bridge.pop3.challenge import Credentials
from bridge.pop3.commands import apop, line
from bridge.pop3.replies import Capabilities, Reply, parse_capabilities, parse_timestamp
from bridge.pop3.sasl import MECHANISMS, Mechanism, token_refusal
from bridge.pop3.ways import APOP, USER, Known, keeps_secret, reveals, ways
from bridge.saslprep import prepare

MAX_CONNECTIONS = 3
"""So often a log-in connects: without CAPA or a mechanism that the server hung up on before."""

NONCE_OCTETS = 24
"""Of chance in a SCRAM exchange."""

_NO_STLS = (
    "Use pop3s:// if the server has a port for TLS, or pop3+plain:// with --allow-cleartext to"
    " send password and mail unprotected."
)


class LogIn:
    """A log-in, over one connection or, where the server hangs up on questions, up to three.

    What a server has rejected is not sent again; nor is it where a server hung up on it.

    Args:
        upstream: where and as whom.
        credentials: user name and secret.
        is_token: whether the secret is an OAuth token.
        habits: what earlier sessions have learned.
        in_thread: runs what takes long.
    """

    def __init__(
        self,
        upstream: Upstream,
        credentials: Credentials,
        *,
        is_token: bool,
        habits: Habits,
        in_thread: InThread,
    ) -> None:
        self.habits = habits
        """What is known by now; whole once `run` has returned."""
        self._upstream = upstream
        self._credentials = credentials
        self._is_token = is_token
        self._in_thread = in_thread
        self._connections = 0
        self._tried: set[str] = set()
        self._trying: str | None = None
        self._asks_capa = False
        self._secret_sent = False
        self._refusal: Reply | None = None
        self._apop_refused = False

    async def run(self, wire: Wire, tls: ClientTls | None) -> Capabilities:
        """Greets, protects and logs in; what the server offers then.

        Raises:
            RejectedPasswordError, InUseError, RefusedCommandError: the server's answer.
            ProtocolError: it can't be gone on with; see `may_go_on`.
        """
        self._connections += 1
        if tls is not None and self._upstream.security is Security.IMPLICIT:
            wire.start_tls(tls)
        greeting = await greeted(wire)
        offered = await self._capabilities(wire)
        if tls is not None and self._upstream.security is Security.STLS:
            await self._protect(wire, offered, tls)
            # Those of before may have been forged.
            offered = await self._capabilities(wire)
        if "UTF8" in offered:
            # RFC 6856 §2.1: without it mail in UTF-8 comes changed, or not at all.
            await wire.ask(line("UTF8"))
        await self._log_in(wire, offered, parse_timestamp(greeting.text))
        if "PIPELINING" not in offered or _tells_users_more(offered):
            # Some tell it only to whom they know (RFC 2449 §5), and each user's own times.
            offered = await self._capabilities(wire)
        return offered

    def may_go_on(self, wire: Wire) -> bool:
        """Whether `run` on a new connection might do better than on `wire`, which has failed."""
        if not wire.hung_up or self._connections >= MAX_CONNECTIONS:
            return False
        if self._asks_capa:
            self._asks_capa = False
            self.habits = replace(self.habits, capa=False)
            return True
        if self._trying not in (None, USER) and not self._secret_sent:
            self._tried.add(f"{self._trying}")
            self._trying = None
            return True
        return False

    def explained(self, error: ProtocolError, wire: Wire) -> ProtocolError:
        """The error, or what it rather is where the server hung up on the secret."""
        sent = wire.hung_up and self._trying is not None and self._secret_sent
        return wire.peer.hung_up_at_login() if sent else error

    async def _capabilities(self, wire: Wire) -> Capabilities:
        """What CAPA tells; nothing where the server doesn't know CAPA (RFC 2449 §5)."""
        lines: list[bytes] = []
        if self.habits.capa:
            self._asks_capa = True
            if (await wire.ask(line("CAPA"))).ok:
                await wire.lines(lines.append)
            self._asks_capa = False
        return parse_capabilities(lines)

    async def _protect(self, wire: Wire, offered: Capabilities, tls: ClientTls) -> None:
        """Starts TLS by STLS.

        Raises:
            ProtocolError: the server offers no STLS, refuses it, or clear text waits behind it.
        """
        if self.habits.capa and "STLS" not in offered:
            raise wire.fail(wire.peer.fault("offers no STLS", _NO_STLS))
        if not (await wire.ask(line("STLS"))).ok:
            raise wire.fail(wire.peer.fault("offers STLS and refuses it", _NO_STLS))
        wire.start_tls(tls)

    async def _log_in(self, wire: Wire, offered: Capabilities, timestamp: bytes | None) -> None:
        known = Known(
            sasl=offered.sasl(),
            remembered=self.habits.mechanism,
            is_token=self._is_token,
            is_secure=wire.secure,
            has_timestamp=timestamp is not None,
        )
        if self._is_token and not (wire.secure or is_loopback(self._upstream.host)):
            raise wire.fail(wire.peer.bare_token())
        for way in ways(known):
            if way in self._tried or (self._apop_refused and not reveals(way)):
                continue
            self._trying = way
            if await self._logs_in(wire, way, timestamp):
                self._trying = None
                self.habits = replace(self.habits, mechanism=way)
                return
            self._tried.add(way)
        self._trying = None
        if self._apop_refused and self._refusal is not None:
            raise wire.fail(wire.peer.refused_login(self._refusal))
        if keeps_secret(known):
            raise wire.fail(wire.peer.step_back(f"{known.remembered}"))
        raise wire.fail(wire.peer.no_way_in(self._refusal))

    async def _logs_in(self, wire: Wire, way: str, timestamp: bytes | None) -> bool:
        """Tries a way: whether it is in; False where the server doesn't want the way itself."""
        if way == APOP:
            assert timestamp is not None
            return await self._apop(wire, timestamp)
        if way == USER:
            return await self._user(wire)
        return await self._sasl(wire, MECHANISMS[way])

    async def _apop(self, wire: Wire, timestamp: bytes) -> bool:
        user, password = map(_prepared, (self._credentials.user, self._credentials.secret))
        command = apop(user, password, timestamp)
        wire.peer.hide(command.split()[-1])
        self._secret_sent = True
        return self._judged(wire, APOP, await wire.ask(command))

    async def _user(self, wire: Wire) -> bool:
        reply = await wire.ask(line("USER", self._credentials.user))
        if not reply.ok:
            if not must_wait(reply) and blames_clear_text(reply):
                self._refusal = reply
                return False
            raise wire.fail(wire.peer.refused_login(reply))
        self._secret_sent = True
        return self._judged(wire, USER, await wire.ask(line("PASS", self._credentials.secret)))

    def _judged(self, wire: Wire, way: str, reply: Reply) -> bool:
        """What the answer to a password says: whether it was accepted, or not looked at (False).

        Raises:
            RejectedPasswordError, InUseError, RefusedCommandError: it was refused.
        """
        if reply.ok:
            return True
        if not blames_mechanism(reply):
            refused = wire.peer.refused_login(reply)
            if not self._may_show_password(way, refused):
                raise wire.fail(refused)
            self._apop_refused = True
        self._refusal = self._refusal or reply
        return False

    def _may_show_password(self, way: str, refused: UpstreamError) -> bool:
        """Whether a refused APOP may be followed by the password itself.

        GNU mailutils offers it without having secrets for it, and answers [AUTH] all the same: the
        password was never compared. Only where nothing has logged in before. Of other proofs the
        server has sent a challenge, so it means to have what it takes.
        """
        first, rejected = self.habits.mechanism is None, isinstance(refused, RejectedPasswordError)
        return way == APOP and first and rejected

    async def _sasl(self, wire: Wire, mechanism: Mechanism) -> bool:
        outcome = await self._conversation(wire, mechanism).run()
        if mechanism.is_token and not outcome.secret_sent and not outcome.misled:
            if must_wait(outcome.reply):
                raise wire.fail(wire.peer.refused_login(outcome.reply))
            outcome = await self._conversation(wire, mechanism).run_at_once()
        reply = outcome.reply
        if outcome.secret_sent:
            if mechanism.is_token and not reply.ok and not blames_mechanism(reply):
                raise wire.fail(wire.peer.refused_token(reply, token_refusal(outcome.told)))
            return self._judged(wire, mechanism.name, reply)
        if must_wait(reply):
            raise wire.fail(wire.peer.refused_login(reply))
        if outcome.misled and not (wire.secure or reveals(mechanism.name)):
            # Whoever sits between may want exactly this: that the password comes next.
            raise wire.fail(wire.peer.named(outcome.misled))
        self._refusal = self._refusal or reply
        return False

    def _conversation(self, wire: Wire, mechanism: Mechanism) -> Conversation:
        nonce = secrets.token_urlsafe(NONCE_OCTETS).encode()
        credentials = replace(self._credentials, nonce=nonce)

        def before_secret() -> None:
            self._secret_sent = True

        return Conversation(wire, mechanism, credentials, self._in_thread, before_secret)


async def greeted(wire: Wire) -> Reply:
    """The greeting, +OK.

    Raises:
        InUseError, RefusedCommandError: it was -ERR.
    """
    greeting = await wire.status()
    if not greeting.ok:
        raise wire.fail(wire.peer.refused_greeting(greeting))
    return greeting


def credentials_for(peer: Peer, user: bytes, secret: bytes) -> Credentials:
    """What logs in to the peer, whose errors will not repeat it.

    Raises:
        UsageError: user or secret hold a line break or NUL.
    """
    line("AUTH", user, secret)
    peer.hide(secret)
    return Credentials(user=user, secret=secret, host=peer.host, port=peer.port)


def _tells_users_more(offered: Capabilities) -> bool:
    """Whether LOGIN-DELAY or EXPIRE differ from user to user (RFC 2449 §6.5, §6.7)."""
    return any("USER" in offered.names.get(name, ()) for name in ("LOGIN-DELAY", "EXPIRE"))


def _prepared(octets: bytes) -> bytes:
    """By SASLprep, which RFC 6856 §2.2 wants for APOP; as they are where that can't be."""
    try:
        return prepare(octets.decode()).encode()
    except ValueError:
        return octets
