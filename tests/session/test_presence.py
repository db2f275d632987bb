"""A session ends when the password that it logged in by is taken back, whatever it is doing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.session.port import LoggedIn
from tests.imap_harness import Client, Server, append

BYE = b"* BYE [EXPIRED] Gone\r\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


def dismiss(server: Server, login: str = "alice") -> int:
    account = server.store.read(lambda tx: tx.account(login))
    assert account is not None
    server.services.presence.revoke(account.id)
    return server.services.presence.dismiss(account.id, frozenset(), "Gone", "EXPIRED")


def test_one_that_waits_ends_at_once(server: Server) -> None:
    alice, bob = server.client(), server.client("bob")
    assert dismiss(server) == 1
    assert alice.take() == BYE
    assert alice.closed
    assert bob.do("NOOP") == [b"t OK Done"]
    assert not server.services.presence._guests.keys() - {bob.session._context.user.id}


def test_one_that_idles_ends_at_once(server: Server) -> None:
    client = server.client()
    client.send(b"i IDLE\r\n")
    client.take()
    dismiss(server)
    assert client.take() == BYE
    assert client.closed


def test_one_whose_command_has_come_in_part(server: Server) -> None:
    client = server.client()
    client.send(b"a APPEND INBOX {1000}\r\n")
    client.take()
    client.send(b"Subject: half")
    dismiss(server)
    assert client.take() == BYE
    assert client.closed


def test_commands_that_were_sent_ahead_are_not_run(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = server.client()
    looked = server.services.looked

    def look(account_id: Any) -> None:
        looked(account_id)
        dismiss(server)

    server.services.looked = look
    client.send(b"a NOOP\r\nb CREATE Never\r\n")
    assert client.take() == b"a OK Done\r\n" + BYE
    assert client.closed


def test_an_answer_that_would_go_on_is_cut(server: Server) -> None:
    client: Client = server.client()
    for number in range(3):
        append(client, b"Subject: %d\r\n\r\n" % number + b"x" * 300_000)
    client.do("NOOP")
    drain, drained = client.drain, []

    async def dismissing() -> None:
        drained.append(True)
        dismiss(server)
        await drain()

    client.unwatched("what is cut is no whole response")
    client.drain = dismissing  # type: ignore[method-assign]
    client.send(b"f FETCH 1:3 BODY[]\r\n")
    said = client.take()
    assert client.closed
    assert (len(drained), b"BYE" in said) == (1, False)
    assert len(said) < 700_000


def test_a_log_in_that_was_under_way_is_asked_to_try_again(server: Server) -> None:
    check = server.services.authenticator.check

    async def slow(login: bytes, password: bytes, peer: str) -> LoggedIn | None:
        found = await check(login, password, peer)
        dismiss(server)
        return found

    client = server.connect()
    server.services.authenticator.check = slow  # type: ignore[method-assign]
    (said,) = client.do("LOGIN alice secret")
    assert said.startswith(b"t NO [UNAVAILABLE] ")
    server.services.authenticator.check = check  # type: ignore[method-assign]
    assert client.do("LOGIN alice secret")[-1].startswith(b"t OK")
    client.do("LOGOUT")
    assert not server.services.presence._guests
