"""Verdicts on an account and its provider. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bridge.doctor.facts import AccountFacts
from bridge.doctor.finding import Finding, Verdict, failed, ok, unchecked, warning
from bridge.doctor.words import ago, count, day, is_local, listed
from bridge.errors import Exit, RefusedError, UnknownHostError
from bridge.model.policy import period, volume

CERTIFICATE_SOON = timedelta(days=7)
"""Providers' are renewed weeks before by themselves; a forgotten one isn't."""

_FINE = {
    "new": "It hasn't been synced yet.",
    "first_sync": "It is being fetched for the first time.",
    "syncing": "It is being synced.",
    "ok": "All is well.",
}
_HELD = {
    "poisoned": "can't be fetched and stay at the provider",
    "too_large": "are too large and stay at the provider",
    "odd": "stayed odd however often they were fetched; they are held",
    "suspect": "are held and will be fetched again to be sure",
}
_NEVER = "NEVER"


def state(facts: AccountFacts) -> Finding:
    """What `status` says of it, with what to do."""
    one = facts.status
    if one["state"] == "paused":
        return warning(
            "The account is paused: no mail is fetched.",
            f"`popbridge account resume {one['login']}` goes on.",
        )
    if one["state"] == "needs_password" and one["error"]:
        return _reported(one["error"], facts.now, Verdict.FAILED)
    if one.get("frozen"):
        return warning(str(one["frozen"]["cause"]), str(one["frozen"]["remedy"]))
    if one["error"]:
        return _reported(one["error"], facts.now, Verdict.WARNING)
    return _doubts(one) or ok(_FINE.get(one["state"], one["state"]) + _synced(one, facts.now))


def _doubts(one: Mapping[str, Any]) -> Finding | None:
    held = [
        f"{count(one['upstream'][name], 'message')} {words}"
        for name, words in _HELD.items()
        if one["upstream"][name]
    ]
    if not held:
        return None
    return warning(
        f"{'; '.join(held)}.",
        "`popbridge status --link` opens the page, which tells of each what to do.",
    )


def _synced(one: Mapping[str, Any], now: datetime) -> str:
    if not one["last_success"]:
        return ""
    return f" Last synced {ago(datetime.fromisoformat(one['last_success']), now)}."


def _reported(error: Mapping[str, Any], now: datetime, verdict: Verdict) -> Finding:
    since = (
        f" It began {ago(datetime.fromisoformat(error['since']), now)}." if error["since"] else ""
    )
    is_failed = verdict is Verdict.FAILED
    return Finding(
        verdict=verdict,
        text=f"The last sync failed: {error['text']}{since}",
        remedy=error["remedy"] or "",
        code=error["code"],
        exit=_exit_of(error) if is_failed else Exit.OK,
    )


def _exit_of(error: Mapping[str, Any]) -> int:
    """What the operation said; status doesn't, and there only the password fails."""
    return int(error.get("exit", Exit.NO_PERMISSION))


def host(facts: AccountFacts) -> Finding:
    """Whether the provider's name has an address."""
    if facts.error is not None:
        return failed(facts.error)
    found = facts.found
    addresses = found["addresses"]
    if addresses["error"]:
        return failed(
            UnknownHostError(
                f"The host name {found['host']} has no address ({addresses['error']}).",
                "Check its spelling (`popbridge account show`), and that this machine can look up"
                " names.",
            )
        )
    shown = listed([each["address"] for each in addresses["found"]])
    if shown == found["host"]:
        return ok(f"{shown} is an address already.")
    return ok(f"{found['host']} has {shown}.")


def connection(facts: AccountFacts) -> Finding:
    """Whether each of its addresses accepts connections."""
    tried = facts.found["addresses"]["found"] if facts.found else ()
    if not tried:
        return unchecked("there is no address to connect to")
    port = facts.found["port"]
    good = [each for each in tried if not each["error"]]
    bad = [f"{each['address']}: {each['error']}" for each in tried if each["error"]]
    if not good:
        return failed(
            RefusedError(
                f"{facts.found['host']} can't be reached on port {port} ({'; '.join(bad)}).",
                "Check host and port (`popbridge account show`), this machine's network, and"
                " whether a firewall lets that port out.",
            )
        )
    if bad:
        return warning(
            f"Some addresses don't answer on port {port} ({'; '.join(bad)}). The others do, so mail"
            " comes, perhaps late.",
            "Where it is all IPv6 addresses, this machine's IPv6 is broken.",
        )
    kinds = {"IPv6" if ":" in each["address"] else "IPv4" for each in good}
    slowest = max(each["seconds"] for each in good)
    return ok(
        f"Port {port} answers over {' and '.join(sorted(kinds))} within {slowest * 1000:.0f} ms."
    )


def log_in(facts: AccountFacts) -> Finding:
    """Whether the stored secret logs in."""
    if not facts.found:
        return unchecked("the account couldn't be looked at")
    if facts.found["error"] is not None:
        error = facts.found["error"]
        return Finding(
            verdict=Verdict.FAILED,
            text=error["text"],
            remedy=error["remedy"],
            code=error["code"],
            exit=_exit_of(error),
        )
    if facts.found["skipped"]:
        return unchecked(facts.found["skipped"])
    session = facts.found["session"]
    server = f" The server is {session['implementation']}." if session["implementation"] else ""
    way = f" by {session['mechanism']}" if session["mechanism"] else ""
    return ok(f"Logged in as {facts.found['user']}{way}, in {session['seconds']:.1f} s.{server}")


def _session(facts: AccountFacts) -> Mapping[str, Any] | Finding:
    """The session's facts, or that there was none."""
    session = facts.found.get("session") if facts.found else None
    if session is not None:
        return dict(session)
    skipped = facts.found.get("skipped") if facts.found else ""
    return unchecked(skipped or "the log-in failed")


def encryption(facts: AccountFacts) -> Finding:
    """How the way to the provider is protected, and until when its certificate is valid."""
    session = _session(facts)
    if isinstance(session, Finding):
        return session
    if not session["tls"]:
        if is_local(facts.found["host"]):
            return ok("Password and mail aren't encrypted, and don't leave this machine.")
        return warning(
            f"Password and mail cross the network to {facts.found['host']} for anyone to read.",
            "Use pop3s:// or pop3:// if the provider has it: `popbridge account set LOGIN --pop3`.",
        )
    ends = datetime.fromisoformat(session["certificate_ends"])
    left = ends - facts.now
    if left < CERTIFICATE_SOON:
        how = (
            f"expires in {period(left.total_seconds())}"
            if left > timedelta()
            else "has expired, and is let pass by the account's pin"
        )
        return warning(
            f"{session['tls']}; the provider's certificate {how} ({day(ends)}).",
            "If it isn't renewed, mail can't be fetched from that day on: tell the provider.",
        )
    return ok(f"{session['tls']}; the provider's certificate is valid until {day(ends)}.")


def capabilities(facts: AccountFacts) -> Finding:
    """Whether the server has what makes fetching safe and quick."""
    session = _session(facts)
    if isinstance(session, Finding):
        return session
    told: Mapping[str, list[str]] = session["capabilities"]
    if session["bare_lf"]:
        return warning(
            "The server ends lines in LF alone, which POP3 doesn't allow.",
            "Nothing: mail is fetched all the same, and nothing is ever deleted there.",
        )
    if session["listed"] and not session.get("uidls"):
        return warning(
            "The server has no UIDL, so messages are told apart by their content.",
            "Nothing: but each sync costs more, and little can be deleted there.",
        )
    if not told:
        return ok("The server doesn't tell what it can do (CAPA); what popbridge needs is there.")
    slow = "" if "PIPELINING" in told else " It has no PIPELINING, so a first sync takes longer."
    shown = [name for name in ("UIDL", "TOP", "PIPELINING", "SASL", "STLS", "UTF8") if name in told]
    return ok(f"The server offers {listed(shown) or 'little'}.{slow}")


def terms(facts: AccountFacts) -> Finding:
    """What EXPIRE and LOGIN-DELAY (RFC 2449 §6.5, §6.7) mean for mail that waits there."""
    session = _session(facts)
    if not isinstance(session, Finding):
        days = next(iter(session["capabilities"].get("EXPIRE", ())), _NEVER)
        delay_s = session["login_delay_s"]
    elif remembered := facts.found.get("remembered") if facts.found else None:
        days = _NEVER if remembered["expire_days"] is None else str(remembered["expire_days"])
        delay_s = remembered["login_delay_s"]
    else:
        return session
    often = (
        f" It allows a log-in every {period(delay_s)} (LOGIN-DELAY), so it is polled no more often."
        if delay_s
        else ""
    )
    if days == "0":
        return warning(
            "The server may remove messages as soon as they were fetched (EXPIRE 0): what is here"
            f" is then the only copy.{often}",
            "Make backups (`popbridge backup DIR`), and let no other program fetch there.",
        )
    if days != _NEVER and days.isdigit():
        return warning(
            f"The server removes mail by itself after {count(int(days), 'day')} (EXPIRE): what"
            f" isn't fetched by then is lost.{often}",
            "Let popbridge run all the time, and make backups.",
        )
    return ok(f"The server keeps mail until somebody deletes it, as far as it says.{often}")


def listing(facts: AccountFacts) -> Finding:
    """Whether STAT, LIST and UIDL agree, and how much isn't here yet."""
    session = _session(facts)
    if isinstance(session, Finding):
        return session
    if session["error"] is not None:
        error = session["error"]
        return Finding(
            verdict=Verdict.FAILED,
            text=f"The listing of the mailbox failed: {error['text']}",
            remedy=error["remedy"],
            code=error["code"],
            exit=_exit_of(error),
        )
    if session["stat"] != session["listed"]:
        return warning(
            f"The server counts {count(session['stat'], 'message')} (STAT) and lists"
            f" {session['listed']:,}.",
            "Nothing: popbridge goes by the list, and deletes nothing that it can't prove.",
        )
    if session["doubled"]:
        return warning(
            f"{count(session['doubled'], 'message')} have the UIDL of another one.",
            "Nothing: they are told apart by content, and never deleted there.",
        )
    here = f"The provider lists {count(session['listed'], 'message')}"
    if session["pending"]:
        size = volume(session["pending_octets"])
        return ok(f"{here}; {session['pending']:,} of them are still to be fetched ({size}).")
    return ok(f"{here}; all of them are here, or were.")
