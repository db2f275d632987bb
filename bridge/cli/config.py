"""`popbridge config example|check|show`."""

from typing import Any

import click

from bridge import config as configuration


@click.group()
def config() -> None:
    """The configuration file."""


@config.command("example")
def example() -> None:
    """Prints a popbridge.toml with every key at its default."""
    click.echo(configuration.example(), nl=False)


@config.command("check")
@click.pass_obj
def check(obj: Any) -> None:
    """Reads the configuration and says whether it is right."""
    settings = obj.load()
    found = settings.config_file if settings.config_file.exists() else "no file: all defaults"
    click.echo(f"The configuration is right ({found}).")


@config.command("show")
@click.pass_obj
def show(obj: Any) -> None:
    """Prints the configuration that applies."""
    click.echo(configuration.show(obj.load().config), nl=False)
