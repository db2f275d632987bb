"""Stores that are filled directly, where fetching as many accounts or messages would take hours."""

import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from pathlib import Path

from bridge import crypto
from bridge.ingest.pipeline import Ingest
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
from bridge.model.mailbox import INBOX
from bridge.model.message import StoredMessage
from bridge.store.engine import Store, open_store
from bridge.store.tx import WriteTx
from tests.bench.corpus import small

PASSWORD = "secret"
COMMIT_MESSAGES = 500

_FAR = timedelta(days=3650)


@contextmanager
def opened(data: Path) -> Iterator[Store]:
    """The store of a folder that no daemon has."""
    data.mkdir(exist_ok=True)
    store = open_store(
        data / "popbridge.db", on_commit=lambda changes: None, clock_s=lambda: 1_700_000_000
    )
    try:
        yield store
    finally:
        store.close()


def add_accounts(data: Path, logins: Iterable[str]) -> None:
    """Accounts that aren't due for ten years, so that nothing is fetched meanwhile."""
    key = crypto.load_key(data / "key") if data.exists() else _new_key(data)
    verifier = crypto.verifier_for(PASSWORD, made=False, key=key)
    salt = crypto.new_salt()
    stored, server = crypto.scram_keys(PASSWORD, salt, crypto.SCRAM_ITERATIONS)

    def work(tx: WriteTx) -> None:
        for login in logins:
            account = tx.add_account(_account(login, salt))
            tx.add_device(
                Device(
                    account_id=account.id,
                    name="first",
                    verifier=verifier,
                    stored_key=stored,
                    server_key=server,
                )
            )
            tx.save_sync_status(
                SyncStatus(
                    account_id=account.id,
                    last_attempt=datetime.now(UTC),
                    next_attempt=datetime.now(UTC) + _FAR,
                )
            )

    with opened(data) as store:
        store.write(work)


def add_messages(data: Path, login: str, messages: Iterable[bytes]) -> None:
    """Mail in the INBOX, by the path that all mail takes, but many to a commit."""
    arrival = datetime.now(UTC)
    with opened(data) as store:
        while batch := [(_ingested(m, arrival), m) for m in islice(messages, COMMIT_MESSAGES)]:
            store.write(lambda tx, batch=batch: _add(tx, login, batch, arrival))  # type: ignore[misc]


def copy_small(data: Path, count: int) -> None:
    """Account alice with `count` small messages; made once in a process, then copied."""
    shutil.copytree(_small(count).name, data, dirs_exist_ok=True)


@cache
def _small(count: int) -> "tempfile.TemporaryDirectory[str]":
    """Removed when the process ends."""
    made = tempfile.TemporaryDirectory(prefix="popbridge-bench-")
    began = time.perf_counter()
    add_accounts(Path(made.name), ["alice"])
    add_messages(Path(made.name), "alice", small(count))
    print(f"{count} messages filled in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    return made


def _add(tx: WriteTx, login: str, batch: list[tuple[StoredMessage, bytes]], now: datetime) -> None:
    account = tx.account(login)
    assert account is not None
    inbox = tx.mailbox(account.id, INBOX)
    assert inbox is not None
    for message, octets in batch:
        tx.add_message(inbox, message, octets, now=now)


def _ingested(octets: bytes, arrival: datetime) -> StoredMessage:
    ingest = Ingest(arrival=arrival)
    ingest.feed(octets)
    return ingest.finish()


def _new_key(data: Path) -> bytes:
    data.mkdir()
    return crypto.load_key(data / "key")


def _account(login: str, salt: bytes) -> Account:
    return Account(
        id=AccountId(0),
        login=login,
        upstream=Upstream(host="127.0.0.1", port=1, user=login, security=Security.PLAIN),
        secret_source=SecretSource(SecretKind.ENVIRONMENT, "POPBRIDGE_BENCH_NONE"),
        sealed_password=b"",
        policy="keep",
        interval_s=None,
        paused=False,
        scram_salt=salt,
        scram_iterations=crypto.SCRAM_ITERATIONS,
    )
