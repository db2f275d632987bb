"""`popbridge healthcheck`: for container engines and scripts that have no curl."""

from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

import click

from bridge.errors import ConfigError, RefusedError, StoreError
from bridge.net.runfile import read_run_file

TIMEOUT_S = 10
"""Readiness takes milliseconds; who waits longer is as good as gone."""

_HERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}


@click.command()
@click.pass_obj
def healthcheck(obj: Any) -> None:
    """Asks the daemon whether it serves mail; exit code 0 if it does."""
    running = read_run_file(obj.load().data / "run.json")
    if running is None:
        raise RefusedError("No popbridge runs with this data folder.", "Start `popbridge run`.")
    if not running.metrics:
        raise ConfigError(
            "The daemon has no listener to be asked at.", "Set [metrics] listen in popbridge.toml."
        )
    click.echo(f"popbridge is {_asked(running.metrics[0])}")


def _asked(listener: str) -> str:
    """What /readyz says, its lines joined.

    Raises:
        StoreError: the daemon doesn't serve mail.
        RefusedError: it doesn't answer.
    """
    found = urlsplit(listener)
    host = found.hostname or ""
    place = _HERE.get(host, f"[{host}]" if ":" in host else host)
    # The environment's proxy is no way to this machine.
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(f"http://{place}:{found.port}/readyz", timeout=TIMEOUT_S) as answer:
            return "; ".join(answer.read().decode().splitlines())
    except HTTPError as refusal:
        with refusal:
            reasons = "; ".join(refusal.read().decode("utf-8", "replace").splitlines())
        raise StoreError(f"popbridge is not ready: {reasons}", "Look at its log.") from None
    except OSError:
        raise RefusedError(
            f"popbridge doesn't answer at {listener}, where it should be.",
            "Look at its log; if it was killed, start it again.",
        ) from None
