"""Accounts, their devices and how their syncs went."""

import json
from dataclasses import asdict, fields, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, case, delete, func, insert, select, update

from bridge.model.account import (
    Account,
    AccountState,
    Device,
    Quota,
    SecretKind,
    SecretSource,
    Security,
    Submission,
    SyncStatus,
    TlsOptions,
    Upstream,
)
from bridge.model.change import Change
from bridge.model.ids import AccountId, MailboxId, ModSeq
from bridge.store import schema
from bridge.store.base import Reads, Writes, moment, time_text

TIDY_ROWS = 200
"""Ledger rows deleted in one turn of the writer."""

TIDY_MESSAGES = 20
"""Messages deleted in one turn of the writer; their octets go in turns of their own."""

_COLUMNS = (
    schema.account.c.id,
    schema.account.c.login,
    schema.account.c.host,
    schema.account.c.port,
    schema.account.c.user,
    schema.account.c.security,
    schema.account.c.sealed_password,
    schema.account.c.policy,
    schema.account.c.interval_s,
    schema.account.c.paused,
    schema.account.c.scram_salt,
    schema.account.c.scram_iterations,
    schema.account.c.quota_octets,
    schema.account.c.withheld,
    schema.account.c.trace_until,
    schema.account.c.tls,
    schema.account.c.secret_kind,
    schema.account.c.secret_value,
    schema.account.c.submission,
)
_ALL = select(*_COLUMNS).where(schema.account.c.login.is_not(None)).order_by(schema.account.c.login)
_BY_LOGIN = select(*_COLUMNS).where(schema.account.c.login == bindparam("login"))
_DEVICE = (
    schema.device.c.account_id,
    schema.device.c.name,
    schema.device.c.verifier,
    schema.device.c.stored_key,
    schema.device.c.server_key,
    schema.device.c.made,
    schema.device.c.last_used,
)
_DEVICES = (
    select(*_DEVICE)
    .where(schema.device.c.account_id == bindparam("account"))
    .order_by(schema.device.c.name)
)
_DEVICES_NAMED = select(*_DEVICE).where(schema.device.c.name == bindparam("name"))
_STATUS = select(schema.sync_status).where(schema.sync_status.c.account_id == bindparam("account"))
_STATUSES = select(schema.sync_status)
_LIVE = select(func.sum(schema.mailbox.c.messages)).where(
    schema.mailbox.c.account_id == bindparam("account")
)
_ALL_LIVE = select(func.sum(schema.mailbox.c.messages))
_QUOTA = select(
    schema.account.c.quota_octets,
    select(func.coalesce(func.sum(schema.mailbox.c.size), 0))
    .where(schema.mailbox.c.account_id == bindparam("account"))
    .scalar_subquery(),
).where(schema.account.c.id == bindparam("account"))
_BOXES = select(schema.mailbox.c.id, schema.mailbox.c.highest_modseq).where(
    schema.mailbox.c.account_id == bindparam("account")
)
_REMOVED = select(schema.account.c.id).where(schema.account.c.login.is_(None)).limit(1)
_SOME_ROWS = (
    select(schema.ledger.c.id)
    .where(schema.ledger.c.account_id == bindparam("account"))
    .limit(TIDY_ROWS)
)
_DELETE_LEDGER = delete(schema.ledger).where(schema.ledger.c.id.in_(_SOME_ROWS))
_CORRELATORS = (
    select(schema.correlator.c.key)
    .where(schema.correlator.c.account_id == bindparam("account"))
    .limit(TIDY_ROWS)
)
_DELETE_CORRELATORS = delete(schema.correlator).where(
    schema.correlator.c.account_id == bindparam("account"),
    schema.correlator.c.key.in_(_CORRELATORS),
)
_SOME_MESSAGES = (
    select(schema.message.c.id, schema.message.c.blob_id)
    .where(schema.message.c.account_id == bindparam("account"))
    .limit(TIDY_MESSAGES)
)
_DELETE_MESSAGE = delete(schema.message).where(schema.message.c.id == bindparam("message"))
_DROP_BLOB = (
    update(schema.blob)
    .where(schema.blob.c.id == bindparam("blob"))
    .values(sealed=False, dropped=True)
)
_OF_ACCOUNT = (
    schema.mailbox,
    schema.device,
    schema.subscription,
    schema.sync_status,
    schema.profile,
)
_S = schema.sync_status.c
_SWEEP_POLLS = (
    update(schema.sync_status)
    .where(_S.state.in_((AccountState.FIRST_SYNC.value, AccountState.SYNCING.value)))
    .values(
        state=case(
            (
                (_S.auth_failures > 0) | _S.error_code.startswith("BR-AUTH-"),
                AccountState.NEEDS_PASSWORD.value,
            ),
            (_S.error_code.is_not(None), AccountState.RETRYING.value),
            (_S.last_success.is_(None), AccountState.NEW.value),
            else_=AccountState.OK.value,
        )
    )
)
"""As `bridge.sync.status.ended` would have it, had the poll never begun."""


class AccountReads(Reads):
    """Queries about accounts."""

    def accounts(self) -> tuple[Account, ...]:
        """Every account, ordered by login."""
        return tuple(map(_account, self.all(_ALL)))

    def account(self, login: str) -> Account | None:
        """The account with that login; case does not matter."""
        row = self.one(_BY_LOGIN, login=login.lower())
        return None if row is None else _account(row)

    def devices(self, account_id: AccountId) -> tuple[Device, ...]:
        """The account's devices, by name."""
        return tuple(map(_device, self.all(_DEVICES, account=account_id)))

    def devices_named(self, name: str) -> tuple[Device, ...]:
        """The device of that name of each account that has one."""
        return tuple(map(_device, self.all(_DEVICES_NAMED, name=name)))

    def sync_status(self, account_id: AccountId) -> SyncStatus:
        """How the account's syncs went; a blank status before the first."""
        row = self.one(_STATUS, account=account_id)
        if row is None:
            return SyncStatus(account_id=account_id)
        return _sync_status(row)

    def sync_statuses(self) -> dict[AccountId, SyncStatus]:
        """The status of each account that has ever been synced: one query, however many."""
        return {one.account_id: one for one in map(_sync_status, self.all(_STATUSES))}

    def message_count(self, account_id: AccountId) -> int:
        """Live messages in all the account's mailboxes."""
        row = self.one(_LIVE, account=account_id)
        return 0 if row is None else int(row[0] or 0)

    def all_messages(self) -> int:
        """Live messages in all mailboxes of all accounts; costs nothing per message."""
        row = self.one(_ALL_LIVE)
        return 0 if row is None else int(row[0] or 0)

    def quota(self, account_id: AccountId) -> Quota:
        """What the account may hold and holds; the same cost however many messages."""
        row = self.one(_QUOTA, account=account_id)
        return Quota(None, 0) if row is None else Quota(row[0], int(row[1]))


_STATUS_NAMES = tuple(schema.sync_status.c.keys())
_TIMES = ("last_success", "last_attempt", "next_attempt", "error_since")


class AccountWrites(Writes, AccountReads):
    """Changes to accounts."""

    def insert_account(self, account: Account) -> Account:
        """Adds the row; `account.id` is ignored. The account as stored comes back."""
        key = self.insert(
            insert(schema.account),
            login=account.login.lower(),
            host=account.upstream.host,
            port=account.upstream.port,
            user=account.upstream.user,
            security=account.upstream.security.value,
            sealed_password=account.sealed_password,
            policy=account.policy,
            interval_s=account.interval_s,
            paused=account.paused,
            scram_salt=account.scram_salt,
            scram_iterations=account.scram_iterations,
            quota_octets=account.quota_octets,
            withheld=" ".join(sorted(account.withheld)),
            trace_until=time_text(account.trace_until),
            tls=_tls_text(account.upstream.tls),
            secret_kind=account.secret_source.kind.value,
            secret_value=account.secret_source.value,
            submission=_submission_text(account.submission),
        )
        return replace(account, id=AccountId(key), login=account.login.lower())

    def remove_account(self, account_id: AccountId) -> None:
        """Removes the account with its mailboxes, devices and passwords, for good.

        Its ledger and messages, which nobody can reach any more, are left for `tidy_account`:
        deleting a large mailbox takes seconds, and other accounts must not wait for that.
        """
        for box in self.all(_BOXES, account=account_id):
            self.changes.append(Change(account_id, MailboxId(box[0]), ModSeq(box[1] + 1)))
        for table in _OF_ACCOUNT:
            self.do(delete(table).where(table.c.account_id == account_id))
        self.do(
            update(schema.account).where(schema.account.c.id == account_id),
            login=None,
            sealed_password=b"",
            secret_value="",
        )

    def tidy_account(self) -> bool:
        """Deletes a slice of what removed accounts have left; whether there was any."""
        row = self.one(_REMOVED)
        if row is None:
            return False
        if self.do(_DELETE_LEDGER, account=row[0]):
            return True
        if self.do(_DELETE_CORRELATORS, account=row[0]):
            return True
        messages = self.all(_SOME_MESSAGES, account=row[0])
        for message, blob in messages:
            self.do(_DELETE_MESSAGE, message=message)
            self.do(_DROP_BLOB, blob=blob)
        if not messages:
            self.do(delete(schema.account).where(schema.account.c.id == row[0]))
        return True

    def update_account(self, account: Account) -> None:
        """Stores what of an account can change: all but its login and SCRAM's salt."""
        self.do(
            update(schema.account).where(schema.account.c.id == account.id),
            host=account.upstream.host,
            port=account.upstream.port,
            user=account.upstream.user,
            security=account.upstream.security.value,
            tls=_tls_text(account.upstream.tls),
            secret_kind=account.secret_source.kind.value,
            secret_value=account.secret_source.value,
            sealed_password=account.sealed_password,
            policy=account.policy,
            interval_s=account.interval_s,
            paused=account.paused,
            quota_octets=account.quota_octets,
            withheld=" ".join(sorted(account.withheld)),
            trace_until=time_text(account.trace_until),
            submission=_submission_text(account.submission),
        )

    def add_device(self, device: Device) -> None:
        """Adds a device; its name is unique within the account."""
        self.do(
            insert(schema.device),
            account_id=device.account_id,
            name=device.name,
            verifier=device.verifier,
            stored_key=device.stored_key,
            server_key=device.server_key,
            made=time_text(device.made),
        )

    def device_used(self, device: Device, at: datetime) -> None:
        """Keeps when a device was last used; of one that is gone, or has another password, not."""
        d = schema.device.c
        same = (d.account_id == device.account_id) & (d.verifier == device.verifier)
        self.do(update(schema.device).where(same), last_used=time_text(at))

    def replace_device(self, device: Device) -> None:
        """Gives the device of that name another password, or adds it."""
        d = schema.device.c
        same = (d.account_id == device.account_id) & (d.name == device.name)
        self.do(delete(schema.device).where(same))
        self.add_device(device)

    def remove_device(self, account_id: AccountId, name: str) -> bool:
        """Takes a device away; whether there was one."""
        d = schema.device.c
        same = (d.account_id == account_id) & (d.name == name)
        return self.do(delete(schema.device).where(same)) > 0

    def save_sync_status(self, status: SyncStatus) -> None:
        """Replaces the account's status."""
        self.do(
            delete(schema.sync_status).where(schema.sync_status.c.account_id == status.account_id)
        )
        names = schema.sync_status.c.keys()
        values = {name: getattr(status, name) for name in names}
        for name in _TIMES:
            values[name] = time_text(values[name])
        values["state"] = status.state.value
        self.do(insert(schema.sync_status), **values)

    def sweep_polls(self) -> int:
        """Ends the polls that an interrupted process left running; how many."""
        return self.do(_SWEEP_POLLS)


def _device(row: tuple[Any, ...]) -> Device:
    account, name, verifier, stored, server, made, used = row
    return Device(
        account_id=AccountId(account),
        name=name,
        verifier=verifier,
        stored_key=stored,
        server_key=server,
        made=moment(made),
        last_used=moment(used),
    )


def _sync_status(row: tuple[object, ...]) -> SyncStatus:
    values: dict[str, Any] = dict(zip(_STATUS_NAMES, row, strict=True))
    for name in _TIMES:
        values[name] = moment(values[name])
    return SyncStatus(**{**values, "state": AccountState(values["state"])})


def _account(row: tuple[object, ...]) -> Account:
    key, login, host, port, user, security, sealed, policy, interval, paused, *rest = row
    salt, count, quota, withheld, trace_until, tls, secret_kind, secret_value, submission = rest
    return Account(
        id=AccountId(int(str(key))),
        login=str(login),
        upstream=Upstream(
            host=str(host),
            port=int(str(port)),
            user=str(user),
            security=Security(security),
            tls=_tls(str(tls)),
        ),
        secret_source=SecretSource(SecretKind(secret_kind), str(secret_value)),
        sealed_password=_octets(sealed),
        policy=str(policy),
        interval_s=None if interval is None else int(str(interval)),
        paused=bool(paused),
        scram_salt=_octets(salt),
        scram_iterations=int(str(count)),
        quota_octets=None if quota is None else int(str(quota)),
        withheld=frozenset(str(withheld).split()),
        trace_until=None if trace_until is None else moment(str(trace_until)),
        submission=None if submission is None else Submission(**json.loads(str(submission))),
    )


def _submission_text(submission: Submission | None) -> str | None:
    return None if submission is None else json.dumps(asdict(submission))


def _tls_text(options: TlsOptions) -> str:
    """What differs from the default, as JSON."""
    kept = {
        one.name: getattr(options, one.name)
        for one in fields(TlsOptions)
        if getattr(options, one.name) != one.default
    }
    return json.dumps({k: sorted(v) if isinstance(v, frozenset) else v for k, v in kept.items()})


@lru_cache
def _tls(text: str) -> TlsOptions:
    """As `_tls_text` wrote it; thousands of accounts have the same."""
    kept = json.loads(text)
    return TlsOptions(**{**kept, "pins": frozenset(kept.get("pins", ()))})


def _octets(value: object) -> bytes:
    assert isinstance(value, bytes)
    return value
