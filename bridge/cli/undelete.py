"""`popbridge undelete`."""

import json
from typing import Any

import click

from bridge.cli.call import call
from bridge.url import parse_duration


@click.command()
@click.argument("login")
@click.option("--since", metavar="1d", help="Only what was deleted so long ago at most.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def undelete(obj: Any, login: str, since: str | None, as_json: bool) -> None:
    """Brings back what mail programs of LOGIN deleted, as far as it is still kept.

    It is kept for [store] undelete. A message comes back to the mailbox that it was in last, or to
    INBOX if that is gone, with its flags; to mail programs it is new there.
    """
    since_s = None if since is None else parse_duration(since)
    found = call(obj.load(), "undelete", {"login": login, "since_s": since_s})
    if as_json:
        click.echo(json.dumps(found))
        return
    if not found["count"]:
        click.echo("Nothing was deleted that could be brought back.", err=True)
    for name, count in found["mailboxes"].items():
        click.echo(f"{name}: {count} messages are back")
