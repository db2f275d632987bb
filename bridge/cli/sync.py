"""`popbridge sync`."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import click

from bridge.cli.call import call
from bridge.cli.policy import MAX_REASONS
from bridge.model.policy import volume


@click.command()
@click.argument("logins", nargs=-1, metavar="[LOGIN]...")
@click.option("--dry-run", is_flag=True, help="Only say what would be fetched and deleted.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def sync(obj: Any, logins: tuple[str, ...], dry_run: bool, as_json: bool) -> int:
    """Fetches now: the accounts named, or all. The exit code is that of the worst account."""
    progress = _Progress()
    results = call(obj.load(), "sync", {"logins": list(logins), "dry_run": dry_run}, progress.show)
    progress.end()
    if as_json:
        shown = [{**one, "error": _without_exit(one["error"])} for one in results]
        click.echo(json.dumps(shown))
    else:
        for one in results:
            click.echo(_sentence(one, dry_run))
            for line in _deletes(one):
                click.echo(f"    {line}")
    if not results:
        click.echo("There is no account to sync.", err=True)
    return max((one["error"]["exit"] for one in results if one["error"]), default=0)


def _sentence(one: dict[str, Any], dry_run: bool) -> str:
    if one["error"] is not None:
        error = one["error"]
        return f"{one['login']}: {error['code']} {error['text']} {error['remedy']}"
    verb = "would fetch" if dry_run else "fetched"
    size = f"{one['octets'] / 1e6:.1f} MB"
    return f"{one['login']}: {verb} {one['fetched']} of {one['listed']} messages listed, {size}"


def _deletes(one: dict[str, Any]) -> Iterator[str]:
    """What was deleted upstream, or would be and why."""
    if one["deleted"]:
        yield f"deleted {one['deleted']} messages at the provider"
    if one.get("frozen"):
        yield f"{one['frozen']['cause']} {one['frozen']['remedy']}"
    going = one.get("would_delete", ())
    if going:
        size = volume(sum(each["size"] for each in going))
        later = sum(not each["held"] for each in going)
        first = f", {later} of them once they are fetched" if later else ""
        yield f"would delete {len(going)} messages at the provider, {size}{first}"
    for reason, count in Counter(each["reason"] for each in going).most_common(MAX_REASONS):
        yield f"{count}: each {reason}"


def _without_exit(error: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if error is None else {k: v for k, v in error.items() if k != "exit"}


class _Progress:
    """A line on stderr that counts up on a terminal; elsewhere a line each tenth."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._open = False
        self._tenth: dict[str, int] = {}

    def show(self, progress: dict[str, Any]) -> None:
        login, total, done = progress["login"], progress["to_fetch"], progress["fetched"]
        text = f"{login}: {done} of {total} messages, {progress['octets'] / 1e6:.1f} MB"
        if self._terminal:
            click.echo(f"\r\x1b[K{text}", nl=False, err=True)
            self._open = True
        elif total and self._tenth.get(login) != (tenth := done * 10 // total):
            self._tenth[login] = tenth
            click.echo(text, err=True)

    def end(self) -> None:
        if self._open:
            click.echo(err=True)
