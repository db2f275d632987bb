"""The global reactor, which nothing else names: running it, and what signals do to it."""

import signal
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")


def on_signals(reactor: Any, stopped: Any, reload: Callable[[], None]) -> None:
    """SIGTERM and SIGINT keep the promise `stopped`, SIGHUP calls `reload` in the reactor."""

    def stop(number: int, frame: object) -> None:
        reactor.callFromThread(stopped.succeed, None)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGHUP, lambda number, frame: reactor.callFromThread(reload))


async def finished(deferred: Any) -> None:
    """Waits for what Twisted returned: a Deferred or None."""
    if deferred is not None:
        await deferred


def run_reactor(main: Callable[[Any], Coroutine[Any, Any, T]]) -> T:
    """What `main` returns, run on the global reactor.

    Raises:
        BaseException: whatever `main` raises.
    """
    from twisted.internet import reactor as global_reactor

    reactor: Any = global_reactor
    # Twisted's timers go by the wall clock: set back by a year, it would end all polls for a year.
    reactor.seconds = time.monotonic
    outcome: list[T | Failure] = []

    def done(result: Any) -> None:
        outcome.append(result)
        # A failure at once comes before the reactor runs.
        reactor.callLater(0, reactor.stop)

    def begin() -> None:
        Deferred.fromCoroutine(main(reactor)).addBoth(done)

    reactor.callWhenRunning(begin)
    reactor.run(installSignalHandlers=False)
    result = outcome[0]
    if isinstance(result, Failure):
        assert result.value is not None
        raise result.value
    return result
