"""CONDSTORE where scripts can't look: lost hints, changes between a command's steps, races."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.imap_harness import Client, Server, append

MESSAGE = b"Subject: x\r\n\r\nbody\r\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Two messages, at modseqs 2 and 3, \\Recent to nobody who looks later."""
    made = Server(tmp_path)
    writer = made.client()
    append(writer, MESSAGE)
    append(writer, MESSAGE)
    writer.do("UNSELECT")
    yield made
    made.close()


def aware(server: Server) -> Client:
    client = server.client(mailbox=None)
    client.do("SELECT INBOX (CONDSTORE)")
    return client


def lose_hints(server: Server) -> None:
    server.store._on_commit = lambda changes: None


def before_writes(
    server: Server, monkeypatch: pytest.MonkeyPatch, do: Callable[[], object]
) -> None:
    """Runs `do` between a command's start and its write."""
    write = server.services.database.write

    async def late(work: Any, *, ingest: bool = False) -> Any:
        monkeypatch.undo()
        do()
        return await write(work, ingest=ingest)

    monkeypatch.setattr(server.services.database, "write", late)


def test_a_modseq_is_told_with_all_that_is_below_it(server: Server) -> None:
    """A client that is cut off asks for what is above the highest modseq it was told."""
    reader, writer = aware(server), server.client()
    lose_hints(server)
    writer.do("STORE 1 +FLAGS (\\Flagged)")
    assert reader.do("FETCH 2 BODY[TEXT]") == [
        b"* 2 FETCH (BODY[TEXT] {6}",
        b"body",
        b" UID 2 FLAGS (\\Seen) MODSEQ (5))",
        b"* 1 FETCH (UID 1 FLAGS (\\Flagged) MODSEQ (4))",
        b"t OK Done",
    ]
    writer.do("STORE 1 +FLAGS (\\Answered)")
    assert reader.do("STORE 2 +FLAGS.SILENT (\\Answered)") == [
        b"* 1 FETCH (UID 1 FLAGS (\\Answered \\Flagged) MODSEQ (6))",
        b"* 2 FETCH (UID 2 MODSEQ (7))",
        b"t OK Done",
    ]


def test_what_a_silent_store_hides_comes_before_modseqs(server: Server) -> None:
    reader, writer = server.client(), server.client()
    lose_hints(server)
    reader.do("STORE 2 +FLAGS.SILENT (\\Flagged)")
    writer.do("STORE 1 +FLAGS (\\Answered)")
    assert reader.do("FETCH 1:2 (MODSEQ)") == [
        b"* 1 FETCH (UID 1 FLAGS (\\Answered))",
        b"* OK [HIGHESTMODSEQ 5] The highest modseq",
        b"* 1 FETCH (MODSEQ (5))",
        b"* 2 FETCH (MODSEQ (4))",
        b"t OK Done",
    ]


def test_a_store_is_conditional_at_the_moment_of_its_write(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = aware(server), server.client()
    before_writes(server, monkeypatch, lambda: writer.do("STORE 1 FLAGS.SILENT (\\Answered)"))
    assert reader.do("STORE 1:2 (UNCHANGEDSINCE 3) FLAGS.SILENT (\\Seen)") == [
        b"* 1 FETCH (UID 1 FLAGS (\\Answered) MODSEQ (4))",
        b"* 2 FETCH (UID 2 MODSEQ (5))",
        b"t OK [MODIFIED 1] Others have changed some of them since",
    ]


def test_changes_made_meanwhile_come_with_a_silent_stores_modseq(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = aware(server), server.client()
    before_writes(server, monkeypatch, lambda: writer.do("STORE 1 +FLAGS.SILENT (\\Answered)"))
    assert reader.do("STORE 1 +FLAGS.SILENT (\\Flagged)") == [
        b"* 1 FETCH (UID 1 FLAGS (\\Answered \\Flagged) MODSEQ (5))",
        b"t OK Done",
    ]


def test_a_change_and_its_undoing_are_told(server: Server) -> None:
    reader, writer = aware(server), server.client()
    writer.do("STORE 1 +FLAGS (\\Answered)")
    writer.do("STORE 1 -FLAGS (\\Answered)")
    assert reader.do("NOOP")[0] == b"* 1 FETCH (UID 1 FLAGS () MODSEQ (5))"


def test_what_is_asked_of_the_mailbox_is_answered_from_it(server: Server) -> None:
    reader, writer = aware(server), server.client()
    lose_hints(server)
    writer.do("STORE 2 +FLAGS (\\Answered)")
    assert b"* 2 FETCH (UID 2 FLAGS (\\Answered) MODSEQ (4))" in reader.do(
        "UID FETCH 1:* (FLAGS) (CHANGEDSINCE 3)"
    )
    writer.do("STORE 1 +FLAGS (\\Answered)")
    assert b"* SEARCH 1 (MODSEQ 5)" in reader.do("SEARCH MODSEQ 5")


def test_a_refused_command_has_enabled_it_all_the_same(server: Server) -> None:
    reader, writer = server.client(mailbox=None), server.client()
    reader.do("EXAMINE INBOX")
    assert reader.do("STORE 1 (UNCHANGEDSINCE 9) FLAGS ()")[-1].startswith(b"t NO")
    writer.do("STORE 1 +FLAGS (\\Answered)")
    assert reader.do("NOOP")[0] == b"* 1 FETCH (UID 1 FLAGS (\\Answered) MODSEQ (4))"


def test_modseqs_have_63_bits(server: Server) -> None:
    large = (1 << 63) - 10
    server.store.write(
        lambda tx: tx.connection.exec_driver_sql(f"update mailbox set highest_modseq = {large}")
    )
    client = aware(server)
    assert client.do("STORE 1 +FLAGS.SILENT (x)")[-2] == b"* 1 FETCH (UID 1 MODSEQ (%d))" % (
        large + 1
    )
    assert b"* SEARCH 1 (MODSEQ %d)" % (large + 1) in client.do(f"SEARCH MODSEQ {large}")


def test_two_clients_agree_who_took_a_message(tmp_path: Path) -> None:
    """Of clients that take work from a mailbox by UNCHANGEDSINCE, one gets each message."""
    server, chance = Server(tmp_path), Random(3)
    writer = server.client(mailbox=None)
    for _ in range(20):
        append(writer, MESSAGE)
    clients = [aware(server) for _ in range(3)]
    taken: list[int] = []
    for _ in range(150):
        client, number = chance.choice(clients), chance.randrange(1, 21)
        since = chance.choice([21, 10, 15])
        answer = client.do(f"STORE {number} (UNCHANGEDSINCE {since}) FLAGS.SILENT ($Taken)")
        if not re.match(rb"t OK \[MODIFIED \d+\]", answer[-1]):
            taken.append(number)
    assert len(taken) == len(set(taken)) > 10
    server.close()


def test_a_store_that_changes_nothing_still_tells_what_others_did(server: Server) -> None:
    """Else a client would search in vain for the flag that it was told is set."""
    reader, writer = server.client(), server.client()
    lose_hints(server)
    writer.do("STORE 1 +FLAGS (\\Answered)")
    reader.do("STORE 1 +FLAGS.SILENT (\\Answered)")
    assert reader.do("SEARCH ANSWERED")[0] == b"* SEARCH 1"


def test_a_session_that_lags_does_not_take_its_own_state_for_the_clients(server: Server) -> None:
    """The modseq may come from another connection of the client's, which knew the flag set."""
    reader, writer = aware(server), server.client()
    lose_hints(server)
    writer.do("STORE 1 +FLAGS (\\Answered)")
    writer.do("STORE 1 -FLAGS (\\Answered)")
    answer = reader.do("STORE 1 (UNCHANGEDSINCE 4) -FLAGS.SILENT (\\Answered)")
    assert answer[-1].startswith(b"t OK [MODIFIED 1]")


def test_a_silent_store_takes_the_spelling_that_the_mailbox_has(server: Server) -> None:
    """A keyword keeps it, though no message has had that for long; others are told the same."""
    writer = server.client()
    writer.do("STORE 1 +FLAGS (Work)")
    writer.do("STORE 1 -FLAGS (Work)")
    client = server.client()
    client.do("STORE 1 +FLAGS.SILENT (work)")
    assert client.do("FETCH 1 FLAGS")[0] == b"* 1 FETCH (FLAGS (Work))"
    assert server.client().do("FETCH 1 FLAGS")[0] == b"* 1 FETCH (FLAGS (Work))"
    writer.do("STORE 1 +FLAGS (\\Seen)")
    assert client.do("NOOP")[0] == b"* 1 FETCH (UID 1 FLAGS (Work \\Seen))"
