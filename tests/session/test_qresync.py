"""QRESYNC where scripts can't look: what is forgotten, what waits, samples, large answers."""

import re
from array import array
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.imap.commands.select import Select
from bridge.imap.parser import Tagged, parse
from bridge.session import refresh
from bridge.session.resync import known_uids
from tests.imap_harness import NOW, Client, Server, append
from tests.session.test_view import snapshot
from tests.wire.grammar import parse as parse_response
from tests.wire.tokens import Dialect
from tests.wire.values import Vanished

MESSAGE = b"Subject: x\r\n\r\nbody\r\n"
EARLIER = re.compile(rb"\* VANISHED \(EARLIER\) (.*)")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Ten messages, at modseqs 2 to 11."""
    made = Server(tmp_path)
    writer = made.client()
    for _ in range(10):
        append(writer, MESSAGE)
    writer.do("UNSELECT")
    yield made
    made.close()


def enabled(server: Server) -> Client:
    client = server.client(mailbox=None)
    client.do("ENABLE QRESYNC")
    return client


def expunge(server: Server, *uids: int) -> None:
    writer = server.client()
    writer.do(f"UID STORE {','.join(map(str, uids))} +FLAGS.SILENT (\\Deleted)")
    assert writer.do("EXPUNGE")[-1].startswith(b"t OK")
    writer.do("LOGOUT")


def purge(server: Server) -> None:
    """The octets and tombstones of what was expunged are gone."""
    while server.store.write(lambda tx: tx.purge(NOW + timedelta(days=40))):
        pass


def resync(client: Client, modseq: int, more: str = "") -> list[bytes]:
    """What is said behind HIGHESTMODSEQ."""
    answer = client.do(f"SELECT INBOX (QRESYNC ({validity(client)} {modseq}{more}))")
    assert answer[-1] == b"t OK [READ-WRITE] Opened", answer
    at = next(n for n, line in enumerate(answer) if b"[HIGHESTMODSEQ" in line)
    return answer[at + 1 : -1]


def validity(client: Client) -> int:
    line = client.do("STATUS INBOX (UIDVALIDITY)")[0]
    return int(re.findall(rb"\d+", line)[0])


def test_what_is_purged_is_still_gone(server: Server) -> None:
    """And nothing that is there is said to be gone, however old the client's modseq is."""
    expunge(server, 2, 3, 7)
    purge(server)
    client = enabled(server)
    assert resync(client, 11) == [b"* VANISHED (EARLIER) 2:3,7"]
    assert resync(client, 11, " 1:5") == [b"* VANISHED (EARLIER) 2:3"]
    assert resync(client, 11, " 3,9:20") == [b"* VANISHED (EARLIER) 3"]
    assert resync(client, 11, " 1,4:6") == []
    # Nothing below UIDNEXT alone: what comes can't have gone.
    assert resync(client, 1)[0] == b"* VANISHED (EARLIER) 2:3,7"
    assert client.do("UID FETCH 1:4,30 (FLAGS) (CHANGEDSINCE 11 VANISHED)")[:-1] == [
        b"* VANISHED (EARLIER) 2:3"
    ]
    assert client.do("UID FETCH * (FLAGS) (CHANGEDSINCE 11 VANISHED)") == [b"t OK Done"]


def test_above_the_floor_nothing_is_told_twice(server: Server) -> None:
    expunge(server, 2)
    purge(server)
    client = enabled(server)
    client.do("SELECT INBOX")
    floor = int(client.do("STATUS INBOX (HIGHESTMODSEQ)")[0].split()[-1].rstrip(b")"))
    expunge(server, 4)
    assert resync(client, floor) == [b"* VANISHED (EARLIER) 4"]
    assert resync(client, floor - 1) == [b"* VANISHED (EARLIER) 2,4"]


def test_an_empty_mailbox_and_one_that_never_had_messages(server: Server) -> None:
    client = enabled(server)
    answer = client.do(f"SELECT Trash (QRESYNC ({validity(client)} 1))")
    assert not any(b"VANISHED" in line for line in answer)
    expunge(server, *range(1, 11))
    assert resync(client, 11) == [b"* VANISHED (EARLIER) 1:10"]
    purge(server)
    assert resync(client, 11) == [b"* VANISHED (EARLIER) 1:10"]


def test_a_sample_that_is_still_true_says_what_the_client_knows(server: Server) -> None:
    """The RFC's own case: 4 is 8 still, 12 isn't 24 any more."""
    expunge(server, 2, 3, 7)
    purge(server)
    client = enabled(server)
    # 1 4 5 6 8 9 10 are there.
    assert resync(client, 11, " 1:10 (1:2 1,3)") == [b"* VANISHED (EARLIER) 2:3,7"]
    assert resync(client, 11, " 1:10 (1,2,6 1,4,9)") == []
    assert resync(client, 11, " 1:10 (1,2,5 1,4,9)") == [b"* VANISHED (EARLIER) 7"]
    assert resync(client, 11, " (4 6)") == [b"* VANISHED (EARLIER) 7"]
    assert resync(client, 11, " (1:9 2:10)") == [b"* VANISHED (EARLIER) 2:3,7"]
    assert resync(client, 11, " (7:100000000 10:100000003)") == []


def test_a_client_that_is_cut_off_while_expunges_wait_hears_of_them(server: Server) -> None:
    """Though it has seen a higher modseq than theirs (RFC 7162 §3.2)."""
    client = enabled(server)
    client.do("SELECT INBOX")
    expunge(server, 5)
    answer = client.do("STORE 1 +FLAGS.SILENT (\\Flagged)")
    assert answer == [
        b"* 1 FETCH (UID 1 MODSEQ (14))",
        b"* OK [HIGHESTMODSEQ 11] The highest modseq",
        b"t OK Done",
    ]
    client.hang_up()
    again = enabled(server)
    assert b"* VANISHED (EARLIER) 5" in resync(again, 11)
    assert resync(again, 14) == []


def test_a_refused_command_says_that_something_waits_as_well(server: Server) -> None:
    client = enabled(server)
    client.do("SELECT INBOX")
    expunge(server, 5)
    assert client.do("STORE 5:6 +FLAGS (x)")[-2:] == [
        b"* OK [HIGHESTMODSEQ 11] The highest modseq",
        b"t NO [EXPUNGEISSUED] Some of these messages are expunged",
    ]
    assert client.do("NOOP") == [
        b"* VANISHED 5",
        b"* OK [HIGHESTMODSEQ 14] The highest modseq",
        b"t OK Done",
    ]


def test_what_a_client_did_not_want_to_hear_it_is_told_when_it_comes_back(server: Server) -> None:
    client, other = enabled(server), server.client()
    client.do("SELECT INBOX")
    client.do("NOTIFY NONE")
    other.do("STORE 2 +FLAGS.SILENT (\\Flagged)")
    assert client.do("STORE 1 +FLAGS.SILENT (\\Seen)") == [
        b"* 1 FETCH (UID 1 MODSEQ (13))",
        b"* OK [HIGHESTMODSEQ 11] The highest modseq",
        b"t OK Done",
    ]


def test_enabling_it_later_is_told_from_where_on(server: Server) -> None:
    client = server.client()
    expunge(server, 5)
    assert client.do("FETCH 6 FLAGS") == [b"* 6 FETCH (FLAGS ())", b"t OK Done"]
    assert client.do("ENABLE QRESYNC") == [
        b"* ENABLED QRESYNC",
        b"* OK [HIGHESTMODSEQ 11] The highest modseq",
        b"* VANISHED 5",
        b"t OK Done",
    ]


def test_message_numbers_among_search_keys_keep_their_meaning(server: Server) -> None:
    """RFC 7162 §3.2.10.2: no VANISHED in the answer to UID SEARCH with message numbers."""
    client = enabled(server)
    client.do("SELECT INBOX")
    expunge(server, 5)
    for command in (
        "UID SEARCH 6",
        "UID SEARCH NOT (OR 6 SEEN)",
        "UID SORT (ARRIVAL) UTF-8 6",
        "UID THREAD REFS UTF-8 6",
    ):
        assert not any(b"VANISHED" in line for line in client.do(command))
    assert b"* VANISHED 5" in client.do("UID SEARCH UID 6")


def test_a_session_that_fell_behind_what_is_remembered_catches_up(server: Server) -> None:
    client = server.client()
    server.store._on_commit = lambda changes: None
    expunge(server, 2, 5)
    purge(server)
    assert client.do("NOOP") == [b"* 5 EXPUNGE", b"* 2 EXPUNGE", b"t OK Done"]


def test_the_modseq_moves_with_annotations(server: Server) -> None:
    """RFC 7162 §3.2."""
    client = enabled(server)
    client.do("SELECT INBOX")
    client.do('SETMETADATA INBOX (/private/comment "x")')
    assert b"* OK [HIGHESTMODSEQ 12] The highest modseq" in client.do("SELECT INBOX")


def test_thousands_are_told_beside_the_reactor_and_compactly(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refresh, "FEW_MESSAGES", 2)
    client, other = enabled(server), enabled(server)
    client.do("SELECT INBOX")
    other.do("SELECT INBOX")
    reads = 0
    read = server.services.database.read

    async def counted(work: object, *, brief: bool = False) -> object:
        nonlocal reads
        reads += 1
        return await read(work, brief=brief)  # type: ignore[arg-type]

    other.do("STORE 1:5,7:10 +FLAGS.SILENT (\\Deleted)")
    client.do("NOOP")
    other.do("EXPUNGE")
    monkeypatch.setattr(server.services.database, "read", counted)
    assert client.do("NOOP")[0] == b"* VANISHED 1:5,7:10"
    assert reads == 2


def uids_of(text: bytes) -> set[int]:
    response = parse_response(text + b"\r\n", Dialect())
    assert isinstance(response, Vanished)
    return {uid for low, high in response.uids.ranges for uid in range(low, high + 1)}


@given(
    st.sets(st.integers(1, 30), max_size=20),
    st.lists(st.tuples(st.integers(1, 25), st.integers(1, 40)), max_size=6),
)
def test_a_sample_is_compared_as_the_rfc_says(
    there: set[int], pairs: list[tuple[int, int]]
) -> None:
    """RFC 7162 §3.2.5.2, message by message."""
    sample: list[tuple[int, int]] = []
    for number, uid in sorted(pairs):
        if not sample or (number > sample[-1][0] and uid > sample[-1][1]):
            sample.append((number, uid))
    if not sample:
        return
    numbers, known = (",".join(str(pair[n]) for pair in sample) for n in (0, 1))
    line = f"t SELECT x (QRESYNC (1 1 ({numbers} {known})))".encode()
    parsed = parse((line,))
    assert isinstance(parsed, Tagged)
    assert isinstance(parsed.command, Select)
    assert parsed.command.resync is not None
    uids = array("I", sorted(there))
    made = snapshot(40)
    view = FakeView(uids, made.mailbox)
    true = [uid for number, uid in sample if number <= len(uids) and uids[number - 1] == uid]
    low = max(true, default=0) + 1
    expected = [(low, 40)] if low <= 40 else []
    assert known_uids(view, None, parsed.command.resync.sample) == expected  # type: ignore[arg-type]


class FakeView:
    """As much of a view as is looked at."""

    def __init__(self, uids: "array[int]", mailbox: object) -> None:
        self.uids = uids
        self.mailbox = mailbox
