"""One log-in upstream before an account is stored: that it works, how, and what is odd there."""

import logging
from dataclasses import dataclass

from bridge.admin.context import Admin
from bridge.errors import UpstreamError
from bridge.model.account import Secret, Security, Upstream
from bridge.model.ids import AccountId
from bridge.model.profile import Habits, Profile
from bridge.sync.port import PopSession
from bridge.sync.providers import Deleting, Login, hints
from bridge.sync.runner import PROGRESS_TIMEOUT_S
from bridge.url import format_duration

_log = logging.getLogger("popbridge.admin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a log-in found; `messages` and `has_uidl` None where the server didn't tell."""

    habits: Habits
    implementation: str
    expire_days: int | None
    login_delay_s: int
    bare_lf: bool
    messages: int | None = None
    octets: int | None = None
    has_uidl: bool | None = None

    def profile(self, account_id: AccountId) -> Profile:
        """What is remembered of it for the first sync."""
        return Profile(
            account_id=account_id,
            habits=self.habits,
            implementation=self.implementation,
            expire_days=self.expire_days,
            login_delay_s=self.login_delay_s,
            bare_lf=self.bare_lf,
        )


async def probe(admin: Admin, upstream: Upstream, secret: Secret) -> Found:
    """Logs in upstream once; retrieves nothing, so that nothing is hidden or changed there.

    Raises:
        UpstreamError: the provider can't be reached or refuses the password.
    """
    session = await admin.connector.connect(upstream, secret, PROGRESS_TIMEOUT_S)
    try:
        found = await _looked(session)
        await session.quit()
    except UpstreamError as error:
        # The password was taken, and nothing was retrieved that QUIT could hide.
        _log.info("After the log-in the provider failed: %s", error)
        session.abort()
        found = _told(session)
    return found


async def _looked(session: PopSession) -> Found:
    messages, octets = await session.stat()
    has_uidl = (await session.uidl(1)) is not None if messages else None
    return _told(session, messages, octets, has_uidl)


def _told(
    session: PopSession,
    messages: int | None = None,
    octets: int | None = None,
    has_uidl: bool | None = None,
) -> Found:
    return Found(
        habits=session.habits,
        implementation=session.implementation,
        expire_days=session.expire_days,
        login_delay_s=session.login_delay_s,
        bare_lf=session.bare_lf,
        messages=messages,
        octets=octets,
        has_uidl=has_uidl,
    )


def found_words(found: Found, upstream: Upstream) -> str:
    """What a log-in found, in a sentence."""
    way = "in the clear" if upstream.security is Security.PLAIN else "over TLS"
    parts = [f"Logged in {way}"]
    if found.habits.mechanism is not None:
        parts = [f"Logged in with {found.habits.mechanism} {way}"]
    if found.messages is not None and found.octets is not None:
        parts.append(f"{found.messages} messages, {found.octets / 1e6:.1f} MB")
    if found.implementation:
        parts.append(f"the server is {found.implementation}")
    if found.expire_days is not None:
        parts.append(f"keeps mail {found.expire_days} days (EXPIRE)")
    if found.login_delay_s:
        delay = format_duration(found.login_delay_s)
        parts.append(f"asks for at least {delay} between log-ins (LOGIN-DELAY)")
    return "; ".join(parts) + "."


def found_warnings(found: Found) -> list[str]:
    """What of it is trouble, a sentence each."""
    said = []
    if found.has_uidl is False:
        said.append(
            "The server has no UIDL, so messages are told apart by their content, and nothing can"
            " be deleted there but in the session that fetched it."
        )
    if found.bare_lf:
        said.append("The server ends lines in LF alone; nothing is deleted there.")
    if found.expire_days is not None:
        said.append(
            f"The server deletes mail {found.expire_days} days old by itself: what isn't fetched by"
            " then is lost."
        )
    return said


def provider_warnings(upstream: Upstream, interval_s: int | None, policy: str) -> list[str]:
    """What is known of a provider and concerns this account, a sentence each."""
    known, said = hints(upstream.host), []
    if interval_s is not None and interval_s < known.min_interval_s:
        least = format_duration(known.min_interval_s)
        said.append(f"{known.name} allows a log-in every {least} only; it is polled that often.")
    if known.user_prefix and not upstream.user.startswith(known.user_prefix):
        said.append(
            f"{known.name} shows each message to one POP3 client only, at most about"
            f" {known.window_messages} at a time, oldest first. If another client fetches there"
            f" too, write {known.user_prefix.replace(':', '%3A')} before the user name: then the"
            " last 30 days are shown to all."
        )
    if known.login is Login.TOKEN:
        said.append(f"{known.name} takes OAuth tokens only.")
    if known.window_days is not None:
        said.append(
            f"{known.name} shows the last {known.window_days} days unless its settings say more."
        )
    if policy != "keep" and known.deleting is not Deleting.GONE:
        said.append(f"When a message is deleted at {known.name}, {_DELETED[known.deleting]}.")
    if known.all_mail:
        said.append(f"{known.name} lists sent mail too.")
    return said


_DELETED = {
    Deleting.SETTING: "the settings of the mailbox decide what becomes of it",
    Deleting.TRASH: "it is moved to the trash",
}
