"""What only the owner may ask for, whatever the operation."""

import asyncio
from typing import Any

import pytest

from bridge.admin.operations import OPERATIONS, perform
from bridge.admin.origin import Origin
from bridge.errors import UsageError

SOURCE = {"kind": "command", "value": "id"}
ASKED: list[tuple[str, dict[str, Any]]] = [
    ("account add", {"login": "a", "secret_source": SOURCE}),
    ("account add", {"login": "a", "tls": {"ca": "/etc/passwd"}}),
    ("account set", {"login": "a", "changes": {"secret_source": SOURCE}}),
    ("account set", {"login": "a", "changes": {"tls": {"certificate": "/etc/passwd"}}}),
    ("account apply", {"accounts": []}),
]


@pytest.mark.parametrize(("name", "arguments"), ASKED)
def test_over_http_no_file_and_no_command_can_be_named(
    name: str, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    reached: list[str] = []

    async def operation(*_: object) -> object:
        reached.append(name)
        return None

    admin: Any = object()
    monkeypatch.setitem(OPERATIONS, name, operation)
    for origin in ({"origin": Origin.HTTP}, {}):
        asked: Any = perform(admin, name, arguments, lambda progress: None, **origin)
        with pytest.raises(UsageError, match="over HTTP"):
            asyncio.run(asked)
    assert reached == []
    asyncio.run(perform(admin, name, arguments, lambda progress: None, Origin.OWNER))
    assert reached == [name]


def test_the_rest_can_be_asked_for_over_http(monkeypatch: pytest.MonkeyPatch) -> None:
    async def operation(*_: object) -> object:
        return "done"

    admin: Any = object()
    monkeypatch.setitem(OPERATIONS, "account set", operation)
    arguments = {"login": "a", "changes": {"pop3_password": "x", "paused": True}}
    asked = perform(admin, "account set", arguments, lambda progress: None, Origin.HTTP)
    assert asyncio.run(asked) == "done"
