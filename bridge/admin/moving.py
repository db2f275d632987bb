"""The operations that bring mail out of the store and into it, as they are asked for by name."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bridge.admin.backup import BackupRequest, backup
from bridge.admin.context import Admin
from bridge.admin.export import export
from bridge.admin.importing import ImportRequest, import_mail

Report = Callable[[dict[str, object]], None]


async def _backup(admin: Admin, arguments: Mapping[str, Any], report: Report) -> object:
    certificates = tuple(map(str, arguments.get("certificates", ())))
    request = BackupRequest(**{**arguments, "certificates": certificates})
    return await backup(admin, request, report)


async def _export(admin: Admin, arguments: Mapping[str, Any], report: Report) -> object:
    login, folder, form = (str(arguments[name]) for name in ("login", "folder", "format"))
    return await export(admin, login, folder, form, report)


async def _import(admin: Admin, arguments: Mapping[str, Any], report: Report) -> object:
    return await import_mail(admin, ImportRequest(**arguments), report)


MOVING: dict[str, Callable[[Admin, Mapping[str, Any], Report], Awaitable[object]]] = {
    "backup": _backup,
    "export": _export,
    "import": _import,
}
