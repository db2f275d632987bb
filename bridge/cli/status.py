"""`popbridge status`."""

import json
from typing import Any

import click

from bridge.cli.call import ask_daemon, call


@click.command()
@click.option("--json", "as_json", is_flag=True)
@click.option("--link", is_flag=True, help="Print a link that signs one browser in to the page.")
@click.pass_obj
def status(obj: Any, as_json: bool, link: bool) -> None:
    """Says how each account is."""
    if link:
        made = ask_daemon(obj.load(), "web link", {})
        click.echo(json.dumps(made) if as_json else "\n".join(made["urls"]))
        click.echo("Open one of these within 15 minutes; it works once.", err=True)
        return
    found = call(obj.load(), "status", {})
    if as_json:
        click.echo(json.dumps(found))
        return
    for one in found["accounts"]:
        checked = one["last_success"] or "never"
        click.echo(f"{one['login']}: {one['state']}, {one['messages']} messages, last {checked}")
        upstream = one["upstream"]
        for name in ("pending", "suspect", "odd", "poisoned", "too_large"):
            if upstream[name]:
                click.echo(f"    upstream: {upstream[name]} {name.replace('_', ' ')}")
        if upstream["delete_due"]:
            click.echo(f"    upstream: {upstream['delete_due']} to be deleted")
        if upstream["deleted"]:
            click.echo(f"    upstream: {upstream['deleted']} deleted")
        if frozen := one.get("frozen"):
            text = f"{frozen['cause']} {frozen['remedy']}"
            click.echo(f"    frozen since {frozen['since']}: {text}")
        if one["error"] is not None and not (frozen and one["error"]["text"] == frozen["cause"]):
            error = one["error"]
            click.echo(f"    {error['code']} {error['text']} {error['remedy']}")
    if not found["accounts"]:
        click.echo("There is no account yet: popbridge account add LOGIN --pop3 URL", err=True)
