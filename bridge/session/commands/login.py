"""LOGIN, and what it has in common with AUTHENTICATE."""

import logging

from bridge.imap.commands.login import Login
from bridge.session.context import COMMAND_LINE_OCTETS, Context
from bridge.session.port import LoggedIn
from bridge.session.reply import No, Ok

_log = logging.getLogger("popbridge.imap")


async def login(context: Context, command: Login) -> Ok:
    """Logs in with a device password."""
    require_privacy(context)
    return await enter(context, command.user, command.password)


def require_privacy(context: Context) -> None:
    """Makes sure that no password is sent where others could read it.

    Raises:
        No: they could.
    """
    if not context.login_allowed:
        raise No("Start TLS first: passwords are not taken in the clear", "PRIVACYREQUIRED")


async def enter(context: Context, user: bytes, password: bytes) -> Ok:
    """Logs in; the answer brings the capabilities.

    Raises:
        No: login or password is wrong, or the account has too many connections.
    """
    services, since = context.services, context.services.presence.revocations
    who = await services.authenticator.check(user, password, context.connection.peer)
    return admit(context, who, since)


def admit(context: Context, who: LoggedIn | None, since: int) -> Ok:
    """Makes the session one of `who`, who has proved it; None if nobody has.

    `since` is what `Presence.revocations` were before the password was looked at.

    Raises:
        No: as `enter`.
    """
    services = context.services
    services.observer.logged_in(who is not None)
    if who is None:
        # deploy/fail2ban reads this line. It names no login: people type passwords there.
        _log.warning("A log-in from %s was refused", context.connection.peer)
        raise No("Login or password is wrong", "AUTHENTICATIONFAILED")
    account = who.account
    if services.presence.revoked_since(account.id, since):
        # Perhaps this one, just after it was found to be right.
        raise No("A password of this account was just taken back: try again", "UNAVAILABLE")
    counts = services.connections
    if counts.get(account.id, 0) >= services.limits.connections_per_account:
        text = "This account has too many connections: close some mail apps"
        raise No(text, "LIMIT", limit="connections")
    counts[account.id] = counts.get(account.id, 0) + 1
    services.strangers.go(context.origin)
    context.enter(who)
    context.connection.framer.line_limit = COMMAND_LINE_OCTETS
    return Ok("Logged in", b"CAPABILITY " + context.capability())
