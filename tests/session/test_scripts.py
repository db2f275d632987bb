"""Every script of tests/scripts, answered to the letter."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.imap_harness import Client, Server
from tests.scripts.runner import SCRIPTS, Script, name, response_end

__all__ = ["SCRIPTS", "run"]


class Memory:
    """A client of the harness."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._octets = bytearray()

    def send(self, octets: bytes) -> None:
        self._client.send(octets)

    def response(self) -> bytes | None:
        self._octets += self._client.take()
        end = response_end(self._octets)
        if end is None:
            return None
        response = bytes(self._octets[: end - 2])
        del self._octets[:end]
        return response

    def waiting(self) -> bool:
        self._octets += self._client.take()
        return bool(self._octets)

    def start_tls(self) -> None:
        assert self._client.secure

    def start_deflate(self) -> None:
        assert self._client.compressed


OPTION = re.compile(r"^# account: --withhold (\S+)$", re.MULTILINE)
"""What `account set` was told of alice before."""


def run(server: Server, path: Path) -> None:
    option = OPTION.search(path.read_text())
    if option is not None:
        names = frozenset(option[1].split(","))
        server.store.write(
            lambda tx: tx.update_account(replace(tx.account("alice"), withheld=names))
        )

    def connect(tls: bool) -> Memory:
        return Memory(server.connect(secure=tls))

    Script(path, connect, exact=True).run()
    for client in server.clients:
        assert not client.failures, f"{path.name}: {client.failures}"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_script(path: Path, server: Server) -> None:
    run(server, path)
