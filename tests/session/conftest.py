from typing import Any

import pytest

from tests.imap_harness import Server


@pytest.fixture
def looks(server: Server, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Each look at the store of the test's server."""
    database, found = server.services.database, []
    read = database.read

    async def counting(work: Any, *, brief: bool = False) -> Any:
        found.append(work)
        return await read(work, brief=brief)

    monkeypatch.setattr(database, "read", counting)
    return found
