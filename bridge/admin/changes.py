"""Changing and showing one account."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any

from bridge.admin.accounts import account_warnings, find_account, list_form
from bridge.admin.checks import check_withheld
from bridge.admin.context import Admin
from bridge.admin.probing import Found, found_words, probe
from bridge.admin.status import time_form
from bridge.admin.tls import tls_form
from bridge.admin.upstreams import changed_upstream, read_source, source_form, with_secret
from bridge.errors import UnknownLoginError, UsageError
from bridge.model.account import Account, Secret, Security, TlsOptions, Upstream
from bridge.model.profile import Profile
from bridge.store.tx import ReadTx, WriteTx
from bridge.url import parse_policy, parse_smtp_url, smtp_url

MAX_TRACE_S = 30 * 24 * 3600
"""A trace that nobody thinks of any more must not go on for ever."""


class _Unchanged:
    """Stands for what is to stay as it is, where None means something."""


UNCHANGED = _Unchanged()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChanges:
    """What `account set` asks for; what isn't named stays.

    `interval_s` None is the configured default, `quota_octets` None no limit, `trace_s` 0 ends a
    trace, `smtp` None is nowhere to send by. `pop3` is a URL, `tls` and `secret_source` are as for
    `NewAccount`; a TLS option that is None becomes the default. Unless `check` is False what
    concerns the log-in is tried first.
    """

    pop3: str | None = None
    tls: Mapping[str, object] = field(default_factory=dict)
    pop3_password: str | None = None
    secret_source: Mapping[str, object] | None = None
    allow_cleartext: bool = False
    policy: str | None = None
    interval_s: int | _Unchanged | None = UNCHANGED
    quota_octets: int | _Unchanged | None = UNCHANGED
    withheld: Sequence[str] | None = None
    trace_s: int | None = None
    paused: bool | None = None
    smtp: str | _Unchanged | None = UNCHANGED
    check: bool = True


async def set_account(admin: Admin, login: str, changes: AccountChanges) -> dict[str, object]:
    """Changes an account; how it then is, as `show_account` tells it, with `found`.

    Its mail and ledger stay whatever changes, so that nothing is fetched twice.

    Raises:
        UnknownLoginError: there is none.
        UsageError: something that is asked for can't be.
        SecretError, TokenError: a new source has no secret.
        UpstreamError: the provider can't be reached or refuses the password.
    """
    old = await find_account(admin, login)
    new = changed_account(admin, old, changes)
    found = None
    if changes.check and _log_in(old) != _log_in(new):
        found = await probe(admin, new.upstream, await _secret(admin, new, changes))
    await store_changed(admin, old, new, found)
    await admin.syncs.accounts_changed()
    words = None if found is None else found_words(found, new.upstream)
    return {**await show_account(admin, login), "found": words}


async def store_changed(
    admin: Admin, old: Account, new: Account, found: Found | None = None
) -> None:
    """Stores what differs between `old` and `new`, over what else has changed meanwhile.

    Raises:
        UnknownLoginError: the account is gone.
    """
    changed = {
        one.name: getattr(new, one.name)
        for one in fields(Account)
        if getattr(new, one.name) != getattr(old, one.name)
    }
    moved = _mailbox(old.upstream) != _mailbox(new.upstream)
    anew = _log_in(old) != _log_in(new)

    def write(tx: WriteTx) -> None:
        now = tx.account(old.login)
        if now is None or now.id != old.id:
            raise UnknownLoginError("The account is gone.")
        tx.update_account(replace(now, **changed))
        if "policy" in changed:
            tx.approve_expunges(old.id, admin.clock())
        if anew:
            tx.save_profile(_profile(tx.profile(old.id), found, moved=moved))

    await admin.database.write(write)


def changed_account(admin: Admin, old: Account, changes: AccountChanges) -> Account:
    """The account as it is to be.

    Raises:
        UsageError: something that is asked for can't be.
    """
    source = None if changes.secret_source is None else read_source(changes.secret_source)
    if changes.pop3_password is not None and source is not None:
        raise UsageError("The account needs one POP3 password.", "Say where to take it from.")
    upstream = changed_upstream(
        old.upstream, changes.pop3, changes.tls, allow_cleartext=changes.allow_cleartext
    )
    new = replace(old, upstream=upstream, **_changed(admin, changes))
    return with_secret(admin, new, changes.pop3_password, source)


def _log_in(account: Account) -> tuple[object, ...]:
    """What a log-in depends on."""
    return account.upstream, account.sealed_password, account.secret_source


def _mailbox(upstream: Upstream) -> Upstream:
    """What tells one POP3 mailbox from another."""
    return replace(upstream, security=Security.IMPLICIT, tls=TlsOptions())


async def _secret(admin: Admin, account: Account, changes: AccountChanges) -> Secret:
    if changes.pop3_password is not None:
        return Secret(changes.pop3_password)
    return await admin.secret(account)


def _profile(known: Profile, found: Found | None, *, moved: bool) -> Profile:
    """What is remembered then: nothing of another server's ways, but that deleting is frozen."""
    if moved:
        known = Profile(
            account_id=known.account_id,
            frozen_since=known.frozen_since,
            frozen_reason=known.frozen_reason,
        )
    if found is None:
        # What logged in before may not suit another secret, or another way to the server.
        return replace(known, habits=replace(known.habits, mechanism=None))
    return replace(
        known,
        habits=found.habits,
        implementation=found.implementation,
        expire_days=found.expire_days,
        login_delay_s=found.login_delay_s,
        bare_lf=known.bare_lf or found.bare_lf,
    )


async def show_account(admin: Admin, login: str) -> dict[str, object]:
    """An account with all its settings, without secrets.

    Raises:
        UnknownLoginError: there is none.
    """
    account = await find_account(admin, login)
    now = admin.clock()

    def read(tx: ReadTx) -> dict[str, object]:
        tracing = account.trace_until is not None and account.trace_until > now
        return {
            **list_form(account),
            "secret": source_form(account.secret_source),
            "tls": tls_form(account.upstream.tls),
            "warnings": account_warnings(account),
            "quota": account.quota_octets,
            "used": tx.quota(account.id).used_octets,
            "messages": tx.message_count(account.id),
            "mailboxes": tx.mailbox_count(account.id),
            "devices": [device.name for device in tx.devices(account.id)],
            "smtp": None if account.submission is None else smtp_url(account.submission),
            "withheld": sorted(account.withheld),
            "trace_until": time_form(account.trace_until) if tracing else None,
        }

    return await admin.database.read(read)


def _changed(admin: Admin, changes: AccountChanges) -> dict[str, Any]:
    """The fields of `Account` that change, but for those that concern the log-in."""
    changed: dict[str, Any] = {}
    if changes.policy is not None:
        changed["policy"] = parse_policy(changes.policy)
    if not isinstance(changes.interval_s, _Unchanged):
        changed["interval_s"] = changes.interval_s
    if not isinstance(changes.quota_octets, _Unchanged):
        changed["quota_octets"] = changes.quota_octets
    if changes.withheld is not None:
        changed["withheld"] = check_withheld(changes.withheld)
    if changes.trace_s is not None:
        changed["trace_until"] = _trace_until(admin.clock(), changes.trace_s)
    if changes.paused is not None:
        changed["paused"] = changes.paused
    if not isinstance(changes.smtp, _Unchanged):
        changed["submission"] = None if changes.smtp is None else parse_smtp_url(changes.smtp)
    return changed


def _trace_until(now: datetime, seconds: int) -> datetime | None:
    if seconds > MAX_TRACE_S:
        raise UsageError("A trace goes on for at most 30d.", "Start it again then.")
    return now + timedelta(seconds=seconds) if seconds else None
