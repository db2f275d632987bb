"""Twisted's reactor for tests: one thread runs it for the whole session."""

import atexit
from collections.abc import Callable, Coroutine
from threading import Event, Lock, Thread
from typing import Any, TypeVar

from twisted.internet import reactor as twisted_reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import blockingCallFromThread

T = TypeVar("T")
STOP_S = 60
RUN_S = 120
reactor: Any = twisted_reactor
_lock = Lock()
_started: list[Thread] = []


def start() -> None:
    """Starts the reactor; again is harmless."""
    with _lock:
        if _started:
            return
        running = Event()
        reactor.callWhenRunning(running.set)
        thread = Thread(
            target=reactor.run,
            kwargs={"installSignalHandlers": False},
            name="reactor",
            daemon=True,
        )
        thread.start()
        assert running.wait(STOP_S)
        _started.append(thread)
        atexit.register(_stop)


def run(make: Callable[[], Coroutine[Any, Any, T]], timeout: float = RUN_S) -> T:
    """What the coroutine returns or raises, run in the reactor's thread."""
    start()
    result: T = blockingCallFromThread(
        reactor, lambda: Deferred.fromCoroutine(make()).addTimeout(timeout, reactor)
    )
    return result


def _stop() -> None:
    reactor.callFromThread(reactor.stop)
    _started[0].join(STOP_S)
