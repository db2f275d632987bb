"""What a monitor reads: counters and gauges in a registry of their own, methods by what happened.

No label carries a login or an address: an account is its number, and error codes, commands and
limits are closed sets, each member of which stands at 0 from the start.
"""

import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from types import MappingProxyType
from typing import Any, TypeVar

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from bridge.errors import BridgeError, StoreError, StoreFullError, StoreLockedError
from bridge.model.account import AccountState, SyncStatus
from bridge.model.upstream import LedgerState

M = TypeVar("M", Counter, Gauge, Histogram)
Labels = Mapping[str, tuple[str, ...]]
NO_LABELS: Labels = MappingProxyType({})

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
"""Of `Metrics.exposition`."""

ACCOUNT_SERIES_MAX = 200
"""With more accounts only their sums are told: a scrape must not grow with the customers."""

_COMMANDS = (
    "append authenticate capability check close compress copy create delete enable esearch"
    " examine expunge fetch getmetadata getquota getquotaroot id idle list login logout lsub"
    " move namespace noop notify rename replace search select setmetadata setquota sort starttls"
    " status store subscribe thread unselect unsubscribe unknown"
)
COMMANDS = tuple(_COMMANDS.split())
COMMAND_RESULTS = ("ok", "no", "bad")
_NO_COMMAND = ("unknown", "aborted")
_LIMITS = "line literal append nesting bad_commands login_time idle_time connections quota other"
LIMITS = tuple(_LIMITS.split())
TRANSPORTS = ("plain", "tls")
STORE_CODES = (StoreFullError.code, StoreError.code, StoreLockedError.code)

SUCCESS = "upstream_last_success_timestamp_seconds"
ATTEMPT = "upstream_last_attempt_timestamp_seconds"
LISTED = "upstream_messages"
PENDING = "upstream_pending_messages"
_SOUND = (LedgerState.LISTED, LedgerState.STORED, LedgerState.ELSEWHERE)
IN_DOUBT = {each: f"upstream_{each.value}_messages" for each in LedgerState if each not in _SOUND}
ACCOUNT_GAUGES = {
    SUCCESS: "End of the last sync that succeeded.",
    ATTEMPT: "Start of the last sync.",
    LISTED: "Messages that the last listing held.",
    PENDING: "Messages listed and not fetched yet.",
} | {gauge: "Messages in that state of the ledger." for gauge in IN_DOUBT.values()}

COMMAND_SECONDS = (0.001, 0.025, 0.1, 0.25, 1, 10)
"""0.25 and 1 are where a user notices; few, for each bound costs a series per command."""
COMMIT_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5)
SYNC_SECONDS = (0.1, 0.5, 1, 5, 15, 60, 300, 900)


def _codes(error: type[BridgeError]) -> Iterator[str]:
    yield error.code
    for kind in error.__subclasses__():
        yield from _codes(kind)


ERROR_CODES = tuple(sorted(set(_codes(BridgeError))))


def _known(value: str, values: Iterable[str], otherwise: str) -> str:
    return value if value in values else otherwise


@dataclass(slots=True)
class _Account:
    values: dict[str, float]
    """By a key of `ACCOUNT_GAUGES`; what isn't known yet is left out."""
    state: AccountState = AccountState.NEW


class _Accounts(Collector):
    """The gauges about accounts, made at each scrape: an account that goes leaves no series."""

    def __init__(self) -> None:
        self.by_id: dict[int, _Account] = {}

    def of(self, account_id: int) -> _Account:
        # A sync may end after its account was removed: what it says then goes nowhere.
        return self.by_id.get(account_id, _Account({}))

    def collect(self) -> Iterator[GaugeMetricFamily]:
        states = [account.state for account in self.by_id.values()]
        family = _family("accounts", "Accounts by state.", "state")
        for state in AccountState:
            family.add_metric([state.value], states.count(state))
        yield family
        successes = (account.values[SUCCESS] for account in self.by_id.values())
        text = "The last success of the account that is stalest; 0 without accounts."
        oldest = _family("upstream_oldest_success_timestamp_seconds", text)
        oldest.add_metric([], min(successes, default=0))
        yield oldest
        if len(self.by_id) <= ACCOUNT_SERIES_MAX:
            yield from self._each()

    def _each(self) -> Iterator[GaugeMetricFamily]:
        gauges = {name: _family(name, text, "account") for name, text in ACCOUNT_GAUGES.items()}
        text = "1, for the state that the account is in."
        state = _family("account_state", text, "account", "state")
        for account_id, account in self.by_id.items():
            name = str(account_id)
            state.add_metric([name, account.state.value], 1)
            for gauge, value in account.values.items():
                gauges[gauge].add_metric([name], value)
        yield from (state, *gauges.values())


def _family(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"popbridge_{name}", text, labels=labels)


class Metrics:
    """All metrics of a process. What concerns accounts is called in the reactor's thread only.

    Args:
        version: popbridge's.
        sqlite: SQLite's; some versions can lose commits.
    """

    def __init__(self, version: str, sqlite: str) -> None:
        # When a counter began is told by process_start_time_seconds, once and not per series.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        # process_… carries no prefix: every dashboard knows these names.
        ProcessCollector(registry=self._registry)
        build = Info("popbridge_build", "What runs.", registry=self._registry)
        build.info({"version": version, "python": platform.python_version(), "sqlite": sqlite})
        self._accounts = _Accounts()
        self._registry.register(self._accounts)
        self._make_imap()
        self._make_upstream()
        self._make_store()

    def exposition(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)

    def _add(
        self, kind: type[M], name: str, text: str, labels: Labels = NO_LABELS, **more: Any
    ) -> M:
        name = f"popbridge_{name}"
        made: M = kind(name, text, list(labels), registry=self._registry, **more)
        # With every value that its labels can have at 0, for a rate needs a start.
        for values in product(*labels.values()) if labels else ():
            made.labels(*values)
        return made

    def _make_imap(self) -> None:
        add, transport, command = self._add, {"transport": TRANSPORTS}, {"command": COMMANDS}
        self._sessions = add(Gauge, "imap_sessions", "Open now.", transport)
        self._connections = add(Counter, "imap_connections_total", "Accepted.", transport)
        self._limits = add(Counter, "limits_reached_total", "By limit.", {"limit": LIMITS})
        results = {"service": ("imap",), "result": ("ok", "denied")}
        self._logins = add(Counter, "auth_attempts_total", "Log-ins tried.", results)
        self._commands = add(
            Counter, "imap_commands_total", "Answered.", {**command, "result": COMMAND_RESULTS}
        )
        self._commands.labels(*_NO_COMMAND)
        # A command's own two: to ask for them by their labels takes longer than to count.
        self._command_series: dict[tuple[str, str], tuple[Counter, Histogram]] = {}
        text = "From the command's last octet to its tagged answer."
        self._command_seconds = add(
            Histogram, "imap_command_duration_seconds", text, command, buckets=COMMAND_SECONDS
        )

    def _make_upstream(self) -> None:
        add = self._add
        self._syncs = add(Counter, "upstream_syncs_total", "Ended.", {"result": ("ok", "failed")})
        codes = {"code": ERROR_CODES}
        self._failures = add(Counter, "upstream_failures_total", "Syncs that failed.", codes)
        text = "From connecting to QUIT's answer."
        self._sync_seconds = add(
            Histogram, "upstream_sync_duration_seconds", text, buckets=SYNC_SECONDS
        )
        self._fetched = add(Counter, "messages_fetched_total", "Messages made durable.")
        self._received = add(Counter, "upstream_received_bytes_total", "Octets of messages.")
        self._deleted = add(Counter, "messages_deleted_upstream_total", "As policies wanted.")

    def _make_store(self) -> None:
        add = self._add
        text = "One transaction, synced."
        self._commit_seconds = add(
            Histogram, "store_commit_duration_seconds", text, buckets=COMMIT_SECONDS
        )
        self._writes = add(Counter, "store_writes_total", "Works that commits carried.")
        codes = {"code": STORE_CODES}
        self._store_errors = add(Counter, "store_errors_total", "Writes that failed.", codes)
        self._writable = add(Gauge, "store_writable", "1 unless the last write failed.")
        self._writable.set(1)
        self._expiry = add(Gauge, "tls_certificate_expiry_timestamp_seconds", "Of what is served.")
        self._unhandled = add(Counter, "unhandled_errors_total", "Faults of popbridge.")

    def connected(self, *, tls: bool) -> None:
        """An IMAP client connected."""
        self._connections.labels(TRANSPORTS[tls]).inc()
        self._sessions.labels(TRANSPORTS[tls]).inc()

    def secured(self) -> None:
        """A plain connection began TLS; from now on it counts as such."""
        self._sessions.labels("plain").dec()
        self._sessions.labels("tls").inc()

    def disconnected(self, *, tls: bool) -> None:
        """A connection ended; `tls` as it was last."""
        self._sessions.labels(TRANSPORTS[tls]).dec()

    def logged_in(self, ok: bool) -> None:
        """An IMAP client tried to log in."""
        self._logins.labels("imap", "ok" if ok else "denied").inc()

    def command(self, verb: str, result: str, seconds: float) -> None:
        """A command was answered: OK, NO or BAD; anything else counts as aborted."""
        series = self._command_series.get((verb, result))
        if series is None:
            command = _known(verb.lower(), COMMANDS, "unknown")
            labels = command, result.lower()
            if labels[1] not in COMMAND_RESULTS:
                command, _ = labels = _NO_COMMAND
            series = self._commands.labels(*labels), self._command_seconds.labels(command)
            self._command_series[verb, result] = series
        answered, took = series
        answered.inc()
        took.observe(seconds)

    def limit_reached(self, limit: str) -> None:
        """A peer met one of `LIMITS`."""
        self._limits.labels(_known(limit, LIMITS, "other")).inc()

    def account_added(self, account_id: int, at: datetime) -> None:
        """There is an account. Until a sync succeeds its age counts from `at`, so it can alarm."""
        self._accounts.by_id[account_id] = _Account({SUCCESS: at.timestamp()})
        self.account_messages(account_id, {})

    def account_removed(self, account_id: int) -> None:
        """The account is gone, and its series with it."""
        self._accounts.by_id.pop(account_id, None)

    def account_status(self, status: SyncStatus) -> None:
        """What is known of an account's syncs changed."""
        account = self._accounts.of(status.account_id)
        account.state = status.state
        if status.last_success is not None:
            account.values[SUCCESS] = status.last_success.timestamp()
        if status.last_attempt is not None:
            account.values[ATTEMPT] = status.last_attempt.timestamp()
        if status.listed is not None and status.pending is not None:
            account.values |= {LISTED: status.listed, PENDING: status.pending}

    def account_messages(self, account_id: int, counts: Mapping[LedgerState, int]) -> None:
        """How many ledger rows of an account are in each state; a state left out has none."""
        values = self._accounts.of(account_id).values
        values |= {gauge: counts.get(state, 0) for state, gauge in IN_DOUBT.items()}

    def synced(
        self,
        account_id: int,
        code: str | None,
        messages: int,
        octets: int,
        at: datetime,
        seconds: float,
    ) -> None:
        """A sync ended, `code` being that of its error; even then it may have fetched messages."""
        self._syncs.labels("ok" if code is None else "failed").inc()
        self._sync_seconds.observe(seconds)
        self._fetched.inc(messages)
        self._received.inc(octets)
        if code is None:
            self._accounts.of(account_id).values[SUCCESS] = at.timestamp()
        else:
            self._failures.labels(_known(code, ERROR_CODES, BridgeError.code)).inc()

    def deleted_upstream(self, messages: int) -> None:
        """So many messages were deleted at a provider."""
        self._deleted.inc(messages)

    def committed(self, works: int, seconds: float) -> None:
        """One commit made so many works durable."""
        self._commit_seconds.observe(seconds)
        self._writes.inc(works)
        self._writable.set(1)

    def store_failed(self, code: str) -> None:
        """A write failed."""
        self._store_errors.labels(_known(code, STORE_CODES, StoreError.code)).inc()
        self._writable.set(0)

    def certificate_expires(self, at: datetime) -> None:
        """A certificate that is served ends at this time."""
        self._expiry.set(at.timestamp())

    def unhandled(self) -> None:
        """An exception reached the top."""
        self._unhandled.inc()
