"""`popbridge verify`."""

import json
import sys
from typing import Any

import click

from bridge.cli.call import call
from bridge.errors import DamageFoundError

_LISTED = {
    "held": "held",
    "expunged": "expunged by a mail program, and not to come back",
    "suspect": "held, suspect: looked at again later",
    "odd": "held, odd: never deleted upstream",
    "poisoned": "poisoned: can't be retrieved",
    "too_large": "too large",
    "elsewhere": "fetched by another program, as an import told",
    "pending": "not fetched yet",
    "ambiguous": "without UIDL: only fetching tells whether they are held",
    "unaccounted": "NOT ACCOUNTED FOR",
}
_GONE = {
    "deleted": "deleted by popbridge",
    "held": "held here, and gone there without popbridge",
    "expunged": "expunged here, and gone there without popbridge",
    "never_held": "gone before they could be fetched",
    "elsewhere": "fetched by another program",
    "unaccounted": "NOT ACCOUNTED FOR",
}


@click.command()
@click.argument("logins", nargs=-1, metavar="[LOGIN]...")
@click.option("--upstream", is_flag=True, help="Account for every message the provider lists.")
@click.option("--deep", is_flag=True, help="Also work out again what mail programs are told.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def verify(obj: Any, logins: tuple[str, ...], upstream: bool, deep: bool, as_json: bool) -> int:
    """Hashes every message again and checks what the store says of itself; changes nothing."""
    progress = _Progress()
    asked = {"logins": list(logins), "upstream": upstream, "deep": deep}
    found = call(obj.load(), "verify", asked, progress.show)
    progress.end()
    if as_json:
        click.echo(json.dumps(_without_exits(found)))
    else:
        _tell(found)
    count = len(found["findings"]) + found["more"]
    if count:
        things = "1 thing is" if count == 1 else f"{count} things are"
        raise DamageFoundError(f"{things} not as it must be.", DamageFoundError.advice)
    errors = [one["error"] for one in found["upstream"] or () if one["error"]]
    return max((error["exit"] for error in errors), default=0)


def _tell(found: dict[str, Any]) -> None:
    seconds = max(found["seconds"], 0.001)
    speed = f"{found['octets'] / 1e6:,.1f} MB in {seconds:.1f} s"
    click.echo(
        f"Checked {found['messages']:,} messages, {speed}"
        f" ({found['octets'] / 1e6 / seconds:,.0f} MB/s)."
    )
    for one in found["findings"]:
        click.echo(f"{_where(one)}: {one['text']}. {one['meaning']} {one['remedy']}")
    if found["more"]:
        click.echo(f"and {found['more']:,} findings more.")
    for one in found["upstream"] or ():
        _balance(one)


def _where(one: dict[str, Any]) -> str:
    parts = [one["login"] or "store"]
    parts += [one["mailbox"]] if one["mailbox"] else []
    parts += [f"UID {one['uid']}"] if one["uid"] is not None else []
    parts += [f"UIDL {one['uidl']}"] if one["uidl"] else []
    return " ".join(parts)


def _balance(one: dict[str, Any]) -> None:
    if one["error"] is not None:
        error = one["error"]
        click.echo(f"{one['login']}: {error['code']} {error['text']} {error['remedy']}")
        return
    click.echo(f"{one['login']}: the provider lists {one['listed']:,} messages")
    for name, words in _LISTED.items():
        if name in one["messages"]:
            click.echo(f"{one['messages'][name]:>12,}  {words}")
    click.echo(f"{sum(one['messages'].values()):>12,}  in all")
    if one["gone"]:
        click.echo(f"{one['login']}: and no longer lists {sum(one['gone'].values()):,}")
    for name, words in _GONE.items():
        if name in one["gone"]:
            click.echo(f"{one['gone'][name]:>12,}  {words}")


def _without_exits(found: dict[str, Any]) -> dict[str, Any]:
    upstream = found["upstream"]
    if upstream is not None:
        upstream = [{**one, "error": _without_exit(one["error"])} for one in upstream]
    return {**found, "upstream": upstream}


def _without_exit(error: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if error is None else {k: v for k, v in error.items() if k != "exit"}


class _Progress:
    """A line on stderr that counts up on a terminal; elsewhere a line each tenth."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._open = False
        self._tenth = 0

    def show(self, progress: dict[str, Any]) -> None:
        done, total = progress["checked"], progress["of"]
        text = f"{done:,} of {total:,} messages checked, {progress['octets'] / 1e6:,.1f} MB"
        if progress["findings"]:
            text += f", {progress['findings']:,} findings"
        if self._terminal:
            click.echo(f"\r\x1b[K{text}", nl=False, err=True)
            self._open = True
        elif total and self._tenth != (tenth := done * 10 // total):
            self._tenth = tenth
            click.echo(text, err=True)

    def end(self) -> None:
        if self._open:
            click.echo(err=True)
