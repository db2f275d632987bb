"""The status page of a daemon: its listeners, and what it is made of."""

import platform
import shutil
import socket
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from twisted.protocols.tls import TLSMemoryBIOFactory

from bridge import __version__
from bridge.admin.origin import Origin
from bridge.app.condition import Condition
from bridge.app.core import Core
from bridge.app.imap_listeners import DIRECT, PROXIED
from bridge.app.listeners import Listeners
from bridge.config import WebConfig
from bridge.errors import BridgeError, ConfigError
from bridge.net import tls
from bridge.store import sqlite
from bridge.store.epoch import last_backup_s
from bridge.web.access import Brake, Links, Sessions
from bridge.web.health_page import Health
from bridge.web.pages import Pages, Server, Sources

WEB = "web"
"""The kind of its listeners."""

NAMES_S = 60.0
"""How long it holds which names the certificate has."""


class StatusPage:
    """The page and who may see it.

    Args:
        core: what it tells of.
        settings: [web].
        context: the TLS context.
        certificate: the file that is served.
        certificate_ends: when that ends.
        listeners: every listener of the daemon.
        condition: what is wrong with it.
    """

    def __init__(
        self,
        core: Core,
        settings: WebConfig,
        context: Any,
        certificate: Callable[[], Path | None],
        certificate_ends: Callable[[], datetime | None],
        listeners: Listeners,
        condition: Condition,
    ) -> None:
        self._core = core
        self._settings = settings
        self._context = context
        self._certificate = certificate
        self._certificate_ends = certificate_ends
        self._listeners = listeners
        self._condition = condition
        self._started = core.loop.now()
        self._names: tuple[Path | None, float, frozenset[str]] = (None, 0.0, frozenset())
        self._links = Links(time.monotonic)
        self._sessions = Sessions(time.monotonic)
        self._brake = Brake(time.monotonic)

    @property
    def urls(self) -> list[str]:
        """Where it is, with real addresses and ports."""
        return self._listeners.urls(WEB)

    async def open(self) -> None:
        """Opens the listeners of [web].

        Raises:
            ConfigError: this machine has no such address.
        """
        if not self._settings.listen:
            return
        # Slow to import, and needed only where there is a page.
        from bridge.web.answers import Renderer
        from bridge.web.site import Doors, page_site

        doors = Doors(
            links=self._links, sessions=self._sessions, brake=self._brake, names=self._hosts
        )
        renderer = Renderer(self._core.loop.now)
        pages = Pages(self._sources(), renderer)
        for where in self._settings.listen:
            secure = where.scheme == "https"
            site: Any = page_site(pages, renderer, doors, secure=secure)
            outer = TLSMemoryBIOFactory(self._context, False, site) if secure else site
            await self._listeners.open(WEB, where, outer)

    def link(self) -> dict[str, object]:
        """`urls` that sign one browser in, whichever is used first.

        Raises:
            ConfigError: there is no page.
        """
        if not self.urls:
            raise ConfigError(
                "There is no page: [web] listen is empty, or nothing of it can be opened.",
                "Name a listener; `popbridge status` tells of those that are down.",
            )
        token = self._links.make()
        return {"urls": [f"{url}/sign-in?link={token}" for url in map(_reachable, self.urls)]}

    def _sources(self) -> Sources:
        core = self._core
        return Sources(
            perform=self._perform,
            activity=core.activity,
            health=self._health,
            metrics=core.metrics.exposition,
            servers=self._servers,
            spawn=core.loop.spawn,
            clock=core.loop.now,
            monotonic=time.monotonic,
        )

    async def _perform(self, operation: str, /, **arguments: Any) -> Any:
        from bridge.admin.operations import perform

        return await perform(
            self._core.admin, operation, arguments, lambda progress: None, Origin.HTTP
        )

    async def _health(self) -> Health:
        core, library = self._core, sqlite.library()
        try:
            backup_s = await core.database.read(last_backup_s)
        except BridgeError:
            backup_s = None
        # A disk that hangs must not hold up the reactor.
        usage = await core.in_background(lambda: shutil.disk_usage(core.store_path.parent))
        self._condition.free_octets = usage.free
        return Health(
            versions=_versions(library.sqlite_version),
            started=self._started,
            certificate_ends=self._certificate_ends(),
            disk_free=usage.free,
            reserve=core.settings.store.reserve_octets,
            last_backup=None if backup_s is None else datetime.fromtimestamp(backup_s, UTC),
            sqlite_advice=sqlite.advice(library.sqlite_version_info),
            listeners=self._condition.listeners(),
            problems=tuple(self._condition.problems()),
        )

    def _servers(self) -> list[Server]:
        found, own = [], socket.gethostname()
        for url in self._listeners.urls(*DIRECT, *PROXIED):
            scheme, _, place = url.partition("://")
            host, _, port = place.rpartition(":")
            host = own if host in ("0.0.0.0", "[::]") else host
            security = "SSL/TLS" if scheme == "imaps" else "STARTTLS"
            found.append(Server(host, int(port), security))
        # One line for IPv4 and IPv6, what is safest first.
        return sorted(dict.fromkeys(found), key=lambda one: one.security)

    def _hosts(self) -> frozenset[str]:
        path, at, known = self._names
        now = time.monotonic()
        if path != self._certificate() or not known or now - at > NAMES_S:
            path, own = self._certificate(), socket.gethostname().lower()
            listed = {host for where in self._settings.listen for host in where.hosts}
            known = frozenset(
                {"localhost", own, own.partition(".")[0] + ".local"}
                | listed
                | set(self._settings.names)
                | set(_certified(path))
            )
            self._names = path, now, known
        return known


def _certified(path: Path | None) -> list[str]:
    try:
        return [] if path is None else tls.host_names(path)
    except BridgeError:
        return []


def _reachable(url: str) -> str:
    """An address that listens everywhere is none to connect to."""
    own = socket.gethostname()
    return url.replace("://0.0.0.0:", f"://{own}:").replace("://[::]:", f"://{own}:")


def _versions(library: str) -> Mapping[str, str]:
    names = {"Twisted": "twisted", "SQLAlchemy": "sqlalchemy", "cryptography": "cryptography"}
    return {
        "popbridge": __version__,
        "Python": platform.python_version(),
        "SQLite": library,
        **{name: version(package) for name, package in names.items()},
        "System": f"{platform.system()} {platform.release()}",
    }
