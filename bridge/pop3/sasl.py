"""The SASL mechanisms a POP3 server can be logged in to with (RFC 5034), one table."""

import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass

from bridge.errors import ProtocolError
from bridge.pop3.challenge import Credentials, Exchange, decoded
from bridge.pop3.scram import saslname, scram


@dataclass(frozen=True, slots=True, kw_only=True)
class Mechanism:
    """One mechanism. `exchange` takes the first challenge, too, in base64."""

    name: str
    exchange: Callable[[Credentials, bytes], Exchange]
    reveals: bool
    """Whether who reads along has the password or token then."""
    is_token: bool = False
    """Whether it takes an OAuth token rather than a password."""
    blind: int = 0
    """So many first challenges mean "go on" whatever they say: some servers write +OK there."""
    secret_in: int = 0
    """The response, from 0, that is the first to hold the secret or what is made of it."""
    slow: bool = False
    """Whether a step may take long: a thread's work."""


def _plain(credentials: Credentials, _: bytes) -> Exchange:
    """RFC 4616 §2."""
    yield b"\0" + credentials.user + b"\0" + credentials.secret


def _login(credentials: Credentials, _: bytes) -> Exchange:
    """draft-murchison-sasl-login: the prompts differ from server to server, the order doesn't."""
    yield credentials.user
    yield credentials.secret


def _cram_md5(credentials: Credentials, challenge: bytes) -> Exchange:
    """RFC 2195 §2."""
    digest = hmac.new(credentials.secret, decoded(challenge), "md5").hexdigest()
    yield credentials.user + b" " + digest.encode()


def _xoauth2(credentials: Credentials, _: bytes) -> Exchange:
    """developers.google.com/gmail/imap/xoauth2-protocol: a failure is answered with nothing."""
    response = b"user=%s\x01auth=Bearer %s\x01\x01" % (credentials.user, credentials.secret)
    if (yield response) is not None:
        yield b""


def _oauthbearer(credentials: Credentials, _: bytes) -> Exchange:
    """RFC 7628 §3.1: a failure is answered with one \\x01 (§3.2.3)."""
    response = b"n,a=%s,\x01host=%s\x01port=%d\x01auth=Bearer %s\x01\x01" % (
        saslname(credentials.user),
        credentials.host.encode(),
        credentials.port,
        credentials.secret,
    )
    if (yield response) is not None:
        yield b"\x01"


SCRAM_SHA_256 = Mechanism(
    name="SCRAM-SHA-256",
    exchange=scram("sha256"),
    reveals=False,
    blind=1,
    secret_in=1,
    slow=True,
)
SCRAM_SHA_1 = Mechanism(
    name="SCRAM-SHA-1", exchange=scram("sha1"), reveals=False, blind=1, secret_in=1, slow=True
)
PLAIN = Mechanism(name="PLAIN", exchange=_plain, reveals=True, blind=1)
CRAM_MD5 = Mechanism(name="CRAM-MD5", exchange=_cram_md5, reveals=False)
LOGIN = Mechanism(name="LOGIN", exchange=_login, reveals=True, blind=2, secret_in=1)
XOAUTH2 = Mechanism(name="XOAUTH2", exchange=_xoauth2, reveals=True, is_token=True, blind=1)
OAUTHBEARER = Mechanism(
    name="OAUTHBEARER", exchange=_oauthbearer, reveals=True, is_token=True, blind=1
)
MECHANISMS = {
    one.name: one
    for one in (SCRAM_SHA_256, SCRAM_SHA_1, PLAIN, CRAM_MD5, LOGIN, XOAUTH2, OAUTHBEARER)
}


@dataclass(frozen=True, slots=True)
class TokenRefusal:
    """Why a token was refused, in the provider's words; "" where it doesn't say."""

    words: str
    is_temporary: bool


def token_refusal(challenge: bytes) -> TokenRefusal:
    """What a failure challenge in base64 says (RFC 7628 §3.2.2); whatever is in it."""
    try:
        told = json.loads(decoded(challenge))
    except (ProtocolError, ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        return TokenRefusal("", False)
    status = str(told.get("status", ""))
    words = [
        f"{name.replace('_', ' ')} {told[name]}"
        for name in ("status", "error", "error_description", "scope")
        if isinstance(told.get(name), str | int)
    ]
    return TokenRefusal(", ".join(words), len(status) == 3 and status.startswith("5"))
