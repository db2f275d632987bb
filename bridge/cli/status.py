"""`popbridge status`."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import click

from bridge.cli.call import ask_daemon, call
from bridge.errors import FrozenError


@click.command()
@click.option("--json", "as_json", is_flag=True)
@click.option("--link", is_flag=True, help="Print a link that signs one browser in to the page.")
@click.pass_obj
def status(obj: Any, as_json: bool, link: bool) -> None:
    """Says how popbridge and each account are."""
    if link:
        made = ask_daemon(obj.load(), "web link", {})
        click.echo(json.dumps(made) if as_json else "\n".join(made["urls"]))
        click.echo("Open one of these within 15 minutes; it works once.", err=True)
        return
    found = call(obj.load(), "status", {})
    if as_json:
        click.echo(json.dumps(found))
        return
    # A daemon of another version may not tell.
    if (daemon := found.get("daemon")) is not None:
        well = "ok" if not daemon["problems"] else "degraded"
        click.echo(f"popbridge: {well}, running since {daemon['since']}")
        _tell(daemon["problems"])
    for one in found["accounts"]:
        _account(one)
    if not found["accounts"]:
        click.echo("There is no account yet: popbridge account add LOGIN --pop3 URL", err=True)


def _account(one: Mapping[str, Any]) -> None:
    checked, number = one["last_success"] or "never", one["number"]
    click.echo(
        f"{one['login']} (account {number}): {one['state']}, {one['messages']} messages,"
        f" last {checked}"
    )
    upstream = one["upstream"]
    for name in ("pending", "suspect", "odd", "poisoned", "too_large"):
        if upstream[name]:
            click.echo(f"    upstream: {upstream[name]} {name.replace('_', ' ')}")
    if upstream["delete_due"]:
        click.echo(f"    upstream: {upstream['delete_due']} to be deleted")
    if upstream["deleted"]:
        click.echo(f"    upstream: {upstream['deleted']} deleted")
    _tell(one["problems"])


def _tell(problems: Iterable[Mapping[str, str | None]]) -> None:
    for one in problems:
        since = f" since {one['since']}" if one["since"] else ""
        since = f" frozen{since}" if one["code"] == FrozenError.code else since
        click.echo(f"    {one['code']}{since}: {one['text']} {one['remedy']}".rstrip())
