"""`popbridge device add|list|revoke`: a password for each device of an account."""

import json
from collections.abc import Mapping
from typing import Any

import click

from bridge.cli.call import Ask, call, converse
from bridge.cli.secret import confirmed, has_terminal
from bridge.errors import StoreFullError, UsageError


@click.group()
def device() -> None:
    """Passwords, one for each phone or program that reads an account."""


@device.command("add")
@click.argument("login")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def add(obj: Any, login: str, name: str | None, as_json: bool) -> None:
    """Makes a password for another device of LOGIN, and prints it once.

    NAME tells devices apart: phone, laptop. Without one, device or device 2 and so on is taken.
    """
    made = call(obj.load(), "device add", {"login": login, "name": name})
    try:
        click.echo(json.dumps(made) if as_json else _added(made))
    except OSError as error:
        raise StoreFullError(
            f"The device {made['name']} was added, but its password can't be written to standard"
            f" output: {error.strerror}.",
            "Revoke it, then add it again.",
        ) from error
    if not as_json:
        click.echo(f"What to type into its mail app: popbridge settings {made['login']}", err=True)


def _added(made: Mapping[str, Any]) -> str:
    return (
        f"Added {made['name']} to {made['login']}.\n"
        f"Its password, shown this once: {made['password']}"
    )


@device.command("list")
@click.argument("login")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_command(obj: Any, login: str, as_json: bool) -> None:
    """Lists the devices of LOGIN: name, when it was made, when it was last connected."""
    devices = call(obj.load(), "device list", {"login": login})
    if as_json:
        click.echo(json.dumps(devices))
        return
    for one in devices:
        used = "connected now" if one["connected"] else one["last_used"] or "never"
        click.echo(f"{one['name']}\t{one['made'] or '-'}\t{used}")
    if not devices:
        click.echo(f"There is none: popbridge device add {login} NAME", err=True)


@device.command("revoke")
@click.argument("login")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def revoke(obj: Any, login: str, name: str, yes: bool, as_json: bool) -> None:
    """Takes the password of the device NAME back, and ends its sessions.

    What its mail app has copied stays there.
    """

    async def talk(ask: Ask) -> Any:
        if not yes and not _agreed(login, name, await ask("device list", {"login": login})):
            return None
        return await ask("device revoke", {"login": login, "name": name})

    result = converse(obj.load(), "device revoke", talk)
    if result is None:
        click.echo("Nothing was changed.", err=True)
        return
    click.echo(json.dumps(result) if as_json else f"Revoked {result['name']}.")


def _agreed(login: str, name: str, devices: list[Mapping[str, Any]]) -> bool:
    """What is answered; one that isn't there need not be asked about."""
    found = next((one for one in devices if one["name"] == name), None)
    if found is None:
        return True
    used = f"last used {found['last_used']}" if found["last_used"] else "never used"
    now = f"connected now, {found['connected']} sessions" if found["connected"] else used
    warning = f"{name} of {login} ({now}) can't log in any more then."
    if len(devices) == 1:
        warning += " It is the last one: nobody can until you add another."
    if not has_terminal():
        raise UsageError(warning, "Say --yes to do it.")
    click.echo(warning, err=True)
    return confirmed("Revoke it?")
