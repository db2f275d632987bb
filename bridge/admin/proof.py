"""The operations that prove what is held, as they are asked for by name."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bridge.admin.context import Admin
from bridge.admin.story import trace
from bridge.admin.syncing import Report
from bridge.admin.verify import verify


async def _verify(admin: Admin, arguments: Mapping[str, Any], report: Report) -> object:
    logins = [str(login) for login in arguments.get("logins", ())]
    deep, upstream = bool(arguments.get("deep")), bool(arguments.get("upstream"))
    return await verify(admin, logins, report, deep=deep, upstream=upstream)


async def _trace(admin: Admin, arguments: Mapping[str, Any], report: Report) -> object:
    return await trace(
        admin, str(arguments["login"]), str(arguments["what"]), mailbox=arguments.get("mailbox")
    )


PROOF: dict[str, Callable[[Admin, Mapping[str, Any], Report], Awaitable[object]]] = {
    "trace": _trace,
    "verify": _verify,
}
