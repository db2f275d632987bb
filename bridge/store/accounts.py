"""Accounts, their devices and how their syncs went."""

from dataclasses import replace

from sqlalchemy import bindparam, delete, func, insert, select, update

from bridge.model.account import Account, AccountState, Device, Security, SyncStatus, Upstream
from bridge.model.ids import AccountId
from bridge.store import schema
from bridge.store.base import Reads, Writes, moment, time_text

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
)
_ALL = select(*_COLUMNS).order_by(schema.account.c.login)
_BY_LOGIN = select(*_COLUMNS).where(schema.account.c.login == bindparam("login"))
_DEVICES = (
    select(
        schema.device.c.account_id,
        schema.device.c.name,
        schema.device.c.verifier,
        schema.device.c.stored_key,
        schema.device.c.server_key,
    )
    .where(schema.device.c.account_id == bindparam("account"))
    .order_by(schema.device.c.name)
)
_STATUS = select(schema.sync_status).where(schema.sync_status.c.account_id == bindparam("account"))
_LIVE = (
    select(func.count())
    .select_from(schema.placement.join(schema.mailbox))
    .where(
        schema.mailbox.c.account_id == bindparam("account"),
        schema.placement.c.expunged_modseq.is_(None),
    )
)


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
        return tuple(
            Device(account_id=a, name=n, verifier=v, stored_key=s, server_key=k)
            for a, n, v, s, k in self.all(_DEVICES, account=account_id)
        )

    def sync_status(self, account_id: AccountId) -> SyncStatus:
        """How the account's syncs went; a blank status before the first."""
        row = self.one(_STATUS, account=account_id)
        if row is None:
            return SyncStatus(account_id=account_id)
        names = schema.sync_status.c.keys()
        values = dict(zip(names, row, strict=True))
        for name in _TIMES:
            values[name] = moment(values[name])
        return SyncStatus(**{**values, "state": AccountState(values["state"])})

    def message_count(self, account_id: AccountId) -> int:
        """Live messages in all the account's mailboxes."""
        row = self.one(_LIVE, account=account_id)
        return 0 if row is None else int(row[0])


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
        )
        return replace(account, id=AccountId(key), login=account.login.lower())

    def set_sealed_password(self, account_id: AccountId, sealed: bytes) -> None:
        """Replaces the POP3 password."""
        self.do(
            update(schema.account).where(schema.account.c.id == account_id),
            sealed_password=sealed,
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
        )

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


def _account(row: tuple[object, ...]) -> Account:
    key, login, host, port, user, security, sealed, policy, interval, paused, salt, count = row
    return Account(
        id=AccountId(int(str(key))),
        login=str(login),
        upstream=Upstream(
            host=str(host), port=int(str(port)), user=str(user), security=Security(security)
        ),
        sealed_password=_octets(sealed),
        policy=str(policy),
        interval_s=None if interval is None else int(str(interval)),
        paused=bool(paused),
        scram_salt=_octets(salt),
        scram_iterations=int(str(count)),
    )


def _octets(value: object) -> bytes:
    assert isinstance(value, bytes)
    return value
