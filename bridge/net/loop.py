"""Twisted's reactor as the `Loop` that sync asks for."""

from collections.abc import Callable, Coroutine, Generator
from datetime import UTC, datetime
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

_log = Logger("popbridge.loop")


class DelayedCall(Protocol):
    """Of `IDelayedCall` what is used here."""

    def active(self) -> bool:
        """Whether the call is still to come."""
        ...

    def cancel(self) -> None:
        """Takes it back."""


class Timers(Protocol):
    """Of `IReactorTime` what is used here: the reactor, or `twisted.internet.task.Clock`."""

    def callLater(
        self, delay: float, callable: Callable[..., object], *args: object, **kw: object
    ) -> DelayedCall:
        """As Twisted's."""
        ...

    def seconds(self) -> float:
        """As Twisted's: a clock that timers go by."""
        ...


class _Cancel:
    def __init__(self, call: DelayedCall) -> None:
        self._call = call

    def cancel(self) -> None:
        if self._call.active():
            self._call.cancel()


class DeferredPromise:
    """A promise that any number may await, before and after it is kept."""

    def __init__(self) -> None:
        self._waiting: list[Deferred[Any]] = []
        self._value: tuple[Any] | None = None

    def succeed(self, value: Any) -> None:
        """Gives the value to all who wait."""
        self._value = (value,)
        waiting, self._waiting = self._waiting, []
        for deferred in waiting:
            deferred.callback(value)

    def __await__(self) -> Generator[Any, Any, Any]:
        if self._value is not None:
            return self._value[0]
        deferred: Deferred[Any] = Deferred()
        self._waiting.append(deferred)
        return (yield from deferred.__await__())


class ReactorLoop:
    """A `bridge.sync.port.Loop`."""

    def __init__(self, reactor: Timers) -> None:
        self._reactor = reactor

    def now(self) -> datetime:
        """As `Loop.now`."""
        return datetime.now(UTC)

    def later(self, seconds: float, call: Callable[[], None]) -> _Cancel:
        """As `Loop.later`."""
        return _Cancel(self._reactor.callLater(seconds, call))

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """As `Loop.spawn`."""
        Deferred.fromCoroutine(coroutine).addErrback(
            lambda failure: _log.failure("A task failed; this is a fault of popbridge", failure)
        )

    def promise(self) -> DeferredPromise:
        """As `Loop.promise`."""
        return DeferredPromise()
