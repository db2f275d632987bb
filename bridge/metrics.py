"""What a monitor reads: counters and gauges in a registry of their own, methods by what happened.

No label carries a login or an address: an account is its number, and error codes, commands and
limits are closed sets, each member of which stands at 0 from the start.
"""

import platform
from collections.abc import Callable, Mapping, Sequence
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

from bridge.errors import (
    BridgeError,
    DamagedStoreError,
    StoreBusyError,
    StoreError,
    StoreFullError,
    StoreLockedError,
)
from bridge.gauges import (
    ATTEMPT,
    DELETES,
    ERROR_CODES,
    LISTED,
    NEXT,
    PENDING,
    SUCCESS,
    AccountGauges,
    Accounts,
    Daemon,
    Listener,
    Wrong,
    known,
    since,
)
from bridge.model.account import AccountState, SyncStatus
from bridge.model.upstream import LedgerState

M = TypeVar("M", Counter, Gauge, Histogram)
Labels = Mapping[str, tuple[str, ...]]
NO_LABELS: Labels = MappingProxyType({})

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
"""Of `Metrics.exposition`."""

_COMMANDS = (
    "append authenticate capability check close compress copy create delete enable esearch"
    " examine expunge fetch getmetadata getquota getquotaroot id idle list login logout lsub"
    " move namespace noop notify rename replace search select setmetadata setquota sort starttls"
    " status store subscribe thread unselect unsubscribe unknown"
)
COMMANDS = tuple(_COMMANDS.split())
COMMAND_RESULTS = ("ok", "no", "bad")
_TIMED = (
    "append copy expunge fetch idle list login move noop search select sort status store thread"
)
TIMED = (*_TIMED.split(), "other")
"""Commands with a histogram of their own: those that people wait for. Each costs nine series."""
_NO_COMMAND = ("unknown", "aborted")
_LIMITS = "line literal append nesting bad_commands login_time idle_time connections quota other"
LIMITS = tuple(_LIMITS.split())
TRANSPORTS = ("plain", "tls")
STORE_CODES = tuple(
    kind.code
    for kind in (StoreFullError, StoreError, StoreLockedError, StoreBusyError, DamagedStoreError)
)
STORE_FILES = ("database", "wal")

COMMAND_SECONDS = (0.001, 0.025, 0.1, 0.25, 1, 10)
"""0.25 and 1 are where a user notices; few, for each bound costs a series per command."""
COMMIT_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5)
SYNC_SECONDS = (0.1, 0.5, 1, 5, 15, 60, 300, 900)
DURABLE_SECONDS = (0.1, 0.5, 1, 5, 15, 60, 300, 3600)
NOTIFY_SECONDS = (0.001, 0.005, 0.025, 0.1, 0.5, 1, 5)
DELAY_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5)


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
        self._accounts = Accounts()
        self._registry.register(self._accounts)
        self._daemon = Daemon()
        self._registry.register(self._daemon)
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
            Histogram,
            "imap_command_duration_seconds",
            text,
            {"command": TIMED},
            buckets=COMMAND_SECONDS,
        )
        text = "From a change's being published to telling it to a client that idles."
        self._told = add(Histogram, "imap_notify_delay_seconds", text, buckets=NOTIFY_SECONDS)

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
        self._duplicates = add(
            Counter, "messages_duplicate_total", "Retrieved, and found to be held already."
        )
        self._deleted = add(Counter, "messages_deleted_upstream_total", "As policies wanted.")
        text = "From being listed by the provider to being in a synced commit."
        self._durable = add(
            Histogram, "message_durable_delay_seconds", text, buckets=DURABLE_SECONDS
        )
        text = (
            "Messages whose octets here weren't what was retrieved: they aren't deleted upstream."
        )
        self._violations = add(Counter, "invariant_violations_total", text)

    def _make_store(self) -> None:
        add = self._add
        text = "One transaction, synced."
        self._commit_seconds = add(
            Histogram, "store_commit_duration_seconds", text, buckets=COMMIT_SECONDS
        )
        self._writes = add(Counter, "store_writes_total", "Works that commits carried.")
        codes = {"code": STORE_CODES}
        self._store_errors = add(Counter, "store_errors_total", "Writes that failed.", codes)
        self.store_is_writable = True
        """Whether the last write went well."""
        writable = add(Gauge, "store_writable", "1 unless the last write failed.")
        writable.set_function(lambda: self.store_is_writable)
        self._files = add(Gauge, "store_bytes", "Sizes of its files.", {"kind": STORE_FILES})
        self._free = add(Gauge, "store_free_bytes", "What its disk has free for us.")
        self._messages = add(Gauge, "store_messages", "In all mailboxes of all accounts.")
        self._backup = add(
            Gauge, "backup_last_success_timestamp_seconds", "Of the last good backup; 0 for none."
        )
        self._lag = add(
            Gauge, "reactor_lag_seconds", "The longest that a timer was late in the last minute."
        )
        text = "How late a timer was that rings every second."
        self._delay = add(Histogram, "reactor_delay_seconds", text, buckets=DELAY_SECONDS)
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
            command = known(verb.lower(), COMMANDS, "unknown")
            labels = command, result.lower()
            if labels[1] not in COMMAND_RESULTS:
                command, _ = labels = _NO_COMMAND
            timed = known(command, TIMED, "other")
            series = self._commands.labels(*labels), self._command_seconds.labels(timed)
            self._command_series[verb, result] = series
        answered, took = series
        answered.inc()
        took.observe(seconds)

    def limit_reached(self, limit: str) -> None:
        """A peer met one of `LIMITS`."""
        self._limits.labels(known(limit, LIMITS, "other")).inc()

    def account_added(self, account_id: int, at: datetime) -> None:
        """There is an account. Until a sync succeeds its age counts from `at`, so it can alarm."""
        self._accounts.by_id[account_id] = AccountGauges({SUCCESS: at.timestamp()})

    def account_removed(self, account_id: int) -> None:
        """The account is gone, and its series with it."""
        self._accounts.by_id.pop(account_id, None)

    def account_status(self, status: SyncStatus, state: AccountState) -> None:
        """What is known of an account's syncs changed, and what it is in."""
        account = self._accounts.of(status.account_id)
        account.state = state
        times = {SUCCESS: status.last_success, ATTEMPT: status.last_attempt}
        for name, at in (times | {NEXT: status.next_attempt}).items():
            if at is not None:
                account.values[name] = at.timestamp()
        if status.listed is not None and status.pending is not None:
            account.values |= {LISTED: status.listed, PENDING: status.pending}
            account.values[DELETES] = status.delete_due or 0

    def account_problems(self, account_id: int, problems: Sequence[Wrong]) -> None:
        """What is wrong with an account now; none clears it."""
        account = self._accounts.of(account_id)
        account.wrong = since(problems, account.wrong)

    def watch(
        self,
        problems: Callable[[], Sequence[Wrong]],
        listeners: Callable[[], Sequence[Listener]],
    ) -> None:
        """What to ask, at each scrape, for what is wrong and which listeners there are."""
        self._daemon.problems, self._daemon.listeners = problems, listeners

    def account_messages(self, account_id: int, counts: Mapping[LedgerState, int]) -> None:
        """How many ledger rows of an account are in each state; a state left out has none."""
        self._accounts.of(account_id).in_doubt = dict(counts)

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
            self._failures.labels(known(code, ERROR_CODES, BridgeError.code)).inc()

    def retrieved_again(self, messages: int) -> None:
        """So many messages were retrieved that were held already."""
        self._duplicates.inc(messages)

    def durable(self, seconds: float) -> None:
        """A message is synced to disk, so long after a listing showed it."""
        self._durable.observe(seconds)

    def unproven(self, messages: int) -> None:
        """The octets of so many messages here aren't those that were retrieved."""
        self._violations.inc(messages)

    def told(self, seconds: float) -> None:
        """A client that idles was told of a change, so long after it was published."""
        self._told.observe(seconds)

    def deleted_upstream(self, messages: int) -> None:
        """So many messages were deleted at a provider."""
        self._deleted.inc(messages)

    def committed(self, works: int, seconds: float) -> None:
        """One commit made so many works durable."""
        self._commit_seconds.observe(seconds)
        self._writes.inc(works)
        self.store_is_writable = True

    def store_failed(self, code: str) -> None:
        """A write failed."""
        self._store_errors.labels(known(code, STORE_CODES, StoreError.code)).inc()
        self.store_is_writable = False

    def store_measured(self, files: Mapping[str, int], free: int) -> None:
        """What the store takes, by `STORE_FILES`, and what its disk has free, in octets."""
        for kind, octets in files.items():
            self._files.labels(known(kind, STORE_FILES, STORE_FILES[0])).set(octets)
        self._free.set(free)

    def store_counted(self, messages: int, backup_s: float) -> None:
        """How many messages all mailboxes hold, and when the last good backup was made."""
        self._messages.set(messages)
        self._backup.set(backup_s)

    def reactor_lagged(self, seconds: float, longest: float) -> None:
        """So late was a timer now, and the longest lately."""
        self._delay.observe(seconds)
        self._lag.set(longest)

    def certificate_expires(self, at: datetime) -> None:
        """A certificate that is served ends at this time."""
        self._expiry.set(at.timestamp())

    def unhandled(self) -> None:
        """An exception reached the top."""
        self._unhandled.inc()
