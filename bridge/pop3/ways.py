"""In which order to try what logs in (RFC 1939 §7, RFC 5034): a pure function of what is known.

A way is "APOP", "USER" (then PASS), or the name of a SASL mechanism.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from bridge.pop3.sasl import (
    CRAM_MD5,
    LOGIN,
    MECHANISMS,
    OAUTHBEARER,
    PLAIN,
    SCRAM_SHA_1,
    SCRAM_SHA_256,
    XOAUTH2,
)

APOP = "APOP"
USER = "USER"

_PROTECTED = (
    SCRAM_SHA_256.name,
    SCRAM_SHA_1.name,
    PLAIN.name,
    CRAM_MD5.name,
    LOGIN.name,
    USER,
)
_CLEAR = (
    SCRAM_SHA_256.name,
    SCRAM_SHA_1.name,
    CRAM_MD5.name,
    APOP,
    # RFC 4616 §1 wants TLS around PLAIN; USER shows as much and is known everywhere.
    USER,
    PLAIN.name,
    LOGIN.name,
)
_TOKEN = (XOAUTH2.name, OAUTHBEARER.name)
_UNASKED = frozenset({PLAIN.name, LOGIN.name, CRAM_MD5.name, *_TOKEN})
"""What some servers have without telling; the others would need all of SCRAM for a guess."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What decides on the order.

    Attributes:
        sasl: the mechanisms that CAPA tells, upper case; empty too where CAPA is unknown.
        remembered: the way that logged in last, if any.
        is_token: whether there is an OAuth token rather than a password.
        is_secure: whether TLS protects the connection.
        has_timestamp: whether the greeting has one for APOP.
    """

    sasl: tuple[str, ...]
    remembered: str | None
    is_token: bool
    is_secure: bool
    has_timestamp: bool


def reveals(way: str) -> bool:
    """Whether who reads along has the password or token then."""
    return way == USER or (way in MECHANISMS and MECHANISMS[way].reveals)


def ways(known: Known) -> tuple[str, ...]:
    """The ways to try, in order: the remembered one, those told, then those some don't tell.

    Where nothing protects the connection and what logged in last kept the password secret, no way
    that reveals it is among them: whoever sits between could have taken the others away.
    """
    found = list(_likely(known))
    if known.remembered in found:
        found.remove(known.remembered)
        found.insert(0, known.remembered)
    if keeps_secret(known):
        return tuple(way for way in found if not reveals(way))
    return tuple(found)


def keeps_secret(known: Known) -> bool:
    """Whether a way that reveals the secret would be a step back that nobody has agreed to."""
    remembered = known.remembered
    return not known.is_secure and remembered is not None and not reveals(remembered)


def _likely(known: Known) -> Iterable[str]:
    order = _TOKEN if known.is_token else _PROTECTED if known.is_secure else _CLEAR
    told = {*known.sasl, USER}
    if known.has_timestamp and not known.is_secure:
        told.add(APOP)
    if known.remembered is not None and known.remembered != APOP:
        told.add(known.remembered)
    yield from (way for way in order if way in told)
    yield from (way for way in order if way in _UNASKED and way not in told)
