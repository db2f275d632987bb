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
from bridge.app.core import Core
from bridge.config import WebConfig
from bridge.errors import BridgeError, ConfigError
from bridge.model.account import Device
from bridge.net import tls
from bridge.net.listen import Listening, listen
from bridge.store import sqlite
from bridge.store.epoch import last_backup_s
from bridge.store.tx import ReadTx
from bridge.web.access import Brake, Links, Sessions
from bridge.web.health_page import Health, Listener
from bridge.web.pages import Pages, Server, Sources

LOOK_S = 60.0
"""How often it is seen whether every listener still stands."""


class StatusPage:
    """The page and who may see it.

    Args:
        core: what it tells of.
        settings: [web].
        context: the TLS context.
        certificate: the file that is served.
        listening: every listener of the daemon.
    """

    def __init__(
        self,
        core: Core,
        settings: WebConfig,
        context: Any,
        certificate: Callable[[], Path | None],
        listening: list[Listening],
    ) -> None:
        self._core = core
        self._settings = settings
        self._context = context
        self._certificate = certificate
        self._listening = listening
        self._started = core.loop.now()
        self._down: dict[str, datetime] = {}
        self._used: dict[str, datetime] = {}
        """By verifier: a name may be given to another device, a login to another account."""
        self._names: tuple[Path | None, float, frozenset[str]] = (None, 0.0, frozenset())
        self._links = Links(time.monotonic)
        self._sessions = Sessions(time.monotonic)
        self._brake = Brake(time.monotonic)
        self.urls: list[str] = []

    async def open(self) -> list[Listening]:
        """Opens the listeners of [web].

        Raises:
            PortInUseError, ConfigError: one can't be had.
        """
        if not self._settings.listen:
            return []
        # Slow to import, and needed only where there is a page.
        from bridge.web.answers import Renderer
        from bridge.web.site import Doors, page_site

        doors = Doors(
            links=self._links, sessions=self._sessions, brake=self._brake, names=self._hosts
        )
        renderer = Renderer(self._core.loop.now)
        pages, found = Pages(self._sources(), renderer), []
        for where in self._settings.listen:
            secure = where.scheme == "https"
            site: Any = page_site(pages, renderer, doors, secure=secure)
            outer = TLSMemoryBIOFactory(self._context, False, site) if secure else site
            opened = await listen(self._core.reactor, where, outer)
            found += opened
            self.urls += [one.url for one in opened]
        self._look()
        return found

    def used(self, device: Device) -> None:
        """A device has logged in."""
        self._used[device.verifier] = self._core.loop.now()

    async def last_used(self, login: str) -> dict[str, datetime]:
        """When the account's devices were last used, by name, as far as it is known."""

        def read(tx: ReadTx) -> tuple[Device, ...]:
            account = tx.account(login)
            return () if account is None else tuple(tx.devices(account.id))

        devices = await self._core.database.read(read)
        return {one.name: self._used[one.verifier] for one in devices if one.verifier in self._used}

    def link(self) -> dict[str, object]:
        """`urls` that sign one browser in, whichever is used first.

        Raises:
            ConfigError: there is no page.
        """
        if not self.urls:
            raise ConfigError("[web] listen is empty, so there is no page.", "Name a listener.")
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
            used=self.last_used,
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
        self._see()
        # A disk that hangs must not hold up the reactor.
        usage = await core.in_background(lambda: shutil.disk_usage(core.store_path.parent))
        return Health(
            versions=_versions(library.sqlite_version),
            started=self._started,
            certificate_ends=self._ends(),
            disk_free=usage.free,
            reserve=core.settings.store.reserve_octets,
            last_backup=None if backup_s is None else datetime.fromtimestamp(backup_s, UTC),
            sqlite_advice=sqlite.advice(library.sqlite_version_info),
            listeners=tuple(Listener(one.url, self._down.get(one.url)) for one in self._listening),
        )

    def _ends(self) -> datetime | None:
        path = self._certificate()
        try:
            return None if path is None else tls.expires(path)
        except BridgeError:
            return None

    def _look(self) -> None:
        self._see()
        self._core.loop.later(LOOK_S, self._look)

    def _see(self) -> None:
        for one in self._listening:
            port: Any = one.port
            if port.connected:
                self._down.pop(one.url, None)
            else:
                self._down.setdefault(one.url, self._core.loop.now())

    def _servers(self) -> list[Server]:
        found, own = [], socket.gethostname()
        for one in self._listening:
            scheme, _, place = one.url.partition("://")
            if scheme in ("imap", "imaps"):
                host, _, port = place.rpartition(":")
                host = own if host in ("0.0.0.0", "[::]") else host
                security = "SSL/TLS" if scheme == "imaps" else "STARTTLS"
                found.append(Server(host, int(port), security))
        # One line for IPv4 and IPv6, what is safest first.
        return sorted(dict.fromkeys(found), key=lambda one: one.security)

    def _hosts(self) -> frozenset[str]:
        path, at, known = self._names
        now = time.monotonic()
        if path != self._certificate() or not known or now - at > LOOK_S:
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
