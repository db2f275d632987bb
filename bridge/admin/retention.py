"""The operations of deleting and of bringing back."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bridge.admin.context import Admin
from bridge.admin.policies import preview_policy, thaw
from bridge.admin.syncing import Report
from bridge.admin.undelete import undelete


async def _preview(admin: Admin, arguments: Mapping[str, Any], report: Report) -> object:
    return await preview_policy(admin, str(arguments["login"]), str(arguments["policy"]))


async def _thaw(admin: Admin, arguments: Mapping[str, Any], report: Report) -> object:
    return await thaw(admin, str(arguments["login"]))


async def _undelete(admin: Admin, arguments: Mapping[str, Any], report: Report) -> object:
    since_s = arguments.get("since_s")
    return await undelete(admin, str(arguments["login"]), None if since_s is None else int(since_s))


RETENTION: dict[str, Callable[[Admin, Mapping[str, Any], Report], Awaitable[object]]] = {
    "account policy": _preview,
    "account thaw": _thaw,
    "undelete": _undelete,
}
