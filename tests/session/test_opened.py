from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bridge.model.ids import MailboxId
from bridge.session import opened
from bridge.session.commands.fetch import FEW_ITEMS
from bridge.session.opened import Opened
from bridge.store.columns import Rows
from tests.imap_harness import Server, append

HERE = MailboxId(1)
MAIL = (
    b"Subject: one\r\nX-Odd: a\r\n  b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\n\r\nfirst\0\r\n--b\r\n\r\nsecond\r\n--b--\r\n"
)
ITEMS = [
    "BODY.PEEK[]",
    "BODY.PEEK[]<3.10>",
    "BODY.PEEK[1]",
    "BODY.PEEK[2]<1.2>",
    "BODY.PEEK[3]",
    "BODY.PEEK[1.MIME]",
    "BODY.PEEK[TEXT]",
    "BODY.PEEK[HEADER]",
    "BODY.PEEK[HEADER.FIELDS (x-odd)]",
    "BODY.PEEK[HEADER.FIELDS.NOT (x-odd)]<0.9>",
    "(UID FLAGS RFC822.SIZE INTERNALDATE ENVELOPE BODY BODYSTRUCTURE)",
    "(EMAILID THREADID SAVEDATE MODSEQ)",
]


def row(uid: int, **columns: object) -> Rows:
    made = {name: (value,) for name, value in columns.items()}
    return Rows((uid,), (uid,), made, complete=True)


def test_what_is_known_of_a_message_adds_up() -> None:
    kept = Opened()
    kept.keep(HERE, row(7, size=3, octets=b"abc"))
    kept.keep(HERE, row(7, envelope=b"()"))
    found = kept.find(HERE, 7, frozenset({"octets", "envelope"}))
    assert found is not None
    assert found.columns == {"size": (3,), "octets": (b"abc",), "envelope": (b"()",)}
    assert kept.find(HERE, 7, frozenset({"octets", "parts"})) is None
    assert kept.find(MailboxId(2), 7, frozenset({"octets"})) is None


def test_what_has_to_be_read_from_the_store_is_not_kept() -> None:
    kept = Opened()
    kept.keep(HERE, row(1, octets=None))
    kept.keep(HERE, row(2, header=b"Subject: cut off\r\n"))
    kept.keep(HERE, row(3, octets=bytes(opened.MESSAGE_OCTETS)))
    kept.keep(HERE, Rows((), (), {"octets": ()}, complete=True))
    assert kept.octets == 0


def test_memory_is_bounded_and_the_longest_unasked_goes_first() -> None:
    kept = Opened()
    size = opened.MESSAGE_OCTETS - 2000
    many = opened.KEPT_OCTETS // size + 1
    for uid in range(1, many):
        kept.keep(HERE, row(uid, octets=bytes(size)))
        kept.find(HERE, 1, frozenset({"octets"}))
    kept.keep(HERE, row(many, octets=bytes(size)))
    assert kept.octets <= opened.KEPT_OCTETS
    assert kept.find(HERE, 1, frozenset({"octets"})) is not None
    assert kept.find(HERE, 2, frozenset({"octets"})) is None
    assert kept.find(HERE, many, frozenset({"octets"})) is not None


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("item", ITEMS)
def test_a_message_out_of_memory_is_the_message_out_of_the_store(item: str, server: Server) -> None:
    client = server.client()
    append(client, MAIL)
    append(client, MAIL)
    # Two at once are read from the store and not kept.
    both = b"\n".join(client.do(f"FETCH 1:2 {item}"))
    assert server.services.opened.octets == 0
    first = client.do(f"FETCH 1 {item}")
    assert server.services.opened.octets > 0
    with closed(server):
        again = client.do(f"FETCH 1 {item}")
    assert again == first
    assert b"\n".join(first[:-1]) in both


def test_showing_it_again_sets_seen_all_the_same(server: Server) -> None:
    client = server.client()
    append(client, MAIL)
    client.do("FETCH 1 BODY.PEEK[]")
    assert any(b"\\Seen" in line for line in client.do("FETCH 1 BODY[]"))
    client.do("STORE 1 -FLAGS (\\Seen)")
    assert any(b"\\Seen" in line for line in client.do("FETCH 1 BODY[]"))


def test_many_items_are_not_written_down_in_the_reactors_thread(server: Server) -> None:
    client = server.client()
    append(client, MAIL)
    items = " ".join(f"BODY.PEEK[]<{n}.1>" for n in range(FEW_ITEMS + 1))
    client.do(f"FETCH 1 ({items})")
    assert server.services.opened.octets == 0


@contextmanager
def closed(server: Server) -> Iterator[None]:
    """Nobody may read the store meanwhile."""

    def no_read(work: object) -> None:
        raise AssertionError("the store was read")

    read = server.store.read
    server.store.read = no_read  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        server.store.read = read  # type: ignore[method-assign]
