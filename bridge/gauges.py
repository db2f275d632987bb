"""Gauges that are made at each scrape: of the accounts, and of what is wrong."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from bridge.errors import BridgeError
from bridge.model.account import AccountState
from bridge.model.upstream import IN_DOUBT, LedgerState

ACCOUNT_SERIES_MAX = 200
"""With more accounts only their sums are told: a scrape must not grow with the customers."""

LISTENERS = ("imap", "imaps", "imap-proxy", "imaps-proxy", "web", "metrics")

STALE_S = 3600
"""An account that wasn't synced for longer is stale: `accounts_stale` counts them."""

SUCCESS = "upstream_last_success_timestamp_seconds"
ATTEMPT = "upstream_last_attempt_timestamp_seconds"
NEXT = "upstream_next_attempt_timestamp_seconds"
LISTED = "upstream_messages"
PENDING = "upstream_pending_messages"
DELETES = "upstream_pending_deletes"
ACCOUNT_GAUGES = {
    SUCCESS: "End of the last sync that succeeded; left out while the account is paused.",
    ATTEMPT: "Start of the last sync.",
    NEXT: "When the next sync is due.",
    LISTED: "Messages that the last listing held.",
    PENDING: "Messages listed and not fetched yet.",
    DELETES: "Messages that a policy wants deleted and that are there still.",
}
"""With the account's number as label, and no others: a scrape grows by these for each account."""


def _codes(error: type[BridgeError]) -> Iterator[str]:
    yield error.code
    for kind in error.__subclasses__():
        yield from _codes(kind)


ERROR_CODES = tuple(sorted(set(_codes(BridgeError))))


def known(value: str, values: Iterable[str], otherwise: str) -> str:
    """The value, or `otherwise` where it isn't one of the closed set."""
    return value if value in values else otherwise


@dataclass(slots=True)
class AccountGauges:
    """What is told of an account."""

    values: dict[str, float]
    """By a key of `ACCOUNT_GAUGES`; what isn't known yet is left out."""
    state: AccountState = AccountState.NEW
    in_doubt: Mapping[LedgerState, int] = field(default_factory=dict)
    wrong: Mapping[str, float] = field(default_factory=dict)
    """By error code, since when."""

    @property
    def paused(self) -> bool:
        """Whether it is; who pauses an account wants no alarm about it."""
        return self.state is AccountState.PAUSED

    def stale(self, now_s: float) -> bool:
        """Whether it wasn't synced for long."""
        return not self.paused and now_s - self.values.get(SUCCESS, now_s) > STALE_S


class Accounts(Collector):
    """The gauges about accounts, made at each scrape: an account that goes leaves no series."""

    def __init__(self) -> None:
        self.by_id: dict[int, AccountGauges] = {}

    def of(self, account_id: int) -> AccountGauges:
        """An account's."""
        # A sync may end after its account was removed: what it says then goes nowhere.
        return self.by_id.get(account_id, AccountGauges({}))

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """As `Collector.collect`."""
        accounts, now_s = self.by_id.values(), datetime.now(UTC).timestamp()
        states = [account.state for account in accounts]
        made = gauge("accounts", "Accounts by state.", "state")
        for state in AccountState:
            made.add_metric([state.value], states.count(state))
        yield made
        doubt = gauge("upstream_doubtful_messages", "Of all accounts, by their state.", "state")
        for doubtful in IN_DOUBT:
            count = sum(account.in_doubt.get(doubtful, 0) for account in accounts)
            doubt.add_metric([doubtful.value], count)
        yield doubt
        stale = gauge("accounts_stale", "Not paused and not synced for more than an hour.")
        stale.add_metric([], sum(one.stale(now_s) for one in accounts))
        yield stale
        successes = (account.values[SUCCESS] for account in accounts if not account.paused)
        text = "The last success of the account that is stalest; 0 without accounts."
        oldest = gauge("upstream_oldest_success_timestamp_seconds", text)
        oldest.add_metric([], min(successes, default=0))
        yield oldest
        failing = gauge("accounts_failing", "Accounts by what is wrong with them.", "code")
        for code in ERROR_CODES:
            failing.add_metric([code], sum(code in one.wrong for one in accounts))
        yield failing
        if len(self.by_id) <= ACCOUNT_SERIES_MAX:
            yield from self._each()

    def _each(self) -> Iterator[GaugeMetricFamily]:
        gauges = {name: gauge(name, text, "account") for name, text in ACCOUNT_GAUGES.items()}
        for account_id, account in self.by_id.items():
            name = str(account_id)
            for key, value in account.values.items():
                # Who pauses an account wants no alarm about it.
                if not (account.paused and key == SUCCESS):
                    gauges[key].add_metric([name], value)
        yield from gauges.values()
        text = "What is wrong with an account, and since when; left out while nothing is."
        wrong = gauge("account_error_since_timestamp_seconds", text, "account", "code")
        for account_id, account in self.by_id.items():
            for code, since_s in account.wrong.items():
                wrong.add_metric([str(account_id), code], since_s)
        yield wrong


class Wrong(Protocol):
    """Of a problem what is told here."""

    @property
    def code(self) -> str:
        """One of `ERROR_CODES`."""
        ...

    @property
    def since(self) -> datetime | None:
        """Aware UTC."""
        ...


class Listener(Protocol):
    """Of a listener what is told here."""

    @property
    def kind(self) -> str:
        """One of `LISTENERS`."""
        ...

    @property
    def problem(self) -> object | None:
        """Why it accepts no connections; None while it does."""
        ...


class Daemon(Collector):
    """What is wrong with the daemon, asked for at each scrape."""

    def __init__(self) -> None:
        self.problems: Callable[[], Sequence[Wrong]] = list
        self.listeners: Callable[[], Sequence[Listener]] = list
        self._seen: dict[str, float] = {}

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """As `Collector.collect`."""
        text = "What is wrong with popbridge, and since when; left out while nothing is."
        wrong = gauge("error_since_timestamp_seconds", text, "code")
        self._seen = since(self.problems(), self._seen)
        for code, since_s in self._seen.items():
            wrong.add_metric([code], since_s)
        yield wrong
        text = "1 while every configured listener of the kind accepts connections, else 0."
        up = gauge("listener_up", text, "listener")
        listeners = self.listeners()
        for kind in LISTENERS:
            states = [one.problem is None for one in listeners if one.kind == kind]
            if states:
                up.add_metric([kind], all(states))
        yield up


def since(problems: Iterable[Wrong], seen: Mapping[str, float]) -> dict[str, float]:
    """By code, when the first of its problems began; or when it was seen, if nobody knows."""
    found: dict[str, float] = {}
    for one in problems:
        code = known(one.code, ERROR_CODES, BridgeError.code)
        now_s = datetime.now(UTC).timestamp()
        at_s = seen.get(code, now_s) if one.since is None else one.since.timestamp()
        found[code] = min(at_s, found.get(code, at_s))
    return found


def gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    """A gauge, to be filled."""
    return GaugeMetricFamily(f"popbridge_{name}", text, labels=labels)
