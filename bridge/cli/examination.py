"""One run of `popbridge doctor`: facts are gathered and judged, and shown part by part."""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bridge.admin.checks import check_login
from bridge.cli.call import Ask, ask_daemon, at_once, converse
from bridge.cli.doctor_report import Report
from bridge.cli.settings import Settings
from bridge.config import Config
from bridge.doctor import checks
from bridge.doctor.facts import AccountFacts, Listeners, Served, StoreFacts
from bridge.doctor.finding import Entry, Finding, Missing, failed, unchecked
from bridge.doctor.limit import limited
from bridge.errors import (
    BridgeError,
    ConfigError,
    ListenerDownError,
    NotRunningError,
    StoreError,
    StoreLockedError,
    UnknownLoginError,
    UsageError,
)
from bridge.net.runfile import read_run_file

FILES_S = 15.0
"""For what reads files: a disk that hangs, or a folder of a machine that is gone."""

STORE_S = 15.0
"""For the daemon's first answer."""

ACCOUNT_S = 120.0
"""For all that is asked about one account; the daemon has shorter limits of its own."""

_NOT_RUNNING = "popbridge isn't running"
_NO_RUN_FILE = "run.json is missing, so nobody knows where popbridge listens; restart it"


class Examination:
    """Made and `run` once.

    Args:
        obj: loads the settings, as `bridge.cli.main.Lazy`.
        logins: whose accounts to look at; none means all.
        password: logs in over IMAP as the one login that was named; None: nobody does.
        report: what to show the entries on.
    """

    def __init__(
        self, obj: Any, logins: Iterable[str], password: str | None, report: Report
    ) -> None:
        self._error: ConfigError | None = None
        try:
            self._settings: Settings = obj.load()
        except ConfigError as error:
            self._error = error
            self._settings = Settings(obj.locate()[0], Config(), obj.locate()[1])
        self._logins = list(dict.fromkeys(map(_as_stored, logins)))
        self._password = password
        self._report = report
        self._running = False

    def run(self) -> None:
        """All checks, in the order in which a message takes its way."""
        self._look_at_machine()
        served = self._look_at_certificate()
        self._look_at_store()
        self._look_at_listeners(served)

    def _look_at_machine(self) -> None:
        from bridge.doctor.machine import look_at_machine

        settings = self._settings

        def look() -> list[Entry]:
            facts = look_at_machine(
                settings.data, settings.config_file, settings.config, self._error
            )
            return checks.judged("This machine", checks.MACHINE, facts)

        self._show("This machine", checks.MACHINE, look, FILES_S, StoreError)

    def _look_at_certificate(self) -> Served | None:
        """What is expected of listeners; None where nobody knows."""
        from bridge.doctor.machine import look_at_certificate

        group, found = "Certificate for mail apps", []
        if self._error is not None:
            why = unchecked("the configuration can't be read")
            self._report.add(checks.all_alike(group, checks.CERTIFICATE, why))
            return None

        def look() -> list[Entry]:
            found.append(look_at_certificate(self._settings.data, self._settings.config))
            return checks.judged(group, checks.CERTIFICATE, found[0])

        self._show(group, checks.CERTIFICATE, look, FILES_S, StoreError)
        return found[0] if found else None

    def _show(
        self,
        group: str,
        table: tuple[checks.Check, ...],
        look: Callable[[], list[Entry]],
        seconds: float,
        kind: type[BridgeError] = ListenerDownError,
    ) -> None:
        """A part of the report that looks by itself, within a time; `kind` says that it can't."""
        self._report.progress(group[0].lower() + group[1:])
        try:
            entries = limited(look, seconds)
        except OSError as wrong:
            late = f"it took longer than {seconds:g} seconds"
            why = late if isinstance(wrong, TimeoutError) else f"{wrong.strerror or wrong}"
            error = kind(f"This couldn't be looked at: {why}.", kind.advice)
            entries = checks.all_alike(group, table, failed(error))
        self._report.add(entries)

    def _look_at_store(self) -> None:
        """Asks the daemon, or the store itself where none runs."""
        settings = self._settings
        self._report.progress("the store")

        async def daemon(operation: str, arguments: Any) -> Any:
            seconds = STORE_S if operation == "doctor store" else ACCOUNT_S
            try:
                return limited(lambda: ask_daemon(settings, operation, arguments), seconds)
            except TimeoutError:
                raise StoreLockedError(
                    f"popbridge runs, but didn't answer within {seconds:g} seconds.",
                    "Look at its log; stop it and start it again.",
                ) from None

        try:
            self._running = True
            at_once(self._talk(daemon))
        except NotRunningError:
            self._running = False
            self._without_daemon()
        except BridgeError as error:
            self._no_store(error)

    def _without_daemon(self) -> None:
        settings = self._settings
        store = settings.data / settings.config.store.url.removeprefix("sqlite:///")
        why = self._why_not_open(store)
        if why:
            self._judge_store(Missing(why), None)
            return
        try:
            converse(settings, "doctor", self._talk)
        except BridgeError as error:
            self._no_store(error)

    def _why_not_open(self, store: Path) -> str:
        """Why the store can't be opened, or not without being changed; "" where it can."""
        # Slow to import, and needed only here.
        from bridge.store.migrating import is_older

        if self._error is not None:
            return "the configuration can't be read"
        try:
            owner = store.stat().st_uid
        except (FileNotFoundError, NotADirectoryError):
            return "there is no store yet; `popbridge account add` makes it"
        except OSError as wrong:
            return f"the store can't be looked at ({wrong.strerror})"
        # As root files would come to be that the daemon's user can't open.
        if os.getuid() != owner:
            return (
                "popbridge isn't running, and the store is another user's: run doctor as that user"
                f" (number {owner})"
            )
        if is_older(store):
            return "an older popbridge wrote the store; this one brings it up to date when it runs"
        return ""

    def _no_store(self, error: BridgeError) -> None:
        self._judge_store(Missing("the store can't be asked"), error)

    def _judge_store(self, answer: Any, error: BridgeError | None) -> None:
        facts = StoreFacts(now=datetime.now(UTC), running=self._running, answer=answer, error=error)
        self._report.add(checks.judged("popbridge and its store", checks.STORE, facts))
        if isinstance(answer, Missing):
            self._report.add(checks.all_alike("Accounts", checks.ACCOUNT, unchecked(answer.why)))

    async def _talk(self, ask: Ask) -> None:
        """Asks about the store, then about one account after the other."""
        answer = await ask("doctor store", {})
        self._judge_store(answer, None)
        known = {one["login"]: one for one in answer["accounts"]}
        for login in self._logins or known:
            group = f"Account {login}"
            if login not in known:
                error = UnknownLoginError(f"There is no account {login}.", UnknownLoginError.advice)
                self._report.add(checks.all_alike(group, checks.ACCOUNT, failed(error)))
                continue
            self._report.progress(f"the provider of {login}")
            facts = await self._examined(ask, known[login])
            self._report.add(checks.judged(group, checks.ACCOUNT, facts))

    async def _examined(self, ask: Ask, status: dict[str, Any]) -> AccountFacts:
        found, wrong = {}, None
        arguments = {"login": status["login"], "insist": bool(self._logins)}
        try:
            found = await ask("doctor account", arguments)
        except BridgeError as error:
            wrong = error
        return AccountFacts(now=datetime.now(UTC), status=status, found=found, error=wrong)

    def _look_at_listeners(self, served: Served | None) -> None:
        running = read_run_file(self._settings.data / "run.json") if self._running else None
        imap, web, metrics = (
            ((), (), ()) if running is None else (running.imap, running.web, running.metrics)
        )
        unknown = ""
        if running is None:
            unknown = _NO_RUN_FILE if self._running else _NOT_RUNNING
        facts = Listeners(
            unknown=unknown,
            imap=imap,
            proxied=tuple(map(str, self._settings.config.imap.proxy_listen)),
        )
        self._report.add(checks.judged("Mail apps", checks.DEVICES, facts))
        if unknown:
            self._unheard(unknown)
            return
        for url in imap:
            self._look_at_imap(url, served)
        self._look_at_http(metrics, web)

    def _unheard(self, why: str) -> None:
        nothing: Finding = unchecked(why)
        for group, table in (
            ("Mail apps", checks.IMAP),
            ("Monitoring", checks.METRICS),
            ("Status page", checks.PAGE),
        ):
            self._report.add(checks.all_alike(group, table, nothing))

    def _look_at_imap(self, url: str, served: Served | None) -> None:
        # Slow to import.
        from bridge.doctor.imap import TALK_S, look_at_imap

        group = f"Mail apps at {url}"
        user = self._logins[0] if self._password is not None else None
        expected = served or Served(
            now=datetime.now(UTC), path=self._settings.data / "tls", private=False, error=None
        )

        def look() -> list[Entry]:
            facts = look_at_imap(url, expected, user, self._password)
            return checks.judged(group, checks.IMAP, facts)

        self._show(group, checks.IMAP, look, TALK_S)

    def _look_at_http(self, metrics: Iterable[str], web: Iterable[str]) -> None:
        from bridge.doctor.http import METRICS_PATHS, PAGE_PATHS

        for url in metrics:
            self._look_at_one("Monitoring", url, METRICS_PATHS, checks.METRICS)
        for url in web:
            self._look_at_one("Status page", url, PAGE_PATHS, checks.PAGE)

    def _look_at_one(
        self, name: str, url: str, paths: tuple[str, ...], table: tuple[checks.Check, ...]
    ) -> None:
        from bridge.doctor.http import HTTP_S, look_at_http

        group = f"{name} at {url}"
        self._show(
            group, table, lambda: checks.judged(group, table, look_at_http(url, paths)), HTTP_S
        )


def _as_stored(login: str) -> str:
    """The login as accounts have it; what can't be one is nobody's."""
    with suppress(UsageError):
        return check_login(login)
    return login
