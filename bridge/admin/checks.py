"""Whether an account can be as it is asked for: pure, so that it is known before anybody is asked
for a password."""

import re
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address

from bridge import saslprep
from bridge.errors import UsageError
from bridge.imap.withheld import OFFERABLE, WITHHOLDABLE
from bridge.model.account import Security, Upstream
from bridge.url import parse_policy, parse_pop3_url

# Octets of a command line that are no UTF-8 come as surrogates.
_LOGIN = re.compile(r"[^\s\x00-\x1f\x7f\"\\(){}%*\ud800-\udfff]{1,200}")


def check_account(
    login: str, pop3: str, policy: str, *, allow_cleartext: bool
) -> tuple[str, Upstream, str]:
    """Login, upstream and policy as they are stored.

    Raises:
        UsageError: one of them can't be, or the password would cross a network in the clear.
    """
    upstream = check_upstream(pop3, allow_cleartext=allow_cleartext)
    return check_login(login), upstream, parse_policy(policy)


def check_upstream(pop3: str, *, allow_cleartext: bool) -> Upstream:
    """The upstream that a URL names.

    Raises:
        UsageError: it can't be, or the password would cross a network in the clear.
    """
    upstream = parse_pop3_url(pop3)
    if upstream.security is Security.PLAIN and not (allow_cleartext or is_loopback(upstream.host)):
        raise UsageError(
            f"pop3+plain would send the password to {upstream.host} for anyone to read.",
            "Use pop3s:// or pop3://, or add --allow-cleartext if the provider offers no TLS.",
        )
    return upstream


def check_login(login: str) -> str:
    """The login as it is stored: prepared by SASLprep (RFC 4013), in lower case.

    Raises:
        UsageError: it can't be one.
    """
    with suppress(ValueError):
        prepared = saslprep.prepare(login).lower()
        if can_be_login(login) and can_be_login(prepared):
            return prepared
    raise UsageError(
        f"{login!r} can't be a login.",
        "Use up to 200 letters, digits and signs such as @ . - _, without spaces.",
    )


def can_be_login(login: str) -> bool:
    """Whether an account can have this login."""
    return _LOGIN.fullmatch(login) is not None


def is_loopback(host: str) -> bool:
    """Whether what is sent to the host stays on this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_withheld(names: Sequence[str]) -> frozenset[str]:
    """Capabilities that are not to be offered, or with "+" are, though others don't get them.

    Raises:
        UsageError: one of them can't be withheld.
    """
    known = {name.upper(): name for name in (*WITHHOLDABLE, *OFFERABLE)}
    wanted = {name.upper() for name in names}
    unknown = sorted(wanted.difference(known))
    if unknown:
        raise UsageError(
            f"{unknown[0]!r} is not a capability that can be withheld.",
            f"Choose of {', '.join((*sorted(WITHHOLDABLE), *OFFERABLE))}.",
        )
    return frozenset(known[name] for name in wanted)
