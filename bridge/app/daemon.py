"""The daemon: the listeners and timers around a core."""

import gc
import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from bridge import __version__, logs
from bridge.admin.authentication import PasswordChecker
from bridge.admin.origin import Origin
from bridge.admin.syncing import Report
from bridge.app.condition import Condition
from bridge.app.core import Core
from bridge.app.imap_listeners import DIRECT, PROXIED, ImapListeners
from bridge.app.listeners import Listeners
from bridge.app.measuring import Measuring
from bridge.app.page import WEB, StatusPage
from bridge.app.process import warn_of_accounts, warn_of_library
from bridge.config import Config, TlsConfig
from bridge.errors import BridgeError
from bridge.net import runfile, sdnotify, tls
from bridge.net.activation import NONE_PASSED, Passed
from bridge.net.control import ControlSocket, open_control
from bridge.net.trace import TraceFiles
from bridge.session.port import Services, SessionLimits
from bridge.web.health import site

STOP_S = 8.0
"""How long running syncs may take to end; with the rest a stop stays under 10 s."""

CERTIFICATE_S = 3600.0
"""How often certificates are looked at: a private one is renewed a month before it ends, and one
that an ACME client has renewed is served though nobody sent SIGHUP."""

STATUS = "status"
"""To what this says of the accounts a daemon adds how it is itself."""

METRICS = "metrics"
"""The kind of listeners for /metrics, /livez and /readyz."""

LINK = "web link"
"""What `popbridge status --link` asks for; only a daemon can give one."""

_log = logging.getLogger("popbridge")


class Daemon:
    """The listeners and timers around a core."""

    def __init__(self, core: Core, passed: Passed = NONE_PASSED) -> None:
        self._core = core
        self._passed = passed
        self._listeners = Listeners(core.reactor, core.loop, self._listeners_changed)
        self._condition = Condition(core, self._listeners, lambda: self._certificate_ends)
        self._imap: ImapListeners | None = None
        self._control: ControlSocket | None = None
        self._context: tls.ServerContext | None = None
        self._served = b""
        self._certificate: Path | None = None
        self._certificate_ends: datetime | None = None
        self._page: StatusPage | None = None
        self._forget_faults: Callable[[], None] = lambda: None

    @property
    def imap(self) -> list[str]:
        """Where clients connect."""
        return self._listeners.urls(*DIRECT)

    async def start(self) -> list[str]:
        """Opens every listener, then begins to sync; the addresses.

        A listener whose port is taken is tried again while others serve.

        Raises:
            PortInUseError: no listener for mail can be opened.
            ConfigError, StoreError: as their names say. `stop` is still to be called, always.
        """
        core, settings = self._core, self._core.settings
        self._forget_faults = logs.count_faults(core.metrics.unhandled)
        warn_of_library()
        self._load_certificate(settings.tls)
        page = self._page = StatusPage(
            core,
            settings.web,
            self._context,
            lambda: self._certificate,
            lambda: self._certificate_ends,
            self._listeners,
            self._condition,
        )
        self._imap = ImapListeners(core, self._services(), self._context, self._listeners)
        await self._imap.open(settings.imap, self._passed)
        for where in settings.metrics.listen:
            factory = site(core.metrics, self._ready, self._degraded)
            await self._listeners.open(METRICS, where, factory)
        await page.open()
        self._listeners.settle()
        core.metrics.watch(self._condition.problems, self._condition.listeners)
        self._control = open_control(core.reactor, core.data, self._perform, os.environ)
        warn_of_accounts(await core.count_accounts())
        await core.syncs.start()
        self._write_run_file()
        sdnotify.notify("READY=1", os.environ)
        self._watch()
        Measuring(core, self._condition).start()
        core.devices.start()
        core.loop.later(CERTIFICATE_S, self._look_at_certificate)
        core.loop.later(0, settle)
        return self._listeners.urls(*DIRECT, *PROXIED, WEB, METRICS)

    async def stop(self) -> None:
        """Ends sessions and syncs, in at most about `STOP_S` seconds."""
        sdnotify.notify("STOPPING=1", os.environ)
        runfile.remove(self._core.data / "run.json")
        await self._listeners.stop()
        if self._control is not None:
            await self._control.close()
        if self._imap is not None:
            self._imap.shut_down()
        self._core.syncs.stop()
        done = self._core.loop.promise()
        timer = self._core.loop.later(STOP_S, lambda: done.succeed(None))
        self._core.loop.spawn(self._drained(done))
        await done
        timer.cancel()
        await self._core.devices.keep(timedelta(0))
        self._forget_faults()

    def reload(self, settings: Config) -> None:
        """Takes over what can change while running; says what needs a restart."""
        since = time.monotonic_ns() // 1000
        sdnotify.notify(f"RELOADING=1\nMONOTONIC_USEC={since}", os.environ)
        logs.set_level(settings.log.level)
        took = "Log level, certificates and sync settings are loaded again"
        self._core.use(settings.sync)
        try:
            self._load_certificate(settings.tls)
        except BridgeError as error:
            _log.error("%s %s The certificate served before goes on serving.", error.code, error)
            took = "Log level and sync settings are loaded again"
        old = self._core.settings
        if settings.log.format != old.log.format:
            _log.warning("[log] format has changed: restart popbridge to use it")
        for name in ("store", "imap", "web", "metrics", "limits"):
            if getattr(old, name) != getattr(settings, name):
                _log.warning("[%s] has changed: restart popbridge to use it", name)
        self._core.settings = replace(
            old, tls=settings.tls, log=replace(settings.log, format=old.log.format)
        )
        _log.info("Reloaded: %s", took)
        sdnotify.notify("READY=1", os.environ)

    async def _drained(self, done: Any) -> None:
        await self._core.syncs.drained()
        done.succeed(None)

    def _load_certificate(self, chosen: TlsConfig) -> None:
        """Serves what is configured, or a private certificate, from the next connection on.

        Raises:
            ConfigError, StoreError: it can't be had; what was served goes on being served.
        """
        data = self._core.data
        if chosen.certificate:
            files = tls.load(data / chosen.certificate, data / chosen.key)
        else:
            files = tls.ensure_certificate(data, chosen.names, self._core.loop.now())
        served = files.certificate.read_bytes()
        if self._context is None:
            self._context = tls.server_context(files)
        elif served != self._served:
            # Only then: a new context knows none of the sessions that devices would resume.
            self._context.reload(files)
        self._served, self._certificate = served, files.certificate
        self._certificate_ends = tls.expires(files.certificate)
        self._core.metrics.certificate_expires(self._certificate_ends)

    def _look_at_certificate(self) -> None:
        self._core.loop.later(CERTIFICATE_S, self._look_at_certificate)
        try:
            self._load_certificate(self._core.settings.tls)
        except BridgeError as error:
            _log.error("%s %s The certificate served before goes on serving.", error.code, error)

    def _services(self) -> Services:
        core, limits = self._core, self._core.settings.limits
        return Services(
            database=core.database,
            bus=core.bus,
            authenticator=PasswordChecker(
                core.database,
                core.admin.key,
                core,
                core.in_thread,
                time.monotonic,
                core.devices.used,
            ),
            presence=core.devices.presence,
            clock=core.loop.now,
            monotonic=time.monotonic,
            observer=core.metrics,
            looked=core.syncs.demand,
            trace=TraceFiles(core.traces, core.loop.now, core.in_thread, core.loop.spawn).begin,
            limits=SessionLimits(
                login_s=limits.login_s,
                idle_s=limits.idle_s,
                still_here_s=limits.still_here_s,
                append_octets=limits.append_octets,
                bad_before_login=limits.bad_commands_before_login,
                bad=limits.bad_commands,
                connections_per_account=limits.connections_per_account,
                connections_before_login=limits.connections_before_login,
            ),
        )

    async def _perform(self, name: str, arguments: Mapping[str, Any], report: Report) -> object:
        if name == LINK and self._page is not None:
            return self._page.link()
        from bridge.admin.operations import perform as perform_operation

        found = await perform_operation(self._core.admin, name, arguments, report, Origin.OWNER)
        if name == STATUS and isinstance(found, dict):
            return found | {"daemon": self._condition.form()}
        return found

    def _listeners_changed(self) -> None:
        if self._control is not None:
            self._write_run_file()

    def _write_run_file(self) -> None:
        assert self._control is not None
        run = runfile.RunFile(
            os.getpid(),
            __version__,
            tuple(self.imap),
            tuple(self._listeners.urls(WEB)),
            tuple(self._listeners.urls(METRICS)),
            self._control.path,
        )
        try:
            runfile.write_run_file(self._core.data / "run.json", run)
        except OSError as error:
            # A full disk must not keep anybody from reading mail; who looks for us misses it.
            _log.warning("run.json can't be written: %s", error.strerror)

    async def _ready(self) -> list[str]:
        try:
            await self._core.database.read(lambda tx: tx.accounts())
        except BridgeError as error:
            return [str(error)]
        return []

    def _degraded(self) -> list[str]:
        """What goes wrong and would be no better after a restart."""
        told = []
        if not self._core.metrics.store_is_writable:
            told = ["The store can't be written; what is there is served. The log says why."]
        return told + [
            f"{one.code} {one.text} {one.remedy}"
            for one in self._condition.problems()
            if one != self._core.unwritable
        ]

    def _watch(self) -> None:
        """Tells systemd's watchdog that the reactor turns and that the store can be read."""
        interval_s = sdnotify.watchdog_interval_s(os.environ)
        if interval_s is not None:
            self._core.loop.spawn(self._prove_alive())
            self._core.loop.later(interval_s, self._watch)

    async def _prove_alive(self) -> None:
        # One that hangs says nothing, and so is ended. One that fails is logged by who asked.
        if not await self._ready():
            sdnotify.notify("WATCHDOG=1", os.environ)


def settle() -> None:
    """Does what nobody's start should wait for.

    What the control socket will need is imported: not at first use, when an upgrade may have put
    another version's files there. And what the start has made is taken out of garbage collection:
    it stays, and to look through it now and then takes tens of milliseconds in which all wait.
    """
    import_module("bridge.admin.operations")
    gc.collect()
    gc.freeze()
