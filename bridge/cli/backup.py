"""`popbridge backup`."""

import json
from pathlib import Path
from typing import Any

import click

from bridge.cli.call import call
from bridge.cli.progress import Line


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--keep", type=int, metavar="N", help="Remove all but the N newest afterwards.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def backup(obj: Any, folder: Path, keep: int | None, as_json: bool) -> None:
    """Copies the whole store to a new folder below DIR, while mail is served."""
    settings = obj.load()
    tls, line = settings.config.tls, Line()
    request = {
        "folder": str(folder.expanduser().absolute()),
        "keep": keep,
        "config_file": str(settings.config_file.absolute()),
        "certificates": [str(settings.data / name) for name in (tls.certificate, tls.key) if name],
    }
    try:
        made = call(settings, "backup", request, lambda progress: line.show(_told(progress)))
    finally:
        line.end()
    if as_json:
        click.echo(json.dumps(made))
        return
    click.echo(f"{made['folder']}: {made['messages']} messages, {made['octets'] / 1e6:.1f} MB")


def _told(progress: dict[str, Any]) -> str:
    if progress["doing"] != "copying" or not progress["total"]:
        return f"{progress['doing']}..."
    return f"copying: {progress['copied'] / 1e6:.0f} of {progress['total'] / 1e6:.0f} MB"
