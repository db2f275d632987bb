"""`account apply`: makes the accounts be what a file says.

All is checked before anything changes; then each account is changed in a transaction of its own,
so that clients don't wait for thousands. Applying again goes on where it was stopped.
"""

import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bridge import crypto
from bridge.admin.accounts import (
    FIRST_DEVICE,
    NewAccount,
    account_warnings,
    make_device,
    new_account,
)
from bridge.admin.changes import AccountChanges, changed_account, store_changed
from bridge.admin.checks import check_login
from bridge.admin.context import Admin
from bridge.admin.tls import tls_form
from bridge.errors import AccountsFileError, BridgeError, UsageError
from bridge.model.account import Account, Device, TlsOptions
from bridge.model.ids import AccountId
from bridge.store.tx import ReadTx, WriteTx
from bridge.url import format_duration, format_size, pop3_url, read_policy, smtp_url

TOGETHER = 50
"""Accounts that are written side by side, so that they share commits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What becomes of one account; `old` None adds it, `new` None removes it."""

    login: str
    old: Account | None
    new: Account | None
    password: str | None = None
    """The IMAP password that is to be; None: as it is, or made for a new account."""
    texts: tuple[str, ...] = ()

    @property
    def verb(self) -> str:
        """add, change or remove."""
        return "add" if self.old is None else "remove" if self.new is None else "change"

    @property
    def begins_to_delete(self) -> bool:
        """Whether messages may be deleted upstream that were safe there before."""
        policies = ["keep" if one is None else one.policy for one in (self.old, self.new)]
        before, after = (read_policy(text).deletes for text in policies)
        return after and not before


async def apply_accounts(
    admin: Admin, specs: Sequence[Mapping[str, Any]], *, prune: bool, dry_run: bool
) -> dict[str, object]:
    """Makes the accounts be what is described.

    Args:
        admin: what to work with.
        specs: as `accounts_file.read_accounts` has them, `password` in place of `password_from`.
        prune: whether accounts that aren't named are removed, with their mail here.
        dry_run: only tell.

    Returns:
        `changes`, each with `login`, `change` (add, change or remove), `texts`, `deletes` (it
        begins to delete upstream) and `password`, None unless one was made; and `warnings`.

    Raises:
        AccountsFileError: something of it can't be. Nothing was changed.
    """
    accounts, devices = await admin.database.read(_all)
    steps = await admin.in_thread(lambda: _steps(admin, specs, accounts, devices, prune=prune))
    made: dict[str, str] = {}
    if steps and not dry_run:
        try:
            await _carry_out(admin, steps, made)
        finally:
            await admin.syncs.accounts_changed()
    return {
        "changes": [_form(step, made.get(step.login)) for step in steps],
        "warnings": [
            f"{step.login}: {warning}"
            for step in steps
            if step.new is not None
            for warning in account_warnings(step.new)
        ],
    }


def _form(step: Step, made: str | None) -> dict[str, object]:
    return {
        "login": step.login,
        "change": step.verb,
        "texts": list(step.texts),
        "deletes": step.begins_to_delete,
        "password": made,
    }


def _all(tx: ReadTx) -> tuple[dict[str, Account], dict[AccountId, Device]]:
    accounts = {account.login: account for account in tx.accounts()}
    return accounts, {one.account_id: one for one in tx.devices_named(FIRST_DEVICE)}


def _steps(
    admin: Admin,
    specs: Sequence[Mapping[str, Any]],
    accounts: Mapping[str, Account],
    devices: Mapping[AccountId, Device],
    *,
    prune: bool,
) -> list[Step]:
    """What is to be done, by login; accounts that are right already aren't in it."""
    wanted: dict[str, Step] = {}
    for spec in specs:
        written = str(spec["login"])
        try:
            login = check_login(written)
            if login in wanted:
                raise UsageError(
                    "The file has this login twice.", "Case doesn't tell logins apart."
                )
            old = accounts.get(login)
            device = None if old is None else devices.get(old.id)
            wanted[login] = _step(admin, login, spec, old, device)
        except UsageError as error:
            raise AccountsFileError(f'accounts."{written}": {error.text}', error.remedy) from None
    gone = sorted(accounts.keys() - wanted.keys()) if prune else []
    removed = [Step(login=login, old=accounts[login], new=None) for login in gone]
    changed = [wanted[login] for login in sorted(wanted)]
    return [one for one in changed if one.verb == "add" or one.texts] + removed


def _step(
    admin: Admin, login: str, spec: Mapping[str, Any], old: Account | None, device: Device | None
) -> Step:
    """What becomes of an account that the file names."""
    given = {key: spec[key] for key in spec.keys() & _GIVEN}
    password = spec.get("password")
    if old is None:
        new = new_account(admin, NewAccount(login=login, **given))
        return Step(login=login, old=None, new=new, password=password, texts=tuple(_facts(new)))
    # What the file doesn't name is the default, but for what it can't name or a person may do.
    plain: dict[str, Any] = {
        "policy": "keep",
        "interval_s": None,
        "quota_octets": None,
        "withheld": (),
        "smtp": None,
    }
    tls = dict.fromkeys(tls_form(TlsOptions())) | dict(given.pop("tls", {}))
    new = changed_account(admin, old, AccountChanges(**(plain | given), tls=tls))
    texts = list(_differences(old, new))
    if password is None or _is_password(old, device, password):
        password = None
    else:
        texts.append("another IMAP password")
    return Step(login=login, old=old, new=new, password=password, texts=tuple(texts))


_GIVEN = frozenset(
    (
        "pop3",
        "tls",
        "secret_source",
        "allow_cleartext",
        "policy",
        "interval_s",
        "quota_octets",
        "withheld",
        "paused",
        "smtp",
    )
)


def _is_password(account: Account, device: Device | None, password: str) -> bool:
    """Whether the device has that password: SCRAM's key tells it in a millisecond."""
    if device is None:
        return False
    keys = crypto.scram_keys(password, account.scram_salt, account.scram_iterations)
    return hmac.compare_digest(keys[0], device.stored_key)


async def _carry_out(admin: Admin, steps: Sequence[Step], made: dict[str, str]) -> None:
    """Carries out all; what `made` gets are the passwords of new accounts, by login.

    Raises:
        BridgeError: one failed. Those that were begun with it are done or failed too.
    """

    async def outcome(step: Step) -> BridgeError | None:
        try:
            await _change(admin, step, made)
        except BridgeError as error:
            return error
        return None

    for start in range(0, len(steps), TOGETHER):
        batch = steps[start : start + TOGETHER]
        for failed in await admin.together(map(outcome, batch)):
            if failed is not None:
                raise failed


async def _change(admin: Admin, step: Step, made: dict[str, str]) -> None:
    if step.new is None:
        assert step.old is not None
        old = step.old
        await admin.database.write(lambda tx: tx.remove_account(old.id))
        await admin.devices.changed(old)
        await admin.in_thread(lambda: admin.forget(old))
        return
    if step.old is None:
        await _add(admin, step.new, step.password, made)
        return
    await store_changed(admin, step.old, step.new)
    if step.password is not None:
        device = await make_device(admin, step.new, step.password, made=False)
        account_id = step.old.id
        await admin.database.write(lambda tx: tx.replace_device(device(account_id=account_id)))
        await admin.devices.changed(step.old)


async def _add(admin: Admin, account: Account, password: str | None, made: dict[str, str]) -> None:
    if password is None:
        made[account.login] = crypto.make_device_password()
    device = await make_device(
        admin, account, password or made[account.login], made=password is None
    )

    def write(tx: WriteTx) -> None:
        added = tx.add_account(account)
        tx.add_device(device(account_id=added.id))

    await admin.database.write(write)


def _differences(old: Account, new: Account) -> Iterator[str]:
    """What changes of an account, in words."""
    before, after = _shown(old), _shown(new)
    for name, value in after.items():
        if value != before[name]:
            yield f"{name} {before[name]} -> {value}"


def _facts(account: Account) -> Iterator[str]:
    """What a new account has that isn't the default, in words."""
    upstream = replace(account.upstream, tls=TlsOptions())
    plain = _shown(replace(account, upstream=upstream, **_PLAIN))
    for name, value in _shown(account).items():
        if name in ("pop3", "password") or value != plain[name]:
            yield f"{name} {value}"


_PLAIN: dict[str, Any] = {
    "policy": "keep",
    "interval_s": None,
    "quota_octets": None,
    "withheld": frozenset(),
    "paused": False,
    "submission": None,
}


def _shown(account: Account) -> dict[str, str]:
    """What a file can say of an account, in words."""
    interval, quota, source = account.interval_s, account.quota_octets, account.secret_source
    tls = {k: v for k, v in tls_form(account.upstream.tls).items() if v != _NO_TLS[k]}
    return {
        "pop3": pop3_url(account.upstream),
        "password": " ".join(filter(None, (source.kind.value, source.value))),
        "tls": ", ".join(f"{name} {value}" for name, value in tls.items()) or "as usual",
        "policy": account.policy,
        "interval": "as configured" if interval is None else format_duration(interval),
        "quota": "none" if quota is None else format_size(quota),
        "withheld": " ".join(sorted(account.withheld)) or "nothing",
        "paused": "yes" if account.paused else "no",
        "smtp": "not named" if account.submission is None else smtp_url(account.submission),
    }


_NO_TLS = tls_form(TlsOptions())
