"""`popbridge account apply`."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from bridge.admin.accounts_file import Spec, read_accounts
from bridge.cli.call import Ask, converse
from bridge.cli.secret import confirmed, has_terminal, read_secret
from bridge.errors import AccountsFileError, UsageError

_DONE = {"add": "added", "change": "changed", "remove": "removed"}
_NOTHING = "There is nothing to change."


@click.command("apply")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--prune", is_flag=True, help="Remove accounts that FILE doesn't name.")
@click.option("--dry-run", is_flag=True, help="Show what would change; change nothing.")
@click.option("--yes", is_flag=True, help="Answer every question with yes.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def apply(obj: Any, file: Path, prune: bool, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Makes the accounts be what the TOML file FILE says; docs/accounts.md has its keys.

    All of FILE is checked before anything changes. Nobody logs in upstream for it: `popbridge
    status` tells how the first syncs went. Applying it again changes nothing.
    """
    settings = obj.load()
    specs = [_with_password(spec) for spec in _read(file)]

    async def talk(ask: Ask) -> Any:
        asked = {"accounts": specs, "prune": prune}
        planned = await ask("account apply", {**asked, "dry_run": True})
        if dry_run or not planned["changes"] or not (yes or _agreed(planned["changes"])):
            return planned, False
        return await ask("account apply", {**asked, "dry_run": False}), True

    result, done = converse(settings, "account apply", talk)
    for warning in result["warnings"]:
        click.echo(f"Warning: {warning}", err=True)
    if as_json:
        click.echo(json.dumps({"changes": result["changes"], "applied": done}))
        return
    for change in result["changes"]:
        click.echo(_line(change, done))
    if not result["changes"]:
        click.echo(_NOTHING)
    elif not done:
        click.echo("Nothing was changed.", err=True)


def _read(file: Path) -> list[Spec]:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file} can't be read: {error.strerror}.", "Name a TOML file.") from None
    except UnicodeDecodeError:
        raise AccountsFileError(f"{file} is not UTF-8 text.", "Save it as UTF-8.") from None
    return read_accounts(text, file.absolute().parent)


def _with_password(spec: Spec) -> Spec:
    """The account with the IMAP password itself, which is kept as a verifier only."""
    source = spec.pop("password_from", None)
    if source is None:
        return spec
    what = f"IMAP password of {spec['login']}"
    try:
        if source["kind"] == "env":
            spec["password"] = os.environ[source["value"]]
        else:
            spec["password"] = read_secret(source["value"], what, ask=False)
    except KeyError:
        raise AccountsFileError(
            f"The {what}: there is no variable {source['value']}.",
            "Set it, then apply the file again.",
        ) from None
    except UsageError as error:
        raise AccountsFileError(error.text, error.remedy) from None
    return spec


def _agreed(changes: Sequence[Mapping[str, Any]]) -> bool:
    """Whether what can't be taken back is wanted; without any of it nobody is asked."""
    removed = [change["login"] for change in changes if change["change"] == "remove"]
    deleting = [change["login"] for change in changes if change["deletes"]]
    said = []
    if removed:
        said.append(f"removes {', '.join(removed)} with all mail of theirs here")
    if deleting:
        said.append(f"begins to delete mail at the provider of {', '.join(deleting)}")
    if not said:
        return True
    warning = f"This {' and '.join(said)}."
    if not has_terminal():
        raise UsageError(warning, "Say --yes to do it, or --dry-run to see all of it.")
    click.echo(warning, err=True)
    return confirmed("Apply it?")


def _line(change: Mapping[str, Any], done: bool) -> str:
    verb = str(change["change"])
    line = f"{change['login']}: {_DONE[verb] if done else f'would {verb}'}"
    if change["texts"]:
        line += f": {'; '.join(change['texts'])}"
    if change["password"] is not None:
        line += f"; its IMAP password, shown this once: {change['password']}"
    return line
