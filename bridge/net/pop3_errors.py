"""What goes wrong with a POP3 server, in sentences that name the host and say what to do."""

import os
import re
from dataclasses import dataclass, field

from OpenSSL.SSL import Error as TlsError
from twisted.internet.error import (
    ConnectionRefusedError,
    DNSLookupError,
    TCPTimedOutError,
    TimeoutError,
)

from bridge.errors import (
    CertificateError,
    InUseError,
    ProtocolError,
    RefusedCommandError,
    RefusedError,
    RejectedPasswordError,
    TimedOutError,
    UnknownHostError,
    UpstreamError,
)
from bridge.pop3.replies import Reply
from bridge.pop3.sasl import TokenRefusal

MAX_WORDS = 200
"""Characters of a server's own words that an error repeats."""

LATER = "Nothing was changed; the next sync tries again."
_IN_USE = re.compile(rb"\block|\bin use\b|\bbusy\b", re.IGNORECASE)
_TEMPORARY = re.compile(
    rb"\btemporar|\blater\b|\bunavailable\b|\bmaintenance\b|\boverload|\btimed? ?out\b"
    rb"|\btoo (many|often|frequent)|\b(internal|server|system|backend) (error|failure)",
    re.IGNORECASE,
)
_PASSWORD = re.compile(rb"passw|credential|user ?name", re.IGNORECASE)
_MECHANISM = re.compile(
    rb"\b(unknown|invalid|unrecogni[sz]ed|bad|no such|unsupported|unimplemented) "
    rb"((auth|sasl|authentication) )?(command|mechanism|method|type)\b"
    rb"|\bnot (implemented|supported|recogni[sz]ed)\b|\bunsupported\b|\bunimplemented\b"
    rb"|\b(syntax|protocol) error\b|\bbad syntax\b|\b(auth\w*|exchange|login) (was )?cancell?ed\b",
    re.IGNORECASE,
)
_CLEAR_TEXT = re.compile(
    rb"plain ?text|clear ?text|\bdisabled\b|\bdisallow|\b(tls|ssl|stls|encrypt\w*)\b"
    rb"|\bnot (allowed|permitted|available|enabled)\b",
    re.IGNORECASE,
)
_ANOTHER_CLIENT = "Another program reads this mailbox; the next sync tries again."
_OTHER_AUTHORITY = (
    "Check the host name. --tls-ca FILE trusts a private authority for the account,"
    " SSL_CERT_FILE=FILE for all."
)
EXPIRED = "it has expired"
_RENEWAL = (
    "The provider has to renew it: tell them. No password was sent, and popbridge goes on trying."
)
_NEW_PIN = "If the provider really has a new certificate, give that SHA-256 with --tls-pin."
_CLIENT_CERTIFICATE = re.compile("certificate required|handshake failure|bad certificate")
_OLD_TLS = re.compile(
    "protocol version|unsupported protocol|cipher|handshake failure|dh key|too small|too weak"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A server as errors name it; `minimum` is the oldest TLS version that is spoken to it.

    No error repeats what was hidden by `hide`, nor does `repr`.
    """

    host: str
    port: int
    timeout_s: float
    minimum: str = "1.2"
    _hidden: set[bytes] = field(default_factory=set, repr=False)

    def hide(self, secret: bytes) -> None:
        """Lets no error repeat these octets, though the server should."""
        self._hidden.add(secret)

    def fault(self, what: str, remedy: str = LATER) -> ProtocolError:
        """The server did `what`, which POP3 doesn't allow."""
        return ProtocolError(f"The POP3 server {self.host} {what}.", remedy)

    def named(self, error: ProtocolError) -> ProtocolError:
        """An error of `bridge.pop3`, which knows no host, with the host in it."""
        text = error.text.replace("The POP3 server", f"The POP3 server {self.host}", 1)
        return ProtocolError(text, error.remedy)

    def unknown(self) -> UnknownHostError:
        """The host name has no address, or can't be one's name."""
        return UnknownHostError(
            f"The host name {self.host} has no address.",
            "Check its spelling, and that this machine can look up names.",
        )

    def stalled(self, seconds: float | None = None) -> TimedOutError:
        """No octet came in `seconds`; None: in the time that is usual."""
        waited = self.timeout_s if seconds is None else seconds
        return TimedOutError(
            f"{self.host} sent nothing on port {self.port} for {waited:g} seconds.",
            "Check host, port and network; the next sync tries again.",
        )

    def unreachable(self, reason: BaseException) -> UpstreamError:
        """The connection could not be opened for `reason`."""
        if isinstance(reason, DNSLookupError | ValueError):
            return self.unknown()
        if isinstance(reason, TimeoutError | TCPTimedOutError):
            return self.stalled()
        if isinstance(reason, ConnectionRefusedError):
            return RefusedError(
                f"{self.host} refuses connections on port {self.port}.",
                "Check the port, and that the server runs.",
            )
        number = getattr(reason, "osError", None)
        words = os.strerror(number) if isinstance(number, int) else _cleaned(str(reason))
        return RefusedError(
            f"{self.host} can't be reached on port {self.port}: {words.rstrip('.')}.",
            "Check the network of this machine.",
        )

    def lost(
        self, reason: BaseException | None, certificate_fault: str, *, pinned: bool = False
    ) -> UpstreamError:
        """The connection ended by itself; `certificate_fault` is "" or says what is wrong."""
        if certificate_fault:
            remedy = _RENEWAL if certificate_fault == EXPIRED else _OTHER_AUTHORITY
            return CertificateError(
                f"The certificate of {self.host} can't be trusted: {certificate_fault}.",
                _NEW_PIN if pinned else remedy,
            )
        if isinstance(reason, TlsError):
            words = _tls_words(reason)
            return self.fault(
                f"on port {self.port} failed to start TLS {self.minimum} or later ({words})",
                _tls_remedy(words),
            )
        return self.fault("closed the connection before it had answered")

    def hung_up_at_login(self) -> ProtocolError:
        """The connection ended after the secret was sent."""
        return self.fault(
            "closed the connection when it was sent what logs in",
            "Some servers answer a wrong password so; if it goes on, check user name and password.",
        )

    def step_back(self, remembered: str) -> ProtocolError:
        """Only ways that reveal the password are left, on a connection that nothing protects."""
        return self.fault(
            f"no longer takes {remembered}, and what is left would send the password in clear"
            " text for anyone to read",
            "Use pop3s:// or pop3://. If the provider really has changed, account set with the"
            " POP3 password allows clear text anew.",
        )

    def bare_token(self) -> ProtocolError:
        """A token would cross a network unprotected (RFC 7628 §3)."""
        return ProtocolError(
            f"An OAuth token for {self.host} is not sent over a connection without TLS.",
            "Use pop3s:// or pop3://.",
        )

    def no_way_in(self, reply: Reply | None) -> RefusedCommandError:
        """The server refused all that was tried, before it saw a password."""
        words = "it offers none" if reply is None else self._words(reply)
        return RefusedCommandError(
            f"{self.host} accepts none of the ways to log in that popbridge has: {words}.",
            "Check scheme and port: many servers take passwords under TLS only (pop3s://). Some"
            " want an OAuth token, or POP3 switched on.",
        )

    def refused_greeting(self, reply: Reply) -> UpstreamError:
        """The greeting was -ERR."""
        words = self._words(reply)
        if _in_use(reply):
            return InUseError(f"{self.host} says the mailbox is in use: {words}.", _ANOTHER_CLIENT)
        return RefusedCommandError(f"{self.host} turned the connection away: {words}.", LATER)

    def refused_login(self, reply: Reply) -> UpstreamError:
        """The log-in was answered with -ERR (RFC 2449 §8.1, RFC 3206)."""
        words = self._words(reply)
        if _in_use(reply):
            return InUseError(f"{self.host} says the mailbox is in use: {words}.", _ANOTHER_CLIENT)
        if _temporary(reply):
            return RefusedCommandError(f"{self.host} allows no log-in now: {words}.", _wait(reply))
        return RejectedPasswordError(
            f"{self.host} rejected the user name or password: {words}.",
            "Check both; some providers want POP3 switched on, or a password made for apps.",
        )

    def refused_token(self, reply: Reply, told: TokenRefusal) -> UpstreamError:
        """A token was answered with -ERR; `told` is what a challenge said before."""
        words = self._words(reply)
        if told.words:
            words = f"{words} ({self._cleaned(told.words.encode())})"
        if told.is_temporary or _in_use(reply) or _temporary(reply):
            refused = self.refused_login(reply)
            if not isinstance(refused, RejectedPasswordError):
                return refused
            return RefusedCommandError(f"{self.host} allows no log-in now: {words}.", LATER)
        return RejectedPasswordError(
            f"{self.host} rejected the access token for this user: {words}.",
            "The token may have ended, be another user's, or lack the scope for POP.",
        )

    def refused(self, command: str, reply: Reply) -> RefusedCommandError:
        """A later command was answered with -ERR."""
        return RefusedCommandError(f"{self.host} refused {command}: {self._words(reply)}.", LATER)

    def _words(self, reply: Reply) -> str:
        """The server's words, fit for a terminal and a log; it might repeat what it was sent."""
        return self._cleaned(reply.text).rstrip(".") or "no reason given"

    def _cleaned(self, octets: bytes) -> str:
        for secret in sorted(filter(None, self._hidden), key=len, reverse=True):
            octets = octets.replace(secret, b"***")
        return _cleaned(octets.decode("utf-8", "replace"))


def must_wait(reply: Reply) -> bool:
    """Whether a refusal is about the mailbox or the moment: no other way would do better."""
    return _in_use(reply) or any(map(reply.says, ("SYS/TEMP", "LOGIN-DELAY")))


def blames_mechanism(reply: Reply) -> bool:
    """Whether a refusal is about the way to log in, so that the password wasn't looked at."""
    return (
        not reply.code
        and _MECHANISM.search(reply.text) is not None
        and _PASSWORD.search(reply.text) is None
    )


def blames_clear_text(reply: Reply) -> bool:
    """Whether USER was refused for what it is rather than for the user."""
    return blames_mechanism(reply) or _CLEAR_TEXT.search(reply.text) is not None


def _in_use(reply: Reply) -> bool:
    """By its code, or by its words where the code, if any, says nothing else."""
    if reply.says("IN-USE"):
        return True
    return not _is_judged(reply) and _IN_USE.search(reply.text) is not None


def _temporary(reply: Reply) -> bool:
    """Whether a refused log-in says nothing of the password: by its code, else by its words.

    Taken for a wrong password, a provider's bad quarter of an hour would keep mail away for a day.
    """
    if _is_judged(reply):
        return not reply.says("AUTH")
    return _TEMPORARY.search(reply.text) is not None and _PASSWORD.search(reply.text) is None


def _wait(reply: Reply) -> str:
    if reply.says("LOGIN-DELAY"):
        return "The server wants a longer pause between log-ins; a later sync tries again."
    if reply.says("SYS/PERM"):
        return "Only the provider can mend it (SYS/PERM): ask there. Later syncs try again."
    return LATER


def _is_judged(reply: Reply) -> bool:
    return any(map(reply.says, ("AUTH", "SYS", "LOGIN-DELAY", "UTF8")))


def _cleaned(words: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in words).strip()[:MAX_WORDS]


def _tls_words(error: TlsError) -> str:
    """OpenSSL's reason, such as "wrong version number"."""
    queue = error.args[0] if error.args else ()
    reasons = [str(entry[-1]) for entry in queue] if isinstance(queue, list) else []
    return _cleaned(", ".join(reasons)) or "no reason given"


def _tls_remedy(words: str) -> str:
    remedy = "Check scheme and port: pop3s:// is TLS from the start, pop3:// is STLS."
    if _OLD_TLS.search(words):
        remedy += " An old server may need --tls-minimum 1.0 or --tls-legacy-ciphers."
    if _CLIENT_CERTIFICATE.search(words):
        remedy += " It may want a client certificate (--tls-certificate)."
    return remedy
