"""A password for each device of an account."""

from bridge import crypto
from bridge.admin.accounts import find_account, make_device
from bridge.admin.context import Admin
from bridge.errors import UnknownLoginError, UsageError
from bridge.store.tx import WriteTx

MAX_DEVICES = 50
"""Of one account: each is one more hash that a log-in may have to be compared with."""

MAX_NAME = 50


async def add_device(admin: Admin, login: str, name: str) -> dict[str, object]:
    """Makes a password for another device: `login`, `name` and `password`, which is told once.

    Raises:
        UnknownLoginError: there is no such account.
        UsageError: the name is taken or can't be one, or there are too many.
    """
    account, name = await find_account(admin, login), " ".join(name.split())
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise UsageError(
            f"A device's name has 1 to {MAX_NAME} letters.", "Call it phone, laptop or the like."
        )
    password = crypto.make_device_password()
    device = await make_device(admin, account, password, made=True)

    def write(tx: WriteTx) -> None:
        if tx.account(account.login) is None:
            raise UnknownLoginError("The account is gone.")
        names = {one.name for one in tx.devices(account.id)}
        if name in names:
            raise UsageError(f"There is a device {name!r} already.", "Choose another name.")
        if len(names) >= MAX_DEVICES:
            raise UsageError(
                f"The account has {MAX_DEVICES} devices.", "Revoke one that isn't used any more."
            )
        tx.add_device(device(account_id=account.id, name=name))

    await admin.database.write(write)
    return {"login": account.login, "name": name, "password": password}


async def list_devices(admin: Admin, login: str) -> list[str]:
    """The names of the account's devices.

    Raises:
        UnknownLoginError: there is no such account.
    """
    account = await find_account(admin, login)
    devices = await admin.database.read(lambda tx: tx.devices(account.id))
    return [device.name for device in devices]


async def revoke_device(admin: Admin, login: str, name: str) -> dict[str, object]:
    """Takes a device's password back: it logs in no more.

    Raises:
        UnknownLoginError: there is no such account.
        UsageError: it has no such device.
    """
    account = await find_account(admin, login)
    if not await admin.database.write(lambda tx: tx.remove_device(account.id, name)):
        raise UsageError(f"There is no device {name!r}.", "It may be revoked already.")
    return {"login": account.login, "name": name}
