"""Performs an operation: through the daemon that runs, or with the store to ourselves."""

import json
import socket
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from bridge.cli.settings import Settings, make_data
from bridge.errors import BridgeError, Exit, NotRunningError, StoreLockedError
from bridge.net.runfile import CONTROL, read_run_file

T = TypeVar("T")
Report = Callable[[dict[str, object]], None]
Ask = Callable[[str, Mapping[str, Any]], Coroutine[Any, Any, Any]]
"""Performs the operation of that name with these arguments."""


class RemoteError(BridgeError):
    """An error that the daemon told us of."""

    def __init__(self, form: Mapping[str, Any]) -> None:
        super().__init__(str(form["text"]), str(form["remedy"]))
        self.code = str(form["code"])
        self.exit = Exit(int(form["exit"]))


def call(
    settings: Settings,
    operation: str,
    arguments: Mapping[str, Any],
    report: Report = lambda progress: None,
) -> Any:
    """What the operation returns.

    Raises:
        BridgeError: it failed, here or in the daemon.
    """
    return converse(settings, operation, lambda ask: ask(operation, arguments), report)


def ask_daemon(settings: Settings, operation: str, arguments: Mapping[str, Any]) -> Any:
    """What the daemon that runs answers; no other will do.

    Raises:
        NotRunningError: none runs.
        BridgeError: it failed there.
    """
    connection = _connect(settings.data)
    if connection is None:
        raise NotRunningError("No daemon runs here.", "Start it: popbridge run.")
    with connection:
        return _ask(connection, operation, arguments, lambda progress: None)


def converse(
    settings: Settings,
    name: str,
    talk: Callable[[Ask], Coroutine[Any, Any, T]],
    report: Report = lambda progress: None,
) -> T:
    """What `talk` returns, which asks for several operations.

    Args:
        settings: where the data are.
        name: the command's, for whoever finds the store in use.
        talk: called once; awaits nothing but what it asks for.
        report: told of progress.

    Raises:
        BridgeError: an operation failed, here or in the daemon; or whatever `talk` raises.
    """
    first = _connect(settings.data)
    if first is not None:
        waiting = [first]

        async def ask(operation: str, arguments: Mapping[str, Any]) -> Any:
            connection = waiting.pop() if waiting else _connect(settings.data)
            if connection is None:
                raise _ended()
            with connection:
                return _ask(connection, operation, arguments, report)

        return at_once(talk(ask))
    # Slow to import, and needed only here.
    from bridge import app

    make_data(settings.data)
    return app.converse(settings.data, settings.config, name, talk, report)


def at_once(talk: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns that has nothing to wait for."""
    try:
        talk.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("the daemon's answers are read at once")


def _ended() -> StoreLockedError:
    return StoreLockedError(
        "The daemon ended before it had answered.", "Look at its log, then try again."
    )


def _connect(data: Path) -> socket.socket | None:
    """The daemon's socket, or None if none runs; one that was killed leaves its run.json."""
    running = read_run_file(data / "run.json")
    # A daemon that started on a full disk could write no run.json.
    place = str(data / CONTROL) if running is None else running.control
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(place)
    except OSError:
        connection.close()
        return None
    return connection


def _ask(
    connection: socket.socket, operation: str, arguments: Mapping[str, Any], report: Report
) -> Any:
    request = {"operation": operation, "arguments": dict(arguments)}
    for answer in _answers(connection, json.dumps(request).encode() + b"\n"):
        if "progress" in answer:
            report(answer["progress"])
        elif "error" in answer:
            raise RemoteError(answer["error"])
        else:
            return answer["result"]
    raise _ended()


def _answers(connection: socket.socket, request: bytes) -> Iterator[dict[str, Any]]:
    """What the daemon says until it has said all; one that is killed may leave half a line."""
    with suppress(OSError, ValueError):
        connection.sendall(request)
        with connection.makefile("rb") as lines:
            yield from map(json.loads, lines)
