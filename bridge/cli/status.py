"""`popbridge status`."""

import json
from typing import Any

import click

from bridge.cli.call import call


@click.command()
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def status(obj: Any, as_json: bool) -> None:
    """Says how each account is."""
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
