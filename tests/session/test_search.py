"""SEARCH over a store against what the RFC says of one message after another."""

from array import array
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from random import Random

import pytest

from bridge.imap.commands.search import Search
from bridge.imap.parser import Tagged, parse
from bridge.ingest.pipeline import Ingest
from bridge.model.change import MailboxSnapshot
from bridge.model.ids import AccountId, MailboxId, ModSeq, Uid
from bridge.model.mailbox import Mailbox
from bridge.model.message import StoredMessage
from bridge.model.numset import NumSet
from bridge.model.search import Header, SearchKey, Text
from bridge.query import evaluate
from bridge.session.commands import search
from bridge.session.mask import InView
from bridge.session.snapshots import Snapshots, listing
from bridge.session.view import View
from bridge.store.tx import WriteTx
from tests.corpus.all import messages as corpus
from tests.effort import cheap
from tests.imap_harness import NOW, Client, Server
from tests.query.reference import Candidate, Reference

SEED = 6203
QUERIES = 300
FLAGS = ("\\Seen", "\\Flagged", "\\Answered", "\\Deleted", "$Work", "later")
LEAVES = (
    "ALL", "SEEN", "UNSEEN", "FLAGGED", "UNDELETED", "NEW", "OLD", "RECENT", "KEYWORD $work",
    "UNKEYWORD later", "1:7", "*", "20:40,3,1:2", "9999", "UID 10:90", "UID *", "UID 1,5,7:9,44",
    "LARGER 500", "SMALLER 300", "LARGER 4294967295", "BEFORE 20-Nov-2026", "ON 20-Nov-2026",
    "SINCE 20-Nov-2026", "ON 21-Nov-2026", "SENTBEFORE 1-Jan-2026", "SENTON 23-Nov-2026",
    "SENTSINCE 23-Nov-2026", "OLDER 345600", "YOUNGER 345600", "YOUNGER 4294967295", "MODSEQ 30",
    "FROM ann", 'FROM "Ann Smith"', 'FROM "(who)"', 'FROM ""', "FROM @", "TO bob", "TO friends",
    'TO ", "', "CC c@z.org", 'BCC ""', "BCC x", "SUBJECT e", 'SUBJECT "one two"', 'SUBJECT ""',
    "SUBJECT =?utf-8", "HEADER Message-ID @example", 'HEADER Message-ID ""', "HEADER Sender a",
    'HEADER Content-Type "multi"', 'HEADER Received ""', 'HEADER X-Odd ""', "HEADER MIME-Version 1",
    "HEADER Reply-To @", 'HEADER Date "Nov 2026"', "BODY hello", "BODY e", "TEXT hello",
    "TEXT subject:", "TEXT ann@example.org", "TEXT multipart", 'BODY ""',
    'SUBJECT "caf\u00e9"', 'FROM "\u00e4nn"', 'TEXT "stra\u00dfe"', 'TEXT "\u041f\u0440\u0438"',
)  # fmt: skip


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


def stored(octets: bytes, internal_date: datetime | None = None) -> StoredMessage:
    ingest = Ingest(arrival=NOW, internal_date=internal_date)
    ingest.feed(octets)
    return ingest.finish()


def add(server: Server, message: StoredMessage, *flags: str) -> None:
    def work(tx: WriteTx) -> None:
        octets = b"x" * message.size
        tx.add_message(inbox(tx), message, octets, now=NOW, flags=frozenset(flags))

    server.store.write(work)


def inbox(tx: WriteTx) -> Mailbox:
    account = tx.account("alice")
    assert account is not None
    found = tx.mailbox(account.id, "INBOX")
    assert found is not None
    return found


def fill(server: Server, seeded: Random) -> None:
    """All of the corpus, at days of any zone; of some what their fields read isn't kept."""
    for odd in corpus():
        zone = timezone(timedelta(minutes=seeded.randrange(-1439, 1440, 7)))
        moment = NOW - timedelta(seconds=seeded.randrange(8 * 86_400))
        message = stored(odd.octets, moment.astimezone(zone))
        if seeded.random() < 0.1:
            message = replace(message, field_texts=())
        add(server, message, *seeded.sample(FLAGS, seeded.randrange(4)))


class Remembered(Reference):
    """Reads each header and text once for each key."""

    def __init__(self, last_seq: int, last_uid: int) -> None:
        super().__init__(last_seq, last_uid, NOW)
        self._known: dict[tuple[SearchKey, int], bool] = {}

    def matches(self, key: SearchKey, one: Candidate) -> bool:
        if not isinstance(key, Header | Text):
            return super().matches(key, one)
        place = key, one.seq
        if place not in self._known:
            self._known[place] = super().matches(key, one)
        return self._known[place]


def candidates(server: Server, client: Client) -> list[Candidate]:
    """What a client has selected, as the reference takes it."""
    view = client.session._context.selected

    def flags(position: int) -> frozenset[str]:
        recent = {"\\recent"} if view.uids[position] in view.recent else set()
        return frozenset(map(str.lower, view.flags(position))) | recent

    names = frozenset({"header", "internal_date", "sent_date", "size", "text"})
    rows = server.store.read(lambda tx: tx.searched(view.mailbox.id, list(view.uids), names))
    return [
        Candidate(seq, uid, view.modseq(seq - 1), flags(seq - 1), size, date, sent,
                  header, text)
        for seq, (uid, header, date, sent, size, text) in enumerate(rows, 1)
    ]  # fmt: skip


def literals(query: str) -> bytes:
    """The key as a client sends it: what is beyond ASCII in UTF-8, quoted."""
    return b"CHARSET UTF-8 " + query.encode()


def key(query: str) -> SearchKey:
    found = parse([b"a SEARCH " + literals(query)])
    assert isinstance(found, Tagged) and isinstance(found.command, Search)
    return found.command.key


def combined(seeded: Random, depth: int = 0) -> str:
    shape = seeded.random()
    if depth > 3 or shape < 0.4:
        return seeded.choice(LEAVES)
    if shape < 0.55:
        return f"NOT {combined(seeded, depth + 1)}"
    if shape < 0.75:
        return f"OR {combined(seeded, depth + 1)} {combined(seeded, depth + 1)}"
    return f"({' '.join(combined(seeded, depth + 1) for _ in range(seeded.randint(2, 4)))})"


def found(client: Client, query: str, verb: bytes = b"SEARCH ") -> list[int]:
    lines = client.do(verb + literals(query))
    assert lines[-1].startswith(b"t OK"), lines
    return [int(number) for number in lines[-2].split(b" (")[0].split()[2:]]


@pytest.mark.parametrize("turn", [7, 1000])
def test_random_keys_find_what_the_reference_finds(
    server: Server, turn: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("VIEW_MESSAGES", "READ_MESSAGES", "FOUND_MESSAGES"):
        monkeypatch.setattr(search, name, turn)
    seeded = Random(SEED)
    fill(server, seeded)
    # Gaps all over, so that UIDs are asked for in runs and across them.
    other = server.client()
    other.do("UID STORE 3,8:12,20,22,24,26,28,30:60,70,72,75:79,81 +FLAGS.SILENT (\\Deleted)")
    other.do("EXPUNGE")
    client = server.client()
    every = candidates(server, client)
    reference = Remembered(len(every), every[-1].uid)
    queries = [*LEAVES, *(combined(seeded) for _ in range(QUERIES))]
    for number, query in enumerate(queries):
        wanted = key(query)
        right = [one for one in every if reference.matches(wanted, one)]
        if number % 2:
            assert found(client, query) == [one.seq for one in right], query
        else:
            assert found(client, query, b"UID SEARCH ") == [one.uid for one in right], query


def test_what_is_expunged_and_not_announced_is_left_out(server: Server) -> None:
    for _ in range(4):
        add(server, stored(b"Subject: x\r\n\r\nx\r\n"))
    client, other = server.client(), server.client()
    other.do("STORE 2 +FLAGS.SILENT (\\Deleted)")
    other.do("EXPUNGE")
    client.do("FETCH 1 FLAGS")
    assert found(client, "NOT SUBJECT y") == [1, 3, 4]
    assert found(client, "ALL") == [1, 3, 4]


ZONE = timezone(timedelta(hours=-5))


@pytest.mark.parametrize(
    ("text", "moment", "matches"),
    [
        # To the second, and on the second both (RFC 5032 section 2).
        ("YOUNGER 60", NOW - timedelta(seconds=60), True),
        ("OLDER 60", NOW - timedelta(seconds=60), True),
        ("OLDER 60", NOW - timedelta(seconds=59.5), True),
        ("YOUNGER 60", NOW - timedelta(seconds=61), False),
        ("OLDER 60", NOW - timedelta(seconds=59), False),
        # Time and zone count, unlike with BEFORE.
        ("YOUNGER 3600", (NOW - timedelta(seconds=3599)).astimezone(ZONE), True),
        ("YOUNGER 3600", (NOW - timedelta(seconds=3601)).astimezone(ZONE), False),
        ("YOUNGER 1", NOW + timedelta(days=1), True),
        ("OLDER 4294967295", NOW, False),
        ("OLDER 1", datetime(1983, 1, 1, tzinfo=timezone(timedelta(hours=14))), True),
        ("YOUNGER 1", datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-12))), True),
        ("NOT OLDER 60", NOW, True),
        # As the day is written, in its own zone.
        ("ON 31-Dec-2025", datetime(2025, 12, 31, 23, 59, tzinfo=ZONE), True),
        ("BEFORE 31-Dec-2025", datetime(2025, 12, 31, tzinfo=ZONE), False),
        ("SINCE 1-Jan-2026", datetime(2025, 12, 31, 23, 59, 59, tzinfo=ZONE), False),
        ("ON 31-Dec-9999", datetime(9999, 12, 31, 23, 59, tzinfo=UTC), True),
    ],
)
def test_dates(server: Server, text: str, moment: datetime, matches: bool) -> None:
    server.services.clock = lambda: NOW + timedelta(microseconds=900_000)
    add(server, stored(b"Subject: x\r\n\r\n", moment))
    assert found(server.client(), text) == [1] * matches


def test_a_field_that_nobody_writes_is_found_though_it_is_not_kept(server: Server) -> None:
    many = b",\r\n ".join(b"user%d@example.org" % n for n in range(3000))
    message = stored(b"To: " + many + b"\r\nSubject: many\r\n\r\n")
    assert message.field_texts == ()
    add(server, message)
    client = server.client()
    assert found(client, "TO user2999@example.org SUBJECT many") == [1]
    assert found(client, "TO user3000@example.org") == []


def test_nul_is_looked_for_within_one_reading(server: Server) -> None:
    add(server, stored(b"Subject: one\r\nSubject: two\r\n\r\n"))
    add(server, stored(b"Subject: =?utf-8?q?one=00two?=\r\n\r\n"))
    client = server.client()
    client.unwatched("the grammar has no NUL in a literal")
    lines = client.do(b"SEARCH SUBJECT {7+}\r\none\0two")
    assert lines[0] == b"* SEARCH 2"


def large_view(count: int) -> View:
    mailbox = Mailbox(
        id=MailboxId(1),
        account_id=AccountId(1),
        name="INBOX",
        uidvalidity=1,
        uidnext=Uid(count + 1),
        highest_modseq=ModSeq(count),
        first_recent_uid=Uid(1),
        special_use=None,
        mailboxid="m",
    )
    snapshot = MailboxSnapshot(
        mailbox,
        array("I", range(1, count + 1)),
        array("I", [n % 300 for n in range(count)]),
        array("Q", range(1, count + 1)),
        tuple(frozenset({f"k{n}"}) for n in range(300)),
    )
    return View(snapshot.mailbox, listing(snapshot), Snapshots(), read_only=True)


def test_a_long_set_costs_little() -> None:
    view = large_view(20_000)
    numbers = NumSet(tuple((n, n) for n in range(1, 20_000, 2)))
    messages = InView(view, range(view.count))
    # A look at each range for each message takes minutes.
    for uid in (False, True):
        mask = cheap(0.5, lambda uid=uid: messages.numbered(numbers, uid=uid))
        assert list(messages.positions(mask)) == list(range(0, 20_000, 2))


def test_more_sets_of_flags_than_an_octet_counts() -> None:
    view = large_view(1000)
    messages = InView(view, range(100, 900))
    assert list(messages.positions(messages.with_flag("k299"))) == [299, 599, 899]
    assert list(messages.positions(messages.changed(899))) == [898, 899]


@pytest.mark.parametrize(("texts", "messages"), [(1, 1000), (5, 1000), (50, 100), (5000, 1)])
def test_the_dearer_the_search_the_shorter_its_turns(texts: int, messages: int) -> None:
    parsed = parse((b"s SEARCH " + b" ".join([b"TEXT x"] * texts),))
    assert isinstance(parsed, Tagged) and isinstance(parsed.command, Search)
    assert search.read_messages(evaluate.arranged(parsed.command.key)) == messages
