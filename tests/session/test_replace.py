"""REPLACE (RFC 8508) is one change: both or neither, whatever fails."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import StoreFullError
from bridge.store.tx import WriteTx
from tests.imap_harness import Client, Server, append


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


def state(server: Server) -> list[bytes]:
    client = server.client()
    lines = client.do("FETCH 1:* (UID FLAGS RFC822.SIZE)")
    client.hang_up()
    return [line.replace(rb"\Recent", b"") for line in lines]


def begin(server: Server, size: int = 1000) -> Client:
    client = server.client()
    append(client, b"x" * size)
    return client


def quota(server: Server, octets: int) -> None:
    server.store.write(
        lambda tx: tx.update_account(replace(tx.account("alice"), quota_octets=octets))
    )


@pytest.mark.parametrize("method", ["add_message", "expunge", "_place"])
def test_a_failure_in_either_half_leaves_all_as_it_was(
    server: Server, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    client = begin(server)
    before = state(server)

    def full(tx: WriteTx, *arguments: Any, **named: Any) -> Any:
        raise StoreFullError("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(WriteTx, method, full)
        lines = client.do("REPLACE 1 INBOX {3+}\r\nnew")
    assert lines[-1].startswith(b"t NO [UNAVAILABLE]")
    assert not any(b"EXPUNGE" in line or b"APPENDUID" in line for line in lines)
    assert state(server) == before


@pytest.mark.parametrize("sync", [True, False])
def test_only_what_it_takes_more_counts_as_quota(server: Server, sync: bool) -> None:
    client = begin(server, 1000)
    quota(server, 1024)
    assert append(client, b"y" * 500)[-1].startswith(b"t NO [OVERQUOTA]")

    def replaced_by(size: int) -> bytes:
        if not sync:
            return client.do(b"REPLACE 1 INBOX {%d+}\r\n%b" % (size, b"z" * size))[-1]
        client.send(b"t REPLACE 1 INBOX {%d}\r\n" % size)
        answer = client.take()
        if not answer.startswith(b"+ "):
            return answer
        client.send(b"z" * size + b"\r\n")
        return client.take().split(b"\r\n")[-2]

    assert replaced_by(1025).startswith(b"t NO [OVERQUOTA]")
    assert replaced_by(1024).startswith(b"t OK")
    # Into another mailbox as well: the account has what it had.
    assert client.do("REPLACE 1 Sent {3+}\r\nabc")[-1].startswith(b"t OK")


def test_only_the_one_goes_though_others_are_deleted(server: Server) -> None:
    client = begin(server)
    append(client, b"y", flags=r"(\Deleted)")
    lines = client.do("UID REPLACE 1 INBOX {3+}\r\nnew")
    assert [line for line in lines if b"EXPUNGE" in line] == [b"* 1 EXPUNGE"]
    assert client.do("FETCH 1:* UID")[:-1] == [b"* 1 FETCH (UID 2)", b"* 2 FETCH (UID 3)"]


def test_the_new_one_has_an_id_of_its_own(server: Server) -> None:
    client = begin(server, 3)
    emailid = client.do("FETCH 1 EMAILID")[0]
    client.do("REPLACE 1 INBOX {3+}\r\nxxx")
    assert client.do("FETCH 1 EMAILID")[0] != emailid


def test_appenduid_comes_before_expunge_and_only_with_uidplus(server: Server) -> None:
    client = begin(server)
    lines = client.do("REPLACE 1 INBOX {3+}\r\nnew")
    assert re.fullmatch(rb"\* OK \[APPENDUID \d+ 2\] .*", lines[0])
    assert lines.index(b"* 1 EXPUNGE") > 0
    server.store.write(
        lambda tx: tx.update_account(replace(tx.account("alice"), withheld=frozenset({"UIDPLUS"})))
    )
    other = server.client()
    assert not any(b"APPENDUID" in line for line in other.do("REPLACE 1 INBOX {3+}\r\nnew"))


def test_a_message_as_literal8(server: Server) -> None:
    client = begin(server)
    client.do(b"REPLACE 1 INBOX ~{16+}\r\nSubject: x\r\n\r\na\0")
    client.send(b"f FETCH 1 BINARY.PEEK[1]\r\n")
    assert b"~{2}\r\na\0)" in client.take()


def test_a_connection_that_ends_in_the_literal_changes_nothing(server: Server) -> None:
    client = begin(server)
    before = state(server)
    client.send(b"a REPLACE 1 INBOX {3000000+}\r\n" + b"x" * 2_000_000)
    client.hang_up()
    assert state(server) == before
    count = server.store.read(
        lambda tx: tx.connection.exec_driver_sql("select count(*) from blob").scalar()
    )
    assert count == 1


def test_condstore_and_qresync_hear_of_it_as_of_an_expunge(server: Server) -> None:
    client = server.client(mailbox=None)
    client.do("ENABLE QRESYNC")
    client.do("SELECT INBOX")
    append(client, b"x")
    lines = client.do("UID REPLACE 1 INBOX {3+}\r\nnew")
    assert b"* VANISHED 1" in lines
    assert re.match(rb"t OK \[HIGHESTMODSEQ \d+\]", lines[-1])
