import re
import subprocess
from datetime import UTC, datetime

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bridge import errors, metrics
from bridge.admin.problems import ListenerState, Problem
from bridge.gauges import ACCOUNT_SERIES_MAX, ERROR_CODES, LISTENERS
from bridge.imap import parser
from bridge.metrics import TIMED, Metrics
from bridge.model.account import AccountState, SyncStatus
from bridge.model.ids import AccountId
from bridge.model.upstream import LedgerState
from tests.e2e.programs import installed

AT = datetime(2026, 3, 1, tzinfo=UTC)
LATER = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def made() -> Metrics:
    return Metrics("1.2.3", "3.51.3")


def samples(made: Metrics) -> dict[str, float]:
    found = {}
    for family in text_string_to_metric_families(made.exposition().decode()):
        for name, labels, value, *_ in family.samples:
            told = ",".join(f"{key}={labels[key]}" for key in sorted(labels))
            found[name.removeprefix("popbridge_") + (f"{{{told}}}" if told else "")] = value
    return found


def changes(made: Metrics, before: dict[str, float]) -> dict[str, float]:
    """What changed since, without buckets and what the process does by itself."""
    after = samples(made)
    return {
        name: value
        for name, value in after.items()
        if before.get(name) != value and "_bucket" not in name and not name.startswith("process_")
    }


def test_what_runs_and_since_when(made: Metrics) -> None:
    found = samples(made)
    build = next(name for name in found if name.startswith("build_info"))
    assert "version=1.2.3" in build and "sqlite=3.51.3" in build and "python=3." in build
    assert found["process_start_time_seconds"] > 0


def test_every_known_label_stands_at_zero(made: Metrics) -> None:
    found = samples(made)
    assert found["imap_commands_total{command=fetch,result=ok}"] == 0
    assert found["imap_command_duration_seconds_count{command=other}"] == 0
    assert found["auth_attempts_total{result=denied,service=imap}"] == 0
    assert found["upstream_failures_total{code=BR-AUTH-01}"] == 0
    assert found["imap_sessions{transport=tls}"] == 0
    assert found["accounts{state=needs_password}"] == 0
    assert found["store_writable"] == 1


def test_names_follow_the_conventions_of_prometheus(made: Metrics) -> None:
    for family in text_string_to_metric_families(made.exposition().decode()):
        assert re.fullmatch(r"(popbridge|process)_[a-z_]+", family.name)
        assert family.documentation
        for sample in family.samples:
            assert not sample.name.endswith("_created")


def test_a_connection_is_counted_and_leaves(made: Metrics) -> None:
    before = samples(made)
    made.connected(tls=False)
    made.secured()
    assert changes(made, before) == {
        "imap_connections_total{transport=plain}": 1,
        "imap_sessions{transport=tls}": 1,
    }
    made.disconnected(tls=True)
    assert changes(made, before) == {"imap_connections_total{transport=plain}": 1}


def test_logins_commands_and_limits(made: Metrics) -> None:
    before = samples(made)
    made.logged_in(True)
    made.logged_in(False)
    made.command("FETCH", "OK", 0.25)
    made.limit_reached("literal")
    assert changes(made, before) == {
        "auth_attempts_total{result=ok,service=imap}": 1,
        "auth_attempts_total{result=denied,service=imap}": 1,
        "imap_commands_total{command=fetch,result=ok}": 1,
        "imap_command_duration_seconds_count{command=fetch}": 1,
        "imap_command_duration_seconds_sum{command=fetch}": 0.25,
        "limits_reached_total{limit=literal}": 1,
    }


def test_what_a_client_makes_up_makes_no_label(made: Metrics) -> None:
    before = samples(made)
    made.command("X-<script>", "BYE", 1)
    made.limit_reached("patience")
    assert samples(made).keys() == before.keys()
    assert changes(made, before)["imap_commands_total{command=unknown,result=aborted}"] == 1
    assert changes(made, before)["limits_reached_total{limit=other}"] == 1


def test_every_command_of_the_parser_has_its_label() -> None:
    verbs = {*parser._VERBS, *parser._UID_VERBS}
    assert {verb.lower() for verb in verbs} <= set(metrics.COMMANDS)


def test_every_error_has_its_label() -> None:
    declared = {
        kind.code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.BridgeError)
    }
    assert declared <= set(ERROR_CODES)


def test_a_sync_that_succeeds(made: Metrics) -> None:
    made.account_added(7, AT)
    before = samples(made)
    made.synced(7, None, 3, 900, LATER, 1.5)
    assert changes(made, before) == {
        "upstream_syncs_total{result=ok}": 1,
        "upstream_sync_duration_seconds_count": 1,
        "upstream_sync_duration_seconds_sum": 1.5,
        "messages_fetched_total": 3,
        "upstream_received_bytes_total": 900,
        "upstream_last_success_timestamp_seconds{account=7}": LATER.timestamp(),
        "upstream_oldest_success_timestamp_seconds": LATER.timestamp(),
    }


def test_a_sync_that_fails_is_told_by_its_code(made: Metrics) -> None:
    made.account_added(7, AT)
    before = samples(made)
    made.synced(7, "BR-POP-05", 0, 0, LATER, 2)
    made.synced(7, "no code", 0, 0, LATER, 2)
    assert changes(made, before) == {
        "upstream_syncs_total{result=failed}": 2,
        "upstream_failures_total{code=BR-POP-05}": 1,
        "upstream_failures_total{code=BR-BUG-01}": 1,
        "upstream_sync_duration_seconds_count": 2,
        "upstream_sync_duration_seconds_sum": 4,
    }


def test_an_account_that_never_synced_has_an_age(made: Metrics) -> None:
    made.account_added(7, AT)
    made.account_status(SyncStatus(account_id=AccountId(7)), AccountState.NEW)
    found = samples(made)
    assert found["upstream_last_success_timestamp_seconds{account=7}"] == AT.timestamp()
    assert "upstream_messages{account=7}" not in found


def test_an_accounts_status(made: Metrics) -> None:
    made.account_added(7, AT)
    made.account_status(
        SyncStatus(
            account_id=AccountId(7),
            state=AccountState.RETRYING,
            last_success=AT,
            last_attempt=LATER,
            next_attempt=LATER,
            listed=10,
            pending=4,
            delete_due=2,
        ),
        AccountState.RETRYING,
    )
    made.account_messages(7, {LedgerState.STORED: 9, LedgerState.POISONED: 1})
    made.account_added(8, AT)
    made.account_messages(8, {LedgerState.POISONED: 2})
    found = {name: value for name, value in samples(made).items() if "account=7" in name}
    assert found == {
        "upstream_last_success_timestamp_seconds{account=7}": AT.timestamp(),
        "upstream_last_attempt_timestamp_seconds{account=7}": LATER.timestamp(),
        "upstream_messages{account=7}": 10,
        "upstream_next_attempt_timestamp_seconds{account=7}": LATER.timestamp(),
        "upstream_pending_messages{account=7}": 4,
        "upstream_pending_deletes{account=7}": 2,
    }
    assert samples(made)["upstream_doubtful_messages{state=poisoned}"] == 3
    assert samples(made)["upstream_doubtful_messages{state=odd}"] == 0
    assert samples(made)["accounts{state=retrying}"] == 1


def test_a_removed_account_leaves_no_series_even_if_its_sync_ends_later(made: Metrics) -> None:
    before = samples(made).keys()
    made.account_added(7, AT)
    made.account_removed(7)
    made.synced(7, None, 1, 1, LATER, 1)
    made.account_status(SyncStatus(account_id=AccountId(7), last_success=LATER), AccountState.OK)
    made.account_messages(7, {LedgerState.ODD: 1})
    assert samples(made).keys() == before


def full(account_id: int) -> SyncStatus:
    """A status from which every series comes that an account can have."""
    return SyncStatus(
        account_id=AccountId(account_id),
        state=AccountState.OK,
        last_success=AT,
        last_attempt=AT,
        next_attempt=AT,
        listed=1,
        pending=1,
        delete_due=1,
    )


@pytest.mark.parametrize("accounts", [1, 200, 1000])
def test_a_scrape_is_600_series_and_6_for_each_account_at_most(
    made: Metrics, accounts: int
) -> None:
    for account_id in range(accounts):
        made.account_added(account_id, AT)
        made.account_status(full(account_id), AccountState.OK)
        made.account_messages(account_id, dict.fromkeys(LedgerState, 1))
    found = samples(made)
    assert len(found) <= 600 + 6 * accounts
    assert found["accounts{state=ok}"] == accounts
    assert found["accounts_stale"] == accounts
    own = [name for name in found if "account=" in name]
    assert len(own) == (6 * accounts if accounts <= ACCOUNT_SERIES_MAX else 0)


def problem(code: str, since: datetime | None = AT) -> Problem:
    return Problem(code=code, text="It failed.", since=since, remedy="Mend it.")


def test_what_is_wrong_with_an_account_until_it_is_not(made: Metrics) -> None:
    made.account_added(7, AT)
    before = samples(made)
    made.account_problems(7, [problem("BR-POP-07"), problem("BR-POP-09", LATER)])
    assert changes(made, before) == {
        "account_error_since_timestamp_seconds{account=7,code=BR-POP-07}": AT.timestamp(),
        "account_error_since_timestamp_seconds{account=7,code=BR-POP-09}": LATER.timestamp(),
        "accounts_failing{code=BR-POP-07}": 1,
        "accounts_failing{code=BR-POP-09}": 1,
    }
    made.account_problems(7, [])
    assert changes(made, before) == {}
    assert samples(made).keys() == before.keys()


def test_of_very_many_accounts_only_sums_tell_what_is_wrong(made: Metrics) -> None:
    for account_id in range(ACCOUNT_SERIES_MAX + 1):
        made.account_added(account_id, AT)
        made.account_problems(account_id, [problem("BR-POP-02")])
    found = samples(made)
    assert found["accounts_failing{code=BR-POP-02}"] == ACCOUNT_SERIES_MAX + 1
    assert not any("account=" in name for name in found)


def test_what_is_wrong_with_popbridge_and_which_listeners_stand(made: Metrics) -> None:
    before = samples(made)
    wrong = [problem("BR-STORE-02", None), problem("BR-LISTEN-01", LATER), problem("BR-LISTEN-01")]
    up = ListenerState(kind="imap", url="imap://a:1")
    down = ListenerState(kind="imap", url="imap://b:1", problem=wrong[1])
    made.watch(lambda: wrong, lambda: [up, down, ListenerState(kind="web", url="http://a:2")])
    found = changes(made, before)
    # Since when isn't known: since it was seen, and that stays.
    assert found.pop("error_since_timestamp_seconds{code=BR-STORE-02}") > LATER.timestamp()
    assert found == {
        "error_since_timestamp_seconds{code=BR-LISTEN-01}": AT.timestamp(),
        "listener_up{listener=imap}": 0,
        "listener_up{listener=web}": 1,
    }
    assert set(LISTENERS) >= {"imap", "web"}


def test_who_is_paused_is_not_stale(made: Metrics) -> None:
    made.account_added(7, AT)
    made.account_status(full(7), AccountState.PAUSED)
    found = samples(made)
    assert found["accounts{state=paused}"] == 1
    assert found["accounts_stale"] == found["upstream_oldest_success_timestamp_seconds"] == 0
    assert "upstream_last_success_timestamp_seconds{account=7}" not in found
    assert "upstream_last_attempt_timestamp_seconds{account=7}" in found


def test_only_commands_that_people_wait_for_are_timed_by_themselves(made: Metrics) -> None:
    before = samples(made)
    made.command("UNSELECT", "OK", 0.5)
    assert changes(made, before) == {
        "imap_commands_total{command=unselect,result=ok}": 1,
        "imap_command_duration_seconds_count{command=other}": 1,
        "imap_command_duration_seconds_sum{command=other}": 0.5,
    }
    assert set(TIMED) - {"other"} <= set(metrics.COMMANDS)


def test_how_long_mail_and_news_take(made: Metrics) -> None:
    before = samples(made)
    made.durable(2)
    made.told(0.5)
    made.retrieved_again(3)
    made.unproven(1)
    assert changes(made, before) == {
        "message_durable_delay_seconds_count": 1,
        "message_durable_delay_seconds_sum": 2,
        "imap_notify_delay_seconds_count": 1,
        "imap_notify_delay_seconds_sum": 0.5,
        "messages_duplicate_total": 3,
        "invariant_violations_total": 1,
    }


def test_what_is_measured_now_and_then(made: Metrics) -> None:
    before = samples(made)
    made.store_measured({"database": 10, "wal": 5}, 99)
    made.store_counted(7, 3.0)
    made.reactor_lagged(0.125, 0.25)
    assert changes(made, before) == {
        "store_bytes{kind=database}": 10,
        "store_bytes{kind=wal}": 5,
        "store_free_bytes": 99,
        "store_messages": 7,
        "backup_last_success_timestamp_seconds": 3,
        "reactor_lag_seconds": 0.25,
        "reactor_delay_seconds_count": 1,
        "reactor_delay_seconds_sum": 0.125,
    }


def test_promtool_finds_nothing_to_say(made: Metrics) -> None:
    promtool = installed("promtool")
    made.account_added(7, AT)
    made.account_status(full(7), AccountState.OK)
    done = subprocess.run(
        [promtool, "check", "metrics"], input=made.exposition(), capture_output=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_store(made: Metrics) -> None:
    before = samples(made)
    made.committed(3, 0.5)
    made.store_failed("BR-STORE-02")
    assert changes(made, before) == {
        "store_commit_duration_seconds_count": 1,
        "store_commit_duration_seconds_sum": 0.5,
        "store_writes_total": 3,
        "store_errors_total{code=BR-STORE-02}": 1,
        "store_writable": 0,
    }
    made.committed(1, 0.1)
    assert samples(made)["store_writable"] == 1


def test_certificate_and_faults(made: Metrics) -> None:
    before = samples(made)
    made.certificate_expires(LATER)
    made.unhandled()
    assert changes(made, before) == {
        "tls_certificate_expiry_timestamp_seconds": LATER.timestamp(),
        "unhandled_errors_total": 1,
    }
