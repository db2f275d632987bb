"""What is exported and imported again is the same: octets, mailboxes, flags, dates, how often."""

import asyncio
import mailbox as stdlib
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bridge.admin.operations import perform
from bridge.admin.origin import Origin
from bridge.errors import MailFileError, StoreError, UnknownLoginError, UsageError
from bridge.intake import Intake
from bridge.model.ids import AccountId
from bridge.model.upstream import LedgerState, Listed, Listing
from bridge.store.engine import Store, open_store
from bridge.store.port import InlineDatabase
from bridge.sync.plan import plan
from tests.corpus.all import messages as corpus
from tests.sync.fakes import ACCOUNT

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NUMBERS = count()
FORMS = ("maildir", "mbox", "eml")
MAIL = b"From: ann@example.org\r\nSubject: hello\r\n\r\nFrom here\r\n>From there\r\n"
Content = dict[str, Counter[tuple[bytes, frozenset[str], datetime, timedelta | None]]]


@dataclass
class Admin:
    """Of `Admin` what moving mail needs; what it would do in threads it does at once."""

    store: Store

    def __post_init__(self) -> None:
        self.database = InlineDatabase(self.store)

    def clock(self) -> datetime:
        return NOW

    async def in_background(self, work: Callable[[], Any]) -> Any:
        return work()


@contextmanager
def opened(folder: Path) -> Iterator[Any]:
    store = open_store(folder / "db", on_commit=lambda changes: None, clock_s=lambda: 1.0)
    try:
        for login in ("alice", "bob"):
            store.write(lambda tx, login=login: tx.add_account(replace(ACCOUNT, login=login)))
        yield Admin(store)
    finally:
        store.close()


@pytest.fixture
def admin(tmp_path: Path) -> Iterator[Any]:
    with opened(tmp_path) as made:
        yield made


def ask(admin: Any, name: str, **arguments: Any) -> Any:
    return asyncio.run(perform(admin, name, arguments, lambda _: None, Origin.OWNER))


def account_id(admin: Any, login: str) -> AccountId:
    return AccountId(admin.store.read(lambda tx: tx.account(login)).id)


def put(
    admin: Any,
    box: str,
    octets: bytes = MAIL,
    flags: frozenset[str] = frozenset(),
    date: datetime = NOW,
    login: str = "alice",
) -> None:
    async def add() -> None:
        intake = Intake(admin.database, arrival=NOW, internal_date=date)
        await intake.feed(octets)
        message, body = await intake.finish()
        key = account_id(admin, login)

        def work(tx: Any) -> None:
            found = tx.mailbox(key, box) or tx.create_mailbox(key, box)
            tx.add_message(found, message, body, now=NOW, flags=flags)

        admin.store.write(work)

    asyncio.run(add())


def content(admin: Any, login: str = "alice") -> Content:
    """All there is, by mailbox; mailboxes without mail left out."""

    def read(tx: Any) -> Content:
        found: Content = {}
        for box in tx.mailboxes(account_id(admin, login)):
            rows = tx.rows(box.id, [int(uid) for uid in tx.snapshot(box).uids])
            if rows:
                found[box.name] = Counter(
                    (
                        tx.octets(row.message_id, 0, row.size),
                        row.flags,
                        row.internal_date,
                        row.internal_date.utcoffset(),
                    )
                    for row in rows
                )
        return found

    found: Content = admin.store.read(read)
    return found


def order(admin: Any, box: str, login: str) -> list[bytes]:
    def read(tx: Any) -> list[bytes]:
        found = tx.mailbox(account_id(admin, login), box)
        rows = tx.rows(found.id, [int(uid) for uid in tx.snapshot(found).uids])
        return [tx.octets(row.message_id, 0, row.size) for row in rows]

    octets: list[bytes] = admin.store.read(read)
    return octets


NAMES = st.one_of(
    st.sampled_from(
        ["INBOX", "INBOX/below", "Sent", "a.b/c", "sent", "..", "x:y", "\\2e", "Entwürfe/ä~",
         "e-mail.mbox", "new", "cur", "tmp/cur", "-x", " x ", "CON", "ж" * 240, ".hidden",
         "q/" * 100 + "q", "&AOQ-", "a.eml", ".popbridge", "x.sbd"]
    ),
    st.text(
        st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="*%/\x7f"),
        min_size=1, max_size=8,
    ),
)  # fmt: skip
FLAGS = st.frozensets(
    st.sampled_from(
        ["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "$Forwarded", "Junk",
         "$MDNSent", *(f"k{n}" for n in range(30))]
    ),
    max_size=34,
)  # fmt: skip
OCTETS = st.one_of(
    st.sampled_from([one.octets for one in corpus()]),
    st.lists(
        st.sampled_from([b"From ", b">", b"\n", b"\r\n", b"\r", b"\0", b"x", b"Subject: x"]),
        min_size=1, max_size=8,
    ).map(b"".join),
)  # fmt: skip
DATES = st.datetimes(
    datetime(1982, 8, 14),
    datetime(2026, 11, 23),
    timezones=st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m))),
)


@pytest.mark.parametrize("form", FORMS)
@settings(
    max_examples=20,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(mail=st.lists(st.tuples(NAMES, OCTETS, FLAGS, DATES), min_size=1, max_size=6))
def test_what_is_exported_comes_back_the_same(
    admin: Any, tmp_path: Path, form: str, mail: list[tuple[str, bytes, frozenset[str], datetime]]
) -> None:
    # Accounts of its own for each example: making a store takes longer than all the rest.
    number = next(NUMBERS)
    old, new, out = f"old{number}", f"new{number}", str(tmp_path / str(number))
    for login in (old, new):
        admin.store.write(lambda tx, login=login: tx.add_account(replace(ACCOUNT, login=login)))
    for box, octets, flags, date in mail:
        put(admin, box, octets, flags, date, login=old)
    made = ask(admin, "export", login=old, folder=out, format=form)
    assert (made["written"], made["there"], made["damaged"]) == (len(mail), 0, 0)
    again = ask(admin, "export", login=old, folder=out, format=form)
    assert (again["written"], again["there"]) == (0, len(mail))
    for _ in range(2):
        ask(admin, "import", login=new, path=out)
        assert content(admin, new) == content(admin, old)
    for box in content(admin, old):
        assert order(admin, box, new) == order(admin, box, old)


@pytest.mark.parametrize("form", FORMS)
def test_the_whole_corpus_and_a_large_message(admin: Any, tmp_path: Path, form: str) -> None:
    for one in corpus():
        if one.octets:
            put(admin, "INBOX", one.octets)
    put(admin, "Archive", MAIL + b">" * (3 << 20) + b"From x\r\n" + b"From y\r\n" * 300_000)
    out = str(tmp_path / "out")
    ask(admin, "export", login="alice", folder=out, format=form)
    found = ask(admin, "import", login="bob", path=out)
    assert content(admin, "bob") == content(admin, "alice")
    assert found["messages"] == sum(map(sum_of, content(admin).values()))


def sum_of(counted: Counter[Any]) -> int:
    return sum(counted.values())


@pytest.mark.parametrize("form", FORMS)
def test_a_second_export_adds_what_is_new(admin: Any, tmp_path: Path, form: str) -> None:
    out = str(tmp_path / "out")
    put(admin, "INBOX")
    ask(admin, "export", login="alice", folder=out, format=form)
    put(admin, "INBOX", b"Subject: later\r\n\r\n")
    put(admin, "New", b"Subject: other\r\n\r\n")
    made = ask(admin, "export", login="alice", folder=out, format=form)
    assert (made["written"], made["there"]) == (2, 1)
    ask(admin, "import", login="bob", path=out)
    assert content(admin, "bob") == content(admin)


@pytest.mark.parametrize("form", ["maildir", "eml"])
def test_a_file_cut_by_a_crash_is_written_again(admin: Any, tmp_path: Path, form: str) -> None:
    out = tmp_path / "out"
    put(admin, "INBOX")
    ask(admin, "export", login="alice", folder=str(out), format=form)
    (file,) = [p for p in out.rglob("*") if p.is_file() and b"Subject" in p.read_bytes()]
    os.truncate(file, 5)
    assert ask(admin, "export", login="alice", folder=str(out), format=form)["written"] == 1
    assert file.read_bytes() == MAIL


def test_an_mbox_cut_by_a_crash_is_written_anew(admin: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    put(admin, "INBOX")
    ask(admin, "export", login="alice", folder=str(out), format="mbox")
    file, sidecar = out / "INBOX.mbox", out / "INBOX.mbox.popbridge"
    whole, said = file.read_bytes(), sidecar.read_bytes()
    file.write_bytes(whole + b"From popbridge half")
    sidecar.write_bytes(said + b'{"end":null}\n{"na')
    assert ask(admin, "export", login="alice", folder=str(out), format="mbox")["written"] == 1
    assert file.read_bytes() == whole


def test_an_mbox_that_somebody_changed_is_not_touched(admin: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    put(admin, "INBOX")
    ask(admin, "export", login="alice", folder=str(out), format="mbox")
    with (out / "INBOX.mbox").open("ab") as file:
        file.write(b"theirs")
    with pytest.raises(StoreError, match="changed"):
        ask(admin, "export", login="alice", folder=str(out), format="mbox")
    (out / "INBOX.mbox.popbridge").unlink()
    with pytest.raises(StoreError, match="no export of ours"):
        ask(admin, "export", login="alice", folder=str(out), format="mbox")
    assert (out / "INBOX.mbox").read_bytes().endswith(b"theirs")


def test_damage_is_told_and_keeps_nothing_back(admin: Any, tmp_path: Path) -> None:
    put(admin, "INBOX")
    put(admin, "INBOX", b"Subject: sound\r\n\r\n")
    admin.store.write(
        lambda tx: tx.connection.exec_driver_sql(
            "UPDATE chunk SET data = CAST('x' || substr(data, 2) AS BLOB) WHERE blob_id = 1"
        )
    )
    made = ask(admin, "export", login="alice", folder=str(tmp_path / "out"), format="maildir")
    assert (made["written"], made["damaged"]) == (2, 1)


def test_the_standard_library_reads_what_is_exported(admin: Any, tmp_path: Path) -> None:
    """An mbox and a Maildir as other programs see them."""
    for n in range(3):
        put(admin, "INBOX", b"Subject: m%d\r\n\r\nFrom x\r\n" % n, frozenset({"\\Seen"}))
    put(admin, "a/b")
    for form in ("mbox", "maildir"):
        ask(admin, "export", login="alice", folder=str(tmp_path / form), format=form)
    box = stdlib.mbox(str(tmp_path / "mbox" / "INBOX.mbox"), create=False)
    assert [one["subject"] for one in box] == ["m0", "m1", "m2"]
    box.close()
    tree = stdlib.Maildir(str(tmp_path / "maildir"), create=False)
    assert sorted(one["subject"] for one in tree) == ["m0", "m1", "m2"]
    assert {one.get_flags() for one in tree} == {"S"}
    assert "a.b" in tree.list_folders()


def test_a_large_message_is_streamed_both_ways(admin: Any, tmp_path: Path) -> None:
    octets = b"Subject: large\r\n\r\n" + b"0123456789abcde\r\n" * 400_000
    put(admin, "INBOX", octets)
    for form in FORMS:
        out = str(tmp_path / form)
        ask(admin, "export", login="alice", folder=out, format=form)
        ask(admin, "import", login="bob", path=out, into=form)
        assert order(admin, form, "bob") == [octets]


def write(path: Path, octets: bytes, seconds: int | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(octets)
    if seconds is not None:
        os.utime(path, (seconds, seconds))
    return path


LF = MAIL.replace(b"\r\n", b"\n")


def test_a_maildir_of_others(admin: Any, tmp_path: Path) -> None:
    tree = tmp_path / "Maildir"
    write(tree / "cur" / "1700000002.b.host:2,RS", LF, 1_700_000_000)
    write(tree / "new" / "1700000001.a.host", LF + b"first\n", 1_600_000_000)
    write(tree / "tmp" / "1.half", LF)
    write(tree / "dovecot-keywords", b"0 Junk\n1 $label1\n")
    write(tree / "dovecot-uidlist", b"3 V1 N1\n")
    write(tree / ".Entw&APw-rfe.2026" / "cur" / "1.c:2,DFPTab", LF, 1_500_000_000)
    write(tree / ".Entw&APw-rfe.2026" / "dovecot-keywords", b"0 Junk\n")
    (tree / ".Empty" / "cur").mkdir(parents=True)
    found = ask(admin, "import", login="alice", path=str(tree))
    assert (found["messages"], found["known"]) == (3, 0)
    assert order(admin, "INBOX", "alice") == [MAIL + b"first\r\n", MAIL]
    dates = {one[2].timestamp(): one[1] for one in content(admin)["INBOX"]}
    assert dates == {1_600_000_000: frozenset(), 1_700_000_000: {"\\Answered", "\\Seen"}}
    ((octets, flags, date, _),) = content(admin)["Entwürfe/2026"]
    assert octets == MAIL
    assert flags == {"\\Draft", "\\Flagged", "\\Deleted", "$Forwarded", "Junk"}
    assert date.timestamp() == 1_500_000_000
    assert found["mailboxes"] == ["INBOX", "Empty", "Entwürfe/2026"]
    again = ask(admin, "import", login="alice", path=str(tree))
    assert (again["messages"], again["known"]) == (0, 3)


def test_an_mbox_of_others(admin: Any, tmp_path: Path) -> None:
    text = (
        b"From ann@example.org Tue Nov  3 09:05:07 2026\nStatus: RO\nX-Status: F\n" + LF
        + b"\nFrom bob@example.org Wed Nov  4 10:00:00 2026\n" + LF + b"\n"
    )  # fmt: skip
    file = write(tmp_path / "mail" / "Old stuff", text)
    found = ask(admin, "import", login="alice", path=str(file))
    assert found["mailboxes"] == ["Old stuff"]
    boxes = content(admin)["Old stuff"]
    unquoted = MAIL.replace(b">From", b"From")
    assert {(one[0], one[1], one[2]) for one in boxes} == {
        (b"Status: RO\r\nX-Status: F\r\n" + unquoted, frozenset({"\\Seen", "\\Flagged"}),
         datetime(2026, 11, 3, 9, 5, 7, tzinfo=UTC)),
        (unquoted, frozenset(), datetime(2026, 11, 4, 10, tzinfo=UTC)),
    }  # fmt: skip
    ask(admin, "import", login="bob", path=str(file.parent), into="Import")
    assert content(admin, "bob") == {"Import/Old stuff": boxes}


def test_eml_files_of_others(admin: Any, tmp_path: Path) -> None:
    dated = b"Date: Mon, 23 Nov 2026 09:59:00 +0100\n" + LF
    write(tmp_path / "mail" / "one.eml", dated, 5)
    write(tmp_path / "mail" / "deep" / "two.EML", MAIL)
    write(tmp_path / "mail" / "deep" / "empty.eml", b"")
    write(tmp_path / "mail" / "note.txt", b"From nobody")
    found = ask(admin, "import", login="alice", path=str(tmp_path / "mail"))
    assert (found["messages"], found["empty"]) == (2, 1)
    ((octets, _, date, _),) = content(admin)["INBOX"]
    assert octets == b"Date: Mon, 23 Nov 2026 09:59:00 +0100\r\n" + MAIL
    assert date == datetime(2026, 11, 23, 8, 59, tzinfo=UTC)
    assert sum_of(content(admin)["deep"]) == 1
    ask(admin, "import", login="bob", path=str(tmp_path / "mail" / "one.eml"), into="Here")
    assert list(content(admin, "bob")) == ["Here"]


def test_two_equal_messages_are_two(admin: Any, tmp_path: Path) -> None:
    for name in ("1.a:2,", "2.b:2,"):
        write(tmp_path / "md" / "cur" / name, LF)
    put(admin, "INBOX")
    found = ask(admin, "import", login="alice", path=str(tmp_path / "md"))
    assert (found["messages"], found["known"]) == (1, 1)
    assert sum_of(content(admin)["INBOX"]) == 2


def test_keywords_that_imap_cannot_have_are_left_out(admin: Any, tmp_path: Path) -> None:
    file = b"From a Tue Nov  3 09:05:07 2026\nX-Keywords: ok \\Bad a(b $x\nSubject: x\n\nx\n"
    found = ask(admin, "import", login="alice", path=str(write(tmp_path / "m", file)), into="M")
    assert [one[1] for one in content(admin)["M"]] == [{"ok", "$x"}]
    assert found["keywords_left_out"] == 2


def test_what_cannot_be_read_keeps_nothing_else_back(
    admin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = write(tmp_path / "md" / "cur" / "1.a:2,", LF)
    write(tmp_path / "md" / "cur" / "2.b:2,", LF)
    real = Path.open

    def fail(path: Path, *words: Any, **named: Any) -> Any:
        if path == bad:
            raise OSError(5, "Input/output error")
        return real(path, *words, **named)

    monkeypatch.setattr(Path, "open", fail)
    found = ask(admin, "import", login="alice", path=str(tmp_path / "md"))
    assert (found["messages"], found["unreadable"]) == (1, [str(bad)])


@pytest.mark.parametrize("make", ["nothing", "empty", "text"])
def test_what_is_no_mail_is_refused(admin: Any, tmp_path: Path, make: str) -> None:
    path = tmp_path / "x"
    if make == "empty":
        path.mkdir()
    elif make == "text":
        write(path, b"From the start\n\nno mbox\n")
    with pytest.raises(MailFileError):
        ask(admin, "import", login="alice", path=str(path))


def test_links_in_a_circle_end(admin: Any, tmp_path: Path) -> None:
    write(tmp_path / "md" / "cur" / "1.a:2,", LF)
    (tmp_path / "md" / "again").symlink_to(tmp_path / "md")
    ask(admin, "import", login="alice", path=str(tmp_path / "md"))
    assert sum_of(content(admin)["INBOX"]) == 1


@pytest.mark.parametrize(
    ("name", "arguments", "error"),
    [
        ("export", {"login": "carol", "folder": "/x", "format": "eml"}, UnknownLoginError),
        ("export", {"login": "alice", "folder": "/x", "format": "pst"}, UsageError),
        ("export", {"login": "alice", "folder": "x", "format": "eml"}, UsageError),
        ("import", {"login": "carol", "path": "/x"}, UnknownLoginError),
        ("import", {"login": "alice", "path": "x"}, UsageError),
        ("import", {"login": "alice"}, UsageError),
    ],
)
def test_what_is_impossible_is_said(
    admin: Any, name: str, arguments: Mapping[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        ask(admin, name, **arguments)


@pytest.mark.parametrize("name", ["backup", "export", "import"])
def test_nobody_may_ask_over_http(admin: Any, name: str) -> None:
    with pytest.raises(UsageError, match="HTTP"):
        asyncio.run(perform(admin, name, {}, lambda _: None))


MPOP = b"# by mpop\n 2 pop.example alice\nu1\nu2\n 1 other.example bob\nu3\n"


def test_what_another_fetched_is_not_fetched_again_nor_held(admin: Any, tmp_path: Path) -> None:
    file = write(tmp_path / "uidls", MPOP)
    key = account_id(admin, "alice")
    admin.store.write(
        lambda tx: tx.ledger_add(key, Listed(1, b"u2", 9), LedgerState.LISTED, now=NOW)
    )
    found = ask(admin, "import", login="alice", uidls=str(file))
    assert found["uidls"] == {"program": "mpop", "listed": 2, "added": 1, "known": 1}
    rows = admin.store.read(lambda tx: tx.known(key))
    assert {row.uidl: row.state for row in rows} == {
        b"u1": LedgerState.ELSEWHERE, b"u2": LedgerState.LISTED,
    }  # fmt: skip
    assert all(row.message_id is None and not row.full_hash for row in rows)
    listing = Listing((Listed(1, b"u1", 7), Listed(2, b"u2", 9), Listed(3, b"u3", 9)))
    assert [one.listed.uidl for one in plan(listing, rows).retrieve] == [b"u2", b"u3"]
    assert ask(admin, "import", login="alice", uidls=str(file))["uidls"]["added"] == 0


def test_uidls_of_another_mailbox_are_refused(admin: Any, tmp_path: Path) -> None:
    file = write(tmp_path / "uidls", MPOP.replace(b"pop.example alice", b"pop3.example al"))
    with pytest.raises(MailFileError, match=r"al@pop3\.example, bob@other\.example"):
        ask(admin, "import", login="alice", uidls=str(file))
    found = ask(admin, "import", login="alice", uidls=str(file), uidls_from="al@pop3.example")
    assert found["uidls"]["added"] == 2


def test_a_file_that_is_no_uidl_file_is_refused(admin: Any, tmp_path: Path) -> None:
    file = write(tmp_path / "uidls", b"hello\nworld\n")
    with pytest.raises(MailFileError, match="no UIDL file"):
        ask(admin, "import", login="alice", uidls=str(file))
    shutil.rmtree(tmp_path / "gone", ignore_errors=True)
    with pytest.raises(MailFileError, match="can't be read"):
        ask(admin, "import", login="alice", uidls=str(tmp_path / "gone"))
