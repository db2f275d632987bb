"""The one table of checks: which there are, in order, and who judges each. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bridge.doctor import account_verdicts as account
from bridge.doctor import imap_verdicts as imap
from bridge.doctor import machine_verdicts as machine
from bridge.doctor import store_verdicts as store
from bridge.doctor.finding import Entry, Finding


@dataclass(frozen=True, slots=True)
class Check:
    """A line of the report; `judge` takes the facts of its table."""

    name: str
    judge: Callable[[Any], Finding]


MACHINE = (
    Check("configuration", machine.configuration),
    Check("data folder", machine.folder),
    Check("secrets", machine.secrets),
    Check("free space", machine.free_space),
    Check("file system", machine.file_system),
)
STORE = (
    Check("popbridge", store.daemon),
    Check("accounts", store.accounts),
    Check("backup", store.backup),
    Check("clock", store.clock),
    Check("SQLite", store.library),
)
CERTIFICATE = (
    Check("certificate", machine.certificate),
    Check("expiry", machine.certificate_life),
    Check("names", machine.certificate_names),
)
ACCOUNT = (
    Check("state", account.state),
    Check("host name", account.host),
    Check("connection", account.connection),
    Check("log-in", account.log_in),
    Check("encryption", account.encryption),
    Check("capabilities", account.capabilities),
    Check("terms", account.terms),
    Check("listing", account.listing),
)
DEVICES = (Check("other devices", store.devices),)
IMAP = (
    Check("greeting", imap.greeting),
    Check("TLS", imap.protection),
    Check("trust", imap.trust),
    Check("capabilities", imap.capabilities),
    Check("clear text", imap.clear_text),
    *(Check(name, imap.step(name)) for name in imap.STEPS),
)
METRICS = (
    Check("/readyz", imap.answer("/readyz", "It says")),
    Check("/metrics", imap.answer("/metrics", "It answers")),
    Check("exposure", imap.metrics_exposure),
)
PAGE = (
    Check("answer", imap.answer("/", "It answers")),
    Check("exposure", imap.exposure),
)


def judged(group: str, checks: tuple[Check, ...], facts: object) -> list[Entry]:
    """The group's part of the report."""
    return [Entry(group, check.name, check.judge(facts)) for check in checks]


def all_alike(group: str, checks: tuple[Check, ...], finding: Finding) -> list[Entry]:
    """A group's part where there are no facts to judge: its first check says why."""
    return [Entry(group, checks[0].name, finding)]
