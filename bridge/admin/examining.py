"""What `popbridge doctor` asks whoever has the store: facts as JSON, judged elsewhere.

Nothing is changed, neither here nor at the provider: a POP session asks CAPA, STAT, UIDL and LIST.
"""

import errno
import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from bridge import __version__
from bridge.admin.accounts import find_account
from bridge.admin.context import Admin
from bridge.admin.status import status
from bridge.admin.syncing import Report, error_form
from bridge.admin.times import time_form
from bridge.errors import BridgeError, UpstreamError
from bridge.model.account import Account, AccountState, SyncStatus, Upstream
from bridge.model.profile import Profile
from bridge.model.upstream import Listing, SyncPlan
from bridge.store import sqlite
from bridge.store.epoch import last_backup_s
from bridge.store.tx import ReadTx
from bridge.sync.plan import plan
from bridge.sync.port import PopSession
from bridge.sync.providers import hints
from bridge.url import format_duration

SESSION_S = 60.0
"""For a POP session: a listing of many thousand messages takes its time."""

ANSWER_S = 15.0
"""Without an octet for so long, a mail program would have given up."""

CONNECT_S = 5.0
"""For each address."""

MAX_ADDRESSES = 6
"""More are not tried."""

ADDRESSES_S = 45.0
"""For name and connections: a name server that is silent takes half a minute."""


async def examine_store(admin: Admin) -> dict[str, object]:
    """Version, SQLite's, when the last backup was made, and what `status` says of the accounts."""
    library = sqlite.library()
    backup_s = await admin.database.read(last_backup_s)
    return {
        "version": __version__,
        "pid": os.getpid(),
        "sqlite": library.sqlite_version,
        "sqlite_advice": sqlite.advice(library.sqlite_version_info),
        "last_backup_s": backup_s,
        "accounts": (await status(admin))["accounts"],
    }


async def examine_account(admin: Admin, login: str, *, insist: bool) -> dict[str, Any]:
    """What an account's provider shows.

    Args:
        admin: what to work with.
        login: whose.
        insist: log in though the account is paused, or its password was refused before.

    Returns:
        host, port, security, user; `addresses` as `_addresses`; `remembered` of the last sync's
        log-in, or None; `skipped`, why there was no log-in, or ""; `error` of the log-in, or None;
        `session` as `_logged_in` and `_listed`, or None.

    Raises:
        UnknownLoginError: there is no such account.
        TimedOutError: name and connections took too long.
    """
    account = await find_account(admin, login)
    upstream = account.upstream
    known, profile = await admin.database.read(
        lambda tx: (tx.sync_status(account.id), tx.profile(account.id))
    )
    looking = admin.in_background(lambda: _addresses(upstream))
    addresses = await admin.limited(looking, ADDRESSES_S)
    found: dict[str, Any] = {
        "login": account.login,
        "host": upstream.host,
        "port": upstream.port,
        "security": upstream.security.value,
        "user": upstream.user,
        "addresses": addresses,
        "remembered": _remembered(profile),
        "skipped": (
            _unreachable(addresses)
            or ("" if insist else _better_not(account, known))
            or _too_soon(admin, account, known, profile)
        ),
        "session": None,
        "error": None,
    }
    return found if found["skipped"] else found | await _undisturbed(admin, account, profile)


def _unreachable(addresses: Mapping[str, Any]) -> str:
    if addresses["error"]:
        return "its host has no address"
    if all(each["error"] for each in addresses["found"]):
        return "the POP3 server can't be reached"
    return ""


def _remembered(profile: Profile) -> dict[str, object] | None:
    if profile.listed_at is None:
        return None
    return {"expire_days": profile.expire_days, "login_delay_s": profile.login_delay_s}


def _better_not(account: Account, known: SyncStatus) -> str:
    if account.paused:
        return f"the account is paused; `popbridge doctor {account.login}` looks all the same"
    if known.state is AccountState.NEEDS_PASSWORD:
        return (
            "the provider has refused the password, and to try it over and over may lock the"
            f" mailbox; `popbridge doctor {account.login}` tries it once more"
        )
    return ""


def _too_soon(admin: Admin, account: Account, known: SyncStatus, profile: Profile) -> str:
    """Why the provider would refuse another log-in so soon; "" where it wouldn't."""
    least_s = max(profile.login_delay_s, hints(account.upstream.host).min_interval_s)
    if known.last_attempt is None or not least_s:
        return ""
    wait_s = int(least_s - (admin.clock() - known.last_attempt).total_seconds())
    if not 0 < wait_s <= least_s:
        return ""
    return (
        f"the provider asks for {format_duration(least_s)} between two log-ins; try again in"
        f" {format_duration(wait_s)}"
    )


async def _undisturbed(admin: Admin, account: Account, profile: Profile) -> dict[str, Any]:
    async def work() -> dict[str, Any]:
        return await admin.limited(_session(admin, account, profile), SESSION_S)

    try:
        found = await admin.syncs.undisturbed(account.id, work)
    except BridgeError as error:
        return {"error": error_form(error)}
    if found is None:
        return {"skipped": "a sync of this account runs now; try again once it has ended"}
    return {"session": found[0]}


async def _session(admin: Admin, account: Account, profile: Profile) -> dict[str, Any]:
    secret = await admin.secret(account)
    began = time.monotonic()
    session = await admin.connector.connect(account.upstream, secret, ANSWER_S, profile.habits)
    try:
        found = {**_logged_in(session), "seconds": round(time.monotonic() - began, 3)}
        try:
            found |= await _listed(admin, account, session)
            # Nothing was retrieved that QUIT could hide.
            await session.quit()
        except UpstreamError as error:
            found["error"] = error_form(error)
        return found
    finally:
        session.abort()


def _logged_in(session: PopSession) -> dict[str, Any]:
    """What is known once it is logged in; what `_listed` adds is None or left out."""
    seen = session.seen
    return {
        "mechanism": session.habits.mechanism,
        "capabilities": {name: list(words) for name, words in seen.capabilities.items()},
        "implementation": session.implementation,
        "tls": seen.tls,
        "certificate_ends": time_form(seen.certificate_ends),
        "bare_lf": session.bare_lf,
        "login_delay_s": session.login_delay_s,
        "stat": None,
        "listed": None,
        "error": None,
    }


async def _listed(admin: Admin, account: Account, session: PopSession) -> dict[str, Any]:
    messages, _ = await session.stat()
    listing: Listing = await session.listing()

    def read(tx: ReadTx) -> SyncPlan:
        return plan(listing, tx.known(account.id), max_size=admin.max_message_octets)

    planned = await admin.database.read(read)
    uidls = [one.uidl for one in listing.messages if one.uidl]
    return {
        "stat": messages,
        "listed": len(listing.messages),
        "uidls": len(uidls),
        "doubled": len(uidls) - len(set(uidls)),
        "pending": len(planned.retrieve),
        "pending_octets": sum(one.listed.size for one in planned.retrieve),
    }


def _addresses(upstream: Upstream) -> dict[str, Any]:
    """`found`: address, seconds, error or "" of each; `error`: why there is none, or ""; blocks."""
    try:
        told = socket.getaddrinfo(upstream.host, upstream.port, 0, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as wrong:
        reason = getattr(wrong, "strerror", None) or "it can't be a host's name"
        return {"found": [], "error": str(reason)}
    places = list(dict.fromkeys(address for *_, address in told))
    return {"found": [_connected(place) for place in places[:MAX_ADDRESSES]], "error": ""}


def _connected(address: tuple[Any, ...]) -> dict[str, Any]:
    """Connects and hangs up before anything is said."""
    family = socket.AF_INET6 if len(address) == 4 else socket.AF_INET
    began, error = time.monotonic(), ""
    with suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as tried:
        tried.settimeout(CONNECT_S)
        try:
            tried.connect(address)
        except TimeoutError:
            error = f"it doesn't answer within {CONNECT_S:g} seconds"
        except OSError as wrong:
            error = _REASONS.get(wrong.errno or 0, wrong.strerror or "it can't be reached")
        return {
            "address": address[0],
            "seconds": round(time.monotonic() - began, 3),
            "error": error,
        }
    return {"address": address[0], "seconds": 0.0, "error": "this machine has no such network"}


_REASONS = {errno.ECONNREFUSED: "it refuses connections on that port"}


async def _store(admin: Admin, arguments: Mapping[str, Any], report: Report) -> object:
    return await examine_store(admin)


async def _account(admin: Admin, arguments: Mapping[str, Any], report: Report) -> object:
    login, insist = str(arguments["login"]), bool(arguments.get("insist"))
    return await examine_account(admin, login, insist=insist)


EXAMINING = {"doctor store": _store, "doctor account": _account}
