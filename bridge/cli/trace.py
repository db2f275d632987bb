"""`popbridge trace`."""

import json
from typing import Any

import click

from bridge.cli.call import call


@click.command()
@click.argument("login")
@click.argument("message", metavar="UID|MESSAGE-ID|UIDL")
@click.option("--mailbox", metavar="M", help="Of the UID; else INBOX.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def trace(obj: Any, login: str, message: str, mailbox: str | None, as_json: bool) -> None:
    """Tells the story of a message: listed, retrieved, stored, expunged, deleted, and why."""
    asked = {"login": login, "what": message, "mailbox": mailbox}
    found = call(obj.load(), "trace", asked)
    if as_json:
        click.echo(json.dumps(found))
        return
    for number, one in enumerate(found["messages"]):
        if number:
            click.echo()
        click.echo(_title(one))
        for entry in one["story"]:
            click.echo(f"{entry['at']}  {entry['text']}")
        for sentence in one["now"]:
            click.echo(sentence)


def _title(one: dict[str, Any]) -> str:
    known = [one["message_id"]] if one["message_id"] else []
    known += [f"UIDL {one['uidl']}"] if one["uidl"] else []
    known += [f"({one['size']:,} octets)"] if one["size"] is not None else []
    return " ".join(known) or "A message without Message-ID and UIDL"
