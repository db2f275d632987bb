"""Every listener of the daemon: opened, watched, and opened again when it is down."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from bridge.admin.problems import ListenerState, Problem
from bridge.app.reactor import finished
from bridge.errors import BridgeError, ListenerDownError, PortInUseError
from bridge.net.listen import Listening, listen
from bridge.net.loop import ReactorLoop
from bridge.url import Listen

LOOK_S = 1.0
"""How often it is seen whether each still stands: a look at a flag."""

RETRY_S, RETRY_MAX_S = 1.0, 60.0
"""How long until a listener is tried again: twice as long each time, and how long at most."""

AGAIN = "It is tried again by itself."
PASSED_ON = "systemd opened it: restart its socket unit and popbridge."

_MAIL = ("imap", "imaps", "imap-proxy", "imaps-proxy")
_log = logging.getLogger("popbridge")


@dataclass(slots=True, kw_only=True)
class _Listener:
    kind: str
    where: Listen | None
    """None where systemd passed the socket: only a restart gives another."""
    factory: Any
    ports: list[Listening] = field(default_factory=list)
    stood: list[str] = field(default_factory=list)
    """Where it accepted connections before it went down."""
    down_since: datetime | None = None
    error: BridgeError | None = None
    retry_s: float = 0.0
    """How long until it is tried the next time; 0 before the first time."""

    def urls(self) -> list[str]:
        """Its addresses while it stands, else what it is to be."""
        return [one.url for one in self.ports] or self.stood or [str(self.where)]


class Listeners:
    """All listeners, by kind.

    Args:
        reactor, loop: Twisted's, and its clock and timers.
        changed: called when one came up or went down after `settle`.
    """

    def __init__(self, reactor: Any, loop: ReactorLoop, changed: Callable[[], None]) -> None:
        self._reactor = reactor
        self._loop = loop
        self._changed = changed
        self._all: list[_Listener] = []
        self._settled = self._stopped = False

    async def open(self, kind: str, where: Listen, factory: Any) -> None:
        """Opens a listener; one whose port is taken is tried again once all is `settle`d.

        Raises:
            ConfigError: the machine has no such address.
        """
        one = _Listener(kind=kind, where=where, factory=factory)
        self._all.append(one)
        try:
            one.ports = await listen(self._reactor, where, factory)
        except PortInUseError as error:
            self._went_down(one, error)

    def adopted(self, kind: str, ports: list[Listening]) -> None:
        """Takes over what listens already."""
        self._all.append(_Listener(kind=kind, where=None, factory=None, ports=ports))

    def settle(self) -> None:
        """All were opened; from here on they are watched.

        Raises:
            PortInUseError: no listener for mail could be opened, or none at all.
        """
        wanted = [one for one in self._all if one.kind in _MAIL] or self._all
        errors = [one.error for one in wanted if one.error is not None]
        if errors and len(errors) == len(wanted):
            raise errors[0]
        self._settled = True
        for one in self._all:
            if one.error is not None:
                _log.error(
                    "A listener couldn't be opened: %s %s %s", one.error.code, one.error, AGAIN
                )
                self._retry_later(one)
        self._look()

    def urls(self, *kinds: str) -> list[str]:
        """Where listeners of these kinds accept connections, with real addresses and ports."""
        return [port.url for one in self._all if one.kind in kinds for port in one.ports]

    def states(self) -> tuple[ListenerState, ...]:
        """Each address, and what is wrong with it."""
        return tuple(
            ListenerState(kind=one.kind, url=url, problem=_problem(one))
            for one in self._all
            for url in one.urls()
        )

    async def stop(self) -> None:
        """Accepts nothing any more, and tries nothing again."""
        self._stopped = True
        for one in self._all:
            await _close(one.ports)

    def _look(self) -> None:
        if self._stopped:
            # They are closed, and not lost.
            return
        for one in self._all:
            # Of one that Twisted had to give up the port says that it isn't connected.
            if one.down_since is None and not all(_stands(port) for port in one.ports):
                self._loop.spawn(self._lost(one))
        self._loop.later(LOOK_S, self._look)

    async def _lost(self, one: _Listener) -> None:
        url = next(port.url for port in one.ports if not _stands(port))
        remedy = PASSED_ON if one.where is None else ListenerDownError.advice
        error = ListenerDownError(f"{url} accepts no connections any more.", remedy)
        if one.where is not None:
            # Mail apps know the port, also one that was any that is free.
            one.where = replace(one.where, port=int(url.rpartition(":")[2]))
        self._went_down(one, error)
        one.stood = one.urls()
        ports, one.ports = one.ports, []
        await _close(ports)
        _log.error("A listener is down: %s %s", error.code, error)
        self._changed()
        self._retry_later(one)

    def _went_down(self, one: _Listener, error: BridgeError) -> None:
        one.error, one.down_since = error, self._loop.now()

    def _retry_later(self, one: _Listener) -> None:
        if one.where is not None:
            one.retry_s = min(2 * one.retry_s or RETRY_S, RETRY_MAX_S)
            self._loop.later(one.retry_s, lambda: self._loop.spawn(self._retry(one)))

    async def _retry(self, one: _Listener) -> None:
        if self._stopped or one.where is None:
            return
        try:
            ports = await listen(self._reactor, one.where, one.factory)
        except BridgeError as error:
            # Its address may have gone with a network; it is as down as it was.
            one.error = error
            self._retry_later(one)
            return
        if self._stopped:
            await _close(ports)
            return
        one.ports, one.error, one.down_since, one.retry_s = ports, None, None, 0.0
        _log.info("%s accepts connections again", ", ".join(one.urls()))
        self._changed()


def _stands(listening: Listening) -> bool:
    port: Any = listening.port
    return bool(port.connected)


def _problem(one: _Listener) -> Problem | None:
    if one.error is None:
        return None
    # What to do about a taken port; what became of one that stood is in its error.
    again = "" if isinstance(one.error, ListenerDownError) else f" {AGAIN}"
    return Problem(
        title="A listener is down",
        code=one.error.code,
        text=one.error.text,
        since=one.down_since,
        remedy=one.error.remedy + again,
    )


async def _close(ports: Sequence[Listening]) -> None:
    for one in ports:
        await finished(one.port.stopListening())
