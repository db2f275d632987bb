"""What each check says of what was found: pure functions over values."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bridge.doctor import account_verdicts as account
from bridge.doctor import imap_verdicts as imap
from bridge.doctor import machine_verdicts as machine
from bridge.doctor import store_verdicts as store
from bridge.doctor.facts import (
    AccountFacts,
    FileFacts,
    HttpFacts,
    ImapFacts,
    Listeners,
    Machine,
    Protection,
    Served,
    Step,
    StoreFacts,
)
from bridge.doctor.finding import Finding, Missing, Verdict, failed, ok, unchecked, worst_exit
from bridge.errors import (
    ConfigError,
    NotRunningError,
    StoreError,
    StoreLockedError,
    UnknownHostError,
    UpstreamError,
)

OK, WARNING, FAILED, UNCHECKED = Verdict
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
DATA = Path("/data")
NONE = Missing("nobody asked")


def said(finding: Finding) -> tuple[Verdict, str, str]:
    """Verdict, code, and all the words; whatever is wrong says what to do."""
    wrong = finding.verdict in (WARNING, FAILED)
    assert bool(finding.remedy) == wrong, finding
    assert bool(finding.exit) == (finding.verdict is FAILED), finding
    if finding.verdict is FAILED:
        assert finding.code.startswith("BR-")
    return finding.verdict, finding.code, f"{finding.text} {finding.remedy}"


def expect(finding: Finding, verdict: Verdict, words: str, code: str = "") -> None:
    found = said(finding)
    assert found[:2] == (verdict, code), finding
    assert words in found[2]


MACHINE = Machine(
    now=NOW,
    user=1000,
    config_file=DATA / "popbridge.toml",
    config_found=True,
    config_error=None,
    data=FileFacts(path=DATA, owner=1000, mode=0o700),
    key=FileFacts(path=DATA / "key", owner=1000, mode=0o600),
    files=(FileFacts(path=DATA / "popbridge.db", owner=1000, mode=0o600),),
    free_octets=10**10,
    reserve_octets=5 * 10**8,
    file_system="ext4",
    needs_octets=2 * 10**8,
)


def folder(**changes: Any) -> FileFacts:
    assert isinstance(MACHINE.data, FileFacts)
    return replace(MACHINE.data, **changes)


@pytest.mark.parametrize(
    ("judge", "changes", "verdict", "words", "code"),
    [
        (machine.configuration, {}, OK, "is sound", ""),
        (machine.configuration, {"config_found": False}, OK, "default", ""),
        (
            machine.configuration,
            {"config_error": ConfigError("There is no key x.", "The nearest is y.")},
            FAILED,
            "nearest is y",
            "BR-CONFIG-01",
        ),
        (machine.folder, {}, OK, "closed", ""),
        (machine.folder, {"data": NONE}, UNCHECKED, "nobody asked", ""),
        (machine.folder, {"data": folder(owner=7)}, FAILED, "chown", "BR-STORE-03"),
        (machine.folder, {"data": folder(owner=7), "user": 0}, OK, "", ""),
        (machine.folder, {"data": folder(mode=0o770)}, FAILED, "write", "BR-STORE-03"),
        (machine.folder, {"data": folder(mode=0o755)}, WARNING, "chmod 700 /data", ""),
        (machine.secrets, {}, OK, "owner alone", ""),
        (machine.secrets, {"key": NONE}, UNCHECKED, "", ""),
        (machine.secrets, {"key": folder(mode=0o644)}, FAILED, "chmod 600", "BR-STORE-03"),
        (machine.secrets, {"files": (folder(mode=0o640),)}, FAILED, "read data", "BR-STORE-03"),
        (machine.free_space, {}, OK, "10 GB are free; 500 MB", ""),
        (machine.free_space, {"reserve_octets": 0}, OK, "10 GB are free.", ""),
        (machine.free_space, {"free_octets": NONE}, UNCHECKED, "", ""),
        (machine.free_space, {"free_octets": 6 * 10**8}, WARNING, "600 MB", ""),
        (machine.free_space, {"free_octets": 4 * 10**8}, FAILED, "400 MB", "BR-STORE-02"),
        (machine.file_system, {}, OK, "local disk (ext4)", ""),
        (machine.file_system, {"file_system": NONE}, UNCHECKED, "", ""),
        (machine.file_system, {"file_system": "nfs4"}, FAILED, "network", "BR-STORE-03"),
        (machine.file_system, {"file_system": "cifs"}, FAILED, "network", "BR-STORE-03"),
        (machine.file_system, {"file_system": "tmpfs"}, WARNING, "memory", ""),
    ],
)
def test_of_the_machine(
    judge: Any, changes: dict[str, Any], verdict: Verdict, words: str, code: str
) -> None:
    expect(judge(replace(MACHINE, **changes)), verdict, words, code)


SERVED = Served(
    now=NOW,
    path=DATA / "cert.pem",
    private=False,
    error=None,
    begins=NOW - timedelta(days=1),
    ends=NOW + timedelta(days=60),
    names=frozenset({"mail.example.org", "*.home.example"}),
    wanted=frozenset({"mail.example.org"}),
    machine=frozenset({"server"}),
    chain=(b"own", b"above"),
)
BLANK = Served(now=NOW, path=DATA / "tls/server.pem", private=True, error=None)


@pytest.mark.parametrize(
    ("judge", "facts", "verdict", "words", "code"),
    [
        (machine.certificate, SERVED, OK, "belong together", ""),
        (machine.certificate, replace(SERVED, private=True), OK, "/data/ca.pem", ""),
        (machine.certificate, replace(SERVED, key=folder(mode=0o640)), OK, "", ""),
        (machine.certificate, replace(SERVED, key=folder(mode=0o644)), WARNING, "chmod 600", ""),
        (machine.certificate, BLANK, UNCHECKED, "first runs", ""),
        (
            machine.certificate,
            replace(BLANK, error=ConfigError("The key is another's.", "Name both.")),
            FAILED,
            "another's",
            "BR-CONFIG-01",
        ),
        (machine.certificate_life, SERVED, OK, "60 days", ""),
        (machine.certificate_life, BLANK, UNCHECKED, "", ""),
        (
            machine.certificate_life,
            replace(SERVED, ends=NOW + timedelta(days=13)),
            WARNING,
            "expires in 13 days, on 2026-12-14",
            "",
        ),
        (
            machine.certificate_life,
            replace(SERVED, ends=NOW - timedelta(days=2)),
            FAILED,
            "expired on 2026-11-29, 2 days ago",
            "BR-TLS-01",
        ),
        (
            machine.certificate_life,
            replace(SERVED, begins=NOW + timedelta(days=2)),
            FAILED,
            "clock",
            "BR-TLS-01",
        ),
        (machine.certificate_names, SERVED, OK, "*.home.example, mail.example.org", ""),
        (machine.certificate_names, BLANK, UNCHECKED, "", ""),
        (
            machine.certificate_names,
            replace(SERVED, wanted=frozenset({"a.home.example", "a.b.home.example"})),
            WARNING,
            "isn't for a.b.home.example,",
            "",
        ),
        (
            machine.certificate_names,
            replace(SERVED, private=True),
            WARNING,
            "called server",
            "",
        ),
    ],
)
def test_of_the_certificate(
    judge: Any, facts: Served, verdict: Verdict, words: str, code: str
) -> None:
    expect(judge(facts), verdict, words, code)


def status(**changes: Any) -> dict[str, Any]:
    none = dict.fromkeys(("suspect", "odd", "poisoned", "too_large"), 0)
    return {
        "login": "alice",
        "state": "ok",
        "last_attempt": "2026-12-01T11:58:00Z",
        "last_success": "2026-12-01T11:58:00Z",
        "upstream": none,
        "frozen": None,
        "error": None,
        **changes,
    }


ANSWER: dict[str, Any] = {
    "version": "1.0",
    "pid": 7,
    "sqlite": "3.53.4",
    "sqlite_advice": None,
    "last_backup_s": (NOW - timedelta(days=2)).timestamp(),
    "accounts": [status()],
}
STORE = StoreFacts(now=NOW, running=True, answer=ANSWER, error=None)


def answer(**changes: Any) -> StoreFacts:
    return replace(STORE, answer={**ANSWER, **changes})


@pytest.mark.parametrize(
    ("judge", "facts", "verdict", "words", "code"),
    [
        (store.daemon, STORE, OK, "process 7", ""),
        (store.daemon, replace(STORE, running=False), WARNING, "popbridge run", ""),
        (store.daemon, replace(STORE, answer=NONE), UNCHECKED, "", ""),
        (
            store.daemon,
            replace(STORE, answer=NONE, error=StoreLockedError("It is in use by x.", "Stop x.")),
            FAILED,
            "in use by x",
            "BR-STORE-01",
        ),
        (
            store.daemon,
            replace(
                STORE, running=False, answer=NONE, error=StoreLockedError("In use by a backup.")
            ),
            WARNING,
            "Wait",
            "",
        ),
        (
            store.daemon,
            replace(
                STORE,
                running=False,
                answer=NONE,
                error=StoreLockedError("The data in /data is in use by popbridge run (pid 7)."),
            ),
            FAILED,
            "control socket",
            "BR-STORE-01",
        ),
        (
            store.daemon,
            replace(STORE, running=False, answer=NONE, error=StoreError("It is gone.", "Look.")),
            FAILED,
            "gone",
            "BR-STORE-03",
        ),
        (store.library, STORE, OK, "3.53.4", ""),
        (
            store.library,
            answer(sqlite_advice="SQLite 3.40.1 can lose. popbridge never does that; let no other"),
            WARNING,
            "popbridge never does that; let",
            "",
        ),
        (store.clock, STORE, OK, "fits", ""),
        (store.clock, answer(accounts=[], last_backup_s=None), OK, "can't tell", ""),
        (
            store.clock,
            answer(accounts=[status(last_attempt="2026-12-02T12:00:00Z")]),
            WARNING,
            "timedatectl",
            "",
        ),
        (store.clock, answer(last_backup_s=NOW.timestamp() + 60), OK, "", ""),
        (store.backup, STORE, OK, "2 days ago", ""),
        (store.backup, answer(last_backup_s=None), WARNING, "No backup", ""),
        (store.backup, answer(last_backup_s=None, accounts=[]), OK, "yet", ""),
        (store.backup, answer(last_backup_s=NOW.timestamp() - 40 * 86400), WARNING, "40 days", ""),
        (store.accounts, STORE, OK, "1 account.", ""),
        (store.accounts, answer(accounts=[]), WARNING, "account add", ""),
        *(
            (each, replace(STORE, answer=NONE), UNCHECKED, "nobody asked", "")
            for each in (store.library, store.clock, store.backup, store.accounts)
        ),
    ],
)
def test_of_the_store(
    judge: Any, facts: StoreFacts, verdict: Verdict, words: str, code: str
) -> None:
    expect(judge(facts), verdict, words, code)


HERE = ("imap://127.0.0.1:1143", "imaps://[::1]:1993")
LISTENERS = Listeners(unknown="", imap=(*HERE, "imaps://0.0.0.0:1993"), proxied=())


@pytest.mark.parametrize(
    ("changes", "verdict", "words"),
    [
        ({}, OK, "can connect: imaps://0.0.0.0:1993."),
        ({"imap": HERE}, WARNING, "from this machine only"),
        ({"imap": HERE, "proxied": ("imaps://10.0.0.2:2993",)}, OK, "through the proxy"),
        ({"imap": ()}, WARNING, "no IMAP listener"),
        ({"unknown": "nobody runs"}, UNCHECKED, "nobody runs"),
    ],
)
def test_of_other_devices(changes: dict[str, Any], verdict: Verdict, words: str) -> None:
    expect(store.devices(replace(LISTENERS, **changes)), verdict, words)


REFUSED = {"code": "BR-AUTH-01", "text": "It was rejected.", "remedy": "Check it."}
FROZEN = {"since": "2026-11-30T12:00:00Z", "cause": "They went.", "remedy": "Wait."}


@pytest.mark.parametrize(
    ("changes", "verdict", "words", "code"),
    [
        ({}, OK, "Last synced 2 minutes ago", ""),
        ({"state": "new", "last_success": None}, OK, "hasn't been synced", ""),
        ({"state": "paused"}, WARNING, "account resume alice", ""),
        (
            {"state": "needs_password", "error": {**REFUSED, "since": "2026-12-01T11:00:00Z"}},
            FAILED,
            "It began 1 hour ago",
            "BR-AUTH-01",
        ),
        (
            {"state": "retrying", "error": {**REFUSED, "code": "BR-POP-03", "since": None}},
            WARNING,
            "Check it.",
            "BR-POP-03",
        ),
        ({"state": "frozen", "frozen": FROZEN}, WARNING, "They went. Wait.", ""),
        ({"upstream": {**status()["upstream"], "poisoned": 2}}, WARNING, "2 messages can't", ""),
    ],
)
def test_of_an_accounts_state(
    changes: dict[str, Any], verdict: Verdict, words: str, code: str
) -> None:
    facts = AccountFacts(now=NOW, status=status(**changes), found={}, error=None)
    expect(account.state(facts), verdict, words, code)


SESSION: dict[str, Any] = {
    "mechanism": "PLAIN",
    "capabilities": {"UIDL": [], "TOP": [], "PIPELINING": [], "SASL": ["PLAIN"]},
    "implementation": "Dovecot",
    "tls": "TLSv1.3",
    "certificate_ends": "2027-01-30T12:00:00Z",
    "bare_lf": False,
    "login_delay_s": 0,
    "seconds": 0.25,
    "stat": 3,
    "listed": 3,
    "uidls": 3,
    "doubled": 0,
    "pending": 0,
    "pending_octets": 0,
    "error": None,
}
ADDRESS = {"address": "192.0.2.1", "seconds": 0.01, "error": ""}
BROKEN = {"address": "2001:db8::1", "seconds": 5.0, "error": "it doesn't answer"}


def found(session: "dict[str, Any] | None" = SESSION, **changes: Any) -> AccountFacts:
    told = {
        "host": "pop.example",
        "port": 995,
        "user": "alice",
        "addresses": {"found": [ADDRESS], "error": ""},
        "remembered": None,
        "skipped": "",
        "error": None,
        "session": session,
        **changes,
    }
    return AccountFacts(now=NOW, status=status(), found=told, error=None)


def session(**changes: Any) -> AccountFacts:
    return found({**SESSION, **changes})


def offers(**names: list[str]) -> AccountFacts:
    return session(capabilities={name.replace("_", "-"): words for name, words in names.items()})


NO_ADDRESS = {"found": [], "error": "Name or service not known"}
SKIPPED = found(None, skipped="a sync runs")
UNKNOWN = AccountFacts(now=NOW, status=status(), found={}, error=UnknownHostError("No.", "Look."))
LISTING_FAILED = {**REFUSED, "code": "BR-POP-06", "exit": 75}


@pytest.mark.parametrize(
    ("judge", "facts", "verdict", "words", "code"),
    [
        (account.host, found(), OK, "192.0.2.1", ""),
        (account.host, found(host="192.0.2.1"), OK, "already", ""),
        (account.host, UNKNOWN, FAILED, "No. Look.", "BR-POP-02"),
        (account.host, found(addresses=NO_ADDRESS), FAILED, "service not known", "BR-POP-02"),
        (account.connection, found(), OK, "over IPv4 within 10 ms", ""),
        (account.connection, UNKNOWN, UNCHECKED, "", ""),
        (
            account.connection,
            found(addresses={"found": [ADDRESS, BROKEN], "error": ""}),
            WARNING,
            "2001:db8::1: it doesn't answer",
            "",
        ),
        (
            account.connection,
            found(addresses={"found": [BROKEN], "error": ""}),
            FAILED,
            "firewall",
            "BR-POP-03",
        ),
        (account.log_in, found(), OK, "as alice by PLAIN, in 0.2 s. The server is Dovecot.", ""),
        (account.log_in, SKIPPED, UNCHECKED, "a sync runs", ""),
        (account.log_in, UNKNOWN, UNCHECKED, "", ""),
        (
            account.log_in,
            found(None, error={**REFUSED, "exit": 77}),
            FAILED,
            "rejected",
            "BR-AUTH-01",
        ),
        (account.encryption, found(), OK, "TLSv1.3; the provider's certificate is valid until", ""),
        (account.encryption, session(tls=""), WARNING, "anyone to read", ""),
        (account.encryption, found({**SESSION, "tls": ""}, host="127.0.0.1"), OK, "leave", ""),
        (
            account.encryption,
            session(certificate_ends="2026-12-03T12:00:00Z"),
            WARNING,
            "expires in 2 days",
            "",
        ),
        (
            account.encryption,
            session(certificate_ends="2026-11-03T12:00:00Z"),
            WARNING,
            "let pass by the account's pin",
            "",
        ),
        (account.capabilities, found(), OK, "UIDL, TOP, PIPELINING, SASL.", ""),
        (account.capabilities, offers(UIDL=[], TOP=[]), OK, "no PIPELINING", ""),
        (account.capabilities, session(capabilities={}), OK, "CAPA", ""),
        (account.capabilities, session(uidls=0), WARNING, "no UIDL", ""),
        (account.capabilities, session(uidls=0, listed=0, stat=0), OK, "", ""),
        (account.capabilities, session(bare_lf=True), WARNING, "LF alone", ""),
        (account.terms, found(), OK, "until somebody deletes it", ""),
        (account.terms, offers(EXPIRE=["NEVER"]), OK, "", ""),
        (account.terms, offers(EXPIRE=["0"]), WARNING, "the only copy", ""),
        (account.terms, offers(EXPIRE=["30", "USER"]), WARNING, "after 30 days", ""),
        (account.terms, session(login_delay_s=900), OK, "every 15 minutes (LOGIN-DELAY)", ""),
        (account.terms, SKIPPED, UNCHECKED, "a sync runs", ""),
        (
            account.terms,
            found(None, skipped="x", remembered={"expire_days": 0, "login_delay_s": 60}),
            WARNING,
            "every 1 minute",
            "",
        ),
        (account.listing, found(), OK, "all of them are here", ""),
        (
            account.listing,
            session(pending=2, pending_octets=5_000_000),
            OK,
            "2 of them are still to be fetched (5 MB)",
            "",
        ),
        (account.listing, session(stat=4), WARNING, "4 messages (STAT) and lists 3", ""),
        (account.listing, session(doubled=1), WARNING, "1 message", ""),
        (account.listing, session(error=LISTING_FAILED), FAILED, "failed", "BR-POP-06"),
        *(
            (each, SKIPPED, UNCHECKED, "a sync runs", "")
            for each in (account.encryption, account.capabilities, account.listing)
        ),
    ],
)
def test_of_a_provider(
    judge: Any, facts: AccountFacts, verdict: Verdict, words: str, code: str
) -> None:
    expect(judge(facts), verdict, words, code)


TALK = {name: Step(seconds=0.002, told=f"{name} went well") for name in imap.STEPS}
ALL = frozenset({"IMAP4REV1", "IDLE", "UIDPLUS", "CONDSTORE"})
IMAP = ImapFacts(
    url="imap://0.0.0.0:1143",
    served=SERVED,
    greeting=Step(seconds=0.01),
    protection=Protection(version="TLSv1.3", chain=(b"own",), distrust=""),
    capabilities=ALL,
    others=frozenset({"IMAP4REV1", "LOGINDISABLED", "STARTTLS"}),
    talk=TALK,
    no_talk="",
)
UNTRUSTED = Protection(version="TLSv1.3", chain=(b"own",), distrust="it has expired")
REFUSED_LOG_IN = {"log-in": Step(trouble="Login or password is wrong")}
CUT = {"log-in": TALK["log-in"], "ID": Step(trouble="it hung up")}


def shows(*chain: bytes) -> Protection:
    return Protection(version="TLSv1.3", chain=chain, distrust="")


@pytest.mark.parametrize(
    ("judge", "changes", "verdict", "words", "code"),
    [
        (imap.greeting, {}, OK, "10 ms", ""),
        (imap.greeting, {"greeting": Step(seconds=3)}, WARNING, "3.0 s", ""),
        (
            imap.greeting,
            {"greeting": Step(trouble="it refuses connections")},
            FAILED,
            "it refuses connections. Look",
            "BR-LISTEN-02",
        ),
        (imap.protection, {}, OK, "TLSv1.3", ""),
        (imap.protection, {"protection": NONE}, UNCHECKED, "", ""),
        (imap.protection, {"protection": shows(b"own", b"above")}, OK, "", ""),
        (imap.protection, {"protection": shows(b"own", b"x")}, WARNING, "all certificates", ""),
        (imap.protection, {"protection": shows(b"old")}, FAILED, "another", "BR-TLS-01"),
        (imap.trust, {}, OK, "known everywhere", ""),
        (imap.trust, {"served": replace(SERVED, private=True)}, OK, "own authority", ""),
        (imap.trust, {"protection": UNTRUSTED}, WARNING, "it has expired", ""),
        (
            imap.trust,
            {"protection": UNTRUSTED, "served": replace(SERVED, private=True)},
            FAILED,
            "it has expired",
            "BR-TLS-01",
        ),
        (imap.trust, {"protection": NONE}, UNCHECKED, "", ""),
        (imap.capabilities, {}, OK, "4 capabilities", ""),
        (imap.capabilities, {"capabilities": NONE}, UNCHECKED, "", ""),
        (imap.capabilities, {"capabilities": frozenset({"IMAP4REV1"}), "talk": {}}, OK, "", ""),
        (
            imap.capabilities,
            {"capabilities": frozenset({"IMAP4REV1"}), "talk": REFUSED_LOG_IN},
            OK,
            "",
            "",
        ),
        (imap.capabilities, {"capabilities": ALL - {"IDLE"}}, FAILED, "IDLE", "BR-IMAP-01"),
        (imap.clear_text, {}, OK, "after STARTTLS only", ""),
        (imap.clear_text, {"url": "imaps://0.0.0.0:1"}, OK, "encrypted", ""),
        (imap.clear_text, {"url": "imap://127.0.0.1:1"}, OK, "on this machine", ""),
        (imap.clear_text, {"others": NONE}, UNCHECKED, "", ""),
        (
            imap.clear_text,
            {"others": frozenset({"STARTTLS"})},
            FAILED,
            "without TLS",
            "BR-IMAP-01",
        ),
        (imap.step("ID"), {}, OK, "ID went well (2 ms)", ""),
        (imap.step("ID"), {"talk": {}, "no_talk": "no password"}, UNCHECKED, "no password", ""),
        (imap.step("log-in"), {"talk": REFUSED_LOG_IN}, FAILED, "is wrong", "BR-LOGIN-03"),
        (imap.step("IDLE"), {"talk": REFUSED_LOG_IN}, UNCHECKED, "the log-in failed", ""),
        (imap.step("ID"), {"talk": CUT}, FAILED, "ID failed: it hung up", "BR-IMAP-01"),
        (imap.step("IDLE"), {"talk": CUT}, UNCHECKED, "the ID failed", ""),
    ],
)
def test_of_a_listener(
    judge: Any, changes: dict[str, Any], verdict: Verdict, words: str, code: str
) -> None:
    expect(judge(replace(IMAP, **changes)), verdict, words, code)


HTTP = HttpFacts(
    url="http://127.0.0.1:1",
    answers={
        "/readyz": Step(told="ready"),
        "/full": Step(told="ready; degraded: no room"),
        "/gone": Step(trouble="it answers 503 the store is gone"),
    },
    outside="",
)


@pytest.mark.parametrize(
    ("judge", "changes", "verdict", "words", "code"),
    [
        (imap.answer("/readyz", "It says"), {}, OK, "It says: ready", ""),
        (imap.answer("/full", "It says"), {}, WARNING, "no room", ""),
        (imap.answer("/gone", "It says"), {}, FAILED, "the store is gone", "BR-LISTEN-02"),
        (imap.exposure, {}, OK, "Only this machine", ""),
        (imap.exposure, {"url": "https://0.0.0.0:1"}, OK, "encrypted", ""),
        (imap.exposure, {"outside": "192.0.2.7 port 1"}, FAILED, "192.0.2.7", "BR-LISTEN-02"),
        (imap.exposure, {"outside": NONE}, UNCHECKED, "", ""),
        (imap.metrics_exposure, {}, OK, "Only this machine", ""),
        (imap.metrics_exposure, {"outside": "192.0.2.7 port 1"}, WARNING, "192.0.2.7", ""),
        (imap.metrics_exposure, {"outside": NONE}, UNCHECKED, "", ""),
    ],
)
def test_of_pages(
    judge: Any, changes: dict[str, Any], verdict: Verdict, words: str, code: str
) -> None:
    expect(judge(replace(HTTP, **changes)), verdict, words, code)


def test_the_worst_failure_counts_and_what_is_told_without_a_remedy_gets_one() -> None:
    without = failed(NotRunningError("Nobody runs."))
    assert without.remedy == NotRunningError.advice
    assert worst_exit([ok("fine"), unchecked("why"), without]) == 69
    assert worst_exit([without, failed(UpstreamError("x", "y"))]) == 75
    assert worst_exit([ok("fine"), machine.folder(replace(MACHINE, data=NONE))]) == 0
