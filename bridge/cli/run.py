"""`popbridge run`."""

import logging
import os
from typing import Any

import click

from bridge.cli.settings import make_data
from bridge.net.activation import passed_sockets

_log = logging.getLogger("popbridge")


@click.command()
@click.pass_obj
def run(obj: Any) -> None:
    """Runs the daemon in the foreground: IMAP, sync, metrics."""
    # Before Twisted is imported, which takes systemd's variables away.
    passed = passed_sockets(os.environ)
    # Slow to import, and needed only here.
    from bridge import app

    settings = obj.load()
    make_data(settings.data)

    def ready(addresses: list[str]) -> None:
        if settings.config.log.format == "json":
            # What reads the log expects nothing but objects there.
            _log.info("popbridge is ready: %s", " ".join(addresses))
        else:
            click.echo(f"popbridge is ready: {' '.join(addresses)}", err=True)

    app.run(settings.data, settings.config, obj.load, ready, passed)
