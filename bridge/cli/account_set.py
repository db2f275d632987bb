"""`popbridge account show|set|pause|resume`."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click

from bridge.admin.checks import check_upstream
from bridge.cli.call import Ask, call, converse
from bridge.cli.log_in import log_in_options, read_log_in
from bridge.cli.policy import policy_agreed, thaw_agreed
from bridge.errors import UsageError
from bridge.model.account import TlsOptions
from bridge.url import (
    POLICIES,
    format_duration,
    format_size,
    parse_duration,
    parse_policy,
    parse_size,
    parse_smtp_url,
    smtp_url,
)

TRACE_S = 24 * 3600
"""What "on" is for a trace: long enough to see what happens once a day."""

_WARNED_OF = frozenset(("pop3", "tls", "interval_s", "policy"))

_SOURCES = {
    "sealed": "kept here, sealed",
    "file": "from the file {} at each log-in",
    "env": "from the variable {} of the daemon",
    "command": "from a command at each log-in: {}",
    "token-command": "an OAuth token from a command at each log-in: {}",
}


@click.command("set")
@click.argument("login")
@click.option("--pop3", metavar="URL", help="Where its POP3 mailbox is now.")
@log_in_options
@click.option("--policy", metavar="P", help=f"What is deleted upstream, and when: {POLICIES}.")
@click.option("--thaw", is_flag=True, help="Go on deleting upstream where that was frozen.")
@click.option("--interval", metavar="5m|default", help="Between polls.")
@click.option("--quota", metavar="5GB|none", help="What clients may fill it up to.")
@click.option("--withhold", metavar="A,B|none", help="IMAP capabilities not to offer, or +UIDONLY.")
@click.option("--smtp", metavar="URL|none", help="What mail apps send by; popbridge sends nothing.")
@click.option("--trace", metavar="on|off|30m", help="Write down what its IMAP sessions say.")
@click.option("--no-check", is_flag=True, help="Don't log in upstream first.")
@click.option("--yes", is_flag=True, help="Answer every question with yes.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def set_command(obj: Any, /, login: str, as_json: bool, no_check: bool, **options: Any) -> None:
    """Changes LOGIN; what isn't named stays as it is, its mail too.

    `default` puts an option of TLS back to its default.
    """
    settings = obj.load()
    if options["pop3"] is not None:
        check_upstream(options["pop3"], allow_cleartext=options["allow_cleartext"])
    thaw, yes = options.pop("thaw"), options.pop("yes")
    log_in = read_log_in(options, ask=False)
    changes = log_in | _changes(**options)
    if not changes.keys() - {"allow_cleartext"} and not thaw:
        raise UsageError("Nothing was named that should change.", "See account set --help.")
    changes["check"] = not no_check

    async def talk(ask: Ask) -> Any:
        policy = changes.get("policy")
        if policy is not None and not await policy_agreed(ask, login, policy, yes=yes):
            return None
        if thaw and not await thaw_agreed(ask, login, yes=yes):
            return None
        if thaw:
            await ask("account thaw", {"login": login})
        return await ask("account set", {"login": login, "changes": changes})

    result = converse(settings, "account set", talk)
    if result is None:
        click.echo("Nothing was changed.", err=True)
        return
    result = dict(result)
    if found := result.pop("found", None):
        click.echo(found, err=True)
    for warning in result["warnings"] if changes.keys() & _WARNED_OF else ():
        click.echo(f"Warning: {warning}", err=True)
    _echo(result, as_json)


@click.command("show")
@click.argument("login")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def show(obj: Any, login: str, as_json: bool) -> None:
    """Shows LOGIN with its settings."""
    _echo(call(obj.load(), "account show", {"login": login}), as_json)


@click.command("pause")
@click.argument("login")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def pause(obj: Any, login: str, as_json: bool) -> None:
    """Stops polling for LOGIN; its mail here stays open to read."""
    _set_paused(obj, login, True, as_json)


@click.command("resume")
@click.argument("login")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def resume(obj: Any, login: str, as_json: bool) -> None:
    """Polls for LOGIN again."""
    _set_paused(obj, login, False, as_json)


def _set_paused(obj: Any, login: str, paused: bool, as_json: bool) -> None:
    result = call(obj.load(), "account set", {"login": login, "changes": {"paused": paused}})
    if as_json:
        click.echo(json.dumps(result))
    else:
        click.echo(f"{'Paused' if paused else 'Resumed'} {result['login']}.")


def interval_s(text: str) -> int:
    """The seconds between polls.

    Raises:
        UsageError: it is no duration, or too short.
    """
    seconds = parse_duration(text)
    if seconds < 1:
        raise UsageError("An interval of 0 is too little.", "Write at least 1s.")
    return seconds


def _changes(
    policy: str | None,
    interval: str | None,
    quota: str | None,
    withhold: str | None,
    trace: str | None,
    pop3: str | None,
    smtp: str | None,
) -> dict[str, Any]:
    """What is asked for but for the log-in, as `AccountChanges` names it."""
    changes: dict[str, Any] = {} if pop3 is None else {"pop3": pop3}
    if policy is not None:
        changes["policy"] = parse_policy(policy)
    if interval is not None:
        changes["interval_s"] = None if interval == "default" else interval_s(interval)
    if quota is not None:
        changes["quota_octets"] = None if quota == "none" else parse_size(quota)
    if withhold is not None:
        names = [] if withhold == "none" else withhold.split(",")
        changes["withheld"] = [name.strip() for name in names]
    if smtp is not None:
        changes["smtp"] = None if smtp == "none" else smtp_url(parse_smtp_url(smtp))
    if trace is not None:
        known = {"on": TRACE_S, "off": 0}
        changes["trace_s"] = known[trace] if trace in known else parse_duration(trace)
    return changes


def _echo(account: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(account))
        return
    for name, value in _lines(account):
        click.echo(f"{name + ':':10} {value}")


def _lines(account: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "login", account["login"]
    yield "pop3", account["pop3"]
    yield "password", _SOURCES[account["secret"]["kind"]].format(account["secret"]["value"])
    if tls := ", ".join(_tls_words(account["tls"])):
        yield "tls", tls
    yield "policy", account["policy"]
    interval = account["interval"]
    polls = "as configured" if interval is None else f"every {format_duration(interval)}"
    yield "polls", "paused" if account["paused"] else polls
    yield "holds", f"{account['messages']} messages in {account['mailboxes']} mailboxes"
    quota = account["quota"]
    limit = "no quota" if quota is None else f"quota {format_size(quota)}"
    yield "used", f"{account['used'] / 1e6:.1f} MB, {limit}"
    yield "devices", ", ".join(account["devices"])
    # A daemon of an older version doesn't tell.
    if account.get("smtp") is not None:
        yield "smtp", f"{account['smtp']}, by which mail apps send"
    if account["withheld"]:
        yield "withheld", ", ".join(account["withheld"])
    if account["trace_until"] is not None:
        yield "trace", f"until {account['trace_until']}"
    for warning in account["warnings"]:
        yield "warning", warning


def _tls_words(tls: Mapping[str, Any]) -> Iterator[str]:
    """What differs from the default."""
    if tls["minimum"] != TlsOptions().minimum:
        yield f"{tls['minimum']} or newer"
    for pin in tls["pins"]:
        yield f"pinned to sha256:{pin}"
    if tls["ca"] is not None:
        yield f"authorities of {tls['ca']}"
    if tls["certificate"] is not None:
        yield f"client certificate {tls['certificate']}"
    if tls["key"] is not None:
        yield f"its key {tls['key']}"
    if tls["legacy_ciphers"]:
        yield "legacy ciphers"
