"""The IMAP listeners: as configured, or on sockets that systemd passed on."""

import socket
from collections.abc import Sequence
from typing import Any

from twisted.protocols.tls import TLSMemoryBIOFactory

from bridge.app.core import Core
from bridge.app.listeners import Listeners
from bridge.config import ImapConfig
from bridge.net.activation import Passed
from bridge.net.imap import ImapFactory
from bridge.net.listen import adopt
from bridge.net.proxy import ProxyFactory
from bridge.session.port import Services

PROXY = "-proxy"
"""Ends the name of a passed socket on which proxies connect."""

DIRECT, PROXIED = ("imap", "imaps"), ("imap-proxy", "imaps-proxy")
"""Kinds of listeners: where clients connect, and where proxies do."""


class ImapListeners:
    """Opens the listeners and ends their sessions; who made it stops `listeners`.

    Args:
        core: reactor and metrics.
        services: what sessions share.
        context: the TLS context.
        listeners: what they are opened by.
    """

    def __init__(self, core: Core, services: Services, context: Any, listeners: Listeners) -> None:
        self._core = core
        self._listeners = listeners
        self._services = services
        self._context = context
        self._factories: list[ImapFactory] = []

    async def open(self, chosen: ImapConfig, passed: Passed) -> None:
        """Opens them all. A passed socket takes the place of all listeners of its kind.

        Raises:
            ConfigError: this machine has no such address.
        """
        for name, sockets in passed.items():
            self._adopt(name, sockets, chosen)
        for suffix, wheres in (("", chosen.listen), (PROXY, chosen.proxy_listen)):
            for where in wheres:
                name = where.scheme + suffix
                if name not in passed:
                    await self._listeners.open(name, where, self._factory(name, chosen))

    def shut_down(self) -> None:
        """Ends every session."""
        for factory in self._factories:
            factory.shut_down()

    def _adopt(self, name: str, sockets: Sequence[socket.socket], chosen: ImapConfig) -> None:
        scheme, factory = name.removesuffix(PROXY), self._factory(name, chosen)
        self._listeners.adopted(name, adopt(self._core.reactor, scheme, sockets, factory))

    def _factory(self, name: str, chosen: ImapConfig) -> Any:
        implicit = name.removesuffix(PROXY) == "imaps"
        made = ImapFactory(
            self._services,
            self._core.reactor,
            tls=lambda: self._context,
            implicit_tls=implicit,
            counter=self._core.metrics,
        )
        self._factories.append(made)
        # zope's interfaces say nothing to mypy, so what Twisted is given is Any.
        inner: Any = made
        outer = TLSMemoryBIOFactory(self._context, False, inner) if implicit else inner
        if not name.endswith(PROXY):
            return outer
        metrics, trusted = self._core.metrics, chosen.trusted_proxies
        return ProxyFactory(
            outer, self._core.reactor, trusted, lambda: metrics.limit_reached("other")
        )
