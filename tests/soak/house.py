"""The daemon under a soak: its accounts, written straight into the store, and what it shows."""

import os
import urllib.request
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from bridge import crypto
from bridge.model.account import (
    Account,
    Device,
    SecretKind,
    SecretSource,
    Security,
    SyncStatus,
    Upstream,
)
from bridge.model.ids import AccountId
from bridge.store.tx import WriteTx
from tests.bench.fill import opened

PASSWORD = "secret"
VARIABLE = "POPBRIDGE_SOAK_PASSWORD"
ROOT = Path(__file__).parents[2]
PAGE_OCTETS = os.sysconf("SC_PAGE_SIZE")


def add_accounts(data: Path, logins: Iterable[str], port: int) -> None:
    """Accounts of a provider on loopback, due at once; as made passwords they cost no Argon2."""
    key = crypto.load_key(data / "key")
    verifier = crypto.verifier_for(PASSWORD, made=True, key=key)
    salt = crypto.new_salt()
    stored, server = crypto.scram_keys(PASSWORD, salt, crypto.SCRAM_ITERATIONS)

    def work(tx: WriteTx) -> None:
        for login in logins:
            account = tx.add_account(_account(login, port, salt))
            tx.add_device(
                Device(
                    account_id=account.id,
                    name="first",
                    verifier=verifier,
                    stored_key=stored,
                    server_key=server,
                )
            )
            tx.save_sync_status(SyncStatus(account_id=account.id, next_attempt=datetime.now(UTC)))

    with opened(data) as store:
        store.write(work)


def _account(login: str, port: int, salt: bytes) -> Account:
    return Account(
        id=AccountId(0),
        login=login,
        upstream=Upstream(host="127.0.0.1", port=port, user=login, security=Security.PLAIN),
        secret_source=SecretSource(SecretKind.ENVIRONMENT, VARIABLE),
        sealed_password=b"",
        policy="keep",
        interval_s=None,
        paused=False,
        scram_salt=salt,
        scram_iterations=crypto.SCRAM_ITERATIONS,
    )


def resident_octets(pid: int) -> int:
    """The memory that a process has of its own and of libraries."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_OCTETS


def descriptors(pid: int) -> int:
    """How many files and connections a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def metrics(url: str) -> dict[str, float]:
    """What /metrics tells, by name and labels as they stand there."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    rows = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in rows}


def quantile_bound(before: dict[str, float], after: dict[str, float], name: str, q: float) -> float:
    """The bound of a histogram that so great a part of what came in between lies below."""
    buckets = sorted(
        (float(series.partition('le="')[2].partition('"')[0]), value - before.get(series, 0.0))
        for series, value in after.items()
        if series.startswith(f"{name}_bucket")
    )
    wanted = q * buckets[-1][1]
    return next(bound for bound, count in buckets if count >= wanted)
