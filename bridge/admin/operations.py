"""The operations by name: command line, control socket and web forms all come through here."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bridge.admin.accounts import (
    NewAccount,
    add_account,
    describe_account,
    list_accounts,
    remove_account,
)
from bridge.admin.apply import apply_accounts
from bridge.admin.changes import AccountChanges, set_account, show_account
from bridge.admin.context import Admin
from bridge.admin.devices import add_device, list_devices, revoke_device
from bridge.admin.doubtful import doubtful_messages, storage
from bridge.admin.examining import EXAMINING
from bridge.admin.moving import MOVING
from bridge.admin.origin import Origin, check_origin
from bridge.admin.proof import PROOF
from bridge.admin.retention import RETENTION
from bridge.admin.status import status
from bridge.admin.syncing import Report, sync
from bridge.errors import UsageError

Operation = Callable[[Admin, Mapping[str, Any], Report], Awaitable[object]]


async def _add(admin: Admin, arguments: Mapping[str, Any], report: Report) -> object:
    return await add_account(admin, NewAccount(**arguments))


async def _list(admin: Admin, arguments: Mapping[str, Any], report: Report) -> object:
    return await list_accounts(admin)


async def _describe(admin: Admin, arguments: Mapping[str, Any], report: Report) -> object:
    return await describe_account(admin, str(arguments["login"]))


async def _show(admin: Admin, arguments: Mapping[str, Any], report: Report) -> object:
    return await show_account(admin, str(arguments["login"]))


async def _set(admin: Admin, arguments: Mapping[str, Any], report: Report) -> object:
    login, changes = str(arguments["login"]), dict(arguments["changes"])
    return await set_account(admin, login, AccountChanges(**changes))


async def _remove(admin: Admin, arguments: Mapping[str, Any], report: Report) -> object:
    return await remove_account(admin, str(arguments["login"]))


async def _apply(admin: Admin, arguments: Mapping[str, Any], report: Report) -> object:
    prune, dry_run = bool(arguments.get("prune")), bool(arguments.get("dry_run"))
    return await apply_accounts(admin, arguments["accounts"], prune=prune, dry_run=dry_run)


async def _status(admin: Admin, arguments: Mapping[str, Any], report: Report) -> object:
    return await status(admin)


async def _sync(admin: Admin, arguments: Mapping[str, Any], report: Report) -> object:
    logins = [str(login) for login in arguments.get("logins", ())]
    return await sync(admin, logins, report, dry_run=bool(arguments.get("dry_run")))


async def _doubtful(admin: Admin, arguments: Mapping[str, Any], report: Report) -> object:
    return await doubtful_messages(admin, str(arguments["login"]))


async def _storage(admin: Admin, arguments: Mapping[str, Any], report: Report) -> object:
    return await storage(admin)


async def _add_device(admin: Admin, arguments: Mapping[str, Any], report: Report) -> object:
    name = arguments.get("name")
    return await add_device(admin, str(arguments["login"]), None if name is None else str(name))


async def _list_devices(admin: Admin, arguments: Mapping[str, Any], report: Report) -> object:
    return await list_devices(admin, str(arguments["login"]))


async def _revoke_device(admin: Admin, arguments: Mapping[str, Any], report: Report) -> object:
    return await revoke_device(admin, str(arguments["login"]), str(arguments["name"]))


OPERATIONS: dict[str, Operation] = {
    **EXAMINING,
    **MOVING,
    **PROOF,
    **RETENTION,
    "account add": _add,
    "account apply": _apply,
    "account list": _list,
    "account describe": _describe,
    "account doubtful": _doubtful,
    "account remove": _remove,
    "account set": _set,
    "account show": _show,
    "device add": _add_device,
    "device list": _list_devices,
    "device revoke": _revoke_device,
    "status": _status,
    "storage": _storage,
    "sync": _sync,
}


async def perform(
    admin: Admin,
    name: str,
    arguments: Mapping[str, Any],
    report: Report,
    origin: Origin = Origin.HTTP,
) -> object:
    """What the operation returns: values that JSON can carry.

    Args:
        admin: what to work with.
        name: the operation's.
        arguments: as the operation says.
        report: told of progress.
        origin: who asks; whoever doesn't say so may do least.

    Raises:
        UsageError: there is no such operation; a newer command talks to an older daemon.
        BridgeError: as the operation says.
    """
    check_origin(origin, name, arguments)
    operation = OPERATIONS.get(name)
    if operation is None:
        raise UsageError(
            f"The daemon that runs doesn't know the operation {name!r}.",
            "It is another version of popbridge: restart it.",
        )
    return await operation(admin, arguments, report)
