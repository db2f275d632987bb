"""A password for each device of an account."""

import difflib
from collections.abc import Set
from itertools import count

from bridge import crypto
from bridge.admin.accounts import find_account, make_device
from bridge.admin.context import Admin
from bridge.admin.times import time_form
from bridge.errors import UnknownLoginError, UsageError
from bridge.store.tx import WriteTx

MAX_DEVICES = 50
"""Of one account: each is one more hash that a log-in may have to be compared with."""

MAX_NAME = 50
UNNAMED = "device"


async def add_device(admin: Admin, login: str, name: str | None) -> dict[str, object]:
    """Makes a password for another device: `login`, `name` and `password`, which is told once.

    Without a name it gets one that is free.

    Raises:
        UnknownLoginError: there is no such account.
        UsageError: the name is taken or can't be one, or there are too many.
    """
    account = await find_account(admin, login)
    asked = None if name is None else _checked(name)
    password = crypto.make_device_password()
    device = await make_device(admin, account, password, made=True)

    def write(tx: WriteTx) -> str:
        if tx.account(account.login) is None:
            raise UnknownLoginError("The account is gone.")
        names = {one.name for one in tx.devices(account.id)}
        if asked in names:
            raise UsageError(f"There is a device {asked!r} already.", "Choose another name.")
        if len(names) >= MAX_DEVICES:
            raise UsageError(
                f"The account has {MAX_DEVICES} devices.", "Revoke one that isn't used any more."
            )
        chosen = asked or _free(names)
        tx.add_device(device(account_id=account.id, name=chosen))
        return chosen

    named = await admin.database.write(write)
    return {"login": account.login, "name": named, "password": password}


def _free(names: Set[str]) -> str:
    numbered = (f"{UNNAMED} {number}" if number > 1 else UNNAMED for number in count(1))
    return next(one for one in numbered if one not in names)


def _checked(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise UsageError(
            f"A device's name has 1 to {MAX_NAME} letters.", "Call it phone, laptop or the like."
        )
    return name


async def list_devices(admin: Admin, login: str) -> list[dict[str, object]]:
    """The account's devices: `name`, `made`, `last_used` and how many are `connected`.

    Times are RFC 3339 UTC; one that isn't known, as of a device that was never used, is None.

    Raises:
        UnknownLoginError: there is no such account.
    """
    account = await find_account(admin, login)
    devices = await admin.database.read(lambda tx: tx.devices(account.id))
    return [
        {
            "name": one.name,
            "made": time_form(one.made),
            "last_used": time_form(admin.devices.last_used(one)),
            "connected": admin.devices.connected(one),
        }
        for one in devices
    ]


async def revoke_device(admin: Admin, login: str, name: str) -> dict[str, object]:
    """Takes a device's password back: it logs in no more, and its sessions end.

    Raises:
        UnknownLoginError: there is no such account.
        UsageError: it has no such device.
    """
    account = await find_account(admin, login)
    if not await admin.database.write(lambda tx: tx.remove_device(account.id, name)):
        devices = await admin.database.read(lambda tx: tx.devices(account.id))
        raise UsageError(
            f"{account.login} has no device {name!r}.", _those([one.name for one in devices], name)
        )
    await admin.devices.changed(account)
    return {"login": account.login, "name": name}


def _those(names: list[str], wrong: str) -> str:
    if not names:
        return "It has none any more."
    nearest = difflib.get_close_matches(wrong, names, n=1)
    meant = f"Did you mean {nearest[0]!r}? " if nearest else ""
    return f"{meant}There {'is' if len(names) == 1 else 'are'} {', '.join(map(repr, names))}."
