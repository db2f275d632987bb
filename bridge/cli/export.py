"""`popbridge export`."""

import json
from pathlib import Path
from typing import Any

import click

from bridge.archive.names import FORMATS
from bridge.cli.call import call
from bridge.cli.progress import Line
from bridge.errors import Exit


@click.command()
@click.argument("login")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--format", "form", required=True, type=click.Choice(FORMATS))
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def export(obj: Any, login: str, folder: Path, form: str, as_json: bool) -> int:
    """Writes all mail of LOGIN to DIR; again, it adds what is missing there."""
    line = Line()

    def told(progress: dict[str, Any]) -> None:
        done = progress["written"] + progress["there"]
        line.show(f"exporting {done} of {progress['total']} messages")

    where = str(folder.expanduser().absolute())
    try:
        result = call(obj.load(), "export", {"login": login, "folder": where, "format": form}, told)
    finally:
        line.end()
    if as_json:
        click.echo(json.dumps(result))
    else:
        click.echo(
            f"{result['login']}: {result['written']} messages written,"
            f" {result['octets'] / 1e6:.1f} MB; {result['there']} were there."
        )
    if result["damaged"]:
        click.echo(
            f"{result['damaged']} messages are not what arrived: `popbridge verify` names them.",
            err=True,
        )
    return Exit.DATA if result["damaged"] else Exit.OK
