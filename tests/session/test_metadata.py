"""Annotations (RFC 5464): limits, many mailboxes, what goes with what."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bridge.session.commands import metadata
from bridge.session.commands.metadata import MAX_ANNOTATIONS, MAX_VALUE_OCTETS
from bridge.store.annotations import REMEMBERED
from tests.imap_harness import Client, Server, append
from tests.session.test_list import statements


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


def put(client: Client, mailbox: str, entry: str, octets: bytes) -> bytes:
    command = f'SETMETADATA "{mailbox}" ({entry} ~{{{len(octets)}+}}\r\n'.encode()
    return client.do(command + octets + b")")[-1]


def get(client: Client, mailbox: str, entry: str = "/private/comment") -> list[bytes]:
    return client.do(f'GETMETADATA "{mailbox}" {entry}')[:-1]


@pytest.mark.parametrize("mailbox", ["INBOX", ""])
@pytest.mark.parametrize(
    ("octets", "shown"),
    [
        (b"", b'""'),
        (b'a "b" \\c', b'"a \\"b\\" \\\\c"'),
        ("é".encode(), b"{2}\r\n\xc3\xa9"),
        (b"a\r\nb", b"{4}\r\na\r\nb"),
        (b"a\0b", b"~{3}\r\na\0b"),
    ],
)
def test_any_octets_are_a_value(server: Server, mailbox: str, octets: bytes, shown: bytes) -> None:
    client = server.client()
    assert put(client, mailbox, "/private/comment", octets) == b"t OK Done"
    name = mailbox.encode() or b'""'
    answer = b"\r\n".join(get(client, mailbox))
    assert answer == b"* METADATA %b (/private/comment %b)" % (name, shown)


def test_a_value_has_its_limit(server: Server) -> None:
    client = server.client()
    assert put(client, "INBOX", "/private/comment", b"x" * MAX_VALUE_OCTETS) == b"t OK Done"
    answer = put(client, "INBOX", "/private/comment", b"x" * (MAX_VALUE_OCTETS + 1))
    assert answer.startswith(b"t NO [METADATA MAXSIZE %d] " % MAX_VALUE_OCTETS)
    # RFC 5464 §4.1
    assert MAX_VALUE_OCTETS >= 1024
    assert server.observer.limits == ["other"]


@pytest.mark.parametrize("mailbox", ["INBOX", ""])
def test_there_is_a_limit_of_annotations_and_nothing_is_set_beyond(
    server: Server, mailbox: str
) -> None:
    client = server.client()
    for number in range(MAX_ANNOTATIONS):
        assert put(client, mailbox, f"/private/a/{number}", b"x") == b"t OK Done"
    two = f'SETMETADATA "{mailbox}" (/private/a/0 "y" /private/b "z")'
    assert client.do(two)[-1].startswith(b"t NO [METADATA TOOMANY] ")
    (line,) = get(client, mailbox, "(/private/a/0 /private/b)")
    assert line.endswith(b'(/private/a/0 "x" /private/b NIL)')
    # Where one goes another may come, even at once.
    two = f'SETMETADATA "{mailbox}" (/private/a/0 NIL /private/b "z")'
    assert client.do(two)[-1] == b"t OK Done"
    assert put(client, "Trash", "/private/comment", b"x") == b"t OK Done"
    # RFC 5464 §4.1
    assert MAX_ANNOTATIONS >= 10


def test_an_accounts_annotations_fill_no_disk(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "MAX_OCTETS", 100)
    client = server.client()
    assert put(client, "INBOX", "/private/comment", b"x" * 60) == b"t OK Done"
    assert put(client, "Trash", "/private/comment", b"x" * 41).startswith(b"t NO [OVERQUOTA]")
    assert put(client, "INBOX", "/private/comment", b"x" * 10) == b"t OK Done"
    assert put(client, "Trash", "/private/comment", b"x" * 41) == b"t OK Done"
    assert put(server.client("bob"), "", "/private/comment", b"x" * 100) == b"t OK Done"


def test_accounts_do_not_see_each_others_annotations(server: Server) -> None:
    client = server.client()
    for mailbox in ("", "INBOX"):
        put(client, mailbox, "/shared/comment", b"alice")
    bob = server.client("bob")
    assert get(bob, "", "/shared/comment") == [b'* METADATA "" (/shared/comment NIL)']
    assert get(bob, "INBOX", "/shared/comment") == [b"* METADATA INBOX (/shared/comment NIL)"]


def test_no_client_says_who_runs_the_server(server: Server) -> None:
    client = server.client()
    assert put(client, "", "/Shared/Admin", b"mailto:x@y").startswith(b"t NO [NOPERM]")
    assert get(client, "", "/shared/admin") == [b'* METADATA "" (/shared/admin NIL)']
    assert put(client, "INBOX", "/shared/admin", b"of a mailbox") == b"t OK Done"


def test_all_of_a_thousand_mailboxes_is_one_look(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def many(tx: Any) -> None:
        account = tx.account("alice").id
        for number in range(1000):
            box = tx.create_mailbox(account, f"m{number:04}")
            tx.annotate(account, box, [("/private/comment", b"%d" % number)])

    server.store.write(many)
    client = server.client(mailbox=None)
    command = 'GETMETADATA (DEPTH infinity) "m*" (/shared /private)'
    assert statements(server, monkeypatch, client, command) == 3
    lines = client.do(command)
    assert len(lines) == 1001
    assert lines[7] == b'* METADATA m0007 (/private/comment "7")'
    # Whose values are all too long has no METADATA, since that names one at least.
    answer = client.do('GETMETADATA (MAXSIZE 1) "m001%" /private/comment')
    assert answer == [b"t OK [METADATA LONGENTRIES 2] Done"]


def test_renaming_inbox_copies_its_annotations(server: Server) -> None:
    client = server.client(mailbox=None)
    append(client, b"Subject: x\r\n\r\ny")
    put(client, "INBOX", "/private/comment", b"kept")
    client.do("RENAME INBOX old")
    for name in ("INBOX", "old"):
        assert get(client, name) == [f'* METADATA {name} (/private/comment "kept")'.encode()]


def test_what_was_removed_is_not_kept_for_ever(server: Server) -> None:
    client = server.client(mailbox=None)

    def churn(tx: Any) -> None:
        account = tx.account("alice").id
        for number in range(REMEMBERED + 50):
            entry = f"/private/{number}"
            tx.annotate(account, None, [(entry, b"x")])
            tx.annotate(account, None, [(entry, None)])

    server.store.write(churn)
    rows = server.store.read(
        lambda tx: tx.connection.execute(text("SELECT count(*) FROM annotation")).scalar()
    )
    assert rows <= REMEMBERED
    assert get(client, "", "/private/7") == [b'* METADATA "" (/private/7 NIL)']


def test_a_session_that_ends_leaves_no_subscription(server: Server) -> None:
    client = server.client(mailbox=None)
    client.do("ENABLE METADATA")
    client.do("ENABLE METADATA")
    assert server.bus._of_accounts
    client.do("LOGOUT")
    assert not server.bus._of_accounts


def test_options_may_stand_behind_the_mailbox_as_in_the_examples(server: Server) -> None:
    client = server.client()
    put(client, "INBOX", "/shared/comment", b"x" * 2199)
    put(client, "INBOX", "/private/comment", b"My own comment")
    answer = client.do("GETMETADATA INBOX (MAXSIZE 1024) (/shared/comment /private/comment)")
    assert answer == [
        b'* METADATA INBOX (/private/comment "My own comment")',
        b"t OK [METADATA LONGENTRIES 2199] Done",
    ]


@pytest.mark.parametrize(
    "entry", ["/private", "/shared", "/private/vendor", "/shared/vendor/token", "/private/\x19a"]
)
def test_what_is_above_entries_is_none(server: Server, entry: str) -> None:
    client = server.client()
    assert client.do(f'GETMETADATA INBOX "{entry}"')[-1].startswith(b"t BAD")
    assert client.do(f'SETMETADATA INBOX ("{entry}" "x")')[-1].startswith(b"t BAD")
