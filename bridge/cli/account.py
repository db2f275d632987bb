"""`popbridge account` and its commands add, list and remove."""

import json
from collections.abc import Mapping
from typing import Any

import click

from bridge.admin.checks import check_account
from bridge.cli.account_apply import apply
from bridge.cli.account_set import interval_s, pause, resume, set_command, show
from bridge.cli.call import Ask, call, converse
from bridge.cli.log_in import log_in_options, read_log_in
from bridge.cli.policy import new_policy_agreed
from bridge.cli.secret import confirmed, has_terminal, read_secret
from bridge.errors import StoreFullError, UsageError
from bridge.url import POLICIES, parse_smtp_url


@click.group()
def account() -> None:
    """IMAP logins, each with its POP3 mailbox."""


for command in (apply, pause, resume, set_command, show):
    account.add_command(command)


@account.command("add")
@click.argument("login")
@click.option("--pop3", required=True, metavar="URL", help="pop3s://user@host[:port], ...")
@log_in_options
@click.option("--password-file", metavar="F", help="The IMAP password; else one is made.")
@click.option("--policy", default="keep", show_default=True, metavar="P", help=f"{POLICIES}.")
@click.option("--interval", metavar="5m", help="Between polls; else as configured.")
@click.option("--smtp", metavar="URL", help="smtps://user@host: what mail apps send by.")
@click.option("--no-check", is_flag=True, help="Don't log in upstream first.")
@click.option("--yes", is_flag=True, help="Answer every question with yes.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def add(obj: Any, /, login: str, as_json: bool, yes: bool, **options: Any) -> None:
    """Adds the IMAP login LOGIN with its POP3 mailbox.

    URL is pop3s://user@host (TLS), pop3://user@host (STLS) or pop3+plain://user@host (no TLS).
    Unless an option says where the POP3 password is, it is asked for. A password is kept sealed;
    a file that is read again, a variable or a command is asked at each log-in.

    popbridge sends no mail: the URL of --smtp is only told to mail apps (popbridge settings LOGIN).
    """
    settings = obj.load()
    # Nobody should have to type a password to learn that a name was wrong.
    check_account(
        login, options["pop3"], options["policy"], allow_cleartext=options["allow_cleartext"]
    )
    if options["smtp"] is not None:
        parse_smtp_url(options["smtp"])
    if not new_policy_agreed(options["policy"], yes=yes):
        click.echo("Nothing was changed.", err=True)
        return
    seconds = None if options["interval"] is None else interval_s(options["interval"])
    log_in = {"allow_cleartext": False} | read_log_in(options, ask=True)
    smtp = {} if options["smtp"] is None else {"smtp": options["smtp"]}
    result = call(
        settings,
        "account add",
        {
            "login": login,
            "pop3": options["pop3"],
            "password": read_secret(options["password_file"], "password", ask=False),
            "policy": options["policy"],
            "interval_s": seconds,
            "check": not options["no_check"],
            **log_in,
            **smtp,
        },
    )
    _tell_added(result, as_json)
    if not as_json:
        where = " and ".join(map(str, settings.config.imap.listen))
        click.echo(f"`popbridge run` serves it to mail apps at {where}.", err=True)


def _tell_added(result: Mapping[str, Any], as_json: bool) -> None:
    if result.get("found"):
        click.echo(result["found"], err=True)
    for warning in result.get("warnings", ()):
        click.echo(f"Warning: {warning}", err=True)
    shown = {name: result[name] for name in ("login", "password")}
    try:
        click.echo(json.dumps(shown) if as_json else _added(result))
    except OSError as error:
        raise StoreFullError(
            f"{result['login']} was added, but its password can't be written to standard output: "
            f"{error.strerror}.",
            "Remove the account, then add it again.",
        ) from error


def _added(result: Mapping[str, Any]) -> str:
    if result["password"] is None:
        return f"Added {result['login']}."
    return f"Added {result['login']}.\nIts IMAP password, shown this once: {result['password']}"


@account.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_command(obj: Any, as_json: bool) -> None:
    """Lists the accounts."""
    accounts = call(obj.load(), "account list", {})
    if as_json:
        click.echo(json.dumps(accounts))
        return
    for one in accounts:
        click.echo(f"{one['login']}\t{one['pop3']}\t{one['policy']}")
    if not accounts:
        click.echo("There is no account yet: popbridge account add LOGIN --pop3 URL", err=True)


@account.command("remove")
@click.argument("login")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def remove(obj: Any, login: str, yes: bool, as_json: bool) -> None:
    """Removes LOGIN and all its mail here; the POP3 mailbox stays as it is."""

    async def talk(ask: Ask) -> Any:
        if not yes and not _agreed(await ask("account describe", {"login": login})):
            return None
        return await ask("account remove", {"login": login})

    result = converse(obj.load(), "account remove", talk)
    if result is None:
        click.echo("Nothing was changed.", err=True)
        return
    click.echo(json.dumps(result) if as_json else f"Removed {result['login']}.")


def _agreed(found: Mapping[str, Any]) -> bool:
    warning = (
        f"This destroys {found['messages']} messages in {found['mailboxes']} mailboxes of "
        f"{found['login']} here. What is still in the POP3 mailbox stays there."
    )
    if not has_terminal():
        raise UsageError(warning, "Say --yes to do it.")
    click.echo(warning, err=True)
    return confirmed("Remove it?")
