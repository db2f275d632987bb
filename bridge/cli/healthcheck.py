"""`popbridge healthcheck`: for container engines and scripts that have no curl."""

from contextlib import suppress
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

import click

from bridge.errors import ConfigError, RefusedError, StoreError
from bridge.net.runfile import CONTROL, read_run_file

TIMEOUT_S = 10
"""Readiness takes milliseconds; who waits longer is as good as gone."""

_HERE = {"0.0.0.0": "127.0.0.1", "*": "127.0.0.1", "::": "[::1]"}


@click.command()
@click.pass_obj
def healthcheck(obj: Any) -> None:
    """Asks the daemon whether it serves mail; exit code 0 if it does."""
    settings = obj.load()
    running = read_run_file(settings.data / "run.json")
    if running is None and not (settings.data / CONTROL).exists():
        raise RefusedError("No popbridge runs with this data folder.", "Start `popbridge run`.")
    told = () if running is None else running.metrics
    # A daemon that started on a full disk could write no run.json, and serves mail.
    listeners = [*told, *(str(each) for each in settings.config.metrics.listen if each.port)]
    if not listeners:
        raise ConfigError(
            "The daemon has no listener to be asked at.", "Set [metrics] listen in popbridge.toml."
        )
    *others, last = dict.fromkeys(listeners)
    for listener in others:
        with suppress(RefusedError):
            click.echo(f"popbridge is {_asked(listener)}")
            return
    click.echo(f"popbridge is {_asked(last)}")


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
