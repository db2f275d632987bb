"""The composition root: puts the parts together and runs them."""

import gc
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred

from bridge import logs
from bridge.admin.origin import Origin
from bridge.admin.syncing import Report
from bridge.app.core import Core
from bridge.app.daemon import Daemon
from bridge.app.process import prepare_process
from bridge.app.reactor import on_signals, run_reactor
from bridge.config import Config
from bridge.errors import BridgeError
from bridge.net.activation import NONE_PASSED, Passed

T = TypeVar("T")
Ask = Callable[[str, Mapping[str, Any]], Coroutine[Any, Any, Any]]
"""Performs the operation of that name with these arguments."""

_log = logging.getLogger("popbridge")


def run(
    data: Path,
    settings: Config,
    reload: Callable[[], Any],
    ready: Callable[[list[str]], None],
    passed: Passed = NONE_PASSED,
) -> None:
    """The daemon; returns when it was told to stop.

    Args:
        data: the folder, which exists.
        settings: the configuration.
        reload: reads the settings again; its result has `.config`.
        ready: told the addresses.
        passed: sockets that systemd opened.

    Raises:
        BridgeError: it couldn't start.
    """
    prepare_process()
    logs.set_up(settings.log.level, settings.log.format)

    async def main(reactor: Any) -> None:
        core = Core(reactor, data, settings, "popbridge run")
        daemon = Daemon(core, passed)
        stopped = core.loop.promise()
        on_signals(reactor, stopped, lambda: _reload(daemon, reload))
        try:
            ready(await daemon.start())
            await stopped
        finally:
            await daemon.stop()
            core.close()

    run_reactor(main)


def converse(
    data: Path, settings: Config, name: str, talk: Callable[[Ask], Awaitable[T]], report: Report
) -> T:
    """What `talk` returns, which asks for operations on a store that no daemon holds.

    The reactor runs only once in a process, so all operations of a command are one conversation.

    Raises:
        StoreLockedError: another command holds the store; or whatever `talk` raises.
        KeyboardInterrupt: SIGINT came.
    """
    # The daemon starts without them.
    from bridge.admin.operations import perform as perform_operation

    prepare_process()
    # The command tells its outcome itself; the rest is for who looks for a fault.
    debug = os.environ.get("POPBRIDGE_DEBUG")
    logs.set_up("debug" if debug else logs.OFF, settings.log.format)

    async def main(reactor: Any) -> T:
        core = Core(reactor, data, settings, f"popbridge {name}")
        # What is here stays. To look through it now and then would take a long sync 50 ms a time.
        gc.freeze()

        async def ask(operation: str, arguments: Mapping[str, Any]) -> Any:
            return await perform_operation(core.admin, operation, arguments, report, Origin.OWNER)

        async def talked() -> T:
            return await talk(ask)

        outcome = Deferred.fromCoroutine(talked())
        # The reactor would swallow the KeyboardInterrupt that Python raises.
        signal.signal(signal.SIGINT, lambda *_: reactor.callFromThread(outcome.cancel))
        try:
            return await outcome
        except CancelledError:
            raise KeyboardInterrupt from None
        finally:
            core.close()

    return run_reactor(main)


def _reload(daemon: Daemon, reload: Callable[[], Any]) -> None:
    try:
        daemon.reload(reload().config)
    except BridgeError as error:
        _log.error("Nothing was loaded again: %s %s", error.code, error)
