"""`popbridge import`."""

import json
from pathlib import Path
from typing import Any

import click

from bridge.cli.call import call
from bridge.cli.progress import Line
from bridge.errors import Exit

SHOWN = 10
"""Files that can't be read, by name."""


@click.command("import")
@click.argument("login")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--into", metavar="MAILBOX", help="Import into it, and below it.")
@click.option(
    "--uidls",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Of getmail, mpop or fetchmail: what that has fetched isn't fetched again.",
)
@click.option("--uidls-from", metavar="USER@HOST", help="Which mailbox of those in FILE.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def import_command(
    obj: Any,
    login: str,
    path: Path | None,
    into: str | None,
    uidls: Path | None,
    uidls_from: str | None,
    as_json: bool,
) -> int:
    """Adds the mail at PATH to LOGIN: a Maildir, an mbox file, .eml files, or a tree of them.

    What is there already isn't added again.
    """
    line = Line()

    def told(progress: dict[str, Any]) -> None:
        done = progress["messages"] + progress["known"]
        line.show(f"importing into {progress['mailboxes'][-1]}: {done} messages")

    request = {
        "login": login,
        "path": _absolute(path),
        "into": into,
        "uidls": _absolute(uidls),
        "uidls_from": uidls_from,
    }
    try:
        result = call(obj.load(), "import", request, told)
    finally:
        line.end()
    if as_json:
        click.echo(json.dumps(result))
    else:
        for sentence in _sentences(result, path):
            click.echo(sentence)
    for name in result["unreadable"][:SHOWN]:
        click.echo(f"{name} can't be read.", err=True)
    return Exit.DATA if result["unreadable"] else Exit.OK


def _absolute(path: Path | None) -> str | None:
    return None if path is None else str(path.expanduser().absolute())


def _sentences(result: dict[str, Any], path: Path | None) -> list[str]:
    said = []
    if result["uidls"] is not None:
        uidls = result["uidls"]
        said.append(
            f"{result['login']}: {uidls['added']} messages that {uidls['program']} has fetched"
            f" won't be fetched again, nor deleted upstream; {uidls['known']} were known."
        )
    if path is not None:
        said.append(
            f"{result['login']}: {result['messages']} messages added to"
            f" {len(result['mailboxes'])} mailboxes, {result['octets'] / 1e6:.1f} MB;"
            f" {result['known']} were there, {result['empty']} empty."
        )
    if result["unreadable"]:
        said.append(f"{len(result['unreadable'])} files can't be read.")
    return said
